"""What the model is told, and what of its prose is passed on."""

from __future__ import annotations

import re

import pytest

from fraudray.agent.agent import Agent
from fraudray.domain.evidence import ToolEvidence
from fraudray.ports.clock import SystemClock
from fraudray.testing.scripted_model import ScriptedModel, verdict
from tests.agent.briefs import EVIDENCE, brief, investigated
from tests.agent.test_agent import Box, agent, ask


def test_whatever_others_wrote_stands_between_the_marks() -> None:
    evidence = EVIDENCE | {
        "geolocation-checker": ToolEvidence(items={"place": {"known": False, "written": "W-PLACE"}}),
        "watch": ToolEvidence(items={"note": {"text": "W-NOTE"}, "W-ITEM": {"n": 1}, "hits": {"count": 3}}),
    }
    given = brief(merchant="W-MERCHANT", location="W-PLACE", memo="W-MEMO").model_copy(update={"evidence": evidence})
    model = ScriptedModel([ask({"tool": "merchant-history"}), verdict()])
    investigated(Agent(model, Box(error="W-ERROR"), clock=SystemClock()), given)
    told = "\n".join(message.content for message in model.requests[1].messages)
    inside = re.findall(r"^<data (\w+)>\n(.*?)\n</data \1>$", told, re.MULTILINE | re.DOTALL)
    assert {"W-PLACE", "W-NOTE", "W-ITEM", "W-MERCHANT", "W-MEMO", "W-ERROR"} == set(re.findall(r"W-[A-Z]+", told))
    assert set(re.findall(r"W-[A-Z]+", told)) == set(re.findall(r"W-[A-Z]+", str(inside)))
    assert 'watch/hits {"count":3}' in told.partition("\n<data ")[0]


@pytest.mark.parametrize(("said", "passed_on"), [
    ("We could not confirm this payment.", True), ("Please wait until tomorrow. Thank you.", True),
    ("Go to evil.example.com", False), ("mail help@bank.org", False), ("https://x.y", False),
    ("call +1 900 555 0100", False), ("ｗｗｗ．evil．ru", False),
])  # fmt: skip
def test_a_reason_for_the_customer_names_no_site_address_or_number(said: str, passed_on: bool) -> None:
    _, finding = investigated(agent([verdict(customer_reason=said)]))
    assert finding.verdict is not None
    assert finding.verdict.customer_reason == (said if passed_on else "")
