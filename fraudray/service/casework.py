"""Working on cases, for every face: take the next one, act on it, look at what it shares with others, take it along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import orjson

from fraudray.adapters.sql.case_links import links_of
from fraudray.adapters.sql.customer_history import transactions_of
from fraudray.bootstrap import App
from fraudray.domain.case import CaseSummary
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction
from fraudray.problems import problem_of
from fraudray.service.case_export import FORMATS

Document = dict[str, Any]
BULK_MAX = 500
EXPORT_MAX = 100_000
ACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "claim": ((), ("take_over",)),
    "release": ((), ("reason",)),
    "wait": (("until", "reason"), ()),
    "escalate": (("reason",), ("to",)),
    "due": (("due", "reason"), ()),
    "close": (("disposition", "reason"), ()),
    "reopen": (("reason",), ()),
    "merge": (("into", "reason"), ()),
    "undo": ((), ("reason",)),
}
"""What may be done with a case, and which fields each act needs and takes."""


class CaseWork(Protocol):
    """What every face offers of working on cases. Raises NotFound; Changed where `version` is not the case's any more;
    Refused where its status, or who works on it, forbids the act; InvalidTransaction naming a bad field."""

    def act(self, case_id: str, act: str, *, author: str, version: int | None = None, **fields: Any) -> Document:
        """Do one of `ACTS`; the case (without what belongs to it) as it is then."""
        ...

    def many(self, act: str, cases: Sequence[tuple[str, int | None]], *, author: str, **fields: Any) -> Document:
        """The same with several cases (id and version of each), `BULK_MAX` at most: one result for each, in order."""
        ...

    def next(self, *, author: str, **query: Any) -> Document:
        """Claim the best case that is ready, of those that `query` (a CaseQuery's fields) wants: `{"case": …}`, null
        where there is none."""
        ...

    def counts(self, *, author: str) -> Document:
        """How many cases are in each status, `active`, `ready`, `overdue` and `mine` (claimed by `author`)."""
        ...

    def links(self, case_id: str) -> Document:
        """Other cases of the same customer, and those that share a device, network address, instrument or e-mail
        address with it; the shared values, masked or in full, and with whom."""
        ...

    def attach(self, case_id: str, *, name: str, content: bytes, author: str) -> Document:
        """Keep a file with a case."""
        ...

    def file(self, case_id: str, file_id: str) -> tuple[Document, bytes]:
        """A file of a case, and its bytes."""
        ...

    def detach(self, case_id: str, file_id: str, *, reason: str, author: str) -> Document:
        """Destroy a file of a case; it stays on record that it was there."""
        ...

    def resend_alert(self, case_id: str, *, reason: str, author: str, transaction_id: str | None = None) -> Document:
        """Send the alert of a case again."""
        ...

    def transactions(self, customer_id: str, *, before: datetime | None = None, limit: int = 100) -> Document:
        """A customer's decided transactions, newest first, up to (not including) `before`: amounts, places, outcomes.
        None are known of a customer who was erased, or never seen."""
        ...

    def revisions(self, transaction_id: str) -> Document:
        """Every revision of a decision, oldest first, and the transaction as it is kept. Raises NotFound."""
        ...

    def export(self, *, wanted: str = "csv", limit: int = EXPORT_MAX, **query: Any) -> Iterator[bytes]:
        """Cases that `query` wants as a table, piece by piece: `csv`, or `parquet` (NotInstalled without pyarrow)."""
        ...


class LocalCaseWork:
    """Cases of this process's own App."""

    def __init__(self, app: App) -> None:
        self._app = app

    def act(self, case_id: str, act: str, *, author: str, version: int | None = None, **fields: Any) -> Document:
        """See `CaseWork.act`."""
        return document(self._doer(act, fields)(case_id, version, author))

    def many(self, act: str, cases: Sequence[tuple[str, int | None]], *, author: str, **fields: Any) -> Document:
        """See `CaseWork.many`."""
        if not 1 <= len(cases) <= BULK_MAX:
            raise InvalidTransaction([FieldProblem("cases", "length", f"is a list of 1 to {BULK_MAX} cases")])
        do, results = self._doer(act, fields), []
        for case_id, version in cases:
            try:
                results.append({"case_id": case_id, "status": 200, "case": document(do(case_id, version, author))})
            except FraudrayError as error:
                problem = problem_of(error)
                results.append({"case_id": case_id, "status": problem["status"], "problem": problem})
        done = sum(result["status"] == 200 for result in results)
        return {"done": done, "refused": len(results) - done, "results": results}

    def next(self, *, author: str, **query: Any) -> Document:
        """See `CaseWork.next`."""
        found = self._app.case_desk.next(CaseQuery.parse({"sort": "risk"} | query), author=author)
        return {"case": None if found is None else document(found)}

    def counts(self, *, author: str) -> Document:
        """See `CaseWork.counts`."""
        found: Document = self._app.store.cases.counts(now=self._app.clock.now(), assignee=author)
        return found

    def links(self, case_id: str) -> Document:
        """See `CaseWork.links`."""
        return links_of(self._app.store, case_id).model_dump(mode="json")

    def attach(self, case_id: str, *, name: str, content: bytes, author: str) -> Document:
        """See `CaseWork.attach`."""
        return self._app.case_desk.attach(case_id, name=name, content=content, author=author).model_dump(mode="json")

    def file(self, case_id: str, file_id: str) -> tuple[Document, bytes]:
        """See `CaseWork.file`."""
        file, content = self._app.store.case_files.read(case_id, file_id)
        return file.model_dump(mode="json"), content

    def detach(self, case_id: str, file_id: str, *, reason: str, author: str) -> Document:
        """See `CaseWork.detach`."""
        self._app.case_desk.detach(case_id, file_id, reason=reason, author=author)
        return {"file_id": file_id, "removed": True}

    def resend_alert(self, case_id: str, *, reason: str, author: str, transaction_id: str | None = None) -> Document:
        """See `CaseWork.resend_alert`."""
        sent = self._app.desk.resend_alert(case_id, reason=reason, author=author, transaction_id=transaction_id)
        return {
            "entry_id": sent.entry_id, "status": "pending", "transaction_id": sent.details["transaction_id"],
            "recipients": sent.details["recipients"],
        }  # fmt: skip

    def transactions(self, customer_id: str, *, before: datetime | None = None, limit: int = 100) -> Document:
        """See `CaseWork.transactions`."""
        found = transactions_of(self._app.store, customer_id, before=before, limit=limit)
        shown = [past.model_dump(mode="json", exclude_none=True) for past in found]
        return {"customer_id": customer_id, "transactions": shown}

    def revisions(self, transaction_id: str) -> Document:
        """See `CaseWork.revisions`."""
        book = self._app.store.cases
        tx = book.transaction(transaction_id).model_dump(mode="json", exclude_none=True)
        documents = [orjson.loads(document) for document in book.documents(transaction_id)]
        return {"transaction_id": transaction_id, "transaction": tx, "revisions": documents}

    def export(self, *, wanted: str = "csv", limit: int = EXPORT_MAX, **query: Any) -> Iterator[bytes]:
        """See `CaseWork.export`."""
        if wanted not in FORMATS:
            raise InvalidTransaction([FieldProblem("format", "enum", f"is none of {', '.join(FORMATS)}")])
        cases = self._app.store.cases.stream(
            CaseQuery.parse(query), now=self._app.clock.now(), base_currency=self._app.policy.document.base_currency,
            limit=min(limit, EXPORT_MAX),
        )  # fmt: skip
        return FORMATS[wanted](cases)

    def _doer(self, act: str, fields: Mapping[str, Any]) -> Callable[[str, int | None, str], CaseSummary]:
        """What carries out an act with these fields, which are checked once."""
        if act not in ACTS:
            raise InvalidTransaction([FieldProblem("act", "enum", f"is none of {', '.join(ACTS)}")])
        needed, optional = ACTS[act]
        problems = [FieldProblem(name, "missing", "is needed") for name in needed if not fields.get(name)]
        problems += [
            FieldProblem(name, "extra_forbidden", f"is not a field of {act}")
            for name in fields
            if name not in needed and name not in optional
        ]
        if problems:
            raise InvalidTransaction(problems)
        perform = getattr(self._app.case_desk, act)
        given = {name: value for name, value in fields.items() if value is not None}
        done: Callable[[str, int | None, str], CaseSummary] = lambda case_id, version, author: perform(  # noqa: E731
            case_id, author=author, version=version, **given
        )
        return done


def document(case: CaseSummary) -> Document:
    """A case as every face shows it."""
    return case.model_dump(mode="json", exclude_none=True)
