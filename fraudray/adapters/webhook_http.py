"""Posting a webhook: one address, checked as it is connected to; no redirects, no proxies, every wait bounded."""

from __future__ import annotations

import ssl
import threading
import time
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpcore
import httpx

from fraudray.adapters.retry_after import retry_after_s
from fraudray.adapters.webhook_rules import NotAllowed, Target, Unresolved, WebhookRules, parse_url
from fraudray.domain.errors import DeliveryFailed, SettingsError

BODY_MAX = 64 * 1024
KEEP_ALIVE_S = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answered."""

    status: int
    retry_after_s: float | None


class WebhookHttp:
    """Thread-safe. `timeout_s` bounds a whole exchange but for the host's look-up, which the resolver bounds."""

    def __init__(self, rules: WebhookRules, *, timeout_s: float, ca_file: Path | None = None) -> None:
        """`ca_file` (PEM) is trusted beside the public authorities. Raises SettingsError when it cannot be read."""
        self._rules, self._timeout_s = rules, timeout_s
        self._tls = _trusting(ca_file) if ca_file is not None else None
        self._streams: weakref.WeakSet[_Stream] = weakref.WeakSet()
        self._lock = threading.Lock()

    def check(self, url: str) -> None:
        """Whether something may be sent to `url` as of now. Raises NotAllowed."""
        target = parse_url(url)
        self._rules.check(target)
        self._rules.addresses(target.scheme, target.host, target.port)

    def post(self, url: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Reply:
        """Post `body`. Raises DeliveryFailed, for good when the address is not allowed."""
        try:
            target = parse_url(url)
            self._rules.check(target)
            return self._exchange(target, headers, body, now)
        except Unresolved as error:
            raise DeliveryFailed(str(error)) from None
        except NotAllowed as error:
            raise DeliveryFailed(f"not sent: {error}", permanent=True) from None
        except httpcore.TimeoutException:
            raise DeliveryFailed(f"no answer within {self._timeout_s:g} s") from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise DeliveryFailed(f"{type(error).__name__}: {error}"[:300]) from None

    def abort(self) -> None:
        """End what is under way; its threads get DeliveryFailed."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.abort()

    def close(self) -> None:
        """Close idle connections."""
        if "_pools" in vars(self):
            for pool in self._pools.values():
                pool.close()

    def _exchange(self, to: Target, headers: Mapping[str, str], body: bytes, now: datetime) -> Reply:
        deadline = time.monotonic() + self._timeout_s
        url = httpcore.URL(scheme=to.scheme.encode(), host=to.host.encode(), port=to.port, target=to.path.encode())
        with self._pools[to.scheme].stream(
            b"POST", url, headers=[("host", to.netloc), *headers.items()], content=body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write"), deadline)},
        ) as response:  # fmt: skip
            reply = Reply(response.status, retry_after_s(_header(response.headers, b"retry-after"), now))
            # The status has been said; what comes after only decides whether the connection can be used again.
            with suppress(httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
                size = 0
                for part in response.iter_stream():
                    size += len(part)
                    if size > BODY_MAX:
                        break
        return reply

    @cached_property
    def _pools(self) -> dict[str, httpcore.ConnectionPool]:
        context = self._tls or _trusting(None)
        return {
            scheme: httpcore.ConnectionPool(
                ssl_context=context, max_connections=None, keepalive_expiry=KEEP_ALIVE_S,
                network_backend=_Backend(scheme, self._rules, self._keep),
            )
            for scheme in ("https", "http")
        }  # fmt: skip

    def _keep(self, stream: _Stream) -> None:
        with self._lock:
            self._streams.add(stream)


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"webhook_ca_file: cannot read {ca_file}: {error}") from None
    return context


class _Backend(httpcore.NetworkBackend):
    """Looks a host up once, checks where it is, and connects to just that. `timeout` is a moment of the monotonic clock
    here, the same for all steps of an exchange: a peer that sends a byte now and then does not hold it for ever."""

    def __init__(self, scheme: str, rules: WebhookRules, keep: Any) -> None:
        self._scheme, self._rules, self._keep = scheme, rules, keep
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        addresses = self._rules.addresses(self._scheme, host, port)
        for tried, address in enumerate(addresses, start=1):
            share_s = _left(timeout, httpcore.ConnectTimeout) / (len(addresses) - tried + 1)
            try:
                stream = _Stream(self._sockets.connect_tcp(address, port, share_s, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if tried == len(addresses):
                    raise
            else:
                self._keep(stream)
                return stream
        raise httpcore.ConnectError(f"host {host} has no address")


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left_s = _left(timeout, httpcore.ConnectTimeout)
        self._inner = self._inner.start_tls(ssl_context, server_hostname, left_s)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def abort(self) -> None:
        with suppress(OSError):  # closed already
            self._inner.get_extra_info("socket").shutdown(2)


def _left(deadline: float | None, late: type[Exception]) -> float:
    assert deadline is not None  # noqa: S101 - every exchange has one
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise late("the time is up")
    return left_s


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str | None:
    return next((value.decode("latin-1") for given, value in headers if given.lower() == name), None)
