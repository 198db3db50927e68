"""`fraudray bench`: figures that are there and add up. How high they are is no test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fraudray.cli.bench_load import Load
from fraudray.domain.transaction import Transaction
from fraudray.testing.endpoint import MODEL, ModelEndpoint, Reply, chunk, says, usage
from fraudray.testing.scripted_model import verdict
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
        "bench", "http", "--url", f"http://127.0.0.1:{server.port}", "--connections", "4", "--seconds", "2", "--json"
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


def _conclude_or_call(body: dict[str, Any]) -> Reply:
    """As a model does that thinks, concludes at once, and calls whatever tool it is told to."""
    if body.get("tool_choice"):
        call = {"index": 0, "id": "c", "type": "function", "function": {"name": "x", "arguments": "{}"}}
        return Reply([chunk({"tool_calls": [call]}), chunk({}, "tool_calls"), usage(300, 10, cached=30)])
    reply = says(verdict("BLOCK", 80), reasoning="It may be. " * 5)
    return Reply([*reply.pieces[:-1], usage(1000, 50, cached=900)])


SHORT = ("-n", "3", "--loops", "2", "--at-once", "4", "--windows", "1", "--seconds", "0.3")


def test_bench_llm_measures_investigations_beside_the_usual_loop_and_the_bare_engine(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAUDRAY_DATABASE_URL", "postgresql://role@127.0.0.1:1/data")  # not for what is made up
    with ModelEndpoint(_conclude_or_call) as endpoint:
        ran = cli("bench", "llm", "--llm", endpoint.url, "--model", MODEL, *SHORT, "--json")
        assert ran.code == 0, ran.err
        figures = ran.json
        assert "of throughput" in cli("bench", "llm", "--llm", endpoint.url, "--model", MODEL, *SHORT).out
    assert (figures["investigations"], figures["without_verdict"]) == (3, 0)
    overhead, loop, many = figures["overhead"], figures["usual_loop"], figures["throughput"]
    assert 0 < overhead["verdict_ms"]["p50"] <= overhead["verdict_ms"]["p95"]
    assert (loop["round_trips"], loop["usual_round_trips"]) == (1, 7)
    assert loop["times_faster"] == pytest.approx(
        loop["usual_decision_ms"]["mean"] / loop["decision_ms"]["mean"], rel=0.02
    )
    assert figures["prefix_cache"]["cached_percent"] == 90
    assert figures["prefix_cache"]["usual_loop_percent"] == pytest.approx(100 * (6 * 30 + 900) / (6 * 300 + 1000), 0.1)
    assert many["agent_tokens_per_s"] > 0 < many["bare_tokens_per_s"]
    assert set(figures["kinds"]) == {"simple_question_ms", "fraud_decision_ms", "complex_analysis_ms"}
    told = [request["messages"][-1]["content"] for request in endpoint.requests if request.get("stream")]
    assert len(set(told)) > 3 + 4  # each investigation has a payment of its own
    assert len(set(told)) == len(told)  # and no request is another's, which the engine's cache would know whole


@pytest.mark.parametrize("answer", [says("I cannot say."), Reply(status=500, error="down")])
def test_bench_llm_says_that_no_investigation_came_to_a_verdict(cli: Cli, answer: Reply) -> None:
    def script(body: dict[str, Any]) -> Reply:
        return answer if body.get("stream") else _conclude_or_call(body)

    with ModelEndpoint(script) as endpoint:
        ran = cli("bench", "llm", "--llm", endpoint.url, "--model", MODEL, *SHORT, "--json")
    assert ran.code == 1, ran.err
    assert ran.json["without_verdict"] == 3
    assert ran.json["usual_loop"]["times_faster"] is None


@pytest.mark.parametrize(("arguments", "said"), [
    ((), "vLLM is not installed here"),
    (("--llm", "http://127.0.0.1:1/v1"), "name the model"),
    (("--llm", "127.0.0.1:1", "--model", "m"), "no http:// or https:// address"),
    (("--llm", "http://127.0.0.1:1/v1", "--model", "m", *SHORT), "does not answer"),
])  # fmt: skip
def test_bench_llm_says_what_it_needs(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    ran = cli("bench", "llm", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
