"""Conditions as a form: groups of `fact comparison value`, written as CEL, and read back from CEL of that shape.

    {"match": "all", "parts": [
      {"fact": "amount_base", "is": "above", "value": 1000},
      {"match": "any", "parts": [
        {"fact": "card_present", "is": "false"},
        {"fact": "merchant_class", "is": "one of", "value": {"list": "high_risk_merchants"}}]}]}

is `amount_base > 1000.0 && (!card_present || merchant_class in high_risk_merchants)`. A form never says more than CEL;
CEL may say more than a form can: `form_of` then gives None, and the condition stays as it is written.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    Tag,
)

from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.facts import Kind
from fraudray.policy.condition_words import COMPARISONS
from fraudray.policy.conditions import SCORE

PARTS_MAX = 32
"""In one group."""
DEPTH_MAX = 2
"""Groups within the outermost one."""
INT_MAX = 2**53
"""Whole numbers beyond it are not exact in every place that they travel through."""
_TAGS = ("group", "comparison")
_SAID = {"string_pattern_mismatch": "is no name of a fact or list", "missing": "is needed"}
_Text = Annotated[str, StringConstraints(max_length=200)]
_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Kinds = Mapping[str, Kind]
"""Fact → its kind."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class NamedList(_Part):
    """One of the policy's lists."""

    list: _Name


Value = StrictBool | StrictInt | StrictFloat | _Text | Annotated[list[_Text], Field(max_length=100)] | NamedList | None


class Comparison(_Part):
    """A fact compared with a value; `true` and `false` take none."""

    fact: _Name
    comparison: str = Field(alias="is")
    value: Value = None


def _kind_of(part: Any) -> str:
    group = isinstance(part, Group) or (isinstance(part, Mapping) and "parts" in part)
    return "group" if group else "comparison"


Part = Annotated[Annotated["Group", Tag("group")] | Annotated[Comparison, Tag("comparison")], Discriminator(_kind_of)]


class Group(_Part):
    """Parts of which all hold, or any does."""

    match: Literal["all", "any"]
    parts: Annotated[list[Part], Field(min_length=1, max_length=PARTS_MAX)]

    @classmethod
    def parse(cls, data: Any) -> Self:
        """A form from decoded JSON. Raises InvalidTransaction naming every bad field."""
        from pydantic import ValidationError

        try:
            return cls.model_validate(data)
        except (ValidationError, RecursionError) as error:
            raise InvalidTransaction(_problems(error)) from None

    def document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {"match": self.match, "parts": [_document(part) for part in self.parts]}

    def simplest(self) -> Group:
        """The same with no group around a single part, as CEL has none."""
        parts = [_unwrapped(part) for part in self.parts]
        if len(parts) == 1:
            return parts[0] if isinstance(parts[0], Group) else Group(match="all", parts=parts)
        return Group(match=self.match, parts=parts)


def cel_of(form: Group, kinds: Kinds, lists: Collection[str] = ()) -> str:
    """The condition as CEL. Raises InvalidTransaction naming every comparison that does not fit its fact."""
    form = form.simplest()
    problems = [*_misfits(form, kinds, lists, (), depth=0)]
    if problems:
        raise InvalidTransaction(problems)
    return _group(form, kinds)


def comparisons_of(kind: Kind) -> tuple[str, ...]:
    """The comparisons that a fact of this kind has."""
    return tuple(name for name, kinds in COMPARISONS.items() if kind in kinds)


def _misfits(
    group: Group, kinds: Kinds, lists: Collection[str], at: tuple[str, ...], *, depth: int
) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    for index, part in enumerate(group.parts):
        here = (*at, "parts", str(index))
        if isinstance(part, Group):
            if depth == DEPTH_MAX:
                found.append(FieldProblem(".".join(here), "too_deep", f"groups nest {DEPTH_MAX} levels at most"))
            else:
                found += _misfits(part, kinds, lists, here, depth=depth + 1)
        elif problem := _misfit(part, kinds, lists):
            field, code, message = problem
            found.append(FieldProblem(".".join((*here, field)), code, message))
    return found


