"""A back-test that runs beside the server: what is asked for, what the runner is given, and how far it is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from fraudray.domain.decision import Moment, PolicyRef
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.period import EARLIEST
from fraudray.domain.transaction import field_problems

PolicyName = Literal["default", "handbook", "current"]
TEXT_MAX = 256 * 1024
"""Characters of a policy given as text."""
_MEANT = "is a day (2026-01-31) or an RFC 3339 moment (2026-01-31T08:00:00Z), in text"


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def _moment(value: object) -> object:
    """A day or a moment; without a zone it is UTC, as on the command line."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        at = None if at is None else at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None:
        raise PydanticCustomError("moment", _MEANT)
    if at < EARLIEST:
        raise PydanticCustomError("too_early", "lies before the year 2000")
    return at


Bound = Annotated[Moment | None, BeforeValidator(_moment, json_schema_input_type=str | None)]
HISTORY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""A folder's name and no path: no dots, no slashes."""
HistoryName = Annotated[str, StringConstraints(pattern=f"^{HISTORY_NAME.pattern}$")]


class BacktestRequest(_Document):
    """What to back-test: a history, a policy, and perhaps a challenger; a policy by name, or as its YAML text."""

    history: HistoryName = Field(description="The name of a store in the server's folder of histories.")
    policy: PolicyName | None = Field(
        None, description="`current` is what is in force; `default` without this and policy_text."
    )
    policy_text: str | None = Field(None, min_length=1, max_length=TEXT_MAX)
    challenger: PolicyName | None = None
    challenger_text: str | None = Field(None, min_length=1, max_length=TEXT_MAX)
    start: Bound = Field(None, alias="from", description="Measured from here on; what is before warms up.")
    end: Bound = Field(None, alias="to", description="Nothing is read from here on.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise PydanticCustomError("order", "from must lie before to")
        return self

    @classmethod
    def parse(cls, data: Any) -> Self:
        """A request from decoded JSON. Raises InvalidTransaction naming every bad field."""
        if not isinstance(data, Mapping):
            raise InvalidTransaction([FieldProblem("", "object_expected", "a back-test is a JSON object")])
        twice = [
            FieldProblem(f"{name}_text", "one_of", f"stands beside {name}; give one of them")
            for name in ("policy", "challenger")
            if data.get(name) is not None and data.get(f"{name}_text") is not None
        ]
        wrong: list[FieldProblem] = []
        try:
            # By the names of the document alone: `start` is none of them.
            request = cls.model_validate(dict(data), by_alias=True, by_name=False)
        except ValidationError as error:
            wrong = [FieldProblem("from", p.code, p.message) if p.code == "order" else p for p in field_problems(error)]
        if wrong or twice:
            raise InvalidTransaction(wrong + twice)
        return request


class PolicyFiles(_Document):
    """A policy or book as it stood when the back-test was asked for: file name → text. `main` is the one to load."""

    asked: Literal["default", "handbook", "current", "text"]
    ref: PolicyRef = Field(description="The policy, or the book's default one.")
    files: Mapping[str, str]
    main: str


class BacktestSpec(_Document):
    """What a runner is given: nothing in it changes any more."""

    history: HistoryName
    champion: PolicyFiles
    challenger: PolicyFiles | None = None
    start: Moment | None = None
    end: Moment | None = None

    def job_id(self, fingerprint: str) -> str:
        """The same for the same content, on a history of that `fingerprint`."""
        sides = [side and [side.main, dict(side.files)] for side in (self.champion, self.challenger)]
        bounds = [at and at.isoformat() for at in (self.start, self.end)]
        content = json.dumps([self.history, fingerprint, sides, bounds], sort_keys=True)
        return "btj_" + hashlib.sha256(content.encode()).hexdigest()[:20]


class JobState(StrEnum):
    """Where a back-test stands. Asked for again, one that failed, was cancelled or interrupted goes on."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    """The server stopped meanwhile."""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class Progress(_Document):
    """What is being done, how much of it is done, and how much there is (0: not known)."""

    doing: str
    done: int = Field(ge=0)
    total: int = Field(ge=0)


class AskedPolicy(_Document):
    """Which policy was asked for, and which one that was then."""

    asked: Literal["default", "handbook", "current", "text"]
    ref: PolicyRef


class BacktestJob(_Document):
    """A back-test beside the server, as of now."""

    backtest_id: str
    state: JobState
    history: str
    policy: AskedPolicy
    challenger: AskedPolicy | None = None
    start: Moment | None = Field(None, alias="from")
    end: Moment | None = Field(None, alias="to")
    author: str
    asked_at: Moment
    started_at: Moment | None = None
    ended_at: Moment | None = None
    progress: Progress | None = None
    error: str | None = Field(None, description="In one line, where it failed.")
    run_id: str | None = Field(None, description="Of the finished back-test; the command line gives the same.")
    result: dict[str, str] | None = Field(None, description="The main figures: what each is called, and its value.")


class AskedJob(BacktestJob):
    """What a request for a back-test is answered with."""

    begun: bool = Field(description="False where the same one waits, runs or is done: it is shown as it is.")


class HistoryFound(_Document):
    """A store that back-tests can be started on."""

    name: str
    rows: int
    first: Moment | None = None
    last: Moment | None = None
    fraud: int = Field(0, description="Transactions labelled as fraud; `genuine` and `unlabelled` likewise.")
    genuine: int = 0
    unlabelled: int = 0
