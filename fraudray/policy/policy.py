"""A compiled policy: evidence in, score, reasons and decision out."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cel

from fraudray.domain.decision import Adjustment, Outcome, PolicyRef, Reason, RiskLevel
from fraudray.domain.facts import NEUTRAL, Fact
from fraudray.domain.features import Key, WindowFeature
from fraudray.domain.listing import NOTHING_LISTED, ListMatches
from fraudray.policy import listed
from fraudray.policy.compiling import Line, compile_lines
from fraudray.policy.conditions import Condition
from fraudray.policy.located import Position
from fraudray.policy.schema import Floor, PolicyDocument, Rule
from fraudray.policy.scoring import compile_scoring
from fraudray.policy.source import PolicySource, parse_policy, read_policy
from fraudray.policy.sources import availability_fact, catalogue_of, windows_of

log = logging.getLogger(__name__)
Facts = Mapping[str, Any]
_CERTAIN = 100


@dataclass(frozen=True, slots=True)
class Trace:
    """How one rule or floor came out, for `explain`: it held, did not hold, failed, does not apply, or lacks facts."""

    line: Line
    state: str
    values: dict[str, Any]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the policy makes of a set of facts. Scores are 0-100, risk 0-1."""

    score: int
    risk: float
    level: RiskLevel
    outcome: Outcome
    reasons: tuple[Reason, ...]
    adjustments: tuple[Adjustment, ...]
    outcome_on_evidence: Outcome
    """Had there been no freeze and nobody denied or blocked anything: what follows, follows from this."""
    risk_on_evidence: float
    """The risk, had there been none of that."""
    certain: bool = False
    by_list: bool = False
    muted: tuple[str, ...] = ()
    """Rules and floors that would have spoken, had they not been muted."""


