"""What the investigations of a back-test came to, in figures."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from fraudray.batch.investigate.choosing import Chosen
from fraudray.batch.investigate.plan import Workshop
from fraudray.batch.investigate.prices import HOUR_S, Prices
from fraudray.batch.replay.job import Job

CHANGES_MAX = 200
_COUNTED = ("policy_decision", "verdict", "effect", "fraud", "failure", "round_trips", "prompt_tokens",
            "completion_tokens", "reasoning_tokens")  # fmt: skip


def investigation_figures(job: Job, chosen: Chosen, rows: int, prices: Prices | None) -> dict[str, Any]:
    """Figures of all investigations; `rows` are the transactions that the back-test measured.

    rows, escalated, asked, answered, failed   counts; failures: by reason
    agreement        share of the verdicts that say what the policy had decided
    confirmed, raised, lowered, withheld       verdicts by what they did; withheld: the clamp allowed nothing
    raised_frauds, raised_genuine, raised_unlabelled, and of lowered the same
    round_trips, prompt_tokens, completion_tokens, reasoning_tokens
    engine_s         seconds in which the engine had work, without its start
    cost, cost_per_1000, cost_per_million      of what was asked, and by transaction of the history, as if all that is
                     escalated were asked; None without prices. cost_per_1000_asked: by investigation
    changes          some of the rows whose decision changed
    """
    assert job.investigation is not None  # noqa: S101 - nobody calls it otherwise
    files = [Workshop(job.out).results(part) for part in range(job.parts)]
    table = pa.concat_tables([parquet.read_table(file, columns=list(_COUNTED)) for file in files])
    effects, labels = table.column("effect").to_pylist(), table.column("fraud").to_pylist()
    failures = Counter(one for one in table.column("failure").to_pylist() if one is not None)
    by_effect = Counter(zip(effects, labels, strict=True))
    asked, failed = table.num_rows, failures.total()
    agreed = pc.sum(pc.equal(table.column("verdict"), table.column("policy_decision"))).as_py() or 0
    engine_s = _busy_s(job)
    found: dict[str, Any] = {
        "model": job.investigation.serving.model_id, "rows": rows, "escalated": chosen.escalated, "asked": asked,
        "answered": asked - failed, "failed": failed, "failures": dict(sorted(failures.items())),
        "agreement": agreed / (asked - failed) if asked > failed else None,
        **{name: sum(n for (one, _), n in by_effect.items() if one == effect) for effect, name in _EFFECTS.items()},
        **{
            f"{effect}_{word}": by_effect[effect, label]
            for effect in ("raised", "lowered")
            for label, word in ((True, "frauds"), (False, "genuine"), (None, "unlabelled"))
        },
        **{name: pc.sum(table.column(name)).as_py() or 0 for name in _COUNTED if name.endswith(("_tokens", "_trips"))},
        "engine_s": round(engine_s, 3),
    }  # fmt: skip
    return found | _costs(found, prices) | {"changes": _changes(files)}


_EFFECTS = {"confirmed": "confirmed", "raised": "raised", "lowered": "lowered", "none": "withheld"}


def _costs(found: dict[str, Any], prices: Prices | None) -> dict[str, Any]:
    if prices is None:
        return dict.fromkeys(("currency", "per_hour", "cost", "cost_per_1000_asked", "cost_per_1000",
                              "cost_per_million"))  # fmt: skip
    cost = found["engine_s"] * prices.per_hour / HOUR_S
    each = cost / found["asked"] if found["asked"] else 0.0
    by_row = each * found["escalated"] / found["rows"] if found["rows"] else 0.0
    return {
        "currency": prices.currency, "per_hour": prices.per_hour, "machines": prices.machines, "cost": cost,
        "cost_per_1000_asked": each * 1000, "cost_per_1000": by_row * 1000, "cost_per_million": by_row * 1_000_000,
    }  # fmt: skip


def _busy_s(job: Job) -> float:
    """Seconds in which at least one answer was being made."""
    workshop = Workshop(job.out)
    spans = [
        parquet.read_table(file, columns=["ended_s", "took_s"])
        for part in range(job.parts)
        for file in workshop.answers(part).glob("*.parquet")
    ]
    if not spans:
        return 0.0
    table = pa.concat_tables(spans)
    ends = table.column("ended_s").to_numpy()
    starts = ends - table.column("took_s").to_numpy()
    order = np.argsort(starts)
    starts, until = starts[order], np.maximum.accumulate(ends[order])
    before = np.concatenate([[-np.inf], until[:-1]])
    return float(np.maximum(until - np.maximum(starts, before), 0.0).sum())


def _changes(files: list[Any]) -> list[dict[str, Any]]:
    columns = [
        "transaction_id",
        "occurred_at",
        "amount",
        "policy_decision",
        "decision",
        "fraud",
        "evidence",
        "analysis",
    ]
    found: list[dict[str, Any]] = []
    for file in files:
        table = parquet.read_table(file, columns=columns)
        changed = table.filter(pc.not_equal(table.column("policy_decision"), table.column("decision")))
        for one in changed.slice(0, CHANGES_MAX - len(found)).to_pylist():
            at = one.pop("occurred_at")
            found.append({"occurred_at": at.isoformat(timespec="seconds"), **one})
        if len(found) >= CHANGES_MAX:
            break
    return found
