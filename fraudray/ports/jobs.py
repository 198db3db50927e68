"""Long work on histories, done beside the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from fraudray.domain.backtest_job import BacktestJob, BacktestSpec, HistoryFound


class Asked(NamedTuple):
    """A job that was asked for; `begun` is False where it was there already and needs nothing."""

    job: BacktestJob
    begun: bool


class JobRunner(Protocol):
    """Runs back-tests, a few at a time; the others wait. Safe to use from several threads."""

    def histories(self) -> Sequence[HistoryFound]:
        """The stores that can be named, by name."""
        ...

    def start(self, spec: BacktestSpec, *, author: str) -> Asked:
        """Begin a back-test, or take up where the same one stopped. The same content is the same job.

        One that is done but whose figures are not there any more is done again, as far as is needed.

        Raises NotFound for a history that is not there, Refused when too many wait.
        """
        ...

    def resume(self, backtest_id: str, *, author: str) -> Asked:
        """`start` with what the back-test was given then.

        Raises NotFound, and Refused where the history is another one by now or what it was given is not there.
        """
        ...

    def spec(self, backtest_id: str) -> BacktestSpec:
        """What a back-test was given. Raises NotFound, Refused where that is not there."""
        ...

    def list(self, *, limit: int = 50, offset: int = 0) -> Sequence[BacktestJob]:
        """Back-tests, the last one asked for first."""
        ...

    def get(self, backtest_id: str) -> BacktestJob:
        """One as of now. Raises NotFound."""
        ...

    def cancel(self, backtest_id: str) -> BacktestJob:
        """Stop one that waits or runs; nothing of it runs any more when this returns, unless it ended meanwhile.

        Raises NotFound, Refused for one that ended otherwise.
        """
        ...

    def report(self, backtest_id: str) -> str:
        """The HTML report of a finished one. Raises NotFound, Refused while there is none."""
        ...

    def figures(self, backtest_id: str) -> bytes:
        """The figures of a finished one, as JSON. Raises NotFound, Refused while there are none."""
        ...

    def close(self) -> None:
        """Stop what runs and what waits: both are interrupted. Nothing can be started any more."""
        ...
