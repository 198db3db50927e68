"""A back-test as one call: what a policy would have caught in a history, and what it would have cost.

from fraudray.batch.backtest import backtest

result = backtest("handbook", policy="handbook", out="run")
result.figures["sides"]["champion"]      # what it caught, with intervals
result.report                            # one HTML file
result.decisions()                       # a pyarrow dataset: every decision with its reasons
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.progress import Watch, unwatched
from fraudray.batch.history.store import HistoryStore, read_manifest
from fraudray.batch.replay.job import Job
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.errors import FraudrayError
from fraudray.features.state import microseconds
from fraudray.policy.book import PolicyBook
from fraudray.policy.packaged import packaged_policy
from fraudray.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyarrow import dataset

    from fraudray.batch.history.manifest import Manifest
    from fraudray.batch.investigate.plan import InvestigationPlan
    from fraudray.batch.investigate.prices import Prices
    from fraudray.batch.report.costs import Costs
    from fraudray.batch.report.run import Run

FIGURES, REPORT, CHANGES = "result.json", "report.html", "changes.parquet"
SERVED = "figures.json"
"""What of the figures is shown elsewhere than in the report: see `fraudray.batch.report.served`."""
_IMPORTED = "history"
_PLAIN = "amount above 200 in the base currency, or the customer's fourth payment within one hour of the clock"


class BacktestError(FraudrayError):
    """A back-test cannot be done as asked; says why."""


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """A finished back-test. `folder` holds the decisions, `result.json` and the report; `seconds` are by step."""

    folder: Path
    run_id: str
    figures: Mapping[str, Any]
    run: Run
    seconds: Mapping[str, float]

    @property
    def report(self) -> Path | None:
        """The HTML report; None where none was asked for."""
        file = self.folder / REPORT
        return file if file.is_file() else None

    def decisions(self) -> dataset.Dataset:
        """Every measured decision: one row a transaction, a folder a day; see the README for the columns."""
        from pyarrow import dataset

        return dataset.dataset(self.folder / "decisions", format="parquet", partitioning="hive")

    def summary(self) -> list[tuple[str, str]]:
        """The main figures, as names and values for people."""
        from fraudray.batch.report import summary_lines

        return summary_lines(self.figures)


def backtest(
    history: str | Path | Sequence[str | Path],
    policy: str | Path | PolicyBook = "default",
    challenger: str | Path | PolicyBook | None = None,
    *,
    out: str | Path,
    mapping: str | Path | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    customers: Sequence[CustomerProfile] = (),
    costs: Costs | None = None,
    investigation: InvestigationPlan | None = None,
    prices: Prices | None = None,
    settings: Settings | None = None,
    report: bool = True,
    fresh: bool = False,
    say: Callable[[str], None] = lambda _: None,
    watch: Watch = unwatched,
) -> BacktestResult:
    """Decide a history again by a policy, and by its challenger, and measure both.

    `history` is a store of `fraudray history import`, or sources that are imported into `out` first (`mapping` as
    there). A policy is a book, a file, or the name of a packaged policy. Rows before `start` (with time zone) are
    decided, since later ones rest on them, but not measured; rows from `end` on are not read. Registered `customers`
    are known from the beginning. `out` is a folder: the same back-test in it is taken up where it stopped, another one
    refused unless `fresh`. `costs` are of the policy's base currency. Nothing is stored elsewhere, sent, or frozen.

    Raises:
        HistoryError, PolicyError, SettingsError: an input cannot be used.
        Refused: `out` is being worked on, or holds something else.
        BacktestError: no row to measure, or a moment without a time zone.
    """
    from fraudray.batch.replay.run import gathered, run_folder, run_passes
    from fraudray.batch.report import Tallies, figures, render
    from fraudray.batch.report.costs import Costs
    from fraudray.batch.report.served import served

    started = time.perf_counter()
    folder = Path(out).expanduser().absolute()
    settings = settings or load_settings()
    books = tuple(_book(one) for one in (policy, challenger) if one is not None)
    store = _store(history, mapping, folder, say, watch)
    imported = time.perf_counter()
    manifest = store.manifest
    job = Job(
        store.path, folder, manifest.fingerprint, manifest.partitions, books, settings, tuple(customers),
        from_us=_us(start, "start"), to_us=_us(end, "end"), investigation=investigation,
    )  # fmt: skip
    _check_escalates(job)
    with run_folder(job, fresh=fresh, keep=(_IMPORTED,)):
        parts = run_passes(job, manifest.counts.kept, watch)
        decided = time.perf_counter()
        if not sum(part.measured for part in parts):
            raise BacktestError(f"{store.path} has no transaction to measure between these moments")
        investigated = _investigated(job, sum(part.measured for part in parts), prices, watch)
        asked = time.perf_counter()
        tables = gathered(job)
        changes = tables.pop("changes", None)
        if changes is not None:
            _write_changes(changes, folder / CHANGES)
        shown = changes.slice(0, 200).to_pylist() if changes is not None else []
        priced = (costs or Costs()).in_base(books[0].default.document.base_currency)
        found = figures(Tallies(**tables, changes=shown, investigation=investigated), priced)
        measured = time.perf_counter()
        seconds = {
            "import": imported - started, "decide": decided - imported,
            **({"investigate": asked - decided} if investigation is not None else {}), "measure": measured - asked,
            **{f"worker seconds {name}": sum(part.seconds[name] for part in parts) for name in parts[0].seconds},
        }  # fmt: skip
        run = _run(job, manifest, seconds)
        _write(folder / FIGURES, json.dumps({"run_id": job.run_id, "run": run, "figures": found}, indent=1))
        _write(folder / SERVED, json.dumps(served(job.run_id, run, found)))
        if report:
            watch("report", 0, 1)
            _write(folder / REPORT, render(found, run))
            watch("report", 1, 1)
        seconds["report"] = time.perf_counter() - measured
    return BacktestResult(folder, job.run_id, found, run, seconds)


def _book(policy: str | Path | PolicyBook) -> PolicyBook:
    if isinstance(policy, PolicyBook):
        return policy
    packaged = packaged_policy(str(policy))
    return PolicyBook.of(packaged) if packaged is not None else PolicyBook.load(Path(policy))


def _store(
    history: str | Path | Sequence[str | Path], mapping: str | Path | None, folder: Path,
    say: Callable[[str], None], watch: Watch,
) -> HistoryStore:  # fmt: skip
    """The store to read; sources are imported into the back-test's own folder, once."""
    if isinstance(history, str | Path):
        if mapping is None and read_manifest(Path(history)) is not None:
            return HistoryStore.open(history)
        history = [history]
    if not history:
        raise HistoryError("no history is named")
    from fraudray.batch.history.importing import import_history

    import_history(list(history), mapping, folder / _IMPORTED, say=say, watch=watch)
    return HistoryStore.open(folder / _IMPORTED)