class Policy:
    """Rules, weights and thresholds of one policy file, compiled once. Thread-safe; travels between processes as
    its source text, since CEL programs do not pickle."""

    def __init__(self, source: PolicySource) -> None:
        self.source = source
        self.document: PolicyDocument = source.document
        windows = windows_of(source)
        self.catalogue = catalogue = catalogue_of(source, windows)
        self.lines = compile_lines(source, catalogue)
        self.scorers = compile_scoring(source, catalogue)
        escalate = source.document.escalate
        self.escalates = None if escalate is None else Condition(source, catalogue, ("escalate",), escalate)
        wait = source.document.investigate.wait
        self.waits = Condition(source, catalogue, ("investigate", "wait"), wait)
        self.step_ups = tuple(
            (wanted, Condition(source, catalogue, ("step_up", index, "when"), wanted.when))
            for index, wanted in enumerate(source.document.step_up)
        )
        self.availability = tuple((name, availability_fact(name)) for name in source.document.evidence)
        self.facts = tuple(catalogue[name] for name in sorted(set().union(*(line.needs for line in self.lines))))
        self._program = cel.compile("[" + ",\n".join(f"({line.cel})" for line in self.lines) + "]")
        self._neutral = {fact.name: NEUTRAL[fact.kind] for fact in self.facts}
        self.speaking = (*self.lines, *(scorer.line for scorer in self.scorers))
        shown = set().union(*(line.needs | line.shows for line in self.speaking))
        asked = set().union(*(condition.needs for condition in self._conditions()))
        self.reads = tuple(catalogue[name] for name in sorted(shown | asked))
        self.names_read = frozenset(fact.name for fact in self.reads)
        self.windows = _by_key(windows[fact.name] for fact in self.reads if fact.name in windows)
        """The window features that it reads, by key."""
        # A line whose facts are not all there stays silent: one bit per fact, one mask per line.
        self._bits = {fact.name: 1 << index for index, fact in enumerate(self.reads)}
        self._never = 1 << len(self.reads)
        self._masks_spending = tuple(self._mask(line, spending=True) for line in self.lines)
        self._masks_other = tuple(self._mask(line, spending=False) for line in self.lines)
        self.reads_by_item = _by_item(self.reads)

    def _conditions(self) -> Iterator[Condition]:
        yield self.waits
        yield from (condition for _, condition in self.step_ups)
        if self.escalates is not None:
            yield self.escalates

    @classmethod
    def load(cls, path: Path | None = None) -> Policy:
        """The policy in `path`, or the packaged default. Raises `PolicyError`."""
        return cls(read_policy(path))

    @classmethod
    def parse(cls, text: str, *, file: str = "policy.yaml") -> Policy:
        """A policy from its text. Raises `PolicyError`."""
        return cls(parse_policy(text, file=file))

    def _mask(self, line: Line, *, spending: bool) -> int:
        """The facts that must be there; where the line does not apply, a bit that is always missing."""
        if not _applies(line, spending=spending):
            return self._never
        return sum(self._bits[name] for name in line.needs | line.shows)

    def __reduce__(self) -> tuple[Any, ...]:
        return Policy.parse, (self.source.text,)

    @cached_property
    def ref(self) -> PolicyRef:
        """Name, version and hash: which policy decided."""
        return PolicyRef(name=self.document.name, version=self.document.version, hash=self.source.hash)

    def judge(self, facts: Facts, *, tool: str | None = None, lists: ListMatches = NOTHING_LISTED) -> Judgement:
        """Weigh `facts` (name → value; a fact that is absent or None is not known), then let `lists` act.

        With `tool`, only rules that rest on that tool's evidence count: the tool's own risk score, without lists.
        """
        results, broken = self._run(facts)
        held = [line for line, holds in zip(self.lines, results, strict=True) if holds]
        if self.scorers:
            held += self._own_scores(facts, broken, tool)
        if tool is not None:
            held = [line for line in held if _rests_on(line, tool)]
            lists = NOTHING_LISTED
        if not (held or broken or lists.any):
            return self._quiet
        if not lists.mutes:
            return self._score(held, facts, broken, lists)
        mute = listed.muted((*held, *broken), lists)
        held, broken = ([line for line in lines if line.source.id not in mute] for lines in (held, broken))
        return replace(self._score(held, facts, broken, lists), muted=tuple(mute))

    def check_condition(self, cel: str) -> None:
        """Raise PolicyError, with the place in it, for what cannot be a condition of this policy."""
        located = replace(self.source.located, text=cel, file="condition", positions={(): Position(1, 1)})
        Condition(PolicySource(located, self.document), self.catalogue, (), cel)

    def outcome_without(self, facts: Facts, code: str) -> Outcome:
        """What the evidence would come to, had the rules and floors of one reason code not spoken, without freezes."""
        results, broken = self._run(facts)
        held = [line for line, holds in zip(self.lines, results, strict=True) if holds]
        if self.scorers:
            held += self._own_scores(facts, broken)
        left = [line for line in held if line.source.code != code]
        return self._on_evidence(left, facts, broken, NOTHING_LISTED).outcome

    @cached_property
    def _quiet(self) -> Judgement:
        """When no rule speaks, which is most of the time."""
        return self._score([], {}, [], NOTHING_LISTED)

    def explain(self, facts: Facts) -> list[Trace]:
        """Every rule, floor and scoring function in order, with the values it saw and how it came out."""
        results, broken = self._run(facts)
        scored = {line.source.id: line for line in self._own_scores(facts, broken)}
        failed = {line.source.id for line in broken}
        rules = ((line, holds, bool(_missing(line, facts))) for line, holds in zip(self.lines, results, strict=True))
        own = ((scored.get(s.source.id, s.line), s.source.id in scored, s.lacks(facts)) for s in self.scorers)
        return [
            Trace(
                line,
                "failed" if line.source.id in failed else self._state(line, facts, holds=holds, lacks=lacks),
                {name: facts[name] for name in sorted(line.needs) if facts.get(name) is not None},
                _missing(line, facts),
            )
            for line, holds, lacks in (*rules, *own)
        ]

    def _own_scores(self, facts: Facts, broken: list[Line], tool: str | None = None) -> list[Line]:
        """What the policy's scoring functions give; one that fails is noted in `broken`."""
        held = []
        for scorer in self.scorers:
            if not _applies(scorer.line, spending=bool(facts.get("spending", True))):
                continue
            if tool is not None and not _rests_on(scorer.line, tool):
                continue
            try:
                line = scorer.ask(facts)
            except ValueError as error:
                log.error("the scoring function %s cannot be used: %s", scorer.source.function, error)
                broken.append(scorer.line)
                continue
            if line is not None:
                held.append(line)
        return held

    def _state(self, line: Line, facts: Facts, *, holds: bool, lacks: bool) -> str:
        if holds:
            return "held"
        if not _applies(line, spending=bool(facts.get("spending", True))):
            return "does not apply"
        return "lacks facts" if lacks else "did not hold"

    def _run(self, facts: Facts) -> tuple[list[bool], list[Line]]:
        """Which lines hold, and which could not be computed (a division by zero, say)."""
        variables = self._neutral.copy()
        get = facts.get
        missing = self._never
        for name, bit in self._bits.items():
            value = get(name)
            if value is None:
                missing |= bit
            elif name in variables:
                variables[name] = value
        masks = self._masks_spending if get("spending", True) else self._masks_other
        broken: list[Line] = []
        try:
            results: list[bool] = self._program.execute(variables)
        except (TypeError, ValueError, RuntimeError, KeyError, ArithmeticError):
            results = [
                not missing & mask and self._alone(line, variables, broken)
                for line, mask in zip(self.lines, masks, strict=True)
            ]
        return [holds and not missing & mask for holds, mask in zip(results, masks, strict=True)], broken

    def _alone(self, line: Line, variables: dict[str, Any], broken: list[Line]) -> bool:
        try:
            return bool(cel.compile(line.cel).execute({name: variables[name] for name in line.needs}))
        except (TypeError, ValueError, RuntimeError, KeyError, ArithmeticError):
            broken.append(line)
            return False

    def _score(self, held: list[Line], facts: Facts, broken: list[Line], lists: ListMatches) -> Judgement:
        rules = [line for line in held if not line.is_floor]
        floors = [line for line in held if line.is_floor]
        reasons, raw = self._capped(rules, facts)
        certain = any(listed.is_certain(line) for line in rules)
        adjustments: list[Adjustment] = []
        score, ceiling = raw, self.document.ceiling
        if certain:
            score = _CERTAIN
            if raw != score:
                adjustments.append(Adjustment(code="CERTAIN", points=score - raw, text="Certainty scores 100"))
        elif raw > ceiling:
            adjustments.append(
                Adjustment(code="CEILING", points=ceiling - raw, text=f"Inferred evidence never exceeds {ceiling}")
            )
            score = ceiling
        lifted = self._floor(floors, facts, score)
        if lifted is not None:
            reasons.append(lifted)
            score += lifted.points
        inferred, review = score, self.document.thresholds.review
        if score >= review and listed.allows(lists, certain=certain):
            adjustments.append(listed.allowance(lists, score, review))
            score = review - 1
        if broken and score < review:
            reasons.append(_fail_closed(broken, review, score))
            score = review
        ranked = max(raw, inferred, score)
        by_list = listed.blocks(lists, certain=certain)
        if lists.any:
            reasons = [*listed.reasons(lists, score, certain=certain), *reasons]
            score = _CERTAIN if by_list else score
        outcome = self._outcome(score)
        risk = 1.0 if certain or by_list else self.risk(ranked)
        known = by_list or any("account_frozen" in line.needs for line in held)
        on_evidence = self._on_evidence(held, facts, broken, lists) if known else None
        return Judgement(
            score=score,
            risk=risk,
            level=self.level(score),
            outcome=outcome,
            reasons=tuple(reasons),
            adjustments=tuple(adjustments),
            outcome_on_evidence=on_evidence.outcome if on_evidence is not None else outcome,
            risk_on_evidence=on_evidence.risk if on_evidence is not None else risk,
            certain=certain,
            by_list=by_list,
        )

    def _capped(self, rules: list[Line], facts: Facts) -> tuple[list[Reason], int]:
        """Reasons in falling weight; each family gives its points to its heaviest rules until the cap is used up."""
        left = {name: family.cap for name, family in self.document.families.items()}
        reasons, raw = [], 0
        for line in sorted(rules, key=lambda line: -line.source.weight):  # type: ignore[union-attr]
            rule = line.source
            assert isinstance(rule, Rule)  # noqa: S101 - floors are sorted out above
            points = min(rule.weight, left[rule.family])
            left[rule.family] -= points
            raw += points
            reasons.append(_reason(line, rule.family, rule.weight, points, facts))
        return reasons, raw

    def _floor(self, floors: list[Line], facts: Facts, score: int) -> Reason | None:
        highest = max(floors, key=lambda line: line.source.score, default=None)  # type: ignore[union-attr]
        if highest is None:
            return None
        floor = highest.source
        assert isinstance(floor, Floor)  # noqa: S101
        if floor.score <= score:
            return None
        return _reason(highest, "floor", floor.score, floor.score - score, facts)

    def _on_evidence(self, held: list[Line], facts: Facts, broken: list[Line], lists: ListMatches) -> Judgement:
        unfrozen = [line for line in held if "account_frozen" not in line.needs]
        return self._score(unfrozen, facts, broken, lists.without_blocks())

    def _outcome(self, score: int) -> Outcome:
        thresholds = self.document.thresholds
        if score >= thresholds.block:
            return Outcome.BLOCK
        return Outcome.REVIEW if score >= thresholds.review else Outcome.APPROVE

    def level(self, score: int) -> RiskLevel:
        """The score in words."""
        levels = self.document.risk_levels
        for bound, level in (
            (levels.critical, RiskLevel.CRITICAL), (levels.high, RiskLevel.HIGH),
            (levels.medium, RiskLevel.MEDIUM), (levels.low, RiskLevel.LOW),
        ):  # fmt: skip
            if score >= bound:
                return level
        return RiskLevel.MINIMAL

    def risk(self, raw: int) -> float:
        """Raw points as a number between 0 and 1 for ranking."""
        curve = self.document.risk
        return round(1.0 / (1.0 + math.exp(-(raw - curve.midpoint) / curve.scale)), 4)


