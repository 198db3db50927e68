"""What runs back-tests beside a server, where it is installed. Implements `ports.jobs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from fraudray.domain.backtest_job import BacktestJob, BacktestSpec, HistoryFound
from fraudray.domain.errors import NotInstalled
from fraudray.policy.extensions import ExtensionMissing, load
from fraudray.ports.clock import Clock
from fraudray.ports.jobs import Asked, JobRunner
from fraudray.settings import Settings

JOBS = "fraudray.jobs"
"""Entry points: a function from settings and clock to a JobRunner. fraudray's own is `backtests`."""


def open_jobs(settings: Settings, clock: Clock, name: str = "backtests") -> JobRunner:
    """The installed runner, or one that says what is missing."""
    try:
        made: JobRunner = load(JOBS, name)(settings, clock)
    except ExtensionMissing as missing:
        return NoJobs(f"back-tests need the extra `batch` (pip install 'fraudray[batch]'): {missing}")
    return made


class NoJobs:
    """Stands where nothing runs back-tests: each call raises NotInstalled, which says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    def histories(self) -> Sequence[HistoryFound]:
        """See `NoJobs`."""
        self._refuse()

    def start(self, spec: BacktestSpec, *, author: str) -> Asked:
        """See `NoJobs`."""
        self._refuse()

    def resume(self, backtest_id: str, *, author: str) -> Asked:
        """See `NoJobs`."""
        self._refuse()

    def spec(self, backtest_id: str) -> BacktestSpec:
        """See `NoJobs`."""
        self._refuse()

    def list(self, *, limit: int = 50, offset: int = 0) -> Sequence[BacktestJob]:
        """See `NoJobs`."""
        self._refuse()

    def get(self, backtest_id: str) -> BacktestJob:
        """See `NoJobs`."""
        self._refuse()

    def cancel(self, backtest_id: str) -> BacktestJob:
        """See `NoJobs`."""
        self._refuse()

    def report(self, backtest_id: str) -> str:
        """See `NoJobs`."""
        self._refuse()

    def figures(self, backtest_id: str) -> bytes:
        """See `NoJobs`."""
        self._refuse()

    def close(self) -> None:
        """Nothing runs."""

    def _refuse(self) -> NoReturn:
        raise NotInstalled(self._why)
