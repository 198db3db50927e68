"""`fraudray investigate`: a model looks at one decision, its reasoning shown."""

from __future__ import annotations

import json
from typing import Any

from fraudray.testing.endpoint import ModelEndpoint, Reply, says
from fraudray.testing.misbehaviour import Misbehaviour, misbehaving
from fraudray.testing.scripted_model import verdict

from .support import Cli

DEVICE = "identity-verifier/device"


def said(_body: dict[str, Any]) -> Reply:
    return says(verdict("BLOCK", 90, [DEVICE], "Somebody else's device."), reasoning="Whose device \u202eis it? ")


def test_the_reasoning_the_verdict_and_what_it_did_are_shown(cli: Cli, samples: list[dict[str, Any]]) -> None:
    with ModelEndpoint(said) as endpoint:
        result = cli("investigate", "-", "--llm", endpoint.url, stdin=json.dumps(samples[0]))
    assert result.code == 0, result.err
    assert "Whose device" in result.out
    assert "\u202e" not in result.out
    assert "verdict  BLOCK 90, citing identity-verifier/device" in result.out
    assert "analysis Somebody else's device." in result.out
    assert "stands   REVIEW 74 (revision 2, raised)" in result.out
    assert "1 round trips, 100 prompt tokens" in result.out


def test_a_stored_decision_is_named_by_its_id_and_json_is_the_record(cli: Cli, samples: list[dict[str, Any]]) -> None:
    assert cli("decide", "-", stdin=json.dumps(samples[0])).code == 0
    with ModelEndpoint(said) as endpoint:
        result = cli("investigate", samples[0]["transaction_id"], "--llm", endpoint.url, "--json", "--author", "ana")
    record = json.loads(result.out)
    assert (record["status"], record["requested_by"]) == ("done", "ana")
    assert record["finding"]["verdict"]["analysis"] == "Somebody else's device."


def test_without_a_verdict_the_policy_stands_and_the_code_is_1(cli: Cli, samples: list[dict[str, Any]]) -> None:
    with misbehaving(Misbehaviour.SERVER_ERROR) as url:
        result = cli("investigate", "-", "--llm", url, "--model", "scripted", stdin=json.dumps(samples[0]))
    assert result.code == 1
    assert "no verdict" in result.out
    assert "stands   APPROVE" in result.out


def test_what_cannot_be_done_is_said(cli: Cli, samples: list[dict[str, Any]]) -> None:
    assert cli("decide", "-", stdin=json.dumps(samples[0])).code == 0
    transaction_id = samples[0]["transaction_id"]
    assert "FRAUDRAY_LLM_URL" in cli("investigate", transaction_id).err
    assert "--llm" in cli("investigate", transaction_id, "--model", "x").err
    with misbehaving(Misbehaviour.REFUSED) as url:
        assert "does not answer" in cli("investigate", transaction_id, "--llm", url).err
    with ModelEndpoint(said) as endpoint:
        assert cli("investigate", "T-none", "--llm", endpoint.url).code != 0
