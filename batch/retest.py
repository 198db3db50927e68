"""What a changed policy makes of the facts that a back-test stored: seconds, where deciding anew takes minutes.

The facts stay those of the back-test: what rests on earlier decisions (habits, known devices, the last place, freezes)
is as its policy left it. For the last word run the back-test with the changed policy.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.replay.job import FORMAT
from fraudray.domain.decision import Outcome
from fraudray.policy.policy import Policy

if TYPE_CHECKING:
    import pyarrow as pa

Label = bool | None
_OUTCOMES = tuple(Outcome)


@dataclass(slots=True)
class Retested:
    """Counts of both policies on the same rows, freezes left out: (was, is, label) → rows, and rows by reason code."""

    outcomes: Counter[tuple[Outcome, Outcome, Label]] = field(default_factory=Counter)
    was: Counter[str] = field(default_factory=Counter)
    now: Counter[str] = field(default_factory=Counter)

    def add(self, other: Retested) -> None:
        """The rows of one more part."""
        self.outcomes += other.outcomes
        self.was += other.was
        self.now += other.now

    @property
    def rows(self) -> int:
        """How many transactions."""
        return self.outcomes.total()

    @property
    def changed(self) -> int:
        """How many of them come out differently."""
        return sum(count for (was, now, _), count in self.outcomes.items() if was is not now)

    def flagged(self, *, label: bool, now: bool) -> tuple[int, int]:
        """Of the transactions with this label how many are not approved, and how many there are."""
        of_label = [(key, count) for key, count in self.outcomes.items() if key[2] is label]
        caught = sum(count for key, count in of_label if key[1 if now else 0] is not Outcome.APPROVE)
        return caught, sum(count for _, count in of_label)

    def document(self) -> dict[str, Any]:
        """As JSON-ready values."""
        labels: tuple[Label, ...] = (True, False, None)
        return {
            "rows": self.rows,
            "changed": self.changed,
            "outcomes": [
                {"was": was.value, "now": now.value, "fraud": label, "count": self.outcomes[was, now, label]}
                for was in _OUTCOMES
                for now in _OUTCOMES
                for label in labels
                if self.outcomes[was, now, label]
            ],
            "detection_rate": self._rates(label=True),
            "false_positive_rate": self._rates(label=False),
            "reasons": {
                code: {"was": self.was[code], "now": self.now[code]}
                for code in sorted(self.was.keys() | self.now.keys())
            },
        }  # fmt: skip

    def _rates(self, *, label: bool) -> dict[str, float | None]:
        return {name: _rate(self.flagged(label=label, now=name == "now")) for name in ("was", "now")}


def retest(run: Path, policy: Policy, *, workers: int | None = None) -> Retested:
    """Judge every stored row of a finished back-test by another policy.

    Raises HistoryError: no finished back-test there, or one that did not store the facts that the policy reads.
    """
    parts = _parts(run)
    _check(run, parts[0], policy)
    count = min(len(parts), workers or len(os.sched_getaffinity(0)))
    found = Retested()
    if count == 1:
        for part in parts:
            found.add(_retest_part(run, part, policy))
        return found
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        for done in pool.map(_retest_part, [run] * len(parts), parts, [policy] * len(parts)):
            found.add(done)
    return found


def _parts(run: Path) -> list[Path]:
    try:
        document = json.loads((run / "backtest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise HistoryError(f"{run} is no back-test; `fraudray backtest HISTORY --out {run}` makes one") from None
    if document["job"]["format"] != FORMAT:
        raise HistoryError(f"{run} is a back-test of another version; run it again")
    parts = sorted((run / ".work" / "parts").glob("part-*"))
    if len(parts) != document["job"]["parts"] or not all((part / "done.json").is_file() for part in parts):
        raise HistoryError(f"the back-test in {run} is not finished; the same `fraudray backtest` again finishes it")
    return parts


def _check(run: Path, part: Path, policy: Policy) -> None:
    from pyarrow import parquet

    stored = set(parquet.read_schema(part / "facts.parquet").names)
    missing = sorted({fact.name for fact in policy.reads} - stored)
    if missing:
        raise HistoryError(
            f"the back-test in {run} did not store {', '.join(missing)}, which {policy.document.name} reads; "
            "run `fraudray backtest` with this policy"
        )


def _retest_part(run: Path, part: Path, policy: Policy) -> Retested:
    from pyarrow import parquet

    facts = parquet.read_table(part / "facts.parquet")
    names = [name for name in facts.column_names if name != "row"]
    columns = [facts.column(name).to_pylist() for name in names]
    found = Retested()
    for values, (was, label, codes) in zip(zip(*columns, strict=True), _decided(run, part, facts), strict=True):
        known = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        judgement = policy.judge(known)
        found.outcomes[was, judgement.outcome_on_evidence, label] += 1
        if codes or judgement.reasons:
            found.was.update(codes)
            found.now.update({reason.code for reason in judgement.reasons})
    return found


def _decided(run: Path, part: Path, facts: pa.Table) -> Iterator[tuple[Outcome, Label, set[str]]]:
    """What the back-test decided, in the order of the facts."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    files = sorted((run / "decisions").glob(f"day=*/{part.name}-*.parquet"))
    if not files:
        return
    wanted = ["row", "evidence_decision", "fraud", "reasons"]
    rows = pa.concat_tables([parquet.read_table(file, columns=wanted, partitioning=None) for file in files])
    order = np.argsort(rows.column("row").to_numpy())
    place = np.searchsorted(rows.column("row").to_numpy(), facts.column("row").to_numpy(), sorter=order)
    rows = rows.take(pa.array(order[place]))
    columns = (rows.column(name).to_pylist() for name in wanted[1:])
    for decision, fraud, reasons in zip(*columns, strict=True):
        yield Outcome(decision), fraud, {reason["code"] for reason in reasons or ()}


def _rate(counts: tuple[int, int]) -> float | None:
    flagged, all_of_them = counts
    return flagged / all_of_them if all_of_them else None
