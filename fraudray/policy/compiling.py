"""From a policy file to lines ready to run; what cannot run is refused with file, rule, line and column."""

from __future__ import annotations

import difflib
import json
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cel

from fraudray.domain.facts import NEUTRAL, Fact
from fraudray.policy.schema import Floor, Rule
from fraudray.policy.source import PolicySource
from fraudray.policy.sources import missing_evidence_floors

Catalogue = Mapping[str, Fact]

_WORD = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|\b[a-z_][A-Za-z0-9_]*\b')
_FORMATTER = string.Formatter()


@dataclass(frozen=True, slots=True)
class Line:
    """One rule or floor, ready to run."""

    source: Rule | Floor
    cel: str
    needs: frozenset[str]  # facts that `when` names
    shows: frozenset[str]  # facts that `text` names
    evidence: tuple[str, ...]

    @property
    def is_floor(self) -> bool:
        return isinstance(self.source, Floor)


def compile_lines(source: PolicySource, catalogue: Catalogue) -> tuple[Line, ...]:
    """Every rule and floor in order, each compiled and tried. Raises PolicyError."""
    entries = _entries(source)
    _check_families(source, entries)
    lines = tuple(_compile_line(source, catalogue, path, entry) for path, entry in entries)
    _check_types(source, catalogue, lines, entries)
    return lines


Entries = list[tuple[tuple[str | int, ...], Rule | Floor]]


def _entries(source: PolicySource) -> Entries:
    document = source.document
    rules: Entries = [(("rules", index), rule) for index, rule in enumerate(document.rules)]
    floors: Entries = [(("floors", index), floor) for index, floor in enumerate(document.floors)]
    return [*rules, *floors, *((("evidence", name), floor) for name, floor in missing_evidence_floors(source))]


def _check_families(source: PolicySource, entries: Entries) -> None:
    seen: set[str] = set()
    for path, entry in entries:
        if entry.id in seen:
            raise source.error("this id is used twice", (*path, "id"), rule=entry.id)
        seen.add(entry.id)
        if isinstance(entry, Rule) and entry.family not in source.document.families:
            message = f"there is no family {entry.family}" + nearest(entry.family, source.document.families)
            raise source.error(message, (*path, "family"), rule=entry.id)


def _compile_line(source: PolicySource, catalogue: Catalogue, path: tuple[str | int, ...], entry: Rule | Floor) -> Line:
    when = (*path, "when")
    try:
        program = cel.compile(entry.when)
    except ValueError as error:
        found = re.search(r"<input>:(\d+):(\d+):\s*(.*)", str(error))
        offset = int(found.group(2)) - 1 if found else None
        what = found.group(3) if found else str(error).splitlines()[0]
        raise source.error(f"is not CEL: {what}", when, rule=entry.id, offset=offset) from None
    lists, bound = source.document.lists, _macro_variables(entry.when)
    needs = set()
    for name in program.variables():
        if name in catalogue:
            needs.add(name)
        elif name not in lists and name not in bound:
            offset = max(0, entry.when.find(name))
            message = f"there is no fact or list {name}" + nearest(name, [*catalogue, *lists])
            raise source.error(message, when, rule=entry.id, offset=offset)
    unknown = [name for name in program.functions() if name not in _FUNCTIONS and name.isidentifier()]
    if unknown:
        offset = max(0, entry.when.find(unknown[0]))
        raise source.error(f"there is no function {unknown[0]}", when, rule=entry.id, offset=offset)
    shows = shown_facts(source, catalogue, path, entry.text, rule=entry.id)
    cel_text = inline_lists(entry.when, lists)
    return Line(entry, cel_text, frozenset(needs), frozenset(shows), cited(needs, catalogue))


def cited(needs: Iterable[str], catalogue: Catalogue) -> tuple[str, ...]:
    """The ids of the evidence behind these facts, each once."""
    found = (catalogue[name].evidence_id for name in sorted(needs))
    return tuple(dict.fromkeys(evidence_id for evidence_id in found if evidence_id))


_FUNCTIONS = frozenset(
    [
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "has",
        "all",
        "exists",
        "exists_one",
        "map",
        "filter",
        "int",
        "uint",
        "double",
        "string",
        "bool",
        "bytes",
        "duration",
        "timestamp",
        "type",
        "min",
        "max",
    ]
)


def _macro_variables(expression: str) -> set[str]:
    return set(re.findall(r"\.(?:all|exists|exists_one|map|filter)\(\s*([a-z_]\w*)\s*,", expression))


def shown_facts(
    source: PolicySource, catalogue: Catalogue, path: tuple[str | int, ...], sentence: str, *, rule: str
) -> set[str]:
    """The facts in a rule's sentence; only plain names, so that text can reach nothing else. Raises PolicyError."""
    shows = set()
    try:
        parts = list(_FORMATTER.parse(sentence))
        for _, name, spec, conversion in parts:
            if name is None:
                continue
            if name not in catalogue or conversion or (spec and "{" in spec):
                message = f"the sentence names {name or 'an empty field'}, which is no fact" + nearest(name, catalogue)
                raise source.error(message, (*path, "text"), rule=rule, offset=max(0, sentence.find("{" + name)))
            format(NEUTRAL[catalogue[name].kind], spec or "")
            shows.add(name)
    except ValueError as error:
        raise source.error(f"the sentence cannot be filled in: {error}", (*path, "text"), rule=rule) from None
    return shows


def inline_lists(expression: str, lists: Mapping[str, list[str]]) -> str:
    """Named lists become literals: compiled once instead of converted at every call."""

    def literal(match: re.Match[str]) -> str:
        word = match.group()
        return "[" + ", ".join(json.dumps(value) for value in lists[word]) + "]" if word in lists else word

    return _WORD.sub(literal, expression)


def nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _check_types(source: PolicySource, catalogue: Catalogue, lines: tuple[Line, ...], entries: Entries) -> None:
    """Run each rule once on neutral values: a rule that mixes types or does not answer true or false is refused."""
    for line, (path, entry) in zip(lines, entries, strict=True):
        values = {name: NEUTRAL[catalogue[name].kind] for name in line.needs}
        for trial in (values, {name: _flipped(catalogue[name]) for name in line.needs}):
            try:
                answer = cel.compile(line.cel).execute(trial)
            except ZeroDivisionError:
                continue  # a matter of the values, which real facts may not have
            except (TypeError, ValueError, RuntimeError, KeyError) as error:
                message = f"cannot be computed: {str(error).splitlines()[0]}"
                raise source.error(message, (*path, "when"), rule=entry.id) from None
            if not isinstance(answer, bool):
                message = f"answers {type(answer).__name__}, not true or false"
                raise source.error(message, (*path, "when"), rule=entry.id)


def _flipped(fact: Fact) -> float | int | bool | str:
    """Another value of the same kind, to reach what a short circuit hid."""
    others: dict[str, float | int | bool | str] = {"double": 1.0, "int": 1, "bool": True, "string": "x"}
    return others[fact.kind]
