"""Past cases like a transaction: the same reasons, device, merchant or place.

Compared are the customer's own cases, those of the merchant and of whoever uses the device, and the newest of all;
the documents of the best are opened, since only they tell device and place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import select

from fraudray.adapters.sql import schema as t
from fraudray.adapters.sql.case_rows import fields_of
from fraudray.adapters.sql.figures import CURRENT
from fraudray.adapters.sql.question import Question
from fraudray.adapters.sql.research_cases import endings
from fraudray.domain.errors import NotFound
from fraudray.domain.research import SimilarCase, SimilarCases, Subject, unusual_ids

NEWEST_MAX = 300
MERCHANT_MAX = 200
OWN_MAX = 50
SHARING_MAX = 50
"""So many customers of the device are looked at."""
DECISIONS_MAX = 3_000
OPENED_MAX = 120
RANKING = (
    "the number of shared reason codes; of equal ones the same device, then the same merchant, then the same place; "
    "then the newest alert"
)


@dataclass(slots=True)
class _Candidate:
    """A case: what its decisions say, and after `look_into` what their documents say."""

    reasons: set[str] = field(default_factory=set)
    same_merchant: bool = False
    same_device: bool = False
    same_place: bool = False
    sealed: list[tuple[str, bytes]] = field(default_factory=list)

    def look_into(self, question: Question, wanted: Subject) -> None:
        for customer_id, sealed in self.sealed:
            opened = question.unsealed.decision(customer_id, sealed)
            if opened is not None:
                self.same_device |= wanted.device_id is not None and opened.device == wanted.device_id
                self.same_place |= wanted.place is not None and opened.place == wanted.place

    def rank(self, wanted: Subject) -> tuple[int, bool, bool, bool]:
        return len(self.reasons.intersection(wanted.reasons)), self.same_device, self.same_merchant, self.same_place


def similar_to(question: Question, wanted: Subject) -> SimilarCases:
    """See `Research.similar_cases`."""
    cases = {row["case_id"]: row for row in _cases(question, wanted) if row["case_id"] != wanted.case_id}
    candidates = _candidates(question, wanted, cases)
    best = sorted(candidates, key=lambda case_id: candidates[case_id].rank(wanted), reverse=True)
    for case_id in best[:OPENED_MAX]:
        candidates[case_id].look_into(question, wanted)
    ranked = sorted(
        (case_id for case_id, candidate in candidates.items() if any(candidate.rank(wanted))),
        key=lambda case_id: (*candidates[case_id].rank(wanted), cases[case_id]["last_alert_us"], case_id),
        reverse=True,
    )[: question.limit]
    ended = endings(question, {c: cases[c]["customer_id"] for c in ranked if cases[c]["status"] == "closed"})
    found = []
    for case_id in ranked:
        candidate, fields = candidates[case_id], fields_of(cases[case_id])
        shared = [code for code in wanted.reasons if code in candidate.reasons]
        found.append(
            SimilarCase(
                **{
                    name: fields[name]
                    for name in ("case_id", "customer_id", "status", "decision", "score", "opened_at")
                },
                same_customer=fields["customer_id"] == wanted.customer_id,
                ended=ended.get(case_id),
                shared_reasons=shared,
                same_device=candidate.same_device,
                same_merchant=candidate.same_merchant,
                same_place=candidate.same_place,
                why=_why(shared, candidate, len(wanted.reasons)),
            )
        )
    ids = [identifier for case in found for identifier in (case.case_id, case.customer_id)]
    return SimilarCases(
        free_text=unusual_ids("cases", ids),
        days=question.days,
        reasons=list(wanted.reasons),
        looked_at=len(candidates),
        ranking=RANKING,
        cases=found,
    )


def subject_of(question: Question, transaction_id: str) -> Subject:
    """See `Research.subject`."""
    d = t.decisions.c
    row = question.connection.execute(
        select(d.customer_id, d.case_id, d.merchant, d.reason_codes, d.document_sealed)
        .where(d.transaction_id == transaction_id)
        .order_by(d.revision.desc())
        .limit(1)
    ).first()
    if row is None:
        raise NotFound("decision on transaction", transaction_id)
    opened = question.unsealed.decision(row.customer_id, bytes(row.document_sealed))
    return Subject(
        transaction_id=transaction_id,
        customer_id=row.customer_id,
        merchant=row.merchant,
        device_id=opened.device if opened else None,
        ip_address=opened.address if opened else None,
        place=opened.place if opened else None,
        reasons=[*dict.fromkeys(orjson.loads(row.reason_codes))],
        case_id=row.case_id,
    )


def _cases(question: Question, wanted: Subject) -> Iterable[dict[str, Any]]:
    """Rows of the cases to compare with, each once."""
    c, d, s = t.cases.c, t.decisions.c, t.sightings.c
    lately = select(t.cases).where(c.last_alert_us >= question.since_us).order_by(c.last_alert_us.desc())
    statements = [lately.limit(NEWEST_MAX)]
    if wanted.customer_id is not None:
        statements.append(lately.where(c.customer_id == wanted.customer_id).limit(OWN_MAX))
    if wanted.merchant is not None:
        by_merchant = (
            select(d.case_id)
            .where(d.merchant == wanted.merchant, d.decided_us >= question.since_us, d.case_id.is_not(None))
            .order_by(d.decided_us.desc())
            .limit(MERCHANT_MAX)
        )
        statements.append(lately.where(c.case_id.in_(by_merchant)).limit(MERCHANT_MAX))
    if wanted.device_id is not None:
        blind = question.vault.blind_index("device", wanted.device_id)
        sharing = select(s.customer_id).where(s.blind == blind).order_by(s.last_us.desc()).limit(SHARING_MAX)
        statements.append(lately.where(c.customer_id.in_(sharing)).limit(MERCHANT_MAX))
    found: dict[str, dict[str, Any]] = {}
    for statement in statements:
        for row in question.connection.execute(statement):
            found.setdefault(row.case_id, row._asdict())
    return found.values()


def _candidates(question: Question, wanted: Subject, cases: Iterable[str]) -> dict[str, _Candidate]:
    """What the newest decisions of each case say in plain columns."""
    d = t.decisions.c
    found = {case_id: _Candidate() for case_id in cases}
    if not found:
        return found
    rows = question.connection.execute(
        select(d.case_id, d.customer_id, d.merchant, d.reason_codes, d.document_sealed)
        .where(d.case_id.in_(found), CURRENT)
        .order_by(d.decided_us.desc())
        .limit(DECISIONS_MAX)
    )
    for row in rows:
        candidate = found[row.case_id]
        candidate.reasons.update(orjson.loads(row.reason_codes))
        candidate.same_merchant |= row.merchant == wanted.merchant
        if len(candidate.sealed) < 3:
            candidate.sealed.append((row.customer_id, bytes(row.document_sealed)))
    return found


def _why(shared: list[str], candidate: _Candidate, asked: int) -> str:
    named = [
        name
        for name, same in (
            ("device", candidate.same_device), ("merchant", candidate.same_merchant), ("place", candidate.same_place),
        )
        if same
    ]  # fmt: skip
    parts = [f"{len(shared)} of {asked} reason codes" if shared else "no reason code", *named]
    return "shares " + (", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0])
