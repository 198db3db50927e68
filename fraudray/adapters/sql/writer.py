"""One thread writes; what waits goes in one commit (group commit).

Jobs run in the order of submission. All waiting jobs share one database transaction, so a durable commit is paid
once for many decisions. When a shared commit fails, each job is tried again in a transaction of its own, so that one
bad job harms no other.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from fraudray.domain.errors import FraudrayError, StoreFailed

log = logging.getLogger(__name__)
BATCH_MAX = 256
WAITING_MAX = 20_000


class Batch(Protocol):
    """Collects rows of several jobs; `flush` writes them, `reset` forgets them after a failure."""

    def flush(self, connection: Connection) -> None: ...

    def reset(self) -> None: ...

    def committed(self) -> None: ...


@dataclass(slots=True)
class _Job:
    run: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)
    result: Any = None


class Writer:
    """The only writer of a database."""

    def __init__(self, engine: Engine, batch: Batch) -> None:
        self._engine, self._batch = engine, batch
        self._connection: Connection | None = None
        self._queue: queue.Queue[_Job | None] = queue.Queue(WAITING_MAX)
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="fraudray-writer", daemon=True)
        self._thread.start()

    def submit(self, run: Callable[[Connection], Any]) -> Future[Any]:
        """Run `run(connection)` in the writer's transaction; the future holds its result once durable.

        Raises StoreFailed when the writer is closed or 20,000 jobs wait.
        """
        if self._closed:
            raise StoreFailed("the store is closed")
        job = _Job(run)
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            raise StoreFailed(f"{WAITING_MAX:,} writes are waiting; try again later") from None
        return job.future

    def close(self) -> None:
        """Finish what was submitted, then stop."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    def _loop(self) -> None:
        ending = False
        while not ending:
            jobs, ending = self._take()
            if jobs:
                self._write(jobs)
        if self._connection is not None:
            self._connection.close()

    def _take(self) -> tuple[list[_Job], bool]:
        jobs: list[_Job] = []
        job = self._queue.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) >= BATCH_MAX:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return jobs, False
        return jobs, True

    def _write(self, jobs: list[_Job]) -> None:
        try:
            self._commit(jobs)
        except Exception as error:
            if len(jobs) == 1:
                self._fail(jobs[0], error)
            else:
                for job in jobs:
                    self._write([job])
            return
        for job in jobs:
            job.future.set_result(job.result)

    def _commit(self, jobs: list[_Job]) -> None:
        if self._connection is None:
            self._connection = self._engine.connect()
        connection = self._connection
        try:
            with connection.begin():
                for job in jobs:
                    job.result = job.run(connection)
                self._batch.flush(connection)
        except BaseException:
            self._batch.reset()
            self._connection = None
            connection.close()
            raise
        self._batch.committed()

    def _fail(self, job: _Job, error: Exception) -> None:
        if isinstance(error, FraudrayError):
            job.future.set_exception(error)
            return
        log.error("a write failed: %s", type(error).__name__, exc_info=error)
        reason = str(error.__cause__ or error) if isinstance(error, SQLAlchemyError) else str(error)
        job.future.set_exception(StoreFailed(f"the database did not take the write: {reason}"))
