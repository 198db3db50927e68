"""One back-test: its figures with what they mean, and its policies beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.domain import figure_words as words
from fraudray.ui.views.backtest_curves import Side
from fraudray.ui.views.backtest_measures import MEASURES, measure_of
from fraudray.ui.words import short

Document = Mapping[str, Any]
RULES_SHOWN = 60
SCENARIOS_SHOWN = 20
LOOKS = {"champion": "a", "challenger": "b", "plain": "plain"}


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """One figure of all sides."""

    title: str
    meaning: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """What one rule did."""

    code: str
    family: str
    frauds: str
    genuine: str
    precision: str
    rest_frauds: str
    rest_genuine: str


@dataclass(frozen=True, slots=True)
class ScenarioRow:
    """How much of one kind of fraud each side catches."""

    name: str
    count: str
    detected: tuple[str, ...]
    missed: str


@dataclass(frozen=True, slots=True)
class RunView:
    """What the page shows of a finished back-test beside its drawings."""

    names: tuple[str, ...]
    measures: tuple[MeasureRow, ...]
    rules: tuple[RuleRow, ...]
    rules_left_out: int
    scenarios: tuple[ScenarioRow, ...]
    facts: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    reasons: tuple[str, ...]
    currency: str
    changed: str
    """How many decisions the challenger changes; empty without one."""


def sides_of(figures: Document) -> list[Side]:
    """The policies of a run, the champion first; not the plain rules."""
    names = [name for name in ("champion", "challenger") if name in figures["sides"]]
    return [Side(side_name(figures, name), LOOKS[name], figures, name) for name in names]


def side_name(figures: Document, side: str) -> str:
    """What a side is called: by its policy, and its part where there are two."""
    if side == "plain":
        return "Plain rules"
    policy = figures["run"].get("policies", {}).get(side, {})
    named = short(f"{policy.get('name', 'policy')} {policy.get('version', '')}".strip(), 60)
    if "challenger" not in figures["sides"]:
        return named
    return f"{'Champion' if side == 'champion' else 'Challenger'} {named}"


def thresholds_of(figures: Document, side: str) -> dict[str, int]:
    """A policy's own thresholds, where the run says them."""
    run = figures["run"]
    found = run.get("policies", {}).get(side, {}).get("thresholds") or run.get("thresholds") or {}
    return {name: int(found[name]) for name in ("review", "block") if name in found}


def run_view(figures: Document) -> RunView:
    """The tables of one run."""
    every = list(figures["sides"])
    currency = currency_of(figures)
    rows, found = figures["rows"], []
    used: list[Document] = []
    for measure in MEASURES:
        values = [measure_of(figures, side, measure) for side in every]
        used += [value for value in values if value]
        unit = f", {currency}" if measure.kind == "money" else ""
        title = f"{measure.title}@{figures['k']}" if measure.name == "card_precision" else measure.title
        texts = tuple(measure.show(value) if value else words.NONE for value in values)
        found.append(MeasureRow(title + unit, measure.meaning, texts))
    run = figures["run"]
    history = run.get("history", {})
    facts = (
        ("History", short(str(history.get("name", "")), 64)),
        ("Payments", words.number(rows["all"])),
        ("Days (UTC)", f"{rows['first_day']} to {rows['last_day']}" if rows["first_day"] else "none"),
        ("Frauds", f"{words.number(rows['fraud'])} ({words.percent(rows['fraud_share'])} of labelled)"),
        ("Genuine", words.number(rows["genuine"])),
        ("Without label", words.number(rows["unlabelled"])),
        ("Fraud money", f"{currency} {words.money(rows['fraud_amount'])}"),
    )
    return RunView(
        names=tuple(side_name(figures, side) for side in every),
        measures=tuple(found),
        rules=tuple(_rule(rule) for rule in figures["rules"][:RULES_SHOWN]),
        rules_left_out=max(0, len(figures["rules"]) - RULES_SHOWN),
        scenarios=tuple(_scenario(row, every) for row in figures["scenarios"][:SCENARIOS_SHOWN]),
        facts=facts,
        sentences=tuple(short(figures["claim"][name], 400) for name in ("sentence", "plain_sentence")),
        notes=tuple(short(str(note), 400) for note in run.get("notes", [])[:20]),
        reasons=_reasons(used, figures),
        currency=currency,
        changed=_changed(figures),
    )


def currency_of(figures: Document) -> str:
    """The currency of its amounts."""
    return str(figures["run"].get("base_currency") or figures["costs"].get("currency") or "USD")


def _reasons(measures: Sequence[Document], figures: Document) -> tuple[str, ...]:
    """Why values or intervals are missing, each once; and what the brackets are."""
    intervals = figures["intervals"]
    found = list(dict.fromkeys(f"{one['reason'][:1].upper()}{one['reason'][1:]}." for one in measures if one["reason"]))
    if intervals["reason"] is None:
        found.insert(
            0, f"In brackets: 95 % intervals over {intervals['days']} days, drawn again {intervals['resamples']} times."
        )
    return tuple(found[:8])


def _rule(rule: Document) -> RuleRow:
    return RuleRow(
        code=short(str(rule["code"]), 60),
        family=short(str(rule["family"] or ""), 40),
        frauds=words.number(rule["fired"]["fraud"]),
        genuine=words.number(rule["fired"]["genuine"]),
        precision=words.percent(rule["precision"]),
        rest_frauds=words.number(rule["lowered"]["fraud"]),
        rest_genuine=words.number(rule["lowered"]["genuine"]),
    )


def _scenario(row: Document, sides: Sequence[str]) -> ScenarioRow:
    name = "all others" if row["others"] else "not named" if row["scenario"] is None else str(row["scenario"])
    detected = tuple(words.share(row[side]["decided"]["recall"]) for side in sides)
    return ScenarioRow(
        short(name, 60), words.number(row["count"]), detected, words.money(row["champion"]["decided"]["missed_amount"])
    )


def _changed(figures: Document) -> str:
    matrix = figures.get("change_matrix")
    if not matrix:
        return ""
    changed = matrix["decided"]["changed"]
    parts = [
        f"{words.number(changed[label])} of {says}"
        for label, says in (("fraud", "frauds"), ("genuine", "genuine payments"))
        if label in changed
    ]
    every, of = words.number(figures["rows"]["all"]), words.number(sum(changed.values()))
    return f"The challenger decides {of} of {every} payments otherwise: {', '.join(parts)}."