def _check_escalates(job: Job) -> None:
    if job.investigation is not None and all(policy.escalates is None for policy in job.books[0]):
        names = ", ".join(policy.document.name for policy in job.books[0])
        raise BacktestError(
            f"nothing is investigated: the policy {names} has no `escalate`, as in `escalate: score >= 40`"
        )


def _investigated(job: Job, rows: int, prices: Prices | None, watch: Watch) -> dict[str, Any] | None:
    """What the model made of what was escalated; None where none is asked."""
    if job.investigation is None:
        return None
    from fraudray.batch.investigate.figures import investigation_figures
    from fraudray.batch.investigate.rounds import investigate

    return investigation_figures(job, investigate(job, watch), rows, prices)


def _us(at: datetime | None, name: str) -> int | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise BacktestError(f"{name} needs a time zone, for example 2026-01-31T00:00:00Z")
    return microseconds(at.astimezone(UTC))


def _run(job: Job, manifest: Manifest, seconds: Mapping[str, float]) -> Run:
    policies: dict[str, Any] = {}
    for side, book in zip(job.sides, job.books, strict=True):
        policy = book.default
        policies[side] = {
            "name": policy.document.name, "version": policy.document.version, "hash": policy.ref.hash,
            "thresholds": {"review": policy.document.thresholds.review, "block": policy.document.thresholds.block},
        }  # fmt: skip
    champion = job.books[0].default.document
    labels = manifest.labels
    return {
        "policies": policies,
        "plain": _PLAIN,
        "history": {
            "name": manifest.name,
            "rows": manifest.counts.kept,
            "sources": [source.path for source in manifest.sources],
            "first": manifest.first_occurred.isoformat() if manifest.first_occurred else "",
            "last": manifest.last_occurred.isoformat() if manifest.last_occurred else "",
            "labels": f"{labels.fraud:,} fraud, {labels.genuine:,} genuine, {labels.unlabelled:,} without",
        },
        "base_currency": champion.base_currency,
        "feedback_delay_days": champion.parameters.feedback_delay_days,
        "wall_s": {name: round(value, 2) for name, value in seconds.items()},
        "rejected": [
            {"reason": code, "count": count} for code, count in sorted(manifest.counts.rejected_by_code.items())
        ],
        "notes": _notes(job, manifest),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _notes(job: Job, manifest: Manifest) -> list[str]:
    notes = ["A freeze in this back-test ends after its time; nobody lifts one."]
    if manifest.not_recorded:
        lacking = ", ".join(manifest.not_recorded)
        notes.append(f"Not recorded in this history, so that no rule on it speaks: {lacking}.")
    if not job.customers:
        notes.append("No registered customers were given: rules on profiles do not speak.")
    outside = sorted({name for book in job.books for policy in book for name in policy.document.evidence})
    if outside:
        notes.append(f"Evidence from servers outside this process is not asked in a back-test: {', '.join(outside)}.")
    return notes


def _write(file: Path, text: str) -> None:
    draft = file.with_name(file.name + ".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


def _write_changes(changes: Any, file: Path) -> None:
    from pyarrow import parquet

    draft = file.with_name(file.name + ".new")
    parquet.write_table(changes, draft, compression="zstd")
    draft.replace(file)
