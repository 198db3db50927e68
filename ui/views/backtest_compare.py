"""Two policies beside one another: of two runs, or a run's champion and its challenger; differences in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fraudray.domain import figure_words as words
from fraudray.ui.views.backtest import currency_of
from fraudray.ui.views.backtest_measures import MEASURES, Measure, measure_of
from fraudray.ui.words import short

Document = Mapping[str, Any]
RULES_SHOWN = 40
_SAME = 1e-12
"""What differs by less differs by how it was added up."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of both. `verdict` is better, worse, same, open (perhaps by chance) or none."""

    title: str
    meaning: str
    first: str
    second: str
    change: str
    verdict: str
    words: str


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that spoke otherwise, or in one of them only."""

    code: str
    first: str
    second: str
    words: str


def differences(first: Document, second: Document) -> list[Difference]:
    """The champion of the second run against that of the first."""
    found = []
    for measure in MEASURES:
        was, now = measure_of(first, "champion", measure), measure_of(second, "champion", measure)
        if was is None or now is None:
            continue
        change = None if was["value"] is None or now["value"] is None else now["value"] - was["value"]
        by_chance = (
            was["low"] is not None
            and now["low"] is not None
            and was["low"] <= now["high"]
            and now["low"] <= was["high"]
        )
        found.append(_difference(measure, first, measure.show(was), measure.show(now), change, by_chance))
    return found


def challenged(figures: Document) -> list[Difference]:
    """The challenger against the champion, on the same draws of days."""
    found = []
    deltas = figures["deltas"]["challenger_champion"]
    for measure in MEASURES:
        was, now = (measure_of(figures, side, measure) for side in ("champion", "challenger"))
        delta = deltas.get("decided" if measure.group == "decided" else measure.group, {}).get(measure.name)
        if was is None or now is None or delta is None:
            continue
        by_chance = delta["low"] is not None and delta["low"] <= 0 <= delta["high"]
        found.append(_difference(measure, figures, measure.show(was), measure.show(now), delta["value"], by_chance))
    return found


def caveats(first: Document, second: Document) -> list[str]:
    """What makes two runs hard to compare."""
    found = []
    histories = [one["run"].get("history", {}).get("name") for one in (first, second)]
    if histories[0] != histories[1]:
        found.append("They ran on different histories: differences may come from these, not from the policies.")
    periods = [(one["rows"]["first_day"], one["rows"]["last_day"], one["rows"]["all"]) for one in (first, second)]
    if histories[0] == histories[1] and periods[0] != periods[1]:
        found.append("They measured different days: differences may come from these, not from the policies.")
    if currency_of(first) != currency_of(second):
        found.append(f"Their amounts are in different currencies: {currency_of(first)} and {currency_of(second)}.")
    if first["costs"] != second["costs"]:
        found.append("They assumed different costs.")
    return found


def rule_changes(first: Document, second: Document) -> list[RuleChange]:
    """Rules whose part changed, those first on which most caught frauds rest."""
    was, now = ({(rule["code"], rule["family"]): rule for rule in one["rules"]} for one in (first, second))
    found = []
    for key in dict.fromkeys([*was, *now]):
        old, new = was.get(key), now.get(key)
        if old is None or new is None:
            says = "spoke only in the second" if old is None else "spoke only in the first"
        elif old["fired"] == new["fired"] and old["lowered"] == new["lowered"] and old["points"] == new["points"]:
            continue
        else:
            says = _rule_words(old, new)
        found.append(RuleChange(short(str(key[0]), 60), _spoke(old), _spoke(new), says))
    return found[:RULES_SHOWN]


def _difference(
    measure: Measure, figures: Document, first: str, second: str, change: float | None, by_chance: bool
) -> Difference:
    unit = f", {currency_of(figures)}" if measure.kind == "money" else ""
    title = measure.title + unit
    if change is None:
        return Difference(title, measure.meaning, first, second, words.NONE, "none", "cannot be compared")
    if abs(change) < _SAME:
        return Difference(title, measure.meaning, first, second, "none", "same", "the same")
    text = _change(measure, change)
    more = "more" if change > 0 else "less"
    if measure.better == 0:
        said, verdict = f"{more} work" if measure.name == "alerts_per_day" else more, "none"
    else:
        verdict = "better" if change * measure.better > 0 else "worse"
        said = f"{more}: {verdict}"
    if by_chance:
        return Difference(title, measure.meaning, first, second, text, "open", f"{said}, perhaps by chance")
    return Difference(title, measure.meaning, first, second, text, verdict, said)


def _change(measure: Measure, change: float) -> str:
    bare = {"value": change, "low": None, "high": None, "reason": None}
    if measure.kind == "share":
        return f"{words.points(bare)} points"
    return words.plus(bare, {"unit": 3, "count": 1}.get(measure.kind, 0))


def _spoke(rule: Document | None) -> str:
    if rule is None:
        return words.NONE
    return f"{words.number(rule['fired']['fraud'])} frauds, {words.number(rule['fired']['genuine'])} genuine"


def _rule_words(old: Document, new: Document) -> str:
    parts = []
    for name, says in (("fired", "speaks for"), ("lowered", "decides")):
        for label, of in (("fraud", "frauds"), ("genuine", "genuine payments")):
            change = new[name][label] - old[name][label]
            if change:
                parts.append(f"{says} {words.number(abs(change))} {'more' if change > 0 else 'fewer'} {of}")
    return "; ".join(parts) or "gives other points"
