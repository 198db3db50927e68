"""What may be done with a case: which acts are offered, which fields they ask for, and what each will do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fraudray.ui.words import moment_of

DISPOSITIONS = (
    ("confirmed fraud", "Fraud: its payments are labelled fraud, and features learn from it."),
    ("legitimate", "Legitimate: its payments are labelled genuine."),
    ("inconclusive", "Inconclusive: nothing is labelled, and what an earlier closing said is withdrawn."),
)
LIST_KINDS = (
    ("customer", "The customer"), ("device", "A device"), ("address", "A network address"),
    ("instrument", "An instrument"), ("merchant", "A merchant"), ("terminal", "A terminal"),
    ("email_domain", "An e-mail domain"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Input:
    """A field that an act asks for."""

    name: str
    label: str
    kind: str = "text"
    """`text`, `lines`, `choice`, `radio`."""
    needed: bool = True
    hint: str = ""
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    longest: int = 4000


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do; without inputs and `says` it is done at once."""

    name: str
    title: str
    says: str = ""
    """What will happen."""
    inputs: tuple[Input, ...] = ()
    main: bool = False
    more: bool = False
    """Whether it is behind "More"."""
    danger: bool = False

    @property
    def asks(self) -> bool:
        """Whether a dialogue comes first."""
        return bool(self.says or self.inputs)


_WHEN = "4h, 2d, 2026-12-31, or a moment with its zone"
_REASON = Input("reason", "Reason", "lines", hint="Goes on record with your name; card numbers are masked.")
_WHY = Input("reason", "Reason (may be left out)", "lines", needed=False)


def acts_of(case: Mapping[str, Any], author: str, frozen_until: str | None, now: datetime) -> tuple[Act, ...]:
    """What `author` may do with a case as it is now, the most likely first."""
    if case.get("merged_into"):
        return (_undo("It becomes a case of its own again, as it was before it was merged."),)
    status = case["status"]
    held = status == "claimed" and bool(case.get("locked_until")) and moment_of(case["locked_until"]) > now
    elsewhere = held and case.get("assignee") != author
    acts: list[Act] = []
    if elsewhere:
        says = f"{case['assignee']} works on it. They lose it to you, and whatever they are about to send is refused."
        acts.append(Act("take-over", "Take it over", says, main=True))
    elif status == "closed":
        acts.append(Act("reopen", "Reopen", "It goes back into the queue. Its labels stay until it is closed anew.",
                        (_REASON,), main=True))  # fmt: skip
    else:
        if not (held and not elsewhere):
            acts.append(Act("claim", "Take it", main=True))
        acts += _working(main=held)
        if status == "claimed":
            acts.append(Act("release", "Give it back", "It goes back into the queue.", (_WHY,), more=True))
        acts.append(Act("due", "Change its due time", "Only by when it should be closed changes.",
                        (Input("due", "Due", hint=_WHEN, longest=40), _REASON), more=True))  # fmt: skip
        says = "It is closed as merged, and everything of it shows in the other case, where it is closed with that one."
        acts.append(Act("merge", "Merge into another case", says,
                        (Input("into", "The other case", hint="FRD-…", longest=64), _REASON), more=True))  # fmt: skip
    if not elsewhere:
        says = "The last change of status is taken back. Where that was closing it, its labels are withdrawn."
        acts.append(_undo(says))
    return (*acts, *_around(frozen_until))


def _working(*, main: bool) -> list[Act]:
    close = "It leaves the queue. What you choose becomes the label of its payments:"
    return [
        Act("close", "Close", close,
            (Input("disposition", "It turned out to be", "radio", options=DISPOSITIONS), _REASON), main=main),
        Act("wait", "Put off", "It leaves the queue until then, or until a further alert of this customer.",
            (Input("until", "Until", hint=_WHEN, longest=40), _REASON)),
        Act("escalate", "Escalate", "It leaves everybody’s queue until somebody takes it from the view “Escalated”.",
            (Input("to", "To whom (person or team, may be left out)", needed=False, longest=128), _REASON)),
    ]  # fmt: skip


def _undo(says: str) -> Act:
    return Act("undo", "Undo the last change", says, (_WHY,), more=True)


def _around(frozen_until: str | None) -> list[Act]:
    """What concerns the customer and the team beside the case's own status."""
    acts = []
    if frozen_until:
        says = "Payments of this customer are decided by their evidence again. A further block freezes it anew."
        acts.append(Act("unfreeze", "Lift the freeze", says, (_REASON,), more=True))
        says = "Every payment of this customer stays blocked until then. To end it sooner, lift the freeze."
        acts.append(Act("extend-freeze", "Extend the freeze", says,
                        (Input("until", "Until", hint=_WHEN, longest=40), _REASON), more=True))  # fmt: skip
    acts += [
        Act("list", "Put on a list", "It acts on the very next payment, until it is taken off (“On lists”).",
            (Input("level", "List", "choice", options=(("deny", "Deny: blocks, nothing lifts it"),
                                                       ("block", "Block: blocks unless allowed"),
                                                       ("allow", "Allow: lifts what is inferred"))),
             Input("kind", "What", "choice", options=LIST_KINDS), Input("value", "Value", longest=300),
             Input("expires", "Until (may be left out)", needed=False, hint="30d, 2026-12-31", longest=40), _REASON),
            more=True),
        Act("mute", "Mute a rule for this customer", "The rule no longer counts for this customer until then.",
            (Input("rule", "Rule", "choice"), Input("expires", "Until", hint="30d, 2026-12-31", longest=40), _REASON),
            more=True),
        Act("alert", "Send the alert again", "The team gets the e-mail alert of this case’s worst decision once more.",
            (_REASON,), more=True),
    ]  # fmt: skip
    return acts
