"""Case: everything that is known of one, and everything that can be done with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr

from fraudray.domain.errors import Changed, FieldProblem, FraudrayError, InvalidTransaction
from fraudray.ui.following import views_of
from fraudray.ui.page import Page
from fraudray.ui.pages.case_acts import ACTS, carry_out
from fraudray.ui.pages.case_parts import CaseParts
from fraudray.ui.pages.queue import taken_html
from fraudray.ui.room import Room
from fraudray.ui.states import Link, State, error_html, state_html
from fraudray.ui.templates import render
from fraudray.ui.visit import Visit
from fraudray.ui.words import short

Message = Mapping[str, Any]
Shown = list[str | None]
ASK_TIMEOUT_S = 60.0
_WHY = {
    "not_in_evidence": "the case’s evidence does not say.", "no_model": "no model is set on this server.",
    "model_failed": "the model gave no usable answer.", "late": "the model took too long.",
    "overloaded": "too much is asked of the model at once; try again in a moment.",
    "erased": "the customer’s data was erased.",
}  # fmt: skip


def build(room: Room) -> None:
    """The head above; the decision and where it happened beside each other; below what belongs to the case."""
    head = room.place("case-head")
    said = room.place("case-said", "", live=True)
    with gr.Row(elem_classes="fr-split fr-case-first"):
        with gr.Column():
            decision = room.place("case-decision")
            history = room.place("case-history", "")
            links = room.place("case-links", "")
            evidence = room.place("case-evidence", "")
        with gr.Column():
            where = room.place("case-map", "")
            lists = room.place("case-lists", "")
            reasoning = room.place("case-reasoning", "")
            ask = room.place("case-ask", "")
            answer = room.place("case-answer", "")
            write = room.place("case-write", "")
            notes = room.place("case-notes", "")
            trail = room.place("case-trail", "")
    parts = [head, decision, where, history, evidence, reasoning, ask, links, write, notes, trail, lists]
    room.on_open(opened, parts)
    room.action("case-act", act, [said, head, notes, trail, lists])
    room.action("case-note", note, [notes, head, said])
    room.action("case-next", following, [said])
    room.action("case-look", look, [said, head, notes, trail], replaces=True)
    room.action("case-detach", detach, [said, head, notes])
    room.action("case-ask", asked, [answer, head, notes], replaces=True)
    room.action("case-investigate", investigate, [reasoning, head, decision, notes], replaces=True)


def opened(visit: Visit) -> Iterator[Shown]:
    """The case that the address names: the decision first, then what takes longer to find."""
    case_id = visit.query.get("id", "").strip()
    if not case_id:
        text = "Choose one in the queue, or take the next."
        yield [state_html(State("empty", "No case is named", text, link=Link("To the queue", "queue"))), "", *[""] * 10]
        return
    with visit.client() as client:
        shown = CaseParts(client, visit, case_id, visit.query.get("tx"))
        yield [
            shown.head(), shown.decision(), shown.map(), None, shown.evidence(), None,
            render("case/ask.html", case_id=case_id), None, render("case/write.html", case_id=case_id), shown.notes(),
            None, None,
        ]  # fmt: skip
        history, reasoning, links, trail = shown.history(), shown.reasoning(), shown.links(), shown.trail()
        yield [None, None, None, history, None, reasoning, None, links, None, None, trail, shown.lists()]
        for view in shown.running_investigation():
            yield [*[None] * 5, view, *[None] * 6]


def act(visit: Visit, message: Message) -> Shown:
    """Do something with the case; what came of it, and the case as it is then."""
    name, case_id = str(message.get("act", "")), str(message.get("case_id", ""))
    if name not in ACTS:
        raise InvalidTransaction([FieldProblem("act", "enum", "is no act of this page")])
    version = message.get("version")
    with visit.client() as client:
        try:
            text = carry_out(client, visit.author, name, case_id, int(version) if version else None, message)
            said = render("case/done.html", text=text)
        except Changed as changed:
            next_ = "It is shown as it is now; do it again if it is still right."
            said = state_html(State("error", "Somebody was faster", short(str(changed)), next_))
        except FraudrayError as error:
            said = error_html(error)
        shown = CaseParts(client, visit, case_id)
        return [said, shown.head(), shown.notes(), shown.trail(), shown.lists()]


def look(visit: Visit, message: Message) -> Shown:
    """The case again, where it changed since the reader saw it."""
    case_id = str(message.get("case_id", ""))
    with visit.client() as client:
        shown = CaseParts(client, visit, case_id)
        if shown.case["version"] == message.get("version"):
            return [None, shown.head(), None, None]
        newest = shown.newest_entry()
        text = f"{newest.author} {newest.said}." if newest else "A further alert came."
        said = render("case/done.html", text=f"This case changed: {text}")
        return [said, shown.head(), shown.notes(), shown.trail()]


def note(visit: Visit, message: Message) -> Shown:
    """Add a note."""
    case_id = str(message.get("case_id", ""))
    with visit.client() as client:
        client.note(case_id, text=str(message.get("text", "")), author=visit.author)
        shown = CaseParts(client, visit, case_id)
        return [shown.notes(), shown.head(), ""]


def following(visit: Visit, _message: Message) -> str:
    """Take the best case, and go there."""
    with visit.client() as client:
        return taken_html(client.casework.next(author=visit.author, sort="risk")["case"])


def detach(visit: Visit, message: Message) -> Shown:
    """Destroy a file."""
    case_id, file_id = str(message.get("case_id", "")), str(message.get("file_id", ""))
    with visit.client() as client:
        client.casework.detach(case_id, file_id, reason=str(message.get("reason", "")), author=visit.author)
        said = render("case/done.html", text="The file is destroyed; that it was there stays on record.")
        shown = CaseParts(client, visit, case_id)
        return [said, shown.head(), shown.notes()]


def asked(visit: Visit, message: Message) -> Iterator[Shown]:
    """Ask the model about the case, and show its answer as it comes; it stays on the case."""
    case_id, question = str(message.get("case_id", "")), str(message.get("question", "")).strip()
    thinking = ""
    yield [_answer(question, running=True), None, None]
    with visit.client(timeout_s=ASK_TIMEOUT_S) as client:
        for event in client.ask_live(case_id, question, author=visit.author):
            if event["kind"] == "reasoning":
                thinking = (thinking + str(event["body"].get("text", "")))[-8000:]
                yield [_answer(question, running=True, thinking=thinking), None, None]
            elif event["kind"] == "finished":
                shown = CaseParts(client, visit, case_id)
                yield [_answered(question, event["body"], thinking), shown.head(), shown.notes()]


def investigate(visit: Visit, message: Message) -> Iterator[Shown]:
    """Have a decision investigated, and show the reasoning while it goes on."""
    transaction_id = str(message.get("transaction_id", ""))
    with visit.client() as client:
        begun = client.investigations.begin(transaction_id, author=visit.author)
        for view in views_of(client.investigations.events(begun["investigation_id"])):
            yield [render("case/reasoning.html", view=view, cited=[], offer=False, transaction_id=""), None, None, None]
        case_id = client.decision(transaction_id).get("case_id")
        if case_id:
            shown = CaseParts(client, visit, case_id, transaction_id)
            yield [shown.reasoning(), shown.head(), shown.decision(), shown.notes()]


def _answer(question: str, *, running: bool, thinking: str = "", **found: Any) -> str:
    values = {"answer": "", "cited": [], "why": ""} | found
    return render("case/answer.html", question=short(question, 1000), running=running, thinking=thinking, **values)


def _answered(question: str, body: Mapping[str, Any], thinking: str) -> str:
    if body.get("answered"):
        cited = [{"id": one["id"], "text": short(str(one.get("text") or ""), 200)} for one in body.get("citations", [])]
        return _answer(question, running=False, thinking=thinking, answer=body.get("answer", ""), cited=cited)
    why = _WHY.get(str(body.get("why")), short(str(body.get("detail") or body.get("why") or "")))
    return _answer(question, running=False, thinking=thinking, why=why)


PAGE = Page("case", "Case", build, in_navigation=False)
