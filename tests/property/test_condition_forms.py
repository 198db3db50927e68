"""A condition's form and its CEL say the same: what is built compiles, comes back as it was, and evaluates alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.domain.errors import InvalidTransaction
from fraudray.domain.facts import CATALOGUE, Kind
from fraudray.policy.compiling import inline_lists
from fraudray.policy.condition_form import Comparison, Group, NamedList, cel_of, comparisons_of
from fraudray.policy.condition_reading import form_of
from fraudray.policy.condition_words import condition_words

KINDS: dict[str, Kind] = {name: fact.kind for name, fact in CATALOGUE.items()}
LISTS = {"risky": ["crypto", 'gift"cards', "a'b\\c"], "empty_words": ["", "x"]}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
NUMBERS: dict[Kind, st.SearchStrategy[Any]] = {
    "double": st.floats(-1e12, 1e12, allow_nan=False).map(lambda value: value + 0.0),
    "int": st.integers(-1_000_000, 1_000_000),
}


def values(kind: Kind, comparison: str) -> st.SearchStrategy[Any]:
    if comparison in ("true", "false"):
        return st.none()
    if comparison in ("one of", "none of"):
        named = st.sampled_from(sorted(LISTS)).map(lambda name: NamedList(list=name))
        return st.one_of(st.lists(TEXTS, min_size=1, max_size=4), named)
    return NUMBERS.get(kind, TEXTS)


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    fact = draw(st.sampled_from(sorted(KINDS)))
    comparison = draw(st.sampled_from(comparisons_of(KINDS[fact])))
    return Comparison(fact=fact, comparison=comparison, value=draw(values(KINDS[fact], comparison)))


def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Group]:
    return st.builds(Group, match=st.sampled_from(["all", "any"]), parts=st.lists(parts, min_size=1, max_size=4))


INNER = groups(comparisons())
FORMS = groups(st.one_of(comparisons(), INNER, groups(st.one_of(comparisons(), INNER))))


def holds(part: Group | Comparison, facts: Mapping[str, Any]) -> bool:
    """What the form says, without CEL."""
    if isinstance(part, Group):
        return (all if part.match == "all" else any)(holds(inner, facts) for inner in part.parts)
    fact, value = facts[part.fact], part.value
    members = LISTS[value.list] if isinstance(value, NamedList) else value
    match part.comparison:
        case "true":
            return bool(fact)
        case "false":
            return not fact
        case "above":
            return bool(fact > value)
        case "at least":
            return bool(fact >= value)
        case "below":
            return bool(fact < value)
        case "at most":
            return bool(fact <= value)
        case "is":
            return bool(fact == value)
        case "is not":
            return bool(fact != value)
        case "one of":
            return fact in members  # type: ignore[operator]
        case "none of":
            return fact not in members  # type: ignore[operator]
        case "contains":
            return value in fact
        case "starts with":
            return bool(fact.startswith(value))
        case _:
            return bool(fact.endswith(value))


def named(part: Group | Comparison) -> list[Comparison]:
    return [one for inner in part.parts for one in named(inner)] if isinstance(part, Group) else [part]


@given(form=FORMS, data=st.data())
def test_what_is_built_compiles_and_evaluates_as_the_form_says(form: Group, data: st.DataObject) -> None:
    text = cel_of(form, KINDS, LISTS)
    facts: dict[str, Any] = {}
    for one in named(form):
        kind = KINDS[one.fact]
        near = LISTS[one.value.list] if isinstance(one.value, NamedList) else one.value
        near = near if isinstance(near, list) else [near] if near is not None else []
        others = st.booleans() if kind == "bool" else NUMBERS.get(kind, TEXTS)
        facts[one.fact] = data.draw(st.one_of(st.sampled_from(near), others) if near else others)
    program = cel.compile(inline_lists(text, LISTS))
    assert set(program.variables()) <= facts.keys()
    assert program.execute(facts) is holds(form, facts)


@given(form=FORMS)
def test_a_form_comes_back_from_its_cel_as_it_was(form: Group) -> None:
    text = cel_of(form, KINDS, LISTS)
    back = form_of(text, KINDS, LISTS)
    assert back == form.simplest()
    assert cel_of(back, KINDS, LISTS) == text
    assert Group.parse(form.document()) == form


@given(form=FORMS)
def test_every_form_has_words(form: Group) -> None:
    words = condition_words(form.simplest().document(), CATALOGUE, LISTS)
    assert words
    for one in named(form):
        if isinstance(one.value, str):
            assert f"“{one.value}”" in words


@given(text=st.text(st.sampled_from("()!&|=<>.,[]\"' ainxy01_\\-"), max_size=40))
def test_any_text_is_read_or_is_no_form(text: str) -> None:
    kinds: dict[str, Kind] = {"a": "bool", "x": "double", "y": "string", "n": "int"}
    form = form_of(text, kinds, ["i"])
    if form is None:
        return
    facts = {"a": True, "x": 1.0, "y": "a", "n": 0}
    lists = {"i": ["a"]}
    written = cel_of(form, kinds, lists)
    try:
        program = cel.compile(inline_lists(text, lists))
    except ValueError:
        pytest.fail(f"{text!r} was read as {written!r}, and is not CEL")
    assert program.execute(facts) is cel.compile(inline_lists(written, lists)).execute(facts)


@given(fact=st.sampled_from(sorted(KINDS)), comparison=TEXTS, value=st.one_of(st.none(), TEXTS, st.integers()))
def test_what_does_not_fit_a_fact_is_named(fact: str, comparison: str, value: Any) -> None:
    form = Group(match="all", parts=[Comparison(fact=fact, comparison=comparison, value=value)])
    if comparison in comparisons_of(KINDS[fact]):
        return
    with pytest.raises(InvalidTransaction) as refused:
        cel_of(form, KINDS, LISTS)
    assert [problem.field for problem in refused.value.problems] == ["parts.0.is"]
