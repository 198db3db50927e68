"""What every face offers, as JSON-ready documents: in this process (`LocalService`) or through a server (`Client`)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import orjson
from pydantic import TypeAdapter, ValidationError

from fraudray.adapters.sql.outbox import OutboxRow
from fraudray.adapters.sql.schema import from_us
from fraudray.adapters.sql.store import AuditEntry
from fraudray.bootstrap import App, open_app
from fraudray.desk import checked_text
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.customer import AnyTemplate, BiometricTemplate, CustomerProfile, ForeignTemplate
from fraudray.domain.decision import Decision
from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction, NotFound
from fraudray.domain.transaction import Transaction, field_problems
from fraudray.evidence.biometrics import check_templates, matcher_of
from fraudray.explain import explain_document
from fraudray.policy.book import describe
from fraudray.problems import problem_of
from fraudray.reference import lists_status, reload_reference
from fraudray.service import ask
from fraudray.service.backtests import Backtests, LocalBacktests
from fraudray.service.casework import CaseWork, LocalCaseWork
from fraudray.service.investigations import InvestigationService, LocalInvestigations
from fraudray.service.keys import Keys, LocalKeys
from fraudray.service.labels import LabelService, LocalLabels
from fraudray.service.lists import ListService, LocalLists
from fraudray.service.policies import LocalPolicies, Policies
from fraudray.service.reports import LocalReports, Reports
from fraudray.service.standing import Standing
from fraudray.service.webhooks import LocalWebhooks, Webhooks
from fraudray.settings import Settings

Document = dict[str, Any]
LIST_MAX = 500


class Service(Protocol):
    """Everything a person or program can ask of fraudray. Raises the errors of `fraudray.domain.errors`."""

    @property
    def reports(self) -> Reports:
        """Reports over a period."""
        ...

    @property
    def investigations(self) -> InvestigationService:
        """Investigations by a model."""
        ...

    @property
    def backtests(self) -> Backtests:
        """Back-tests beside the server."""
        ...

    @property
    def keys(self) -> Keys:
        """API keys."""
        ...

    @property
    def labels(self) -> LabelService:
        """What became known of transactions."""
        ...

    @property
    def lists(self) -> ListService:
        """Deny, allow and block lists, and muted rules."""
        ...

    @property
    def policies(self) -> Policies:
        """Policies in words, their versions, and which is in force."""
        ...

    def decide(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """Decide one transaction."""
        ...

    def decide_rows(self, rows: Sequence[Any]) -> list[Document]:
        """Decide rows in order: `{"status": 201 | 200, "decision": …}` or `{"status": 4xx, "problem": …}` for each."""
        ...

    def decision(self, transaction_id: str) -> Document: ...

    def step_up(self, transaction_id: str, *, result: str, reference: str | None = None, author: str) -> Document:
        """Answer a decision's step-up: "passed" lifts the review, "failed" confirms it, "abandoned" leaves it."""
        ...

    def explain(self, transaction: str | Mapping[str, Any]) -> Document:
        """How each rule came out for a stored transaction (its id) or a given one, as of now; nothing is stored."""
        ...

    def policy(self, name: str | None = None) -> Document:
        """A policy in force (the default one without a name), and which others there are."""
        ...

    def reload_policy(self, *, author: str) -> Document:
        """Load the policy files anew. Raises PolicyError; the policies in force then stay."""
        ...

    def cases(self, *, count: bool = False, limit: int = 50, offset: int = 0, **query: Any) -> Document:
        """Cases that `query` (a CaseQuery's fields) wants: `{"cases": […]}`, with `total` where it is to be counted."""
        ...

    @property
    def casework(self) -> CaseWork:
        """Working on cases."""
        ...

    def case(self, case_id: str) -> Document: ...

    def note(self, case_id: str, *, text: str, author: str) -> Document: ...

    def ask(self, case_id: str, question: str, *, transaction_id: str | None = None, author: str) -> Document:
        """Ask the model about a case, or one decision of it: its answer with citations, or why there is none (see
        `domain.question.CaseAnswer`), which stands on the case from then on. Raises InvalidTransaction, NotFound."""
        ...

    def ask_live(
        self, case_id: str, question: str, *, transaction_id: str | None = None, author: str
    ) -> Iterator[Document]:
        """`ask`, event by event, the last being `finished` with the answer. Closing the iterator ends the work."""
        ...

    def close_case(self, case_id: str, *, disposition: str, reason: str, author: str) -> Document:
        """Close a case; a disposition that means fraud or genuine labels its transactions so."""
        ...

    def report(self, report_id: str) -> Document: ...

    def customers(self, *, limit: int = 50, offset: int = 0) -> Document: ...

    def customer(self, customer_id: str) -> Document: ...

    def put_customers(self, profiles: Sequence[Mapping[str, Any]], *, author: str) -> Document: ...

    def enrol(self, customer_id: str, template: Mapping[str, Any], *, author: str) -> Document:
        """Register a biometric template of a registered customer, replacing the one before."""
        ...

    def account(self, customer_id: str) -> Document:
        """Whether the customer's account is frozen, and until when."""
        ...

    def unfreeze(self, customer_id: str, *, reason: str, author: str) -> Document: ...

    def extend_freeze(self, customer_id: str, *, until: str, reason: str, author: str) -> Document:
        """Let a freeze hold longer: until a date, a moment, or so long from now ("24h")."""
        ...

    def hold(self, customer_id: str, *, reason: str | None, author: str) -> Document:
        """Set a legal hold with its reason, or lift it (None)."""
        ...

    def erase(self, customer_id: str, *, reason: str, author: str) -> Document: ...

    def outbox(self, *, status: str | None = None, limit: int = 50, offset: int = 0) -> Document: ...

    def retry(self, entry_id: str, *, author: str) -> Document: ...

    def audit(self, *, subject: str | None = None, limit: int = 100, offset: int = 0) -> Document: ...

    def verify_audit(self) -> Document: ...

    @property
    def webhooks(self) -> Webhooks:
        """Endpoints that are told of decisions and cases."""
        ...

    def data_status(self) -> Document:
        """Which lists of the world are in force, of when they are, and which are too old."""
        ...

    def close(self) -> None: ...


