"""What the model is told, and what of its prose is passed on."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from fraudray.agent.agent import Agent
from fraudray.agent.cases import case, found, worth_telling
from fraudray.agent.glossary import glossary
from fraudray.cli.bench_load import Load
from fraudray.domain.evidence import READ_TOOLS, ToolEvidence
from fraudray.engine import Engine
from fraudray.ports.clock import SystemClock
from fraudray.ports.toolbox import ToolAnswer
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
    assert "watch/\n hits: count 3\n" in told.partition("\n<data ")[0]


def told_of(**items: dict[str, Any]) -> str:
    """How items of a read tool are told."""
    evidence = {"transaction-risk": ToolEvidence(items=items)}
    return case(brief().model_copy(update={"evidence": evidence, "reasons": []}), "nonce").content


@pytest.mark.parametrize(("facts", "line"), [
    ({"card_present": False, "channel": "pos"}, " x: not card_present, channel pos"),
    ({"amount_base": 1200.0, "ratio": 1.333}, " x: amount_base 1200, ratio 1.333"),
    ({"label": "New York City, NY", "given": "a\nb"}, ' x: label "New York City, NY", given "a\\u000ab"'),
    ({"status": "not_given"}, " x: not_given"),
    ({"rated": True, "follows": False, "classes": [], "mcc": None, "name": "W"}, " x: nothing notable"),
    ({"rated": False, "follows": True, "weak": True, "precision": "country"},
     " x: not rated, follows, weak, precision country"),
])  # fmt: skip
def test_a_fact_is_told_in_few_words_and_only_where_it_says_something(facts: dict[str, Any], line: str) -> None:
    assert line in told_of(x=facts).splitlines()


def test_every_fact_that_is_told_of_the_read_tools_is_explained_to_the_model(tmp_path: Path) -> None:
    explained = {
        f"{item.strip()}.{meaning.partition(' = ')[0]}"
        for line in glossary().splitlines()
        if (item := line.partition(": ")[0]).partition("/")[0].strip() in READ_TOOLS
        for meaning in line.partition(": ")[2].split("; ")
    }
    samples = resources.files("fraudray.data").joinpath("samples.ndjson").read_text().splitlines()
    rows = [*map(json.loads, samples), *Load(datetime.now(UTC), 5).payments(60)]
    told: set[str] = set()
    with Engine.from_settings(data_dir=tmp_path / "data") as engine:
        for row in rows:
            for tool, found_by in engine.decide(row).evidence.items():
                for item, facts in found_by.items.items():
                    told |= {f"{tool}/{item}.{name}" for name in worth_telling(facts) if name != "status"}
    assert len(told) > 30
    assert told - explained == set()


def test_rows_that_a_tool_found_are_told_as_a_table() -> None:
    rows = [{"id": "a | b", "n": 1, "x y": None}, {"id": "c\nd", "n": 2, "x y": True}]
    said = found("t/1", ToolAnswer({"days": 90, "rows": rows, "none": []}), "nonce")
    assert said.splitlines() == [
        "t/1", "<data nonce>", "days 90", 'rows: id | n | "x y"', ' "a | b" | 1 | null', ' "c\\u000ad" | 2 | true',
        "none []", "</data nonce>",
    ]  # fmt: skip


def test_most_of_a_prompt_is_the_same_for_every_payment() -> None:
    model = ScriptedModel([verdict()])
    investigated(Agent(model, Box(), clock=SystemClock()), brief())
    system, user = model.requests[0].messages
    assert "<data" not in user.content.partition("\nPayment\n")[0]
    assert len(system.content) > 4 * len(user.content)


@pytest.mark.parametrize(("said", "passed_on"), [
    ("We could not confirm this payment.", True), ("Please wait until tomorrow. Thank you.", True),
    ("Go to evil.example.com", False), ("mail help@bank.org", False), ("https://x.y", False),
    ("call +1 900 555 0100", False), ("ｗｗｗ．evil．ru", False),
])  # fmt: skip
def test_a_reason_for_the_customer_names_no_site_address_or_number(said: str, passed_on: bool) -> None:
    _, finding = investigated(agent([verdict(customer_reason=said)]))
    assert finding.verdict is not None
    assert finding.verdict.customer_reason == (said if passed_on else "")
