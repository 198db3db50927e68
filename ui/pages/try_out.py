"""Try: one payment, decided before the reader's eyes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import gradio as gr

from fraudray.client import Client
from fraudray.client.wire import encode
from fraudray.domain.errors import Forbidden, FraudrayError, InvalidTransaction
from fraudray.ui.following import views_of
from fraudray.ui.page import Page
from fraudray.ui.room import Room
from fraudray.ui.states import error_html
from fraudray.ui.templates import render
from fraudray.ui.views.actions import actions_view, are_pending
from fraudray.ui.views.decision import cited_ids, decision_view
from fraudray.ui.views.evidence import evidence_view
from fraudray.ui.views.examples import examples, payments_before
from fraudray.ui.views.investigation import InvestigationView
from fraudray.ui.views.transaction_form import form_view, problems_of, transaction_of
from fraudray.ui.visit import Visit

ACTIONS_WAIT_S = 15.0
"""How long the outbox is watched."""
ACTIONS_POLL_S = 0.4

Message = Mapping[str, Any]
Shown = list[str | None]


def build(room: Room) -> None:
    """The form on the left; on the right what happens, step by step."""
    room.place("try-head", render("try/head.html"))
    with gr.Row(elem_classes="fr-split"):
        with gr.Column(elem_id="try-left"):
            room.place("try-form", render("try/form.html", form_view(), examples=examples()))
        with gr.Column(elem_id="try-right"):
            problems = room.place("try-problems", "")
            decided = room.place("try-decision", render("try/waiting.html"), live=True)
            reasoning = room.place("try-reasoning", "")
            done = room.place("try-actions", "")
    places = [problems, decided, reasoning, done]
    room.action("decide", decide, places, replaces=True)
    room.action("investigate", investigate, [reasoning, decided, done], replaces=True)


def decide(visit: Visit, entered: Message) -> Iterator[Shown]:
    """Decide what was entered, and show each step as it is known."""
    try:
        payment = transaction_of(entered)
        yield ["", render("try/deciding.html"), "", ""]
        with visit.client() as client:
            before = _decide_before(client, entered, payment)
            answer = client.wire.answer("POST", "/v1/decisions", content=encode(payment))
            decision, was_stored = answer.json(), answer.status_code == 200
            policy, model = _read_only(client)
            yield [
                "",
                decision_html(decision, policy, was_stored=was_stored, before=before),
                reasoning_html(decision, None, has_model=model),
                actions_html(decision),
            ]
            yield from _to_the_end(client, decision, policy, before)
    except InvalidTransaction as error:
        yield [render("try/problems.html", problems=problems_of(error)), render("try/waiting.html"), "", ""]
    except FraudrayError as error:
        yield ["", error_html(error), "", ""]


def investigate(visit: Visit, message: Message) -> Iterator[Shown]:
    """Have a decision investigated, and show the reasoning while it goes on."""
    transaction_id = str(message.get("transaction_id", ""))
    try:
        yield [
            render("try/reasoning.html", view=InvestigationView(), offer=False, has_model=True, transaction_id=""),
            None,
            None,
        ]
        with visit.client() as client:
            begun = client.investigations.begin(transaction_id, author=visit.author)
            for view in views_of(client.investigations.events(begun["investigation_id"])):
                yield [_running_html(view), None, None]
            decision = client.decision(transaction_id)
            policy, _ = _read_only(client)
            yield [None, decision_html(decision, policy), actions_html(decision)]
    except FraudrayError as error:
        yield [error_html(error), None, None]


def _decide_before(client: Client, entered: Message, payment: dict[str, Any]) -> int:
    """Decide what the example has decided first; how many."""
    if entered.get("before") != "on":
        return 0
    rows = payments_before(str(entered.get("example", "")), payment)
    if rows:
        client.decide_rows(rows)
    return len(rows)


def _read_only(client: Client) -> tuple[dict[str, Any] | None, bool | None]:
    """The policy, for its thresholds, and whether a model is set; each None where the server does not say.

    A key that only decides may not read the policy. A decision is shown whatever becomes of these.
    """
    policy: dict[str, Any] | None = None
    model: bool | None = None
    with suppress(FraudrayError):
        policy = client.policy()
    with suppress(FraudrayError):
        model = bool(client.ready().get("investigates"))
    return policy, model


def _to_the_end(
    client: Client, decision: dict[str, Any], policy: dict[str, Any] | None, before: int
) -> Iterator[Shown]:
    """The investigation where one is under way, then the actions until they have left. What is shown stays."""
    try:
        yield from _what_follows(client, decision, policy, before)
    except Forbidden:
        pass  # a key that decides and does not read: what the answer said stays
    except FraudrayError as error:
        yield [None, None, None, error_html(error)]


def _what_follows(
    client: Client, decision: dict[str, Any], policy: dict[str, Any] | None, before: int
) -> Iterator[Shown]:
    transaction_id = decision["transaction_id"]
    state = decision.get("investigator") or {}
    if state.get("investigation_id"):
        for view in views_of(client.investigations.events(state["investigation_id"])):
            yield [None, None, _running_html(view), None]
        decision = client.decision(transaction_id)
        yield [None, decision_html(decision, policy, before=before), None, actions_html(decision)]
    give_up_at = time.monotonic() + ACTIONS_WAIT_S
    while are_pending(decision) and time.monotonic() < give_up_at:
        time.sleep(ACTIONS_POLL_S)
        decision = client.decision(transaction_id)
        yield [None, None, None, actions_html(decision)]


def decision_html(
    decision: Mapping[str, Any], policy: Mapping[str, Any] | None, *, was_stored: bool = False, before: int = 0
) -> str:
    """The outcome, the evidence and the policy."""
    return render(
        "try/decision.html", view=decision_view(decision, policy, was_stored=was_stored),
        tools=evidence_view(decision["evidence"], cited_ids(decision)), before=before,
    )  # fmt: skip


def reasoning_html(decision: Mapping[str, Any], view: InvestigationView | None, *, has_model: bool | None) -> str:
    """The reasoning so far, or why there is none."""
    begun = bool((decision.get("investigator") or {}).get("investigation_id"))
    shown = view or (InvestigationView() if begun else None)
    return render(
        "try/reasoning.html", view=shown, offer=bool(has_model) and not begun, has_model=has_model,
        transaction_id=decision["transaction_id"],
    )  # fmt: skip


def _running_html(view: InvestigationView) -> str:
    return render("try/reasoning.html", view=view, offer=False, has_model=True, transaction_id="")


def actions_html(decision: Mapping[str, Any]) -> str:
    """The actions and what became of them."""
    return render("try/actions.html", actions=actions_view(decision), pending=are_pending(decision))


PAGE = Page("try", "Try", build)
