"""What the engine answers with: a decision now, later or again, or an outlook."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from fraudray.domain.decision import Decision
from fraudray.domain.errors import FraudrayError
from fraudray.domain.evidence import Evidence
from fraudray.domain.investigation import Investigation
from fraudray.domain.listing import NOTHING_LISTED, ListMatches
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Judgement, Policy


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision, and whether it was made just now or replayed from the record."""

    decision: Decision
    replayed: bool = False
    document: bytes | None = None
    investigation: Investigation | None = None
    """What looks at it from now on."""

    def to_json(self) -> bytes:
        """The decision as JSON; written already when it was decided just now."""
        return self.document or self.decision.model_dump_json(exclude_none=True).encode()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would be decided now, by which policy; nothing is stored."""

    policy: Policy
    judgement: Judgement
    facts: Mapping[str, Any]
    evidence: Evidence
    book: PolicyBook
    """What the policy was chosen from."""
    lists: ListMatches = NOTHING_LISTED


@dataclass(slots=True)
class InFlight:
    """A decision that is being written."""

    content_hash: str
    future: Future[Answer]


def replay_of(first: Future[Answer]) -> Future[Answer]:
    """The same answer once it is durable, marked as replayed."""
    again: Future[Answer] = Future()
    again.set_running_or_notify_cancel()  # as the first one: it is answered whether somebody waits or not

    def done(future: Future[Answer]) -> None:
        error = future.exception()
        if error is not None:
            again.set_exception(error)
        else:
            again.set_result(Answer(future.result().decision, replayed=True))

    first.add_done_callback(done)
    return again


def outcome_of(entry: Future[Answer] | FraudrayError) -> Decision | FraudrayError:
    """The decision once it is durable, or why there is none."""
    if isinstance(entry, FraudrayError):
        return entry
    try:
        return entry.result().decision
    except FraudrayError as error:
        return error
