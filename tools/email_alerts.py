"""email-alerts as an MCP server: an alert about a stored decision, to the configured domains only."""

from __future__ import annotations

import re
import time
from typing import Annotated, Literal

from mcp.types import ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field

from fraudray.adapters.sql.outbox import OutboxRow
from fraudray.bootstrap import App
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import FieldProblem, InvalidTransaction, Refused
from fraudray.domain.text import FreeText
from fraudray.tools.catalogue import find
from fraudray.tools.main import main
from fraudray.tools.parameters import NOT_GIVEN, Claim, CustomerId, TransactionId
from fraudray.tools.provider import AppProvider
from fraudray.tools.server import Call, ToolServer, author

EMAIL_ALERTS = "email-alerts"
WAIT_FOR_DELIVERY_S = 5.0
RECIPIENTS_MAX = 20
# The outbox worker delivers each alert once (its idempotency key); mail leaves this system.
_SENDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")


class AlertResult(BaseModel):
    """What became of the alert. Amount, score and decision in the mail are the stored record's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Literal["sent", "written", "queued", "failed"] = Field(
        description="sent: a mail server or SES took it. written: none is set, so it lies in the outbox folder. "
        "queued: not delivered yet, it will be tried again. failed: given up."
    )
    outcome: str = Field(description="What happened, in words.")
    alert_id: str = Field(description="The outbox entry; the same alert again has the same one.")
    transaction_id: str
    customer_id: str
    decision: Outcome = Field(description="The stored decision.")
    risk_score: int = Field(description="The stored score, which the mail states.")
    claimed_risk_score: float | None = Field(description="The score that the caller gave; not used.")
    recipients: list[str]
    case_id: str | None


def build_server(provider: AppProvider) -> ToolServer:
    """The server, acting on what `provider` opens."""
    server = ToolServer(
        find(EMAIL_ALERTS),
        title="E-mail alerts",
        instructions="Sends fraud alerts about transactions that were decided, to the configured domains only.",
    )

    @server.tool(title="Send fraud alert e-mail", annotations=_SENDS)
    def send_fraud_alert_email(
        alert_type: Annotated[FreeText, Field(max_length=100, description='For example "impossible travel".')],
        transaction_id: TransactionId,
        customer_id: CustomerId,
        risk_score: Annotated[
            Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None,
            Field(description="Your claim; the mail states the stored decision's own score."),
        ],
        details: Annotated[Claim, Field(description="Your words; the mail shows them as a claim with your name.")],
        ctx: Call,
        recipients: Annotated[
            list[str] | str | None,
            NOT_GIVEN,
            Field(description="Addresses in the allowed domains; the configured recipients when left out."),
        ] = None,
    ) -> AlertResult:
        """Send an e-mail alert about a transaction that was decided.

        Amount, score, decision and reasons come from the stored record; what you write in `details` is shown as your
        claim. The transaction must have been decided and be this customer's. The same alert is sent once, however
        often you ask. Check `status`: "queued" is not delivered yet, and an error result was not delivered at all.
        """
        with provider.app(delivers=True) as app:
            decision = app.store.cases.decision(transaction_id)
            if decision.customer_id != customer_id:
                raise Refused(f"{transaction_id} is another customer's transaction; correct customer_id")
            entry = app.desk.request_alert(
                transaction_id=transaction_id, alert_type=alert_type, details=details,
                recipients=_addresses(recipients), author=author(ctx),
            )  # fmt: skip
            row = _wait(app, entry.entry_id)
            status, outcome = _became(row, leaves=app.settings.mails_by != "folder")
        return AlertResult(
            status=status,
            outcome=outcome,
            alert_id=entry.entry_id,
            transaction_id=transaction_id,
            customer_id=customer_id,
            decision=decision.decision,
            risk_score=decision.score,
            claimed_risk_score=risk_score,
            recipients=list(row.entry.details.get("recipients", [])),
            case_id=decision.case_id,
        )

    return server


def _addresses(given: list[str] | str | None) -> list[str] | None:
    """Plain addresses, one each: a list smuggled into one of them could name a domain that is not allowed."""
    if given is None:
        return None
    addresses = [part.strip() for part in given.split(",")] if isinstance(given, str) else given
    problems = [
        FieldProblem(f"recipients.{index}", "address", "is not a plain e-mail address such as team@example.com")
        for index, address in enumerate(addresses)
        if not _ADDRESS.fullmatch(address)
    ]
    if len(addresses) > RECIPIENTS_MAX:
        problems = [FieldProblem("recipients", "too_many", f"may have {RECIPIENTS_MAX} addresses at most")]
    if problems:
        raise InvalidTransaction(problems)
    return list(dict.fromkeys(addresses)) or None


def _wait(app: App, entry_id: str) -> OutboxRow:
    """The entry once it was tried, or as it stands after a few seconds."""
    give_up_at = time.monotonic() + WAIT_FOR_DELIVERY_S
    while True:
        row = app.store.outbox.get(entry_id)
        if row.status != "pending" or row.outcome is not None or time.monotonic() >= give_up_at:
            return row
        time.sleep(0.05)


def _became(row: OutboxRow, *, leaves: bool) -> tuple[Literal["sent", "written", "queued", "failed"], str]:
    match row.status:
        case "done":
            return "sent" if leaves else "written", row.outcome or "delivered"
        case "dead":
            again = f"`fraudray outbox retry {row.entry.entry_id}` tries again"
            return "failed", f"{row.outcome or 'not delivered'}; {again}"
        case _:
            tried = f"not delivered yet ({row.outcome})" if row.outcome else "not tried yet"
            return "queued", f"{tried}; due at {row.due_at:%Y-%m-%dT%H:%M:%SZ}"


if __name__ == "__main__":
    main(EMAIL_ALERTS)
