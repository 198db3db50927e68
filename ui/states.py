"""What is shown in place of content: nothing there, still loading, or what went wrong and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fraudray.client.wire import Unreachable
from fraudray.domain.errors import (
    Forbidden,
    FraudrayError,
    InvalidTransaction,
    NotFound,
    NotInstalled,
    Refused,
    Unauthenticated,
)
from fraudray.ui.templates import render
from fraudray.ui.words import short


@dataclass(frozen=True, slots=True)
class Link:
    """Where to go next; `href` is relative to the page's root."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class State:
    """One of those, in words. `retry` offers to ask again."""

    kind: Literal["error", "empty", "info", "sign-in"]
    title: str
    text: str
    next: str = ""
    link: Link | None = None
    retry: bool = False


def of_error(error: FraudrayError) -> State:
    """What a failed call to the API means to its reader."""
    said = short(str(error))
    match error:
        case Unauthenticated():
            return State("sign-in", "Sign in", said)
        case Forbidden():
            return State(
                "error", "Your key does not open this", said,
                "Ask whoever gave you the key for one with that scope, or sign in with another.",
            )  # fmt: skip
        case Unreachable(late=True):
            return State(
                "error", "The API takes too long", "It has the request, but has not answered in time.",
                "It may be busy. Wait a moment and try again; nothing is decided or done twice.", retry=True,
            )  # fmt: skip
        case Unreachable():
            return State(
                "error", "The API does not answer", "Nothing could be loaded or done.",
                "If it has just been started, wait a few seconds and try again. Otherwise see that `fraudray serve` "
                "runs.", retry=True,
            )  # fmt: skip
        case NotFound(kind=kind, key=key):
            return State(
                "error", f"There is no {kind} {short(key, 80)}", "It may have been mistyped, or is of another server.",
                "Look at its id, or begin anew from the pages above.",
            )  # fmt: skip
        case Refused():
            return State("error", "Not possible now", said, "Load the page again to see how things stand.", retry=True)
        case NotInstalled():
            return State("error", "Not installed on the server", said, "Whoever runs the server can install it.")
        case InvalidTransaction(problems=problems):
            lines = [f"{p.field}: {p.message}" if p.field else p.message for p in problems[:20]]
            return State("error", "This cannot be accepted", short("; ".join(lines)), "Correct it and send it again.")
        case _:
            return State("error", "The server could not do this", said, "Try again in a moment.", retry=True)


UNEXPECTED = State(
    "error", "Something went wrong on this page", "It is a fault of the page, not of what you did.",
    "Try again. If it stays, the page's log says what happened.", retry=True,
)  # fmt: skip


def error_html(error: FraudrayError) -> str:
    """The state of a failed call as HTML."""
    return render("state.html", state=of_error(error))


def state_html(state: State) -> str:
    """A state as HTML."""
    return render("state.html", state=state)