def _misfit(one: Comparison, kinds: Kinds, lists: Collection[str]) -> tuple[str, str, str] | None:
    """Which field of a comparison is wrong, a code, and why."""
    kind = kinds.get(one.fact)
    if kind is None:
        return "fact", "fact_unknown", "is no fact of this policy"
    fitting = comparisons_of(kind)
    if one.comparison not in fitting:
        return "is", "enum", f"is one of {', '.join(fitting)} for {one.fact}"
    if why := _unfit(one.value, kind, one.comparison, lists):
        return "value", "value", why
    return None


def _unfit(value: Any, kind: Kind, comparison: str, lists: Collection[str]) -> str | None:
    if comparison in ("true", "false"):
        return None if value is None else "takes no value"
    if comparison in ("one of", "none of"):
        if isinstance(value, NamedList):
            return None if value.list in lists else f"the policy has no list {value.list}"
        return None if isinstance(value, list) and value else "is a list of texts, or the name of a list"
    if kind == "string":
        return None if isinstance(value, str) else "is a text"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "is a number"
    if kind == "int" and not isinstance(value, int):
        return "is a whole number"
    return None if abs(value) <= INT_MAX else "is too large a number"


def _group(group: Group, kinds: Kinds) -> str:
    sign = " && " if group.match == "all" else " || "
    return sign.join(
        f"({_group(part, kinds)})" if isinstance(part, Group) else _comparison(part, kinds[part.fact])
        for part in group.parts
    )


def _comparison(one: Comparison, kind: Kind) -> str:
    fact = one.fact
    match one.comparison:
        case "true":
            return fact
        case "false":
            return f"!{fact}"
        case "one of":
            return f"{fact} in {_members(one.value)}"
        case "none of":
            return f"!({fact} in {_members(one.value)})"
        case "contains" | "starts with" | "ends with":
            return f"{fact}.{METHODS[one.comparison]}({_literal(one.value, kind)})"
        case _:
            return f"{fact} {SIGNS[one.comparison]} {_literal(one.value, kind)}"


SIGNS = {"is": "==", "is not": "!=", "above": ">", "at least": ">=", "below": "<", "at most": "<="}
METHODS = {"contains": "contains", "starts with": "startsWith", "ends with": "endsWith"}


def _members(value: Any) -> str:
    if isinstance(value, NamedList):
        return value.list
    return "[" + ", ".join(_quoted(text) for text in value) + "]"


def _literal(value: Any, kind: Kind) -> str:
    return repr(float(value)) if kind == "double" else str(value) if kind == "int" else _quoted(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _unwrapped(part: Group | Comparison) -> Group | Comparison:
    if isinstance(part, Comparison):
        return part
    part = part.simplest()
    return part.parts[0] if len(part.parts) == 1 else part


def _document(part: Group | Comparison) -> dict[str, Any]:
    if isinstance(part, Group):
        return part.document()
    value = part.value.model_dump() if isinstance(part.value, NamedList) else part.value
    return {"fact": part.fact, "is": part.comparison} | ({} if value is None else {"value": value})


def _problems(error: Exception) -> list[FieldProblem]:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return [FieldProblem("", "too_deep", f"groups nest {DEPTH_MAX} levels at most")]
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return [
        FieldProblem(
            ".".join(str(part) for part in detail["loc"] if part not in _TAGS), detail["type"],
            _SAID.get(detail["type"], detail["msg"]),
        )
        for detail in details[:20]
    ]  # fmt: skip


def kinds_of(catalogue: Mapping[str, Any]) -> dict[str, Kind]:
    """Fact → kind, with the score, which conditions beside the rules may name."""
    return {name: fact.kind for name, fact in catalogue.items()} | {SCORE: "int"}
