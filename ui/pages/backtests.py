"""Back-tests: what a policy would have caught in past payments; start one, look at it, try thresholds, compare two."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fraudray.client import Client
from fraudray.domain.errors import Forbidden, FraudrayError, InvalidTransaction, NotFound, PolicyError
from fraudray.ui.page import Page
from fraudray.ui.pages.backtest_parts import compared_html, run_html
from fraudray.ui.room import Room
from fraudray.ui.states import error_html
from fraudray.ui.templates import render
from fraudray.ui.views.backtest_form import VERSIONS_MAX, form_view, problems_of, request_of
from fraudray.ui.views.backtest_list import ID_MAX, PAGE_RUNS, STATES, Asked, asked_of, runs_of
from fraudray.ui.visit import Visit

Message = Mapping[str, Any]
Shown = list[str | None]
STOP_TIMEOUT_S = 60.0
"""A server waits so long for the processes of what is stopped."""


def build(room: Room) -> None:
    """The form and the list; or, where the address names one, that one."""
    room.place("bt-head", render("backtests/head.html"))
    said = room.place("bt-said", "", live=True)
    form = room.place("bt-form", "")
    shown = room.place("bt-shown")
    room.on_open(opened, [shown, form])
    room.action("backtests-look", look, [shown, said], replaces=True)
    room.action("backtests-start", start, [said, shown])
    room.action("backtests-cancel", cancel, [said, shown])
    room.action("backtests-resume", resume, [said, shown])


def opened(visit: Visit) -> Shown:
    """What the address asks for."""
    asked = asked_of(visit.query)
    with visit.client() as client:
        if asked.first:
            return [_one(client, asked), ""]
        listed = _listed(client, asked)
        histories = listed["histories"]
        if not histories:
            return [_list(listed, asked), render("backtests/no_history.html")]
        view = form_view(histories, _policy(client), _versions(client))
        form = render("backtests/form.html", view=view, open=not listed["backtests"])
        return [_list(listed, asked), form]


def look(visit: Visit, message: Message) -> Shown:
    """How things stand; what has ended since the reader looked is said."""
    with visit.client() as client:
        ended = [_ended(client, str(one)) for one in list(message.get("moving", []))[:20]]
        return [_shown(client, message), "".join(ended) or None]


def start(visit: Visit, message: Message) -> Shown:
    """Begin what was entered, or say that the same one is there."""
    try:
        with visit.client() as client:
            wanted = request_of(message, lambda number: str(client.policies.version(number)["text"]))
            found = client.backtests.start(wanted, author=visit.author)
            return [_begun(found), _shown(client, message)]
    except (InvalidTransaction, PolicyError) as error:
        problems = problems_of(error)
        one = len(problems) == 1
        title = "One field is not accepted" if one else f"{len(problems)} fields are not accepted"
        text = f"Nothing was started. Correct {'it' if one else 'them'} and start again."
        return [_said("error", title, text, problems=problems), None]


def cancel(visit: Visit, message: Message) -> Shown:
    """Stop one that waits or runs."""
    with visit.client(timeout_s=STOP_TIMEOUT_S) as client:
        job = client.backtests.cancel(_id(message))
        text = "It goes on where it stopped when you resume it."
        return [_said("info", f"The back-test is {_word(job)}", text), _shown(client, message)]


def resume(visit: Visit, message: Message) -> Shown:
    """Let one that stopped go on."""
    with visit.client() as client:
        return [_begun(client.backtests.resume(_id(message), author=visit.author)), _shown(client, message)]


def _shown(client: Client, message: Message) -> str:
    """What the page shows, as its address asks for it."""
    asked = asked_of(message.get("asked") or {})
    return _one(client, asked) if asked.first else _list(_listed(client, asked), asked)


def _one(client: Client, asked: Asked) -> str:
    return compared_html(client, asked.first, asked.second) if asked.second else run_html(client, asked.first)


def _listed(client: Client, asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = client.backtests.list(limit=PAGE_RUNS + 1, offset=(asked.page - 1) * PAGE_RUNS)
    return found


def _list(listed: Mapping[str, Any], asked: Asked) -> str:
    jobs = listed["backtests"]
    return render(
        "backtests/list.html", runs=runs_of(jobs[:PAGE_RUNS]), asked=asked, more=len(jobs) > PAGE_RUNS,
        histories=listed["histories"], at=datetime.now(UTC).isoformat(),
    )  # fmt: skip


def _ended(client: Client, backtest_id: str) -> str:
    """What is said of one that the reader saw run; nothing while it does."""
    try:
        job = client.backtests.show(backtest_id[:ID_MAX])
    except FraudrayError as error:
        return error_html(error)
    if job["state"] in ("queued", "running"):
        return ""
    kind = "error" if job["state"] == "failed" else "info"
    return _said(kind, f"A back-test is {_word(job)}", job.get("error") or "", backtest_id=job["backtest_id"])


def _begun(found: Mapping[str, Any]) -> str:
    if found["begun"]:
        text = "Its progress shows by itself. You may leave this page meanwhile."
        return _said("info", "The back-test is asked for", text, backtest_id=found["backtest_id"])
    text = "The same history, policy and days were asked for before: it is shown as it is, and not run again."
    return _said("info", f"This very back-test is {_word(found)}", text, backtest_id=found["backtest_id"])


def _said(kind: str, title: str, text: str, *, problems: Any = (), backtest_id: str = "") -> str:
    return render("backtests/said.html", kind=kind, title=title, text=text, problems=problems, backtest_id=backtest_id)


def _word(job: Mapping[str, Any]) -> str:
    return STATES.get(str(job["state"]), str(job["state"])).lower()


def _policy(client: Client) -> dict[str, Any] | None:
    """The policy in force; None for a key that may not read it."""
    try:
        found: dict[str, Any] = client.policy()
    except Forbidden:
        return None
    return found


def _versions(client: Client) -> list[dict[str, Any]]:
    """Versions of the policy that are kept; none for a key that may not read them, or a server that keeps none."""
    try:
        found: list[dict[str, Any]] = client.policies.versions(limit=VERSIONS_MAX)["versions"]
    except (Forbidden, NotFound):
        return []
    return found


def _id(message: Message) -> str:
    return str(message.get("id", ""))[:ID_MAX]


PAGE = Page("backtests", "Back-tests", build)
