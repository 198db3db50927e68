"""A file of transactions with the outcomes that they should have: its shape, and every case ready to run.

    now: 2026-03-02T15:30:00Z      # when the first message of each case arrives
    customers: [samples]           # the packaged ones; or, or beside them, records as `customers import` reads them
    cases:
      - name: A second city within minutes
        history:                   # decided before, in order, on an empty store
          - {customer_id: C-12345, amount: 20, merchant: Kiosk, location: "Seattle, WA"}
        transaction: {customer_id: C-12345, amount: 20, merchant: Kiosk, location: "Miami, FL", after: 30 minutes}
        expect: {decision: REVIEW, score: {min: 40, max: 74}, reasons: [IMPOSSIBLE_TRAVEL], without: [NIGHT_HOUR]}

A message is a transaction that may leave out its id, with `after` (the time since the one before) and, in a history,
`repeat` (how often it comes; each after `after`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Outcome
from fraudray.domain.duration import parse_duration
from fraudray.domain.transaction import Timestamp, Transaction
from fraudray.policy.located import Located, Path_, locate_yaml, read_text

MESSAGES_MAX = 2000
SAMPLES = "samples"
START = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
Points = Annotated[int, Field(ge=0, le=100, strict=True)]
_REPEAT = TypeAdapter(Annotated[int, Field(ge=1, le=MESSAGES_MAX, strict=True)])


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScoreRange(_Part):
    """A score between two bounds, both included."""

    min: Points = 0
    max: Points = 100


class Expect(_Part):
    """What the decision should be; what is left out may be anything."""

    decision: Outcome | None = None
    score: Points | ScoreRange | None = None
    reasons: list[str] = Field(default_factory=list, description="Codes of reasons or adjustments that must be there.")
    without: list[str] = Field(default_factory=list, description="Codes that must not be there.")
    policy: str | None = Field(None, description="The name of the policy that must decide.")

    @model_validator(mode="after")
    def _says_something(self) -> Expect:
        if not self.model_fields_set:
            raise ValueError("expects nothing: give decision, score, reasons, without or policy")
        return self


class CaseDocument(_Part):
    """A case as written."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strict=True)]
    history: list[dict[str, Any]] = Field(default_factory=list, max_length=MESSAGES_MAX)
    transaction: dict[str, Any]
    expect: Expect


class CasesDocument(_Part):
    """A file of cases as written; customers and transactions are checked on their own."""

    now: Timestamp = START
    customers: list[Any] = Field(default_factory=list)
    cases: list[CaseDocument] = Field(min_length=1, max_length=5000)


@dataclass(frozen=True, slots=True)
class Message:
    """A transaction and the time that passes before it."""

    tx: Transaction
    after: timedelta


@dataclass(frozen=True, slots=True)
class Case:
    """One case, checked: what comes before, the message that counts, what it should get, and its line in the file."""

    name: str
    history: tuple[Message, ...]
    message: Message
    expect: Expect
    line: int


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All cases of a file, and who is registered: these customers and, with `samples`, the packaged ones."""

    start: datetime
    customers: tuple[CustomerProfile, ...]
    samples: bool
    cases: tuple[Case, ...]


def load_cases(path: Path) -> CaseFile:
    """The cases in a file. Raises PolicyError with line and column."""
    return parse_cases(read_text(path), file=str(path))


def parse_cases(text: str, *, file: str) -> CaseFile:
    """Cases from their text. Raises PolicyError with line and column."""
    located = locate_yaml(text, file=file)
    try:
        document = CasesDocument.model_validate(located.data)
    except ValidationError as error:
        raise located.shape_error(error, "a file of cases") from None
    _check_names(located, document)
    customers = tuple(_customers(located, document.customers))
    cases = tuple(_case(located, index, case) for index, case in enumerate(document.cases))
    return CaseFile(document.now, customers, SAMPLES in document.customers, cases)


def _check_names(located: Located, document: CasesDocument) -> None:
    seen: set[str] = set()
    for index, case in enumerate(document.cases):
        if case.name in seen:
            raise located.error("this name is used twice", ("cases", index, "name"))
        seen.add(case.name)


def _customers(located: Located, records: list[Any]) -> Iterator[CustomerProfile]:
    for index, record in enumerate(records):
        if record == SAMPLES:
            continue
        try:
            yield CustomerProfile.model_validate(record)
        except ValidationError as error:
            raise located.shape_error(error, "a customer", ("customers", index)) from None


def _case(located: Located, index: int, case: CaseDocument) -> Case:
    history = [
        message
        for number, fields in enumerate(case.history)
        for message in _messages(
            located, ("cases", index, "history", number), fields, f"case-{index + 1}-before-{number + 1}"
        )
    ]
    if len(history) > MESSAGES_MAX:
        message = f"comes to {len(history):,} messages; {MESSAGES_MAX:,} at most"
        raise located.error(message, ("cases", index, "history"))
    place = ("cases", index, "transaction")
    if "repeat" in case.transaction:
        raise located.error("only a history repeats", (*place, "repeat"))
    (message_,) = _messages(located, place, case.transaction, f"case-{index + 1}")
    return Case(case.name, tuple(history), message_, case.expect, located.position(("cases", index)).line)


def _messages(located: Located, place: Path_, fields: Mapping[str, Any], own_id: str) -> Iterator[Message]:
    """One message, or as many as it repeats."""
    rest = {name: value for name, value in fields.items() if name not in ("after", "repeat")}
    after, repeat = _after(located, place, fields), _repeat(located, place, fields)
    for number in range(repeat):
        suffix = f"-{number + 1}" if repeat > 1 else ""
        named = rest | {"transaction_id": f"{rest.get('transaction_id', own_id)}{suffix}"}
        try:
            tx = Transaction.model_validate(named)
        except ValidationError as error:
            raise located.shape_error(error, "a transaction", place) from None
        yield Message(tx, after)


def _after(located: Located, place: Path_, fields: Mapping[str, Any]) -> timedelta:
    after = fields.get("after")
    if after is None:
        return timedelta(0)
    try:
        return parse_duration(str(after))
    except ValueError as error:
        raise located.error(f"after: {error}", (*place, "after")) from None


def _repeat(located: Located, place: Path_, fields: Mapping[str, Any]) -> int:
    try:
        return _REPEAT.validate_python(fields.get("repeat", 1))
    except ValidationError:
        raise located.error(f"repeat: is a whole number from 1 to {MESSAGES_MAX:,}", (*place, "repeat")) from None
