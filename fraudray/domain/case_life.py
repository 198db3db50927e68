"""The life of a case: which act is allowed in which status, by whom, and what it leads to.

    open ──claim──▶ claimed ──close──▶ closed ──reopen──▶ reopened
      ▲               │ ▲                                    │
      └───release─────┤ └────────────────claim───────────────┤
                      ├──wait──▶ waiting     (back in the queue when its time is over, or with a further alert)
                      └──escalate──▶ escalated   (claimed by whoever takes it over)

Every active case may be claimed, closed, escalated or put off. A claim locks the case to its holder for a while; an
act of the holder renews the lock, and a lock that has ended hinders nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fraudray.domain.case import ACTIVE, CaseStatus
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import Refused

WAIT_MAX = timedelta(days=90)
DUE_MAX = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class CaseTimes:
    """How long things may take: closing a case whose worst alert was a block or a review, and a claim's lock."""

    due_block: timedelta = timedelta(hours=8)
    due_review: timedelta = timedelta(hours=24)
    lock: timedelta = timedelta(minutes=30)

    def due_after(self, outcome: Outcome) -> timedelta:
        """By when a case is due, counted from its opening."""
        return self.due_block if outcome is Outcome.BLOCK else self.due_review


class CaseAct(StrEnum):
    """What may be done with the status of a case; as an entry's kind, in the past tense."""

    CLAIM = "claimed"
    RELEASE = "released"
    WAIT = "waiting"
    ESCALATE = "escalated"
    CLOSE = "closed"
    REOPEN = "reopened"
    DUE = "due_changed"
    MERGE = "merged"
    UNDO = "undone"


_WHEN: dict[CaseAct, tuple[CaseStatus, ...]] = {
    CaseAct.CLAIM: ACTIVE,
    CaseAct.RELEASE: ("claimed",),
    CaseAct.WAIT: ("open", "claimed", "escalated", "reopened", "waiting"),
    CaseAct.ESCALATE: ("open", "claimed", "waiting", "reopened"),
    CaseAct.CLOSE: ACTIVE,
    CaseAct.REOPEN: ("closed",),
    CaseAct.DUE: ACTIVE,
    CaseAct.MERGE: ACTIVE,
}
_LEADS_TO: dict[CaseAct, CaseStatus] = {
    CaseAct.CLAIM: "claimed", CaseAct.RELEASE: "open", CaseAct.WAIT: "waiting", CaseAct.ESCALATE: "escalated",
    CaseAct.CLOSE: "closed", CaseAct.REOPEN: "reopened", CaseAct.MERGE: "closed",
}  # fmt: skip
UNDOABLE = frozenset(CaseAct) - {CaseAct.UNDO}
MERGED = "merged"
"""The disposition of a case that goes on in another."""


@dataclass(frozen=True, slots=True)
class CaseState:
    """What acts change of a case."""

    status: CaseStatus
    assignee: str | None = None
    locked_until: datetime | None = None
    waiting_until: datetime | None = None
    due_at: datetime | None = None
    disposition: str | None = None
    merged_into: str | None = None

    def held_by(self, now: datetime) -> str | None:
        """Who alone may act on it now; None where anybody may."""
        locked = self.status == "claimed" and self.locked_until is not None and self.locked_until > now
        return self.assignee if locked else None


def allowed(status: CaseStatus) -> list[str]:
    """The acts that a status allows, by the words of the API."""
    return sorted(act.name.lower() for act, when in _WHEN.items() if status in when)


def check(case_id: str, state: CaseState, act: CaseAct, author: str, now: datetime, *, take_over: bool = False) -> None:
    """Whether `author` may do this now. Raises Refused saying who holds the case, or what its status allows."""
    if state.merged_into is not None:
        raise Refused(f"case {case_id} goes on in {state.merged_into}; act on that, or undo the merge")
    if state.status not in _WHEN[act]:
        if act is CaseAct.CLOSE:
            raise Refused(f"case {case_id} is closed already")
        what = f"case {case_id} is {state.status} and cannot be {act.replace('_', ' ')}"
        raise Refused(f"{what}; what can be done: {', '.join(allowed(state.status)) or 'nothing'}")
    holder = state.held_by(now)
    if holder is not None and holder != author and not take_over:
        until = f"{state.locked_until:%H:%M} UTC" if state.locked_until else "later"
        raise Refused(f"{holder} works on case {case_id} until {until}; wait, or take it over by claiming it")


def apply(state: CaseState, act: CaseAct, author: str, now: datetime, *, lock: timedelta) -> CaseState:
    """The state after an act that is allowed. An act of the holder renews the lock; `waiting`, `due` and the like are
    the caller's to set."""
    status = _LEADS_TO.get(act, state.status)
    changed = replace(state, status=status)
    if status == "claimed":
        assignee = author if act is CaseAct.CLAIM else state.assignee
        changed = replace(changed, assignee=assignee, locked_until=now + lock)
    else:
        changed = replace(changed, locked_until=None)
    if act in (CaseAct.RELEASE, CaseAct.ESCALATE, CaseAct.REOPEN):
        changed = replace(changed, assignee=None)
    if act is not CaseAct.DUE:
        changed = replace(changed, waiting_until=None)
    if act is CaseAct.REOPEN:
        changed = replace(changed, disposition=None)
    return changed
