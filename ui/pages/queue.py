"""Queue: the cases that want work, the worst first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fraudray.client import Client
from fraudray.domain.errors import Forbidden, FraudrayError
from fraudray.ui.page import Page
from fraudray.ui.room import Room
from fraudray.ui.states import State, error_html, state_html
from fraudray.ui.templates import render
from fraudray.ui.views.queue import PAGE_ROWS, SORTS, VIEWS, Asked, asked_of, lines_of
from fraudray.ui.visit import Visit

Message = Mapping[str, Any]
Shown = list[str | None]


def build(room: Room) -> None:
    """Filters above, the table below; what happened when many were closed at once between them."""
    room.place("queue-head", render("queue/head.html"))
    filters = room.place("queue-filters")
    said = room.place("queue-said", "", live=True)
    table = room.place("queue-table")
    room.on_open(opened, [filters, table])
    room.action("queue-list", listed, [table], replaces=True)
    room.action("queue-next", following, [said])
    room.action("queue-bulk", bulk, [said, table])


def opened(visit: Visit) -> Shown:
    """The filters as the address has them, and the cases."""
    asked = asked_of(visit.query)
    with visit.client() as client:
        table = table_html(client, visit, asked)
        filters = render("queue/filters.html", asked=asked, sorts=SORTS, reasons=_reason_codes(client))
    return [filters, table]


def listed(visit: Visit, message: Message) -> str:
    """The cases that are asked for now."""
    with visit.client() as client:
        return table_html(client, visit, asked_of(message))


def following(visit: Visit, message: Message) -> str:
    """Take the best case, and go there."""
    with visit.client() as client:
        wanted = asked_of(message)
        query = {name: value for name, value in wanted.query(visit.author).items() if name in wanted.fields}
        case = client.casework.next(author=visit.author, sort=wanted.sort, **query)["case"]
    return taken_html(case, narrowed=wanted.narrowed)


def taken_html(case: Mapping[str, Any] | None, *, narrowed: bool = False) -> str:
    """Where to go with the case that was taken; what to say where there was none."""
    if case is not None:
        return render("queue/go.html", case_id=case["case_id"])
    text = "Everything is taken, waits, or is closed" + (", of what your filters show." if narrowed else ".")
    return state_html(State("info", "No case is ready", text, "New ones appear in the queue by themselves."))


def bulk(visit: Visit, message: Message) -> Iterator[Shown]:
    """Do the same with several cases; say what became of each, and show the cases again."""
    act, asked = str(message.get("act", "")), asked_of(message.get("asked") or {})
    chosen = [(str(one.get("case_id")), one.get("version")) for one in message.get("cases", [])]
    names = ("disposition", "reason", "to")
    fields = {name: str(message[name]) for name in names if str(message.get(name, "")).strip()}
    try:
        with visit.client(timeout_s=60) as client:
            answer = client.casework.many(act, chosen, author=visit.author, **fields)
            said = render("queue/done.html", act=act, answer=answer, disposition=fields.get("disposition"))
            yield [said, table_html(client, visit, asked)]
    except FraudrayError as error:
        yield [error_html(error), None]


def table_html(client: Client, visit: Visit, asked: Asked) -> str:
    """The cases of one page of the queue, and the views with how many each has."""
    author = client.whoami(visit.author)["author"]
    counts = client.casework.counts(author=visit.author)
    offset = (asked.page - 1) * PAGE_ROWS
    found = client.cases(count=asked.narrowed, limit=PAGE_ROWS, offset=offset, **asked.query(author))
    total = found["total"] if asked.narrowed else counts[asked.view]
    pages = max(1, -(-total // PAGE_ROWS))
    return render(
        "queue/table.html", asked=asked, views=VIEWS, counts=counts, total=total, pages=pages,
        lines=lines_of(found["cases"], datetime.now(UTC)), first=offset + 1,
    )  # fmt: skip


def _reason_codes(client: Client) -> list[str]:
    """The reasons that the policy in force gives. A key that does not read the policy goes without."""
    try:
        document = client.policy()["document"]
    except Forbidden:
        return []
    parts = (*document.get("rules", []), *document.get("floors", []), *document.get("scoring", []))
    return sorted({part["code"] for part in parts if isinstance(part, dict) and part.get("code")})


PAGE = Page("queue", "Queue", build)
