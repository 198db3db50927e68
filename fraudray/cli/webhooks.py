"""`fraudray webhooks`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from fraudray.cli.exits import ExitCode
from fraudray.cli.session import AUTHOR, Author, DataDir, Document, Json, Session, checked_author, examples, new_app
from fraudray.domain.decision import Outcome

app = new_app(help="Tell other systems of decisions and cases, by signed HTTP requests.")
WebhookId = Annotated[str, typer.Argument(metavar="ID", help="The endpoint's id, as `webhooks list` shows it.")]


class Event(StrEnum):
    """What an endpoint can be told of."""

    DECISION_CREATED = "decision.created"
    DECISION_REVISED = "decision.revised"
    CASE_OPENED = "case.opened"
    CASE_UPDATED = "case.updated"
    CASE_CLOSED = "case.closed"


@app.command(
    epilog=examples(
        "fraudray webhooks add https://hooks.example.com/fraud --event decision.created --outcome BLOCK",
        "fraudray webhooks add https://hooks.example.com/cases --event case.opened --event case.closed",
    )
)
def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(help="Where to send; its host must be in FRAUDRAY_WEBHOOK_HOSTS.")],
    events: Annotated[list[Event], typer.Option("--event", help="What to tell; may be given more than once.")],
    outcomes: Annotated[
        list[Outcome] | None,
        typer.Option(
            "--outcome", help="Of decision events, only these; may be repeated.", show_default="REVIEW, BLOCK"
        ),
    ] = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Add an endpoint. Prints the secret that its receiver verifies with, this once."""
    wish: Document = {"url": url, "events": [event.value for event in events]}
    if outcomes:
        wish["outcomes"] = [outcome.value for outcome in outcomes]
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        added = service.webhooks.add(wish, author=checked_author(author))
    session.show(added, f"Added {added['webhook_id']}. Its secret, shown this once:\n{added['secret']}")


@app.command("list", epilog=examples("fraudray webhooks list"))
def list_(ctx: typer.Context, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List endpoints and what they are told of."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.webhooks.list()
    from fraudray.cli.tables import listing

    rows = (
        (w["webhook_id"], w["url"], _state(w), ", ".join(w["events"]), ", ".join(w["outcomes"]))
        for w in found["webhooks"]
    )
    session.show(found, listing(("Webhook", "URL", "Status", "Events", "Outcomes"), rows, empty="No webhooks."))


@app.command(epilog=examples("fraudray webhooks show wh_0123"))
def show(ctx: typer.Context, webhook_id: WebhookId, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show an endpoint, how many events left, and its newest failures (`fraudray outbox retry ENTRY`)."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        found = service.webhooks.show(webhook_id)
    from rich.console import Group

    from fraudray.cli.tables import fields, listing, minute, status

    counts = ", ".join(f"{count:,} {word}" for word, count in found["deliveries"].items())
    head = fields(
        [
            ("url", found["url"]), ("status", _state(found)), ("events", ", ".join(found["events"])),
            ("outcomes", ", ".join(found["outcomes"])), ("added", f"{minute(found['created_at'])} UTC"),
            ("by", found["created_by"]), ("deliveries", counts),
        ]
    )  # fmt: skip
    failures = (
        (f["entry_id"], f["event"], status(f["status"]), f["attempts"], minute(f["due_at"]), f["outcome"])
        for f in found["failures"]
    )
    columns = ("Entry", "Event", "Status", "Tries", "Due (UTC)", "Outcome")
    session.show(found, Group(head, listing(columns, failures, empty="Nothing failed.")))


@app.command("test", epilog=examples("fraudray webhooks test wh_0123"))
def send_test(
    ctx: typer.Context, webhook_id: WebhookId, author: Author = AUTHOR, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """Send a `webhook.test` event at once. Ends with code 1 when it was not taken."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        answer = service.webhooks.test(webhook_id, author=checked_author(author))
    taken = "Taken" if answer["delivered"] else "Not taken"
    session.show(answer, f"{taken} after {answer['took_ms']:,} ms: {answer['outcome']}")
    if not answer["delivered"]:
        raise typer.Exit(ExitCode.FOUND)


@app.command(epilog=examples("fraudray webhooks rotate wh_0123"))
def rotate(
    ctx: typer.Context, webhook_id: WebhookId, author: Author = AUTHOR, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """Make a new secret and print it, this once. For 24 hours the one before signs too."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        rotated = service.webhooks.rotate(webhook_id, author=checked_author(author))
    session.show(rotated, f"The new secret of {webhook_id}, shown this once:\n{rotated['secret']}")


@app.command(epilog=examples("fraudray webhooks enable wh_0123"))
def enable(
    ctx: typer.Context, webhook_id: WebhookId, author: Author = AUTHOR, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """Switch an endpoint on again."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        webhook = service.webhooks.enable(webhook_id, author=checked_author(author))
    session.show(webhook, f"{webhook_id} is on.")


@app.command(epilog=examples("fraudray webhooks disable wh_0123 --reason 'Receiver is being replaced.'"))
def disable(
    ctx: typer.Context,
    webhook_id: WebhookId,
    reason: Annotated[str, typer.Option("--reason", help="Why; `webhooks list` shows it.")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Switch an endpoint off. Events of that time are not sent to it later."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        webhook = service.webhooks.disable(webhook_id, reason=reason, author=checked_author(author))
    session.show(webhook, f"{webhook_id} is off.")


@app.command(epilog=examples("fraudray webhooks remove wh_0123"))
def remove(
    ctx: typer.Context, webhook_id: WebhookId, author: Author = AUTHOR, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """Remove an endpoint and destroy its secret. What waits for it is given up."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        answer = service.webhooks.remove(webhook_id, author=checked_author(author))
    session.show(answer, f"Removed {webhook_id}.")


def _state(webhook: Document) -> str:
    reason = webhook.get("status_reason")
    return f"{webhook['status']}: {reason}" if reason else str(webhook["status"])
