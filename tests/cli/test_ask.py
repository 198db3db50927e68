"""`fraudray ask`: a question about a case, its answer shown as it comes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fraudray.testing.endpoint import ModelEndpoint, Reply, says
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving
from fraudray.testing.scripted_model import reply, verdict

from .support import Cli

DEVICE = "d1/identity-verifier/device"
SAID = "Nobody registered the device, and it was not used before this payment was tried."


def said(body: dict[str, Any]) -> Reply:
    if "answered" not in str(body["response_format"]):
        return says(verdict("BLOCK", 90))  # what the policy escalates is investigated too
    return says(reply(SAID, [DEVICE, "case"]), reasoning="Whose device \u202eis it? ")


@pytest.fixture
def case_id(cli: Cli, samples: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> str:
    """The case of the second sample."""
    monkeypatch.setenv("FRAUDRAY_TOOLS_LIMIT_MS", "1500")
    done = cli("decide", "-", "--json", stdin=json.dumps(samples[1]))
    assert done.code == 0, done.err
    return str(cli("cases", "list", "--json").json["cases"][0]["case_id"])


def test_thinking_answer_and_citations_are_shown(cli: Cli, case_id: str, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(said) as endpoint:
        result = cli("ask", case_id, "Why was the device suspicious?", "--llm", endpoint.url, "--author", "tester")
    assert result.code == 0, result.err
    assert "Whose device" in result.out
    assert "\u202e" not in result.out
    assert result.out.index("thinking") < result.out.index("answer") < result.out.index("cites")
    assert result.out.count(SAID) == 1
    assert f"cites    {DEVICE}  {samples[1]['transaction_id']}" in result.out
    assert "cites    case  the case itself" in result.out
    assert "investigator model scripted, 1 round trips, 100 prompt tokens, 20 written" in result.out
    shown = cli("cases", "show", case_id).out
    assert "question" in shown
    assert "tester" in shown


def test_json_is_the_whole_answer_and_nothing_else(cli: Cli, case_id: str, samples: list[dict[str, Any]]) -> None:
    transaction_id = samples[1]["transaction_id"]
    with ModelEndpoint(said) as endpoint:
        result = cli(
            "ask", case_id, "Why?", "--transaction", transaction_id, "--llm", endpoint.url, "--json", "--author", "ana"
        )
    assert (result.code, result.json["answer"], result.json["asked_by"]) == (0, SAID, "ana")
    assert result.json["transaction_id"] == transaction_id


def test_without_an_answer_it_says_why_and_the_code_is_1(cli: Cli, case_id: str) -> None:
    with misbehaving(Misbehaviour.SERVER_ERROR) as url:
        result = cli("ask", case_id, "Why?", "--llm", url, "--model", "scripted")
    assert result.code == 1
    assert "no answer: model_failed: " in result.out
    with ModelEndpoint(lambda _: says(reply(SAID))) as endpoint:
        rejected = cli("ask", case_id, "Why?", "--llm", endpoint.url)
    assert (rejected.code, SAID in rejected.out) == (1, False)
    assert "no answer: not_in_evidence: " in rejected.out
    without = cli("ask", case_id, "Why?")
    assert (without.code, "no answer: no_model: " in without.out) == (1, True)


def test_what_cannot_be_asked_is_said(cli: Cli, case_id: str) -> None:
    assert cli("ask", "C-none", "Why?").code == 3
    assert cli("ask", case_id, " ").code == 2
    assert cli("ask", case_id, "Why?", "--transaction", "T-none").code == 3
    assert "--llm" in cli("ask", case_id, "Why?", "--model", "x").err
