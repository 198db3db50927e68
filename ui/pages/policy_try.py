"""What a changed policy would change: on the newest decisions at once, on a stored history by a back-test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.client import Client
from fraudray.domain.errors import FraudrayError, PolicyError, Refused
from fraudray.ui.pages.policy_copy import problem_html
from fraudray.ui.states import error_html
from fraudray.ui.templates import render
from fraudray.ui.views.backtest import run_view
from fraudray.ui.views.backtest_compare import challenged
from fraudray.ui.views.backtest_list import run_line
from fraudray.ui.views.policy import impact_view, mark
from fraudray.ui.visit import Visit

Message = Mapping[str, Any]
IMPACT_S = 60.0
ROWS = 2000


def impact(visit: Visit, message: Message) -> str:
    """What the copy makes of the newest decisions, beside what is in force."""
    text = str(message.get("text", ""))
    with visit.client(timeout_s=IMPACT_S) as client:
        try:
            found = client.policies.impact(text, limit=ROWS)
        except PolicyError as error:
            return problem_html(text, error.members)
        return render("policy/impact.html", found=found, view=impact_view(found), mark=mark())


def histories(visit: Visit, _message: Message) -> str:
    """The histories that a back-test can run on; how to get one where there is none."""
    with visit.client() as client:
        found = client.backtests.list(limit=1)["histories"]
        return render("policy/histories.html", histories=found) if found else render("backtests/no_history.html")


def begun(visit: Visit, message: Message) -> str:
    """Begin a back-test: the policy in force against the copy."""
    text = str(message.get("text", ""))
    wanted = {"history": str(message.get("history", "")), "challenger_text": text}
    wanted |= {name: str(message[name]) for name in ("from", "to") if str(message.get(name, "")).strip()}
    with visit.client() as client:
        try:
            checked = client.policies.check(text=text)
            if not checked["usable"]:
                return problem_html(text, checked["problem"])
            names = client.policies.versions(checked["name"], limit=1)["names"]
            if len(names) > 1:  # of several policies the one that the copy would replace
                wanted["policy_text"] = str(client.policy(checked["name"])["source"])
            else:
                wanted["policy"] = "current"
            return _run_html(client, client.backtests.start(wanted, author=visit.author))
        except FraudrayError as error:
            return error_html(error)


def job(visit: Visit, message: Message) -> str:
    """How far a back-test is, and what it found."""
    with visit.client() as client:
        return _run_html(client, client.backtests.show(str(message.get("id", ""))))


def _run_html(client: Client, found: Mapping[str, Any]) -> str:
    html = render("policy/run.html", run=run_line(found), backtest_id=found["backtest_id"], mark=mark())
    if found["state"] != "done":
        return html
    try:
        figures = client.backtests.figures(found["backtest_id"])
    except Refused as error:
        return html + error_html(error)
    return html + render(
        "backtests/differences.html", title="The copy against what is in force", caveats=[],
        names=("In force", "Your copy"), rows=challenged(figures), text=run_view(figures).changed,
    )  # fmt: skip
