"""Scoring functions of other packages: facts in, points out, as one more rule of a capped family."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from fraudray.domain.facts import Fact
from fraudray.domain.text import shown_text
from fraudray.policy.compiling import Catalogue, Line, cited, nearest, shown_facts
from fraudray.policy.extensions import SCORING, ExtensionMissing, failure, load
from fraudray.policy.schema import Rule, Scoring
from fraudray.policy.source import PolicySource

log = logging.getLogger(__name__)
WHY_MAX = 500
_OWN = {
    "points": Fact("points", "int", "what the function gave"),
    "why": Fact("why", "string", "what the function says for it"),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """What a scoring function may answer instead of bare points (0-100): the points, and why in a few words."""

    points: float
    why: str = ""


ScoringFunction = Callable[[Mapping[str, Any]], float | Scored]


@dataclass(frozen=True, slots=True)
class Scorer:
    """One scoring function of a policy. `line` stands for it where rules are listed; its weight is the answer's."""

    source: Scoring
    line: Line
    function: ScoringFunction
    catalogue: Catalogue

    def lacks(self, facts: Mapping[str, Any]) -> bool:
        """Whether it is not asked: none of its facts is known, or one that its sentence names is not."""
        return all(facts.get(name) is None for name in self.source.facts) or any(
            facts.get(name) is None for name in self.line.shows
        )

    def ask(self, facts: Mapping[str, Any]) -> Line | None:
        """The answer as a rule that holds, or None for no points.

        Raises ValueError when the function fails or answers what is no number of points.
        """
        if self.lacks(facts):
            return None
        known = {name: facts[name] for name in self.source.facts if facts.get(name) is not None}
        try:
            answer = self.function(dict(known))
        except (Exception, SystemExit) as error:
            raise ValueError(f"failed: {failure(error)}") from None
        scored = answer if isinstance(answer, Scored) else Scored(answer)
        points = _whole_points(scored.points)
        if not points:
            return None
        if not isinstance(scored.why, str):
            raise ValueError(f"says {type(scored.why).__name__} for why, not text")
        values = dict(facts) | {"points": points, "why": shown_text(scored.why, WHY_MAX)}
        text = self.source.text.format_map(values).replace("{", "{{").replace("}", "}}")
        rule = self.line.source.model_copy(update={"weight": points, "text": text})
        return Line(rule, "", self.line.needs, frozenset(), cited(known, self.catalogue))


def _whole_points(points: object) -> int:
    if isinstance(points, bool) or not isinstance(points, Real):
        raise ValueError(f"answered {type(points).__name__}, not a number")
    number = float(points)
    if not math.isfinite(number) or not 0 <= number <= 100:
        raise ValueError(f"answered {number}, not 0 to 100 points")
    return round(number)


def compile_scoring(source: PolicySource, catalogue: Catalogue) -> tuple[Scorer, ...]:
    """The policy's scoring functions, imported and checked. Raises PolicyError."""
    taken = {rule.id for rule in source.document.rules} | {floor.id for floor in source.document.floors}
    scorers = []
    for index, entry in enumerate(source.document.scoring):
        path = ("scoring", index)
        if entry.id in taken:
            raise source.error("this id is used twice", (*path, "id"), rule=entry.id)
        taken.add(entry.id)
        scorers.append(_compile(source, catalogue, path, entry))
    return tuple(scorers)


def _compile(source: PolicySource, catalogue: Catalogue, path: tuple[str | int, ...], entry: Scoring) -> Scorer:
    families = source.document.families
    if entry.family not in families:
        message = f"there is no family {entry.family}" + nearest(entry.family, families)
        raise source.error(message, (*path, "family"), rule=entry.id)
    unknown = [name for name in entry.facts if name not in catalogue]
    if unknown:
        message = f"there is no fact {unknown[0]}" + nearest(unknown[0], catalogue)
        raise source.error(message, (*path, "facts", entry.facts.index(unknown[0])), rule=entry.id)
    shows = shown_facts(source, {**catalogue, **_OWN}, path, entry.text, rule=entry.id) - set(_OWN)
    try:
        function = load(SCORING, entry.function)
    except ExtensionMissing as missing:
        raise source.error(str(missing), (*path, "function"), rule=entry.id) from None
    if not callable(function):
        raise source.error(f"{entry.function} is no function", (*path, "function"), rule=entry.id)
    rule = Rule(
        id=entry.id, code=entry.code, family=entry.family, weight=0, when=f"{entry.function}({', '.join(entry.facts)})",
        text=entry.text, applies_to=entry.applies_to,
    )  # fmt: skip
    needs = frozenset(entry.facts)
    return Scorer(entry, Line(rule, "", needs, frozenset(shows), cited(needs, catalogue)), function, catalogue)
