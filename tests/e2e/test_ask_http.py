"""Questions about cases over HTTP: answered with citations or honestly not, streamed, kept on the case, bounded."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.errors import InvalidTransaction, NotFound
from fraudray.policy.policy import Policy
from fraudray.service import LocalService
from fraudray.settings import load_settings
from fraudray.testing.endpoint import HOLD, MODEL, ModelEndpoint, Reply, chunk, says
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving
from fraudray.testing.scripted_model import reply
from tests.e2e.test_investigations_http import events
from tests.engines.postgres import Postgres

DEVICE = "d1/identity-verifier/device"
SAID = "The device is not one of the customer's, and was never used before this payment was tried."
CALM = 'escalate: "false"\n'
Serve = Callable[..., TestClient]
TOOLS_MS = 1500
"""Whatever the machine is busy with, there is evidence to cite."""


def said(_body: dict[str, Any]) -> Reply:
    return says(reply(SAID, [DEVICE]), reasoning="Whose device is it? ")


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    """The default policy, but nothing is investigated by itself."""
    head, _, tail = Policy.load().source.text.partition("escalate:")
    path = tmp_path / "policy.yaml"
    path.write_text(head + CALM + tail.partition("\n")[2])
    return path


@pytest.fixture
def serve(tmp_path: Path, calm: Path) -> Iterator[Serve]:
    """A gateway whose model is the endpoint at this address."""
    clients: list[TestClient] = []

    def start(url: str | None, **settings: Any) -> TestClient:
        model = {"llm_url": url, "llm_model": MODEL} if url else {}
        app = App(
            load_settings(data_dir=tmp_path / "data", policy_file=calm, tools_limit_ms=TOOLS_MS, **model | settings)
        )
        client = TestClient(build_gateway(app), base_url="http://127.0.0.1:8000")
        client.__enter__()
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


def opened(http: Any, samples: list[dict[str, Any]], **changes: Any) -> str:
    """The case of the second sample, which is blocked."""
    decision = http.post("/v1/decisions", json=samples[1] | changes).json()
    return str(decision["case_id"])


def ask(http: Any, case_id: str, question: str = "Why was the device suspicious?", **more: Any) -> dict[str, Any]:
    """The answer to a question."""
    answer = http.post("/v1/ask", json={"case_id": case_id, "question": question} | more, headers={"x-actor": "Ana"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def questions(http: Any, case_id: str) -> list[dict[str, Any]]:
    """Those that stand on a case."""
    entries = http.get(f"/v1/cases/{case_id}").json()["entries"]
    return [entry for entry in entries if entry["kind"] == "question"]


def test_a_question_is_answered_with_what_it_rests_on_and_changes_no_decision(
    serve: Serve, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        before = http.get(f"/v1/cases/{case_id}").json()
        answer = ask(http, case_id)
        after = http.get(f"/v1/cases/{case_id}").json()
    assert (answer["answered"], answer["answer"], answer["author"]) == (True, SAID, "investigator model")
    assert answer["citations"] == [
        {"id": DEVICE, "transaction_id": samples[1]["transaction_id"], "evidence": "identity-verifier/device"}
    ]
    assert (
        "identity-verifier/device".partition("/")[2] in before["decisions"][0]["evidence"]["identity-verifier"]["items"]
    )
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (100, 20)
    assert answer["timing"]["total_ms"] > 0
    assert answer["material"]["decisions"] == answer["material"]["decisions_in_case"] == 1
    as_decided = [[decision | {"actions": None} for decision in case["decisions"]] for case in (before, after)]
    assert as_decided[0] == as_decided[1]  # what was to leave may have left meanwhile
    assert after["status"] == before["status"]
    assert http.get("/v1/outbox").json()["entries"]


def test_question_and_answer_stand_on_the_case_sealed_and_on_the_audit_trail(
    serve: Serve, samples: list[dict[str, Any]], tmp_path: Path
) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        answer = ask(http, case_id, "Whose is 4111 1111 1111 1111? ZEBRAFISH")
    (entry,) = questions(http, case_id)
    assert (entry["entry_id"], entry["author"]) == (answer["entry_id"], "Ana")
    assert entry["body"]["question"] == answer["question"] == "Whose is **** **** **** 1111? ZEBRAFISH"
    for name in ("answered", "answer", "evidence", "citations", "model", "usage", "timing", "material"):
        assert entry["body"][name] == answer[name], name
    noted = http.get("/v1/audit", params={"subject": case_id}).json()["entries"]
    asked = [(note["body"]["entry_id"], note["actor"]) for note in noted if note["kind"] == "case_question"]
    assert asked == [(answer["entry_id"], "Ana")]
    assert http.get("/v1/audit/verify").json()["whole"]
    assert not [f for f in (tmp_path / "data").iterdir() if f.is_file() and b"ZEBRAFISH" in f.read_bytes()]


def test_the_answer_is_streamed_as_an_investigation_is(serve: Serve, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        stream = http.post(
            "/v1/ask", json={"case_id": case_id, "question": "Why?"}, headers={"accept": "text/event-stream"}
        )
    assert stream.headers["content-type"].startswith("text/event-stream")
    happened = events(stream.text)
    kinds = [entry["event"] for entry in happened]
    assert list(dict.fromkeys(kinds)) == ["stage", "reasoning", "answer", "finished"]
    assert [entry["id"] for entry in happened] == [str(number) for number in range(1, len(happened) + 1)]
    told = [json.loads(entry["data"]) for entry in happened]
    text = {kind: "".join(e["body"]["text"] for e in told if e["kind"] == kind) for kind in ("reasoning", "answer")}
    assert text == {"reasoning": "Whose device is it? ", "answer": SAID}
    assert told[-1]["body"]["answer"] == SAID
    assert "Whose device" not in json.dumps(questions(http, case_id))


def test_one_decision_of_a_case_may_be_asked_about(serve: Serve, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        for number in range(2):
            opened(http, samples, transaction_id=f"T-{number}", merchant=f"Shop {number}")
        answer = ask(http, case_id, transaction_id="T-0")
        told = endpoint.requests[-1]["messages"][1]["content"]
        refused = http.post("/v1/ask", json={"case_id": case_id, "question": "Why?", "transaction_id": "T-other"})
    assert answer["citations"][0]["transaction_id"] == answer["transaction_id"] == "T-0"
    assert "Shop 0" in told
    assert "Shop 1" not in told
    assert refused.status_code == 404
    assert "T-other" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"question": "Why?"}, 422, "case_id"), ({"case_id": "C"}, 422, "question"),
        ({"case_id": "C", "question": ""}, 422, "question"), ({"case_id": "C", "question": "  "}, 422, "question"),
        ({"case_id": "C", "question": "é" * 1001}, 422, "question"),
        ({"case_id": "C", "question": "a\x07b"}, 422, "question"), ({"case_id": "C", "question": 7}, 422, "question"),
        ({"case_id": "C", "question": "Why?", "act": "close"}, 422, "act"),
        ({"case_id": "C", "question": "Why?", "transaction_id": 7}, 422, "transaction_id"),
        ({"case_id": "C-none", "question": "é" * 1000}, 404, None), ([], 422, ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_what_cannot_be_asked_names_its_field(
    serve: Serve, body: Any, status: int, field: str | None, accept: str
) -> None:
    refused = serve(None).post("/v1/ask", json=body, headers={"accept": accept})
    assert refused.status_code == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert [problem["field"] for problem in refused.json().get("errors", [])] == ([] if field is None else [field])


def test_half_a_surrogate_pair_is_refused(serve: Serve) -> None:
    body = rb'{"case_id": "C", "question": "\ud800 why"}'
    refused = serve(None).post("/v1/ask", content=body, headers={"content-type": "application/json"})
    assert refused.status_code in (400, 422)


def test_without_a_model_there_is_honestly_no_answer_and_nothing_is_kept(
    serve: Serve, samples: list[dict[str, Any]]
) -> None:
    http = serve(None)
    case_id = opened(http, samples)
    answer = ask(http, case_id)
    assert (answer["answered"], answer["why"]) == (False, "no_model")
    assert "FRAUDRAY_LLM_URL" in answer["detail"]
    assert questions(http, case_id) == []


@pytest.mark.parametrize("kind", list(Misbehaviour))
def test_a_model_that_fails_is_named_and_the_question_kept(
    serve: Serve, samples: list[dict[str, Any]], kind: Misbehaviour, calm: Path
) -> None:
    calm.write_text(calm.read_text().replace("  limit_s: 1.7", "  limit_s: 1.7\n  first_token_s: 0.4\n  stall_s: 0.4"))
    with misbehaving(kind) as url:
        http = serve(url)
        case_id = opened(http, samples)
        answer = ask(http, case_id)
    assert (answer["answered"], answer["why"]) == (False, "model_failed")
    assert answer["reason"] in (kind.reason, "beyond_schema", "invalid_json")
    assert "answer" not in answer
    (entry,) = questions(http, case_id)
    assert (entry["body"]["why"], entry["body"]["reason"]) == ("model_failed", answer["reason"])
    assert 'fraudray_questions_total{result="model_failed"} 1.0' in http.get("/metrics").text


def test_a_model_that_is_down_is_not_asked_again_by_a_question(serve: Serve, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(lambda _: Reply(status=401, error="no")) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        first, second = ask(http, case_id), ask(http, case_id)
        assert [answer["reason"] for answer in (first, second)] == ["unauthorized", "breaker_open"]
        asked = [body for body in endpoint.requests if body["max_tokens"] > 1]
    assert len(asked) == 1
    assert len(questions(http, case_id)) == 2


def test_an_answer_that_cites_nothing_of_the_case_is_never_shown(serve: Serve, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(lambda _: says(reply(SAID, ["d9/identity-verifier/device"]))) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        answer = ask(http, case_id)
    assert (answer["answered"], answer["why"], answer["usage"]["round_trips"]) == (False, "not_in_evidence", 2)
    assert SAID not in json.dumps([answer, questions(http, case_id)])


def test_who_waits_longer_than_the_policy_allows_is_told_that_it_is_late(
    serve: Serve, samples: list[dict[str, Any]], calm: Path
) -> None:
    calm.write_text(calm.read_text().replace("  limit_s: 1.7", "  limit_s: 1.7\n  later_limit_s: 0.4"))
    with ModelEndpoint(lambda _: Reply([HOLD])) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        answer = ask(http, case_id)
    assert (answer["answered"], answer["why"], answer["reason"]) == (False, "late", "late")
    assert questions(http, case_id)[0]["body"]["why"] == "late"


def test_a_question_for_which_there_is_no_place_beside_the_investigations_is_told_so(
    serve: Serve, samples: list[dict[str, Any]], calm: Path
) -> None:
    def script(body: dict[str, Any]) -> Reply:
        return said(body) if "analyst of a bank" in body["messages"][0]["content"] else Reply([HOLD])

    calm.write_text(calm.read_text().replace("  limit_s: 1.7", "  limit_s: 1.7\n  first_token_s: 100"))
    with ModelEndpoint(script) as endpoint:
        http = serve(endpoint.url, llm_concurrent_max=1)
        case_id = opened(http, samples)
        http.post("/v1/investigations", json={"transaction_id": samples[1]["transaction_id"]})
        wait_for(lambda: endpoint.requests)  # it has the only place, and keeps it
        calm.write_text(calm.read_text().replace("  limit_s: 1.7", "  limit_s: 1.7\n  later_limit_s: 0.3"))
        assert http.post("/v1/policy/reload", json={}).status_code == 200
        answer = ask(http, case_id)
        assert len(endpoint.requests) == 1
    assert (answer["answered"], answer["why"]) == (False, "overloaded")
    assert len(questions(http, case_id)) == 1


def test_an_erased_customer_is_not_asked_about(serve: Serve, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        http.post(f"/v1/customers/{samples[1]['customer_id']}/erase", json={"reason": "asked for it"})
        answer = ask(http, case_id)
        assert endpoint.requests == []
    assert (answer["answered"], answer["why"]) == (False, "erased")
    assert questions(http, case_id) == []


def test_a_customer_erased_while_the_model_answers_leaves_no_answer_behind(
    serve: Serve, samples: list[dict[str, Any]]
) -> None:
    erased = threading.Event()

    def script(body: dict[str, Any]) -> Reply:
        assert erased.wait(60)
        return said(body)

    with ModelEndpoint(script) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        found: list[dict[str, Any]] = []
        asking = threading.Thread(target=lambda: found.append(ask(http, case_id)))
        asking.start()
        wait_for(lambda: endpoint.requests)
        gone = http.post(f"/v1/customers/{samples[1]['customer_id']}/erase", json={"reason": "asked for it"})
        assert gone.status_code == 200, gone.text
        erased.set()
        asking.join(60)
    assert (found[0]["answered"], found[0]["why"]) == (False, "erased")
    assert SAID not in json.dumps(found)
    assert questions(http, case_id) == []


def test_a_case_that_a_tool_opened_is_answered_from_its_notes(serve: Serve, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(lambda _: says(reply("An agent reported a stolen phone.", ["n1"]))) as endpoint:
        http = serve(endpoint.url)
        http.post("/v1/decisions", json=samples[0])
        arguments = {
            "case_id": "CASE-7", "transaction_data": {"transaction_id": samples[0]["transaction_id"]},
            "investigation_notes": "The phone was stolen.", "agent_decision": "REVIEW", "evidence": {},
        }  # fmt: skip
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "log_fraud_case", "arguments": arguments},
        }
        noted = http.post("/mcp/fraud-logger", json=call, headers={"accept": "application/json, text/event-stream"})
        assert noted.json()["result"]["isError"] is False, noted.text
        answer = ask(http, "CASE-7", "Was anything stolen?")
        told = endpoint.requests[-1]["messages"][1]["content"]
    assert answer["answered"], answer
    assert (answer["evidence"], answer["material"]["decisions_in_case"]) == (["n1"], 0)
    assert answer["citations"][0]["entry_id"].startswith("ent_")
    assert "The phone was stolen." in told


def test_a_case_of_five_hundred_decisions_is_asked_about_by_its_newest(
    serve: Serve, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        rows = [samples[1] | {"transaction_id": f"T-{number}", "merchant": f"Shop {number}"} for number in range(500)]
        done = http.post("/v1/decisions/bulk", json=rows).json()
        case_id = done["results"][0]["decision"]["case_id"]
        for number in range(30):
            http.post(f"/v1/cases/{case_id}/notes", json={"text": f"Note {number}. " + "é" * 3000})
        answer = ask(http, case_id)
        told = endpoint.requests[-1]["messages"][1]["content"]
    seen = answer["material"]
    assert (seen["decisions_in_case"], seen["entries_in_case"]) == (500, 30)
    assert 3 < seen["decisions"] < 41
    assert 3 < seen["entries"] < 30
    assert "Shop 499" in told
    assert "Note 29" in told
    assert len(told.encode()) < 25_000


@pytest.mark.parametrize(
    "question", ["为什么这个设备可疑？", "لماذا كان الجهاز مريبًا؟", "Warum war das Gerät verdächtig? 🤔"]
)
def test_a_question_in_any_language_is_passed_on_and_its_answer_kept(
    serve: Serve, samples: list[dict[str, Any]], question: str
) -> None:
    with ModelEndpoint(lambda _: says(reply("该设备未注册。🤔", [DEVICE]), size=1)) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        answer = ask(http, case_id, question)
        assert question in endpoint.requests[-1]["messages"][1]["content"]
    assert answer["answered"], answer
    assert (answer["question"], answer["answer"]) == (question, "该设备未注册。🤔")
    assert questions(http, case_id)[0]["body"]["answer"] == "该设备未注册。🤔"


def test_an_answer_that_cannot_be_kept_is_not_given(
    serve: Serve, samples: list[dict[str, Any]], postgres: Postgres, postgres_url: str
) -> None:
    away: list[Postgres] = []

    def script(body: dict[str, Any]) -> Reply:
        if body["max_tokens"] > 1 and not away:
            postgres.stop()
            away.append(postgres)
        return said(body)

    with ModelEndpoint(script) as endpoint:
        http = serve(endpoint.url, database_url=postgres_url)
        case_id = opened(http, samples)
        try:
            answer = http.post("/v1/ask", json={"case_id": case_id, "question": "Why?"})
        finally:
            postgres.start()
        assert (answer.status_code, SAID in answer.text) == (503, False)
        assert "could not be kept" in answer.json()["detail"]
        wait_for(lambda: http.get(f"/v1/cases/{case_id}").status_code == 200)
        assert ask(http, case_id)["answer"] == SAID
    assert len(questions(http, case_id)) == 1


def test_earlier_answers_are_no_evidence_for_later_ones(serve: Serve, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(said) as endpoint:
        http = serve(endpoint.url)
        case_id = opened(http, samples)
        first, second = ask(http, case_id), ask(http, case_id)
        assert SAID not in json.dumps(endpoint.requests[-1]["messages"])
    assert first["material"] == second["material"]


def wait_for(condition: Callable[[], Any]) -> None:
    give_up_at = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


@contextmanager
def listening(app: App) -> Iterator[str]:
    """The gateway on a real socket, whose clients can leave."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(build_gateway(app), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(60)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_who_leaves_ends_the_models_work_and_the_case_says_so(
    tmp_path: Path, calm: Path, samples: list[dict[str, Any]], accept: str
) -> None:
    calm.write_text(calm.read_text().replace("  limit_s: 1.7", "  limit_s: 1.7\n  first_token_s: 60\n  stall_s: 60"))
    with ModelEndpoint(lambda _: Reply([chunk({"reasoning": "Let me see. "}), HOLD])) as endpoint:
        model = {"llm_url": endpoint.url, "llm_model": MODEL}
        app = App(load_settings(data_dir=tmp_path / "data", policy_file=calm, tools_limit_ms=TOOLS_MS, **model))
        with listening(app) as url, httpx.Client(base_url=url, timeout=60) as http:
            case_id = opened(http, samples)

            async def leave() -> None:
                async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                    body = {"case_id": case_id, "question": "Why?"}
                    asking = asyncio.create_task(client.post("/v1/ask", json=body, headers={"accept": accept}))
                    await asyncio.to_thread(wait_for, lambda: endpoint.requests)
                    asking.cancel()
                    await asyncio.gather(asking, return_exceptions=True)

            asyncio.run(leave())
            assert endpoint.left.wait(60)
            wait_for(lambda: questions(http, case_id))
            (entry,) = questions(http, case_id)
    assert (entry["body"]["answered"], entry["body"]["why"]) == (False, "left")


