"""A policy in words, in the order in which its parts act."""

from __future__ import annotations

from typing import Any

from fraudray.domain.decision import Outcome
from fraudray.domain.text import fold
from fraudray.policy.condition_form import Kinds, kinds_of
from fraudray.policy.condition_reading import form_of
from fraudray.policy.condition_words import condition_words
from fraudray.policy.order import STEPS
from fraudray.policy.policy import Policy
from fraudray.policy.schema import Floor, Rule

Document = dict[str, Any]
ACTIONS = {
    "open_case": "open a case", "freeze_account": "freeze the account", "email_alert": "send an alert by e-mail",
    "customer_sms": "tell the customer by SMS", "report": "make a report", "manual_review": "have a person review it",
}  # fmt: skip
APPLIES = {"spending": "payments", "refunds": "refunds and reversals", "any": "every message"}
METHODS = {"3ds": "a 3-D Secure challenge", "call": "a call"}
_HOLDS: Document = {"rules": [], "families": [], "lines": []}
_AFTER = {
    "deny": "Blocked, score 100. People put entries on lists, and take them off.",
    "allow": "Where nothing is denied or certain: lifts blocks by list, and everything that is inferred.",
    "block": "Where no allow acts: blocked, score 100.",
    "mutes": "A rule or floor that is muted for the customer does not speak.",
    "allowance": "Brings the score to one below review; the reasons keep their points.",
    "fail_closed": "A rule that cannot be computed makes the decision at least a review.",
}


def policy_words(policy: Policy) -> Document:
    """Name, version, and `steps` in the order in which they act: each a title, what it does in `text`, and what it
    holds as `rules`, `families`, or `lines`. Every rule has its condition as a sentence and as CEL, and as a form
    where there is one."""
    document, said = policy.document, _Said(policy)
    steps = [_listed(name, what, said) for name, what in STEPS]
    steps += [_outcome(said), _step_ups(said), _actions(policy), _investigation(said)]
    return policy.ref.model_dump() | {
        "description": document.description,
        "base_currency": document.base_currency,
        "thresholds": document.thresholds.model_dump(),
        "ceiling": document.ceiling,
        "steps": [{"step": number, **_HOLDS, **step} for number, step in enumerate(steps, start=1)],
        "lists": {name: list(members) for name, members in document.lists.items()},
        "parameters": _parameters(policy),
    }