def _by_item(facts: tuple[Fact, ...]) -> tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]:
    """The tools' facts as (tool, item, ((key, name), …)): how they lie in the evidence."""
    items: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for fact in facts:
        if fact.tool is not None:
            items.setdefault((fact.tool, fact.item), []).append((fact.key, fact.name))
    return tuple((tool, item, tuple(keys)) for (tool, item), keys in items.items())


def _by_key(features: Iterable[WindowFeature]) -> dict[Key, tuple[WindowFeature, ...]]:
    found: dict[Key, tuple[WindowFeature, ...]] = {}
    for feature in features:
        found[feature.key] = (*found.get(feature.key, ()), feature)
    return found


def _missing(line: Line, facts: Facts) -> tuple[str, ...]:
    return tuple(name for name in sorted(line.needs | line.shows) if facts.get(name) is None)


def _rests_on(line: Line, tool: str) -> bool:
    """Whether it rests on this tool's evidence alone."""
    return bool(line.evidence) and all(evidence.startswith(tool + "/") for evidence in line.evidence)


def _applies(line: Line, *, spending: bool) -> bool:
    wanted = line.source.applies_to
    return wanted == "any" or (wanted == "spending") == spending


def _fail_closed(broken: list[Line], review: int, score: int) -> Reason:
    names = ", ".join(line.source.id for line in broken)
    return Reason(
        code="RULE_FAILED", family="floor", weight=review, points=review - score,
        text=f"A rule of the policy could not be computed ({names}), so nothing passes unseen", evidence=[],
    )  # fmt: skip


def _reason(line: Line, family: str, weight: int, points: int, facts: Facts) -> Reason:
    return Reason(
        code=line.source.code, family=family, weight=weight, points=points,
        text=line.source.text.format_map(facts), evidence=list(line.evidence),
    )  # fmt: skip
