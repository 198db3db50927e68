"""A copy of a policy, changed by forms: pure functions from its values, as the API gives them, to changed values."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

from fraudray.domain.errors import FieldProblem, InvalidTransaction, NotFound

Document = dict[str, Any]
Message = Mapping[str, Any]
ENTRIES = {"rule": "rules", "floor": "floors"}
POINTS = {"rule": "weight", "floor": "score"}
_ID_MAX = 64


def with_numbers(document: Document, given: Message) -> Document:
    """With the version, thresholds, ceiling, caps and times that were entered; empty ones stay as they are."""
    changed, problems = copy.deepcopy(document), []
    places: dict[str, tuple[tuple[str, ...], Callable[[str], Any]]] = {
        "review": (("thresholds", "review"), int), "block": (("thresholds", "block"), int),
        "ceiling": (("ceiling",), int), "freeze": (("freeze", "duration_h"), float),
        "window": (("cases", "join_window_h"), float), "version": (("version",), str),
    }  # fmt: skip
    places |= {f"cap-{name}": (("families", name, "cap"), int) for name in document.get("families", {})}
    for field, (path, kind) in places.items():
        text = str(given.get(field, "") or "").strip()
        if not text:
            continue
        try:
            _put(changed, path, kind(text))
        except ValueError:
            what = "is a whole number" if kind is int else "is a number"
            problems.append(FieldProblem(field, "number", what))
    family, cap = (str(given.get(name, "") or "").strip() for name in ("family", "family-cap"))
    if family:
        if cap.isascii() and cap.isdigit():
            changed.setdefault("families", {})[family] = {"cap": int(cap)}
        else:
            problems.append(FieldProblem("family-cap", "number", "is a whole number: the new family’s cap"))
    if problems:
        raise InvalidTransaction(problems)
    return changed


def with_lists(document: Document, given: Message) -> Document:
    """With the lists as entered, one value a line; a list without values is removed, a new one added."""
    lists = {
        name: _lines(given[f"list-{name}"]) if f"list-{name}" in given else list(members)
        for name, members in document.get("lists", {}).items()
    }
    name = str(given.get("list", "") or "").strip()
    if name:
        lists[name] = _lines(given.get("list-members", ""))
    kept = {name: members for name, members in lists.items() if members}
    return {**copy.deepcopy(document), "lists": kept}


def with_entry(document: Document, kind: str, entry_id: str, given: Message, when: str) -> Document:
    """With a rule or floor as entered, in its place; at the end where `entry_id` is empty. Raises NotFound."""
    problems = [FieldProblem(name, "missing", "is needed") for name in ("code", "says") if not _text(given, name)]
    points = _text(given, "points")
    if not (points.isascii() and points.isdigit()):
        problems.append(FieldProblem("points", "number", "is a whole number from 0 to 100"))
    if problems:
        raise InvalidTransaction(problems)
    changed = copy.deepcopy(document)
    entries = changed.setdefault(ENTRIES[kind], [])
    place = _place(entries, entry_id) if entry_id else len(entries)
    before = entries[place] if entry_id else {}
    code = _text(given, "code")
    entry: Document = {"id": entry_id or _free_id(document, code.lower().replace("_", "-")), "code": code}
    if kind == "rule":
        entry["family"] = _text(given, "family")
    entry |= {POINTS[kind]: int(points), "when": when, "text": _text(given, "says")}
    applies = _text(given, "applies_to") or "spending"
    if applies != "spending" or "applies_to" in before:
        entry["applies_to"] = applies
    if kind == "rule" and (_text(given, "certain") == "on" or "certain" in before):
        entry["certain"] = _text(given, "certain") == "on"
    entries[place : place + 1] = [entry]
    return changed


def duplicated(document: Document, kind: str, entry_id: str) -> Document:
    """With a copy of a rule or floor behind it. Raises NotFound."""
    changed = copy.deepcopy(document)
    entries = changed.get(ENTRIES[kind], [])
    place = _place(entries, entry_id)
    twin = {**copy.deepcopy(entries[place]), "id": _free_id(document, entry_id)}
    entries.insert(place + 1, twin)
    return changed


def without(document: Document, kind: str, entry_id: str) -> Document:
    """Without a rule or floor. Raises NotFound."""
    changed = copy.deepcopy(document)
    entries = changed.get(ENTRIES[kind], [])
    del entries[_place(entries, entry_id)]
    return changed


def entry_of(document: Mapping[str, Any], kind: str, entry_id: str) -> Document:
    """A rule or floor as it is. Raises NotFound."""
    entries = document.get(ENTRIES[kind], [])
    found: Document = entries[_place(entries, entry_id)]
    return found


def _place(entries: list[Document], entry_id: str) -> int:
    for index, entry in enumerate(entries):
        if entry.get("id") == entry_id:
            return index
    raise NotFound("rule", entry_id)


def _free_id(document: Mapping[str, Any], wish: str) -> str:
    """An id that no rule or floor has yet."""
    taken = {entry.get("id") for name in ENTRIES.values() for entry in document.get(name, [])}
    stem = re.sub(r"[^a-z0-9-]+", "-", wish).strip("-") or "rule"
    if not stem[0].isalpha():
        stem = f"rule-{stem}"
    number, found = 2, stem[:_ID_MAX]
    while found in taken:
        found = f"{stem[: _ID_MAX - 5]}-{number}"
        number += 1
    return found


def _put(document: Document, path: tuple[str, ...], value: Any) -> None:
    """Set a value; one that is as it was, or would only be written out, stays as it is written."""
    for name in path[:-1]:
        document = document.setdefault(name, {})
    if document.get(path[-1]) != value:
        document[path[-1]] = value


def _lines(text: Any) -> list[str]:
    return [line.strip() for line in str(text or "").splitlines() if line.strip()]


def _text(given: Message, name: str) -> str:
    return str(given.get(name, "") or "").strip()
