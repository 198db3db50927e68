"""One thread writes; what waits goes in one commit (group commit).

Jobs run in the order of submission. All waiting jobs share one database transaction, so a durable commit is paid
once for many decisions. When a shared commit fails, each job is tried again in a transaction of its own, so that one
bad job harms no other. When the connection broke, the first question to the new one is whether the commit had been
made all the same.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from fraudray.adapters.sql.driver import discard, text_refused
from fraudray.domain.errors import FraudrayError, StoreFailed, StoreInUse

log = logging.getLogger(__name__)
BATCH_MAX = 256
WAITING_MAX = 20_000


class Batch(Protocol):
    """Collects rows of several jobs; `flush` writes them, `reset` forgets them after a failure. `resume` says on a new
    connection whether what was forgotten had been committed."""

    def flush(self, connection: Connection) -> None: ...

    def reset(self) -> None: ...

    def committed(self) -> None: ...

    def resume(self, connection: Connection) -> bool: ...


@dataclass(slots=True)
class _Job:
    run: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)
    result: Any = None


class Writer:
    """The only writer of a database."""

    def __init__(self, connect: Callable[[], Connection], batch: Batch, *, first: Connection) -> None:
        """Write on `first`, and on what `connect` gives once that one breaks."""
        self._connect, self._batch = connect, batch
        self._connection: Connection | None = first
        self._lost = False
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
        job.future.set_running_or_notify_cancel()  # a write is not taken back when whoever waits for it leaves
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

    def _write(self, jobs: list[_Job], *, again: bool = False) -> None:
        try:
            self._commit(jobs)
        except Exception as error:
            self._recover(jobs, error, again=again)
        else:
            _succeed(jobs)

    def _commit(self, jobs: list[_Job]) -> None:
        self._lost = self._connection is None
        self._ready()
        connection = self._connection
        assert connection is not None  # noqa: S101 - or `_ready` had raised
        try:
            with connection.begin():
                for job in jobs:
                    job.result = job.run(connection)
                self._batch.flush(connection)
        except BaseException as error:
            self._batch.reset()
            self._lost = _broken(connection)
            # A file that failed is opened anew; a session that still works is kept, and with it the right to write.
            if self._lost or (connection.dialect.name == "sqlite" and not isinstance(error, FraudrayError)):
                self._connection = None
                discard(connection)
            raise
        self._batch.committed()

    def _ready(self) -> bool:
        """Have a connection. True when a transaction that broke off before turns out to be committed."""
        if self._connection is not None:
            return False
        try:
            connection = self._connect()
        except StoreInUse as busy:
            raise StoreFailed(f"this process lost the database: {busy}") from None
        try:
            with connection.begin():
                committed = self._batch.resume(connection)
        except BaseException:
            discard(connection)  # and with it the right to write
            raise
        self._connection = connection
        return committed

    def _recover(self, jobs: list[_Job], error: Exception, *, again: bool) -> None:
        lost = self._lost
        try:
            committed = self._ready()
        except Exception as away:
            _fail(jobs, away)
            return
        if committed:
            _succeed(jobs)
        elif len(jobs) == 1 and (again or not lost):
            _fail(jobs, error)
        else:
            for job in jobs:
                self._write([job], again=True)


def _broken(connection: Connection) -> bool:
    """Whether the server cannot be reached by it any more."""
    if connection.closed or connection.invalidated:
        return True
    return bool(getattr(connection.connection.driver_connection, "closed", False))


def _succeed(jobs: list[_Job]) -> None:
    for job in jobs:
        job.future.set_result(job.result)


def _fail(jobs: list[_Job], error: Exception) -> None:
    failure = error if isinstance(error, FraudrayError) else text_refused(error)
    if failure is None:
        log.error("a write failed: %s", type(error).__name__, exc_info=error)
        reason = error.__cause__ or error if isinstance(error, SQLAlchemyError) else error
        failure = StoreFailed(f"the database did not take the write: {' '.join(str(reason).split())}")
    for job in jobs:
        job.future.set_exception(failure)