class LocalService:
    """The service on this process's own App."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.reports: Reports = LocalReports(app)
        self.investigations: InvestigationService = LocalInvestigations(app)
        self.backtests: Backtests = LocalBacktests(app)
        self.keys: Keys = LocalKeys(app)
        self.labels: LabelService = LocalLabels(app)
        self.lists: ListService = LocalLists(app)
        self.policies: Policies = LocalPolicies(app)
        self.casework = LocalCaseWork(app)
        self._standing = Standing(app)
        self.webhooks: Webhooks = LocalWebhooks(app)

    def decide(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """See `Service.decide`."""
        return self.app.engine.decide(tx)

    def decide_rows(self, rows: Sequence[Any]) -> list[Document]:
        """See `Service.decide_rows`."""
        submitted: list[Any] = []
        for row in rows:
            try:
                submitted.append(self.app.engine.submit(row if isinstance(row, Transaction) else _object(row)))
            except FraudrayError as error:
                submitted.append(error)
        return [_row(entry) for entry in submitted]

    def decision(self, transaction_id: str) -> Document:
        """See `Service.decision`."""
        return _dump(self.app.store.cases.decision(transaction_id))

    def step_up(self, transaction_id: str, *, result: str, reference: str | None = None, author: str) -> Document:
        """See `Service.step_up`."""
        answer = self.app.desk.answer_step_up(transaction_id, result=result, reference=reference, author=author)
        return _dump(answer.decision)

    def explain(self, transaction: str | Mapping[str, Any]) -> Document:
        """See `Service.explain`."""
        if isinstance(transaction, str):
            tx = self.app.store.cases.transaction(transaction)
        else:
            tx = Transaction.parse(transaction, now=self.app.clock.now())
        return explain_document(tx, self.app.engine.preview(tx))

    def policy(self, name: str | None = None) -> Document:
        """See `Service.policy`."""
        book = self.app.engine.book
        policy = book.default if name is None else book.policies.get(name)
        if policy is None:
            raise NotFound("policy", str(name))
        return policy.ref.model_dump() | {
            "document": policy.document.model_dump(mode="json", by_alias=True),
            "source": policy.source.text,
            "book": describe(book),
        }

    def reload_policy(self, *, author: str) -> Document:
        """See `Service.reload_policy`."""
        return describe(self.app.watch.reload(actor=author))

    def cases(self, *, count: bool = False, limit: int = 50, offset: int = 0, **query: Any) -> Document:
        """See `Service.cases`."""
        wanted, now = CaseQuery.parse(query), self.app.clock.now()
        base, book = self.app.policy.document.base_currency, self.app.store.cases
        found = book.search(wanted, limit=limit, offset=offset, now=now, base_currency=base)
        shown: Document = {"cases": [case.model_dump(mode="json") for case in found]}
        return shown | ({"total": book.count(wanted, now=now, base_currency=base)} if count else {})

    def case(self, case_id: str) -> Document:
        """See `Service.case`."""
        return _dump(self.app.store.cases.case(case_id))

    def note(self, case_id: str, *, text: str, author: str) -> Document:
        """See `Service.note`."""
        return self.app.desk.note(case_id, text=text, author=author).model_dump(mode="json")

    def ask(self, case_id: str, question: str, *, transaction_id: str | None = None, author: str) -> Document:
        """See `Service.ask`."""
        asked = ask.put(self.app, case_id, question, transaction_id=transaction_id, author=author)
        return asyncio.run(ask.answer(self.app, asked))

    def ask_live(
        self, case_id: str, question: str, *, transaction_id: str | None = None, author: str
    ) -> Iterator[Document]:
        """See `Service.ask_live`."""
        return ask.events(self.app, ask.put(self.app, case_id, question, transaction_id=transaction_id, author=author))

    def close_case(self, case_id: str, *, disposition: str, reason: str, author: str) -> Document:
        """See `Service.close_case`."""
        self.app.case_desk.close(case_id, disposition=disposition, reason=reason, author=author)
        return self.case(case_id)

    def report(self, report_id: str) -> Document:
        """See `Service.report`."""
        return self.app.store.reports.get(report_id)

    def customers(self, *, limit: int = 50, offset: int = 0) -> Document:
        """See `Service.customers`."""
        return {"customers": self.app.store.customers.list(limit=min(limit, LIST_MAX), offset=offset)}

    def customer(self, customer_id: str) -> Document:
        """See `Service.customer`."""
        return self.app.store.customers.get(customer_id).model_dump(
            mode="json", exclude={"biometric"}, exclude_none=True
        )

    def put_customers(self, profiles: Sequence[Mapping[str, Any]], *, author: str) -> Document:
        """See `Service.put_customers`."""
        parsed = parse_profiles(profiles)
        check_templates(self.app.matcher, parsed)
        self.app.store.customers.put(parsed, actor=author, at=self.app.clock.now())
        return {"registered": len(profiles)}

    def enrol(self, customer_id: str, template: Mapping[str, Any], *, author: str) -> Document:
        """See `Service.enrol`."""
        parsed = parse_template(template)
        profile = self.app.store.customers.get(customer_id).model_copy(update={"biometric": parsed})
        check_templates(self.app.matcher, [profile], path="biometric")
        matcher = matcher_of(parsed)
        self.app.store.customers.enrol(profile, matcher, actor=author, at=self.app.clock.now())
        return {"customer_id": customer_id, "matcher": matcher}

    def account(self, customer_id: str) -> Document:
        """See `Service.account`."""
        record = self.app.store.ledger.customer(customer_id)
        freeze = record.freeze if record.freeze and record.freeze.holds_at(self.app.clock.now()) else None
        document: Document = {
            "customer_id": customer_id, "registered": record.profile is not None, "frozen": freeze is not None,
        }  # fmt: skip
        return document | ({"freeze": freeze.model_dump(mode="json")} if freeze else {})

    def unfreeze(self, customer_id: str, *, reason: str, author: str) -> Document:
        """See `Service.unfreeze`."""
        return self.app.desk.unfreeze(customer_id, reason=reason, actor=author).model_dump(mode="json")

    def extend_freeze(self, customer_id: str, *, until: str, reason: str, author: str) -> Document:
        """See `Service.extend_freeze`."""
        freeze = self.app.desk.extend_freeze(customer_id, until=until, reason=reason, actor=author)
        return freeze.model_dump(mode="json")

    def hold(self, customer_id: str, *, reason: str | None, author: str) -> Document:
        """See `Service.hold`."""
        reason = checked_text(reason, "reason") if reason is not None else None
        self.app.store.customers.hold(customer_id, reason=reason, actor=author, at=self.app.clock.now())
        return {"customer_id": customer_id, "legal_hold": reason}

    def erase(self, customer_id: str, *, reason: str, author: str) -> Document:
        """See `Service.erase`."""
        reason = checked_text(reason, "reason")
        self.app.store.customers.erase(customer_id, reason=reason, actor=author, at=self.app.clock.now())
        return {"customer_id": customer_id, "erased": True}

    def outbox(self, *, status: str | None = None, limit: int = 50, offset: int = 0) -> Document:
        """See `Service.outbox`."""
        rows = self.app.store.outbox.list(status=status, limit=min(limit, LIST_MAX), offset=offset)
        return {"entries": [_outbox_row(row) for row in rows]}

    def retry(self, entry_id: str, *, author: str) -> Document:
        """See `Service.retry`."""
        self.app.store.outbox.retry(entry_id, self.app.clock.now(), actor=author)
        return _outbox_row(self.app.store.outbox.get(entry_id))

    def audit(self, *, subject: str | None = None, limit: int = 100, offset: int = 0) -> Document:
        """See `Service.audit`."""
        entries = self.app.store.audit_entries(subject=subject, limit=min(limit, LIST_MAX), offset=offset)
        shown = [_audit_entry(entry) for entry in entries]
        sealed = {entry["body"]["entry_id"]: entry["body"] for entry in shown if "sealed_sha256" in entry["body"]}
        why = self.app.store.cases.reasons(sealed)  # what was written stands elsewhere, and can be erased there
        for entry in shown:
            if reason := why.get(entry["body"].get("entry_id")):
                entry["reason"] = reason
        return {"entries": shown}

    def verify_audit(self) -> Document:
        """See `Service.verify_audit`."""
        report = self.app.store.verify_audit()
        return {
            "whole": report.whole, "entries": report.entries, "seals": report.seals, "problems": list(report.problems),
        }  # fmt: skip

    def data_status(self) -> Document:
        """See `Service.data_status`; what was updated meanwhile is in force when this answers."""
        reload_reference(self.app)
        return lists_status(self.app)

    def standing(self) -> Document:
        """How the store stands now: see `Standing.document`. What a server adds to it is `GET /v1/live`."""
        return self._standing.document()

    def close(self) -> None:
        """Let go of the data folder."""
        self.app.close()


def parse_profiles(profiles: Sequence[Mapping[str, Any]]) -> list[CustomerProfile]:
    """Checked customers. Raises InvalidTransaction naming every bad field of every record."""
    try:
        return TypeAdapter(list[CustomerProfile]).validate_python(profiles)
    except ValidationError as error:
        raise InvalidTransaction(field_problems(error)) from None


def parse_template(template: Any) -> BiometricTemplate | ForeignTemplate:
    """A checked template. Raises InvalidTransaction naming every bad field."""
    try:
        parsed: BiometricTemplate | ForeignTemplate = TypeAdapter(AnyTemplate).validate_python(template)
    except ValidationError as error:
        raise InvalidTransaction(field_problems(error)) from None
    return parsed


def _object(row: Any) -> Mapping[str, Any]:
    if not isinstance(row, Mapping):
        raise InvalidTransaction([FieldProblem("", "object_expected", "a transaction is a JSON object")])
    return row


def _row(entry: Any) -> Document:
    try:
        if isinstance(entry, FraudrayError):
            raise entry
        answer = entry.result()
    except FraudrayError as error:
        problem = problem_of(error)
        return {"status": problem["status"], "problem": problem}
    return {"status": 200 if answer.replayed else 201, "decision": _dump(answer.decision)}


def _dump(model: Any) -> Document:
    document: Document = orjson.loads(model.model_dump_json(exclude_none=True))
    return document


def _outbox_row(row: OutboxRow) -> Document:
    entry = row.entry
    return {
        "entry_id": entry.entry_id, "kind": entry.kind, "status": row.status, "attempts": row.attempts,
        "decision_id": entry.decision_id, "case_id": entry.case_id, "customer_id": entry.customer_id,
        "transaction_id": entry.details.get("transaction_id"), "created_at": row.created_at.isoformat(),
        "due_at": row.due_at.isoformat(), "outcome": row.outcome,
    }  # fmt: skip


def _audit_entry(entry: AuditEntry) -> Document:
    return {
        "seq": entry.seq, "at": from_us(entry.at_us).isoformat(), "kind": entry.kind, "subject": entry.subject,
        "actor": entry.actor, "body": orjson.loads(entry.body),
    }  # fmt: skip


def open_service(settings: Settings, **parts: Any) -> Service:
    """The service on this process's own data folder or, where a running server owns it, through that server."""
    backend = open_app(settings, **parts)
    return LocalService(backend) if isinstance(backend, App) else backend
