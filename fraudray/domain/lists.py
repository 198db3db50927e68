"""Lists kept by people: who or what is denied, allowed or blocked, and which rule is mute for whom, until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, ValidationInfo
from pydantic import field_validator as check
from pydantic_core import PydanticCustomError

from fraudray.domain.decision import Moment
from fraudray.domain.duration import parse_end
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.list_values import Kind, normalise
from fraudray.domain.transaction import field_problems

MUTE_MAX = timedelta(days=366)
EXPIRES_MAX = timedelta(days=36_525)
REASON_MAX = 1000


class Level(StrEnum):
    """What an entry does, in the order in which levels act; a freeze acts between `deny` and `allow`."""

    DENY = "deny"  # blocks, and nothing lifts it
    ALLOW = "allow"  # lifts `block` and everything inferred
    BLOCK = "block"  # blocks, unless an allow lifts it
    MUTE = "mute"  # takes one rule out for one customer


State = Literal["active", "expired", "removed"]


class ListEntry(BaseModel):
    """One entry as it is kept. It is never changed: a replaced or removed one stays on record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entry_id: str
    level: Level
    kind: Kind
    value: str = Field(description="In the form in which it is compared.")
    rule: str | None = Field(None, description="The rule, floor or scoring function that a mute takes out.")
    reason: str
    author: str
    created_at: Moment
    expires_at: Moment | None = Field(None, description="None: it holds until it is removed.")
    removed_at: Moment | None = None
    removed_by: str | None = None
    removal_reason: str | None = None

    def state(self, now: datetime) -> State:
        """Whether it acts at `now` and, if not, why."""
        if self.removed_at is not None:
            return "removed"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


def _expiry(value: object, info: ValidationInfo) -> object:
    """When an entry ends, from what people write: a date (to the end of that day, UTC), a moment, or a duration."""
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 64:
        raise PydanticCustomError("expires", 'is not text such as "2026-12-31" or "30d"')
    now: datetime = (info.context or {})["now"]
    try:
        moment = parse_end(value.strip(), now)
    except (ValueError, OverflowError):
        raise PydanticCustomError(
            "expires", "is no date (2026-12-31), no moment with its zone (2026-12-31T12:00:00Z) and no duration (30d)"
        ) from None
    if moment <= now:
        raise PydanticCustomError("expires_past", "does not lie in the future")
    if moment - now > EXPIRES_MAX:
        raise PydanticCustomError("expires_far", "lies more than a hundred years ahead; leave it out for an open end")
    return moment


Words = Annotated[str, StringConstraints(min_length=1, max_length=REASON_MAX, strict=True)]
Value = Annotated[str, StringConstraints(min_length=1, max_length=300, strict=True)]
Rule = Annotated[str, StringConstraints(min_length=1, max_length=64, strict=True)]
Expiry = Annotated[datetime | None, BeforeValidator(_expiry, json_schema_input_type=str | None)]


class NewEntry(BaseModel):
    """An entry as people write it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Level
    kind: Kind | None = Field(None, validate_default=True, description="May be left out of a mute: a customer.")
    value: Value
    rule: Rule | None = Field(None, validate_default=True, description="For a mute: the id of a rule, floor or scorer.")
    reason: Words
    expires: Expiry = Field(
        None, validate_default=True,
        description="A date (to the end of that day, UTC), a moment with its zone, or a duration from now: 30d.",
    )  # fmt: skip

    @check("kind")
    @classmethod
    def _of_what(cls, value: Kind | None, info: ValidationInfo) -> Kind | None:
        mute = info.data.get("level") is Level.MUTE
        if value is None and "level" in info.data and not mute:
            raise PydanticCustomError("missing", "is needed")
        if mute and value not in (None, Kind.CUSTOMER):
            raise PydanticCustomError("mute_kind", "a rule is muted for a customer, nothing else")
        return Kind.CUSTOMER if mute else value

    @check("value")
    @classmethod
    def _comparable(cls, value: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind")
        return value if kind is None else normalise(kind, value)

    @check("rule")
    @classmethod
    def _names_a_rule(cls, value: str | None, info: ValidationInfo) -> str | None:
        level = info.data.get("level")
        if level is Level.MUTE and value is None:
            raise PydanticCustomError("missing", "is needed: the id of the rule or floor to mute")
        if level not in (None, Level.MUTE) and value is not None:
            raise PydanticCustomError("rule_unexpected", "only a mute names a rule")
        return value

    @check("expires")
    @classmethod
    def _mutes_end(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        if info.data.get("level") is Level.MUTE:
            if value is None:
                raise PydanticCustomError("missing", "is needed: a rule is muted until a date")
            if value - (info.context or {})["now"] > MUTE_MAX:
                raise PydanticCustomError("mute_too_long", "a rule is muted for 366 days at most")
        return value

    @classmethod
    def parse(cls, data: Any, *, now: datetime) -> Self:
        """A new entry from decoded JSON, at `now` (UTC). Raises InvalidTransaction naming every bad field."""
        if not isinstance(data, dict):
            raise InvalidTransaction([FieldProblem("", "object_expected", "a list entry is a JSON object")])
        try:
            return cls.model_validate(data, context={"now": now})
        except ValidationError as error:
            raise InvalidTransaction(field_problems(error)) from None

    def entry(self, *, entry_id: str, author: str, now: datetime) -> ListEntry:
        """The entry to keep."""
        assert self.kind is not None  # noqa: S101 - filled in or refused when parsed
        return ListEntry(
            entry_id=entry_id, level=self.level, kind=self.kind, value=self.value, rule=self.rule, reason=self.reason,
            author=author, created_at=now, expires_at=self.expires,
        )  # fmt: skip
