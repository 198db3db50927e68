"""`fraudray accounts`."""

from __future__ import annotations

from typing import Annotated

import typer

from fraudray.cli.session import (
    AUTHOR,
    Author,
    DataDir,
    Document,
    Json,
    Session,
    checked_author,
    examples,
    new_app,
)

app = new_app(help="Show whether an account is frozen; lift a freeze.")
CustomerId = Annotated[str, typer.Argument(metavar="ID", help="The customer's id.")]


@app.command(epilog=examples("fraudray accounts show C-12345"))
def show(ctx: typer.Context, customer_id: CustomerId, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show whether a customer's account is frozen, until when, and because of what."""
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        account = service.account(customer_id)
    session.show(account, account_line(account))


@app.command(epilog=examples("fraudray accounts unfreeze C-12345 --reason 'The customer called: it was her.'"))
def unfreeze(
    ctx: typer.Context,
    customer_id: CustomerId,
    reason: Annotated[str, typer.Option("--reason", help="Why; goes on the audit trail.")],
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Lift the freeze on an account.

    The answer says whether the customer's last transaction would pass now and, if not, what refuses it.
    """
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with session.service() as service:
        answer = service.unfreeze(customer_id, reason=reason, author=checked_author(author))
    session.show(answer, unfreeze_text(answer))


def account_line(account: Document) -> str:
    """One sentence about an account."""
    from fraudray.cli.tables import minute
    from fraudray.cli.text import visible

    who = account["customer_id"] + ("" if account["registered"] else " (not registered)")
    freeze = account.get("freeze")
    if not freeze:
        return visible(f"The account of {who} is not frozen.")
    until = minute(freeze["ends_at"])
    return visible(f"The account of {who} is frozen until {until} UTC, because of {freeze['transaction_id']}.")


def unfreeze_text(answer: Document) -> str:
    """What lifting a freeze did, in sentences."""
    from fraudray.cli.tables import minute
    from fraudray.cli.text import visible

    lines = [f"The freeze on the account of {answer['customer_id']} is lifted."]
    last = answer.get("last_transaction_id")
    if last is None:
        lines.append("The customer has no transaction yet.")
    elif answer["would_pass_now"]:
        lines.append(f"The last transaction, {last}, would pass now.")
    else:
        lines.append(f"The last transaction, {last}, would still get {answer['decision_now']}:")
        for refusal in answer["refused_by"]:
            until = f" (until {minute(refusal['until'])} UTC)" if refusal.get("until") else ""
            lines.append(f"  {refusal['code']}: {refusal['text']}{until}")
    return visible("\n".join(lines))