def test_python_asks_beside_a_server_and_in_its_own_process_alike(
    tmp_path: Path, calm: Path, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(said) as endpoint:
        app = App(
            load_settings(
                data_dir=tmp_path / "data",
                policy_file=calm,
                tools_limit_ms=TOOLS_MS,
                llm_url=endpoint.url,
                llm_model=MODEL,
            )
        )
        with listening(app) as url, Client(url) as client:
            case_id = client.decide(samples[1]).case_id
            assert case_id is not None
            remote = client.ask(case_id, "Whose is it?", author="Ana María")
            live = list(client.ask_live(case_id, "Whose is it?", author="ana"))
            local = LocalService(app).ask(case_id, "Whose is it?", author="ben")
            with pytest.raises(NotFound):
                client.ask("C-none", "Whose is it?", author="ana")
            with pytest.raises(InvalidTransaction):
                client.ask(case_id, " ", author="ana")
            with pytest.raises(NotFound):
                LocalService(app).ask("C-none", "Whose is it?", author="ana")
    assert remote["asked_by"] == "Ana María"
    assert live[0]["kind"] == "stage"
    assert live[-1]["body"]["answer"] == remote["answer"] == local["answer"] == SAID
    assert remote.keys() == local.keys()


def test_who_leaves_a_local_stream_ends_the_models_work(
    tmp_path: Path, calm: Path, samples: list[dict[str, Any]]
) -> None:
    with ModelEndpoint(lambda _: Reply([chunk({"reasoning": "Let me see. "}), HOLD])) as endpoint:
        model = {"llm_url": endpoint.url, "llm_model": MODEL}
        with App(load_settings(data_dir=tmp_path / "data", policy_file=calm, tools_limit_ms=TOOLS_MS, **model)) as app:
            case_id = app.engine.decide(samples[1]).case_id
            assert case_id is not None
            happening = LocalService(app).ask_live(case_id, "Why?", author="ana")
            kinds = [next(happening)["kind"], next(happening)["kind"]]
            happening.close()  # type: ignore[attr-defined]
            assert endpoint.left.wait(60)
    assert kinds == ["stage", "reasoning"]
