"""`fraudray bench`: figures that are there and add up. How high they are is no test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from fraudray.cli.bench_load import Load
from fraudray.domain.transaction import Transaction
from tests.engines.postgres import Postgres

from .support import Cli

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_the_load_is_the_same_for_a_seed_valid_and_distinct() -> None:
    payments = list(Load(NOW, customers=20, seed=7).payments(500))

    assert payments == list(Load(NOW, customers=20, seed=7).payments(500))
    assert payments != list(Load(NOW, customers=20, seed=8).payments(500))
    assert len({payment["transaction_id"] for payment in payments}) == 500
    times = [Transaction.parse(payment, now=NOW).timestamp for payment in payments]
    assert all(moment is not None and moment <= NOW for moment in times)


def test_bench_engine_prints_figures_beside_its_baselines(cli: Cli) -> None:
    ran = cli("bench", "engine", "-n", "300", "--customers", "30", "--json")

    assert ran.code == 0, ran.err
    figures = ran.json
    assert figures["decisions"] == sum(figures["outcomes"].values()) == 300
    assert figures["decisions_per_s"] > 0
    assert set(figures["baselines_per_s"]) == {"parse_and_validate", "bare_sqlite_insert"}
    assert set(figures["stages_ms"]) == {"state", "tools", "policy", "store"}
    assert figures["fsync"] == "full"


class _Server(threading.Thread):
    """Answers every POST: 201 with a body to decisions, 200 chunked to the baseline."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.port = 0
        self.ready = threading.Event()
        self.bodies: list[bytes] = []

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stop.wait()
        server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                if head.startswith(b"POST /v1/decisions "):
                    self.bodies.append(body)
                    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
                else:
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
def server() -> Iterator[_Server]:
    running = _Server()
    running.start()
    assert running.ready.wait(10)
    yield running
    running.loop.call_soon_threadsafe(running.stop.set)
    running.join(10)


def test_bench_http_posts_distinct_payments_and_measures_both_paths(cli: Cli, server: _Server) -> None:
    ran = cli(
        "bench", "http", "--url", f"http://127.0.0.1:{server.port}", "--connections", "4", "--seconds", "0.5", "--json"
    )

    assert ran.code == 0, ran.err
    for part in ("baseline", "decisions"):
        assert ran.json[part]["requests_per_s"] > 0
        assert ran.json[part]["other_answers"] == 0
        assert 0 < ran.json[part]["p50_ms"] <= ran.json[part]["p99_ms"]
    assert len(set(server.bodies)) == len(server.bodies) > 0


def test_bench_engine_measures_postgresql_in_a_schema_of_its_own(
    cli: Cli, postgres: Postgres, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUDRAY_DATABASE_URL", postgres_url)
    ran = cli("bench", "engine", "-n", "300", "--customers", "30", "--json")

    assert ran.code == 0, ran.err
    assert ran.json["database"] == "postgresql"
    assert set(ran.json["baselines_per_s"]) == {"parse_and_validate", "bare_postgresql_insert"}
    left = postgres.run("SELECT nspname FROM pg_namespace", database=postgres_url.rsplit("/", 1)[1])
    assert not [name for (name,) in left if name.startswith("fraudray")]
    assert "bare postgresql inserts" in cli("bench", "engine", "-n", "50", "--customers", "5").out


def test_bench_engine_says_when_the_database_cannot_be_reached(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAUDRAY_DATABASE_URL", "postgresql://role:hunter2@127.0.0.1:1/data")
    ran = cli("bench", "engine", "-n", "10")

    assert ran.code == 5
    assert "refused" in ran.err
    assert "hunter2" not in ran.err
