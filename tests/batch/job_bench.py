"""Runners of back-tests on folders of a test's own: with the real command, or with one that acts as it does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from fraudray.batch.history.manifest import FILE_NAME, Counts, Labels, Manifest, MappingRecord
from fraudray.batch.jobs import COMMAND, ProcessJobRunner, job_environment
from fraudray.domain.backtest_job import BacktestJob, BacktestSpec, JobState, PolicyFiles
from fraudray.policy.policy import Policy
from fraudray.ports.jobs import JobRunner
from fraudray.settings import load_settings
from fraudray.testing.clock import FixedClock

ACTING = (sys.executable, str(Path(__file__).with_name("acting_backtest.py")))
LIMIT_S = 240


@dataclass
class Bench:
    """Makes runners on one folder. `hold` keeps what runs from ending, where the real thing takes its time anyhow."""

    folder: Path
    command: tuple[str, ...]
    clock: FixedClock

    @property
    def histories(self) -> Path:
        return self.folder / "histories"

    def open(self, *, waiting_max: int = 2) -> ProcessJobRunner:
        environment = job_environment(load_settings(data_dir=self.folder), os.environ)
        return ProcessJobRunner(
            self.folder / "backtests", self.histories, environment, self.clock, command=self.command,
            waiting_max=waiting_max,
        )  # fmt: skip

    def hold(self) -> None:
        for store in self.histories.iterdir():
            (store / "hold").touch()

    def release(self) -> None:
        for store in self.histories.iterdir():
            (store / "hold").unlink(missing_ok=True)

    def processes(self) -> list[int]:
        """Whatever carries this folder's name in its environment, as all that a back-test starts does."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("FRAUDRAY_DATA_DIR") == str(self.folder)
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found


def acting_bench(folder: Path, clock: FixedClock, *names: str) -> Bench:
    """With stores that say what they are and hold nothing else."""
    for name in names or ("payments",):
        store = folder / "histories" / name
        store.mkdir(parents=True)
        at = datetime(2026, 1, 1, tzinfo=UTC)
        manifest = Manifest(
            name=name, mapping=MappingRecord.of("fraudray", "x"), sources=(), partitions=1, partition_rows=(7,),
            counts=Counts(read=7, kept=7, rejected=0, rejected_by_code={}), recorded=(), not_recorded=(),
            first_occurred=at, last_occurred=at, labels=Labels(fraud=1, genuine=6, unlabelled=0),
            fingerprint=name, created=at,
        )  # fmt: skip
        (store / FILE_NAME).write_text(manifest.model_dump_json())
    return Bench(folder, ACTING, clock)


def real_bench(folder: Path, clock: FixedClock, store: Path) -> Bench:
    """With the real command, on a store that lies elsewhere."""
    (folder / "histories").mkdir(parents=True)
    (folder / "histories" / "payments").symlink_to(store, target_is_directory=True)
    return Bench(folder, COMMAND, clock)


def spec(history: str = "payments", *, text: str | None = None, start: datetime | None = None) -> BacktestSpec:
    policy = Policy.load() if text is None else Policy.parse(text)
    files = PolicyFiles(asked="text", ref=policy.ref, files={"policy-0.yaml": policy.source.text}, main="policy-0.yaml")
    return BacktestSpec(history=history, champion=files, start=start)


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Look until it holds."""
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def ended(runner: JobRunner, job: BacktestJob) -> BacktestJob:
    """The job once it has ended."""
    eventually(lambda: runner.get(job.backtest_id).state.ended, "the back-test did not end")
    return runner.get(job.backtest_id)


def begun(runner: JobRunner, job: BacktestJob) -> BacktestJob:
    """The job once its command says what it does."""

    def says() -> bool:
        now = runner.get(job.backtest_id)
        assert now.state in (JobState.QUEUED, JobState.RUNNING), now
        return now.progress is not None and now.progress.doing == "deciding"

    eventually(says, "the back-test does not begin to decide")
    return runner.get(job.backtest_id)
