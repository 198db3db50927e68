"""Starting a back-test: what can be chosen, and what the reader chose as a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction, PolicyError
from fraudray.ui.words import number, short

Options = tuple[tuple[str, str], ...]
TEXT = "text"
VERSION = "version:"
VERSIONS_MAX = 50
NO_CHALLENGER = "none"
LABELS = {
    "history": "History",
    "policy": "Policy",
    "policy_text": "The policy’s text",
    "challenger": "Challenger",
    "challenger_text": "The challenger’s text",
    "from": "Measure from",
    "to": "Read until",
}


@dataclass(frozen=True, slots=True)
class HistoryChoice:
    """A history with what it holds."""

    name: str
    text: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class FormView:
    """What the form offers."""

    histories: tuple[HistoryChoice, ...]
    policies: Options
    challengers: Options


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with which field."""

    field: str
    label: str
    message: str


def form_view(
    histories: Sequence[Mapping[str, Any]], policy: Mapping[str, Any] | None, versions: Sequence[Mapping[str, Any]] = ()
) -> FormView:
    """`policy` is the one in force, None where it may not be read; `versions` are those that are kept, newest first."""
    in_force = f": {short(str(policy['name']), 60)} {short(str(policy['version']), 30)}" if policy else ""
    kept = ((f"{VERSION}{one['number']}", _version(one)) for one in versions[:VERSIONS_MAX])
    policies = (
        ("current", f"In force{in_force}"), *kept, ("default", "Packaged: card-payments"),
        ("handbook", "Packaged: handbook"), (TEXT, "Own text …"),
    )  # fmt: skip
    return FormView(tuple(map(_choice, histories)), policies, ((NO_CHALLENGER, "None"), *policies))


def request_of(entered: Mapping[str, Any], text_of: Callable[[int], str]) -> dict[str, Any]:
    """What was entered as the API takes it; `text_of` gives the text of a version that is kept. What is left empty is
    left out. Raises InvalidTransaction."""
    request: dict[str, Any] = {"history": _given(entered, "history")}
    for side in ("policy", "challenger"):
        chosen = _given(entered, side)
        number = chosen.removeprefix(VERSION)
        if chosen == TEXT:
            text = str(entered.get(f"{side}_text", ""))
            if not text.strip():
                problem = FieldProblem(f"{side}_text", "missing", "is empty; paste a policy's YAML here")
                raise InvalidTransaction([problem])
            request[f"{side}_text"] = text
        elif number != chosen and number.isascii() and number.isdigit():
            request[f"{side}_text"] = text_of(int(number[:9]))
        elif chosen and chosen != NO_CHALLENGER:
            request[side] = chosen
    request |= {name: _given(entered, name) for name in ("from", "to") if _given(entered, name)}
    return request


def problems_of(error: FraudrayError) -> list[Problem]:
    """What is wrong with what was entered; none where it is something else."""
    if isinstance(error, InvalidTransaction):
        return [
            Problem(one.field, LABELS.get(one.field, short(one.field, 60)), short(one.message))
            for one in error.problems[:20]
        ]
    if isinstance(error, PolicyError):
        field = str(error.file)
        return [Problem(field, LABELS.get(field, short(field, 60)), short(str(error)))]
    return []


def _given(entered: Mapping[str, Any], name: str) -> str:
    return str(entered.get(name, "") or "").strip()


def _version(version: Mapping[str, Any]) -> str:
    said = short(str(version.get("reason", "")), 60)
    return f"Version {version['number']}: {short(str(version['version']), 30)}" + (f", {said}" if said else "")


def _choice(history: Mapping[str, Any]) -> HistoryChoice:
    first, last = str(history.get("first") or "")[:10], str(history.get("last") or "")[:10]
    parts = [f"{number(history['rows'])} payments"]
    if first:
        parts.append(f"{first} to {last}")
    labelled = history.get("fraud", 0) + history.get("genuine", 0)
    parts.append(f"{number(history['fraud'])} labelled as fraud" if labelled else "no labels")
    return HistoryChoice(str(history["name"]), " · ".join((str(history["name"]), *parts)), first, last)
