"""The versions of a policy: looked at, put in force, rolled back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fraudray.client import Client
from fraudray.domain.errors import Changed, FraudrayError, PolicyError
from fraudray.ui.pages.policy_copy import problem_html
from fraudray.ui.states import State, error_html, state_html
from fraudray.ui.templates import render
from fraudray.ui.visit import Visit
from fraudray.ui.words import short

Message = Mapping[str, Any]
Shown = list[str | None]
PARTS = (("read", "As it decides"), ("change", "Change a copy"), ("versions", "Versions"))


def head_html(standing: Mapping[str, Any], part: str) -> str:
    """What is in force, and the parts of the page."""
    return render("policy/head.html", standing=standing, part=part, parts=PARTS)


def versions_html(standing: Mapping[str, Any]) -> str:
    """All versions, and what was in force when."""
    return render("policy/versions.html", standing=standing)


def version_html(client: Client, standing: Mapping[str, Any], number: int) -> str:
    """One version: what it has otherwise than what is in force, and what can be done with it."""
    found = client.policies.version(number, name=standing["name"])
    return render("policy/version.html", found=found, standing=standing)


def version(visit: Visit, message: Message) -> str:
    """Look at one."""
    with visit.client() as client:
        standing = client.policies.versions(str(message.get("name", "")) or None)
        return version_html(client, standing, int(message.get("number") or 0))


def promote(visit: Visit, message: Message) -> Shown:
    """Put a version in force."""
    number = int(message.get("number") or 0)

    def act(client: Client, **common: Any) -> dict[str, Any]:
        return client.policies.promote(number, **common)

    return _act(visit, message, act)


def rollback(visit: Visit, message: Message) -> Shown:
    """Put in force again what was before."""

    def act(client: Client, **common: Any) -> dict[str, Any]:
        return client.policies.rollback(**common)

    return _act(visit, message, act)


def _act(visit: Visit, message: Message, act: Callable[..., dict[str, Any]]) -> Shown:
    """Do it where what is in force is what the reader saw; then everything as it is now."""
    name = str(message.get("name", "")) or None
    with visit.client() as client:
        try:
            done = act(
                client, reason=str(message.get("reason", "")), author=visit.author, name=name,
                seen=str(message.get("tag", "")) or None,
            )  # fmt: skip
            said = render("policy/in_force.html", standing=done)
        except Changed as changed:
            next_ = "It is shown as it is now; do it again if it is still right."
            said = state_html(State("error", "Somebody was faster", short(str(changed)), next_))
        except PolicyError as error:
            said = problem_html("", error.members)
        except FraudrayError as error:
            said = error_html(error)
        standing = client.policies.versions(name)
        return [said, head_html(standing, "versions"), versions_html(standing), ""]
