"""How each investigation ended, as rows of Parquet; the clamp is the online one."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from pyarrow import parquet

from fraudray.batch.investigate.asking import Investigated, investigated
from fraudray.batch.investigate.choosing import Chosen
from fraudray.batch.investigate.plan import Workshop
from fraudray.batch.replay.job import Job
from fraudray.domain.investigation import Finding
from fraudray.domain.listing import NOTHING_LISTED
from fraudray.domain.money import minor_units
from fraudray.revising import Standing
from fraudray.verdicts import concluded

_TEXT, _COUNT = pa.string(), pa.int32()
SCHEMA = pa.schema(
    [
        ("row", pa.int64()), ("transaction_id", _TEXT), ("customer_id", _TEXT),
        ("occurred_at", pa.timestamp("us", "UTC")), ("amount", pa.float64()), ("fraud", pa.bool_()),
        ("policy", _TEXT), ("policy_decision", _TEXT), ("policy_score", pa.int16()), ("decision", _TEXT),
        ("score", pa.int16()), ("effect", _TEXT), ("verdict", _TEXT), ("risk", pa.int16()),
        ("evidence", pa.list_(_TEXT)), ("unswayed", pa.bool_()), ("analysis", _TEXT),
        ("next_checks", pa.list_(_TEXT)), ("customer_reason", _TEXT), ("failure", _TEXT), ("detail", _TEXT),
        ("round_trips", _COUNT), ("prompt_tokens", _COUNT), ("completion_tokens", _COUNT),
        ("reasoning_tokens", _COUNT),
    ]
)  # fmt: skip
"""amount: in the base currency; policy_decision, policy_score: before the verdict; effect: confirmed, raised, lowered,
or none where the clamp allowed nothing; failure, detail: why there is no verdict."""


def conclude_part(part: int, job: Job, chosen: Chosen, rounds: int) -> None:
    """Write the results of a part."""
    scale = 10 ** minor_units(job.books[0].default.document.base_currency)
    rows = [_row(one, scale) for one in investigated(part, job, chosen, rounds)]
    file = Workshop(job.out).results(part)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), draft, compression="zstd")
    draft.replace(file)


def _row(one: Investigated, scale: int) -> dict[str, Any]:
    finding, case, decision = one.outcome, one.case, one.case.decision
    assert isinstance(finding, Finding)  # noqa: S101 - rounds go on until each is one
    standing = Standing(
        case.tx, decision, one.policy, decision.decided_at, known=lambda _evidence: (case.facts, NOTHING_LISTED)
    )
    answered = not one.policy.waits.holds(case.facts, decision.score)
    revised, _ = concluded(standing, f"{case.row}", finding, superseded=False, answered=answered)
    # What failed cost tokens too.
    used = finding.usage
    prose = {} if finding.verdict is None else finding.verdict.model_dump(
        mode="json", include={"risk", "evidence", "unswayed", "analysis", "next_checks", "customer_reason"}
    )  # fmt: skip
    return {
        "row": case.row,
        "transaction_id": case.tx.transaction_id,
        "customer_id": case.tx.customer_id,
        "occurred_at": case.tx.occurred_at(decision.decided_at),
        "amount": case.amount_minor / scale,
        "fraud": case.fraud,
        "policy": case.policy,
        "policy_decision": decision.decision.value,
        "policy_score": decision.score,
        "decision": revised.decision.value,
        "score": revised.score,
        "effect": revised.investigator.effect,
        "verdict": revised.investigator.verdict.value if revised.investigator.verdict else None,
        **prose,
        "failure": finding.failure.value if finding.failure else None,
        "detail": revised.investigator.detail,
        "round_trips": used.round_trips,
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "reasoning_tokens": used.reasoning_tokens,
    }
