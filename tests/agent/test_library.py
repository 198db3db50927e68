"""`Investigator` in Python: a model, a transaction and its evidence."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fraudray import Engine, Finding, Investigator
from fraudray.domain.errors import InvalidTransaction, SettingsError
from fraudray.testing.endpoint import MODEL, ModelEndpoint, says
from fraudray.testing.scripted_model import ScriptedModel, verdict
from tests.agent.briefs import AMOUNT, EVIDENCE


def test_a_decision_is_investigated(tmp_path: Any, samples: list[dict[str, Any]]) -> None:
    with Engine.from_settings(data_dir=tmp_path / "data") as engine:
        decision = engine.decide(samples[2])

    async def run(url: str) -> Finding:
        async with Investigator.from_settings(llm_url=url, llm_model=MODEL) as investigator:
            return await investigator.investigate(samples[2], decision)

    with ModelEndpoint(lambda _: says(verdict("BLOCK", 90, ["identity-verifier/device"]))) as endpoint:
        finding = asyncio.run(run(endpoint.url))
    assert finding.verdict is not None
    assert finding.verdict.evidence == ["identity-verifier/device"]
    assert "score 45 of 100" in endpoint.requests[0]["messages"][1]["content"]


def test_evidence_alone_is_investigated_and_followed(samples: list[dict[str, Any]]) -> None:
    async def run() -> list[str]:
        async with Investigator(ScriptedModel([verdict("REVIEW", 50, [AMOUNT])])) as investigator:
            return [event.kind async for event in investigator.stream(samples[0], EVIDENCE)]

    assert asyncio.run(run()) == ["stage", "verdict", "prose", "finished"]


def test_bad_input_and_a_missing_model_are_errors() -> None:
    with pytest.raises(SettingsError, match="FRAUDRAY_LLM_URL"):
        Investigator.from_settings()
    with pytest.raises(SettingsError, match="llm_model"):
        Investigator.from_settings(llm_url="http://127.0.0.1:1/v1")
    with pytest.raises(InvalidTransaction):
        asyncio.run(Investigator(ScriptedModel([])).investigate({"amount": 1}, EVIDENCE))