class _Said:
    """One policy, and how its conditions read."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.document = policy, policy.document
        self._kinds: Kinds = kinds_of(policy.catalogue)

    def condition(self, cel: str) -> Document:
        """A condition as CEL, in words and as a form; the words are the CEL where it is of no such form."""
        form = form_of(cel, self._kinds, self.document.lists)
        shown = None if form is None else form.document()
        words = cel if shown is None else condition_words(shown, self.policy.catalogue, self.document.lists)
        return {"when": cel, "words": words, "form": shown}

    def entry(self, entry: Rule | Floor) -> Document:
        """A rule or floor."""
        found = {"id": entry.id, "code": entry.code, "text": entry.text, **self.condition(entry.when)}
        found |= {"applies_to": entry.applies_to, "applies": APPLIES[entry.applies_to]}
        if isinstance(entry, Floor):
            found |= {"kind": "floor", "points": entry.score, "sentence": f"The score is at least {entry.score}"}
        else:
            points = "100 points: it is certain" if entry.certain else f"{entry.weight} points"
            found |= {
                "kind": "rule", "points": entry.weight, "family": entry.family, "certain": entry.certain,
                "sentence": points,
            }  # fmt: skip
        return found | {"search": fold(" ".join(str(found[name]) for name in ("id", "code", "text", "words", "when")))}


def _listed(name: str, what: str, said: _Said) -> Document:
    """One of the ten steps of a judgement."""
    document = said.document
    found: Document = {"name": name, "title": what[:1].upper() + what[1:], "text": _AFTER.get(name, "")}
    if name == "certainty":
        return found | {"rules": [said.entry(rule) for rule in document.rules if rule.certain]}
    if name == "rules":
        families = [
            {
                "name": family, "cap": cap.cap,
                "rules": [said.entry(rule) for rule in document.rules if rule.family == family and not rule.certain],
                "scoring": [
                    {"id": one.id, "code": one.code, "function": one.function, "facts": one.facts, "text": one.text}
                    for one in document.scoring
                    if one.family == family
                ],
            }
            for family, cap in document.families.items()
        ]  # fmt: skip
        text = "Every rule that holds adds its points; a family adds no more than its cap, the heaviest rule first."
        return found | {"text": text, "families": families}
    if name == "ceiling":
        return found | {"text": f"What is inferred never scores above {document.ceiling}."}
    if name == "floors":
        text = "The score is at least so much, whatever the points add up to."
        needed = [name for name, evidence in document.evidence.items() if not evidence.optional]
        lines = [f"Without an answer from {name}: at least {document.thresholds.review}" for name in needed]
        return found | {"text": text, "rules": [said.entry(floor) for floor in document.floors], "lines": lines}
    return found


def _outcome(said: _Said) -> Document:
    review, block = said.document.thresholds.review, said.document.thresholds.block
    lines = [f"Below {review}: approve", f"From {review} to {block - 1}: review", f"From {block}: block"]
    levels = said.document.risk_levels
    text = f"Risk is low from {levels.low}, medium from {levels.medium}, high from {levels.high}, critical from "
    return {
        "name": "outcome", "title": "The score becomes a decision", "text": f"{text}{levels.critical}.", "lines": lines,
    }  # fmt: skip


def _step_ups(said: _Said) -> Document:
    lines = [
        f"{METHODS[one.method]} within {_minutes(one.valid_min)}, where {said.condition(one.when)['words']}"
        for one in said.document.step_up
    ]
    text = "On a review the caller is asked for the first of these; passed, it lifts the review." if lines else "None."
    return {"name": "step_up", "title": "Step-up: a check with the customer", "text": text, "lines": lines}


def _actions(policy: Policy) -> Document:
    document = policy.document
    lines = [
        f"{outcome.value.capitalize()}: {_listed_actions(document.actions.get(outcome, []))}. "
        f"“{document.recommendations.get(outcome, '')}”"
        for outcome in Outcome
    ]
    if document.actions_when_listed:
        lines.append(f"A block by list also: {_listed_actions(document.actions_when_listed)}")
    text = (
        f"A freeze lasts {_hours(document.freeze.duration_h)}; a further alert joins an open case within "
        f"{_hours(document.cases.join_window_h)}."
    )
    return {"name": "actions", "title": "What follows", "text": text, "lines": lines}


def _investigation(said: _Said) -> Document:
    document = said.document
    if document.escalate is None:
        return {"name": "escalate", "title": "Investigation by the model", "text": "Nothing is escalated.", "lines": []}
    wanted = document.investigate
    text = f"Where a model is set, it looks at decisions where {said.condition(document.escalate)['words']}."
    lines = [
        f"The answer waits for it, {wanted.limit_s:g} s at most, where {said.condition(wanted.wait)['words']}",
        f"At most {wanted.steps_max} round trips, {wanted.tool_calls_max} questions and {wanted.tokens_max:,} tokens",
    ]
    if wanted.lower is not None:
        lines.append(f"It may lower scores from {wanted.lower.low} to {wanted.lower.high} by one level")
    return {"name": "escalate", "title": "Investigation by the model", "text": text, "lines": lines}


def _parameters(policy: Policy) -> list[str]:
    """What the tools are told, in words."""
    told = policy.document.parameters
    travel = told.travel_rules
    classes = [
        f"Merchant class {name}: {_count(len(kind.mcc), 'category code')} and {_count(len(kind.words), 'word')}"
        for name, kind in told.merchant_classes.items()
    ]
    return [
        f"Travel by air: {travel.air_speed_mph:g} mph, and {travel.air_overhead_h:g} h at airports",
        f"Travel by land: {travel.ground_speed_mph:g} mph; within {travel.distance_floor_mi:g} mi it is the same place",
        f"A device is trusted after {told.device_trust_days:g} days",
        f"Fraud is known after {told.feedback_delay_days:g} days",
        f"Networks that hide their user: {', '.join(told.anonymising_networks)}",
        *classes,
    ]


def _listed_actions(kinds: list[Any]) -> str:
    return ", ".join(ACTIONS.get(kind, kind) for kind in kinds) or "nothing else"


def _minutes(minutes: float) -> str:
    return _hours(minutes / 60) if minutes >= 60 else _count(minutes, "minute")


def _hours(hours: float) -> str:
    return _count(hours / 24, "day") if hours > 24 and hours % 24 == 0 else _count(hours, "hour")


def _count(count: float, word: str) -> str:
    return f"{count:g} {word}" + ("" if count == 1 else "s")
