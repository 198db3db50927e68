"""fraud-logger as an MCP server: what agents note on cases, as claims with their author."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from mcp.types import ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from fraudray.bootstrap import App
from fraudray.domain.case import Case, CaseStatus, CaseSummary
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.decision import Moment, Outcome
from fraudray.domain.errors import FieldProblem, InvalidTransaction, NotFound
from fraudray.domain.text import FreeText, Identifier
from fraudray.domain.transaction import field_problems
from fraudray.tools.catalogue import find
from fraudray.tools.main import main
from fraudray.tools.parameters import NOT_GIVEN, CaseId, Claim, OptionalId, OptionalText
from fraudray.tools.provider import AppProvider
from fraudray.tools.server import READS, Call, ToolServer, author

FRAUD_LOGGER = "fraud-logger"
_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
# Closing cannot be undone by another call; closing again is refused and changes nothing.
_CLOSES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
Json = dict[str, Any] | list[Any] | str | int | float | bool | None
_ID: TypeAdapter[str] = TypeAdapter(Identifier)


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LogResult(_Result):
    """The note as it was kept, and the case as the record has it."""

    case_id: str
    action: Literal["opened", "appended"]
    entry_id: str
    logged_at: Moment
    author: str
    case_status: CaseStatus
    customer_id: str
    decision: Outcome = Field(description="The case's decision in the stored record, whatever the caller claims.")
    risk_score: int = Field(description="The case's score in the stored record.")


class CaseList(_Result):
    """Cases, newest alert first."""

    cases: list[CaseSummary]


class CloseResult(_Result):
    """The case once it is closed."""

    case_id: str
    case_status: CaseStatus
    disposition: str


def build_server(provider: AppProvider) -> ToolServer:
    """The server, acting on what `provider` opens."""
    server = ToolServer(
        find(FRAUD_LOGGER),
        title="Fraud logger",
        instructions="Keeps fraud cases: log findings, search, read and close. Everything is on the audit trail.",
    )

    @server.tool(title="Log fraud case", annotations=_ADDS)
    def log_fraud_case(
        case_id: CaseId,
        transaction_data: Annotated[
            dict[str, Any] | str | None,
            NOT_GIVEN,
            Field(description="An object (or its JSON text) with transaction_id; only that is used, all else is read "
                  "from the stored record. Needed to open a case."),
        ],
        investigation_notes: Annotated[Claim, Field(description="What you found; kept as your claim.")],
        agent_decision: Annotated[FreeText, Field(max_length=100, description="What you would decide; your claim.")],
        evidence: Annotated[Json, Field(description="Any JSON; kept as your claim. Card numbers are masked.")],
        ctx: Call,
    ) -> LogResult:  # fmt: skip
        """Note findings on a fraud case, or open one of your own for a transaction that was decided.

        A case that exists is appended to; the id of fraudray's own is in the decision. An id that does not exist yet
        (of your own, or a free FRD-YYYY-NNNN) opens a case for the transaction named in transaction_data. Decision,
        score and amounts are the stored
        record's: what you send is kept beside them as a claim with your name. Each call adds one entry.
        """
        with provider.app() as app:
            transaction_id = _transaction_id(transaction_data)
            existed = _exists(app, case_id)
            entry = app.desk.log_case(
                case_id=case_id, transaction_id=transaction_id, notes=investigation_notes,
                claimed_decision=agent_decision, evidence=evidence, author=author(ctx),
            )  # fmt: skip
            case = app.store.cases.case(case_id)
        return LogResult(
            case_id=case_id,
            action="appended" if existed else "opened",
            entry_id=entry.entry_id,
            logged_at=entry.at,
            author=entry.author,
            case_status=case.status,
            customer_id=case.customer_id,
            decision=case.decision,
            risk_score=case.score,
        )

    @server.tool(title="Search fraud cases", annotations=READS)
    def search_fraud_cases(
        text: Annotated[
            OptionalText,
            Field(description="Words: beginnings of a case id, customer id, transaction id, merchant or reason code."),
        ] = None,
        customer_id: Annotated[OptionalId, Field(description="Only this customer's; all when left out.")] = None,
        status: Annotated[
            CaseStatus | None, NOT_GIVEN, Field(description="Only those in this status; all when left out.")
        ] = None,
        limit: Annotated[int, Field(ge=1, le=100, description="How many at most.")] = 20,
        offset: Annotated[int, Field(ge=0, le=1_000_000, description="How many of the newest to pass over.")] = 0,
    ) -> CaseList:
        """Find fraud cases, newest alert first; without arguments, the newest of all. Changes nothing."""
        with provider.app() as app:
            query = CaseQuery.parse({"status": status, "customer_id": customer_id, "q": text})
            found = app.store.cases.search(query, now=app.clock.now(), limit=limit, offset=offset)
        return CaseList(cases=found)

    @server.tool(title="Get fraud case", annotations=READS)
    def get_fraud_case(case_id: CaseId) -> Case:
        """Read a whole case: its decisions with reasons and evidence, its notes with their authors. Changes nothing."""
        with provider.app() as app:
            return app.store.cases.case(case_id)

    @server.tool(title="Close fraud case", annotations=_CLOSES)
    def close_fraud_case(
        case_id: CaseId,
        disposition: Annotated[
            FreeText, Field(max_length=100, description='How it ended, for example "confirmed_fraud".')
        ],
        reason: Annotated[Claim, Field(description="Why; kept with your name.")],
        ctx: Call,
    ) -> CloseResult:
        """Close an open case with a disposition and a reason. A freeze on the account stays."""
        with provider.app() as app:
            app.case_desk.close(case_id, disposition=disposition, reason=reason, author=author(ctx))
        return CloseResult(case_id=case_id, case_status="closed", disposition=disposition)

    return server


def _transaction_id(data: dict[str, Any] | str | None) -> str | None:
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError):
            data = {}
        if not isinstance(data, dict):
            data = {}
        if "transaction_id" not in data:
            message = 'is not JSON that names a transaction; send {"transaction_id": "TXN-..."}'
            raise InvalidTransaction([FieldProblem("transaction_data", "json", message)])
    if not data or data.get("transaction_id") in (None, ""):
        return None
    try:
        return _ID.validate_python(data["transaction_id"])
    except ValidationError as error:
        problems = [FieldProblem("transaction_data.transaction_id", p.code, p.message) for p in field_problems(error)]
        raise InvalidTransaction(problems) from None


def _exists(app: App, case_id: str) -> bool:
    try:
        app.store.cases.case(case_id)
    except NotFound:
        return False
    return True


if __name__ == "__main__":
    main(FRAUD_LOGGER)
