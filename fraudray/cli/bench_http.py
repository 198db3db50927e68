"""Requests a second over HTTP: a raw keep-alive client on asyncio streams, light enough not to be what is measured."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import orjson

from fraudray.cli.bench_load import Load
from fraudray.cli.exits import InputError
from fraudray.client.wire import key_header
from fraudray.domain.errors import StoreFailed

BASELINE_PATH = "/v1/_baseline"
DECISIONS_PATH = "/v1/decisions"
WARM_UP_S = 1.0
TIMEOUT_S = 30.0
PAYMENTS_MAX = 2_000_000
RATE_EXPECTED = 3_000
Document = dict[str, Any]


@dataclass(slots=True)
class _Tally:
    """What one stretch of load saw; latencies in milliseconds, only of answers within it."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    elapsed_s: float = 0.0

    def document(self, wanted: int) -> Document:
        """Rate and quantiles of the answers with status `wanted`, and how many others there were."""
        ordered = sorted(self.latencies_ms)
        good = self.statuses[wanted]
        return {
            "requests_per_s": round(good / self.elapsed_s, 1) if self.elapsed_s else 0.0,
            "answers": good,
            "other_answers": sum(self.statuses.values()) - good,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "lost_connections": self.lost,
            "p50_ms": _quantile(ordered, 0.50),
            "p99_ms": _quantile(ordered, 0.99),
            "max_ms": round(ordered[-1], 3) if ordered else None,
        }


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    authority: str
    base: str
    key: str
    """The header line that carries the key, or nothing."""

    @classmethod
    def parse(cls, url: str, key: str | None) -> _Target:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        try:
            port = parts.port or 80
        except ValueError:
            raise InputError(f"{url} has no usable port") from None
        if parts.scheme != "http" or not parts.hostname:
            raise InputError(f"{url} is not an http:// address")
        lines = "".join(f"{name}: {value}\r\n" for name, value in key_header(key).items())
        return cls(parts.hostname, port, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), lines)


def bench_http(
    url: str, *, connections: int, seconds: float, customers: int, seed: int, key: str | None = None
) -> Document:  # fmt: skip
    """Post to the baseline and then distinct payments to `url`, each for `seconds`, over `connections` connections,
    with `key` where one is needed.

    Raises InputError for a bad address, SettingsError for a bad key, StoreFailed when the server does not answer.
    """
    return asyncio.run(_bench(_Target.parse(url, key), url, connections, seconds, customers, seed))


async def _bench(
    target: _Target, url: str, connections: int, seconds: float, customers: int, seed: int
) -> Document:  # fmt: skip
    await _probe(target, url)
    # Ids never used before: a transaction that was decided already would only be replayed.
    load = Load(datetime.now(UTC), customers, seed, prefix=f"bench-{time.time_ns() // 1000:x}-{os.getpid():x}")
    # Written before the clock runs: the client shares the cores with the server that it measures.
    written = map(orjson.dumps, load.payments(PAYMENTS_MAX))
    payments = chain([*islice(written, int((seconds + WARM_UP_S) * RATE_EXPECTED))], written)
    sample = orjson.dumps(next(load.payments(1)))
    baseline = await _stretch(target, BASELINE_PATH, lambda: sample, connections, seconds)
    decisions = await _stretch(target, DECISIONS_PATH, _next(payments), connections, seconds)
    return {
        "url": url, "connections": connections, "seconds": seconds, "customers": customers, "seed": seed,
        "baseline": baseline.document(200), "decisions": decisions.document(201),
    }  # fmt: skip


def _next(bodies: Iterator[bytes]) -> Callable[[], bytes]:
    return lambda: next(bodies)


async def _probe(target: _Target, url: str) -> None:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(target.host, target.port), 5)
    except (OSError, TimeoutError):
        raise StoreFailed(f"the server at {url} does not answer; start one with `fraudray serve`") from None
    writer.close()


async def _stretch(
    target: _Target, path: str, body: Callable[[], bytes], connections: int, seconds: float
) -> _Tally:  # fmt: skip
    """Load for a second of warming up and then for `seconds`, which count."""
    tally = _Tally()
    began = perf_counter() + WARM_UP_S
    ends = began + seconds
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_client(target, path, body, tally, began, ends))
    tally.elapsed_s = seconds
    return tally


async def _client(
    target: _Target, path: str, body: Callable[[], bytes], tally: _Tally, began: float, ends: float
) -> None:  # fmt: skip
    head = (
        f"POST {target.base}{path} HTTP/1.1\r\nhost: {target.authority}\r\ncontent-type: application/json\r\n"
        f"{target.key}accept: application/json\r\ncontent-length: "
    ).encode()
    while perf_counter() < ends:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_connection(target.host, target.port)
        except (OSError, TimeoutError):
            tally.lost += 1
            await asyncio.sleep(0.1)
            continue
        try:
            while (sent := perf_counter()) < ends:
                payload = body()
                writer.write(head + str(len(payload)).encode() + b"\r\n\r\n" + payload)
                async with asyncio.timeout(TIMEOUT_S):
                    status, keep = await _answer(reader)
                now = perf_counter()
                if began <= now <= ends:
                    tally.statuses[status] += 1
                    tally.latencies_ms.append((now - sent) * 1000)
                if not keep:
                    break
        except (OSError, TimeoutError, EOFError, ValueError):
            tally.lost += 1
        finally:
            writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one answer; its status, and whether the connection stays open."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    length = _header(head, b"content-length")
    if length is not None:
        await reader.readexactly(int(length))
    elif _header(head, b"transfer-encoding") == b"chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    else:
        await reader.read()
        return status, False
    return status, _header(head, b"connection") != b"close"


def _header(head: bytes, name: bytes) -> bytes | None:
    start = head.find(b"\r\n" + name + b":")
    if start < 0:
        return None
    start += len(name) + 3
    return head[start : head.find(b"\r\n", start)].strip()


def _quantile(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) if ordered else None
