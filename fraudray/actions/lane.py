"""The webhooks' lane of the outbox: a thread for each endpoint that something is due for, so that none waits for
another, and no alert waits for any."""

from __future__ import annotations

import logging
import threading
import zlib
from collections import Counter
from datetime import datetime, timedelta

from fraudray.actions.deliver import Deliverer
from fraudray.adapters.sql.outbox import OutboxRow, SqlOutbox
from fraudray.adapters.webhook_http import WebhookHttp
from fraudray.domain.errors import DeliveryFailed, FraudrayError, StoreFailed
from fraudray.ports.clock import Clock

log = logging.getLogger(__name__)
# What the Standard Webhooks specification proposes: ten tries within about three days.
PAUSES_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
# How long an endpoint rests after 1, 2, ... failures in a row, so that a backlog does not hammer on what is down.
RESTS_S = (0, 5, 15, 60)
THREADS_MAX = 64
RUN_ROWS = 4
CLOSE_S = 3.0


class WebhookLane:
    """Leases, sends and records. Events of one endpoint go one after another, oldest first, but an event that failed
    is overtaken by later ones: order is best effort."""

    def __init__(
        self, outbox: SqlOutbox, deliverer: Deliverer, http: WebhookHttp, clock: Clock, *, timeout_s: float,
        poll_s: float = 0.25,
    ) -> None:  # fmt: skip
        self._outbox, self._deliverer, self._http, self._clock = outbox, deliverer, http, clock
        self._lease_s, self._poll_s = RUN_ROWS * timeout_s + 60, poll_s
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._runs: dict[str, threading.Thread] = {}
        self._failures: Counter[str] = Counter()
        self._rests_until: dict[str, datetime] = {}
        self.results: Counter[str] = Counter(delivered=0, retried=0, dead=0)
        """How many tries ended how, since this process began."""
        self._thread = threading.Thread(target=self._loop, name="fraudray-webhooks", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """Stop within about three seconds; what was under way stays in the outbox and is sent again."""
        self._stop.set()
        self._http.abort()
        if self._thread.is_alive():
            self._thread.join()  # it only begins runs
        for run in self._runs.values():
            run.join(CLOSE_S)
        self._http.close()

    def drain(self) -> int:
        """Send what is due now and wait for it; returns how many entries were tried."""
        before = self.results.total()
        while runs := self._begin():
            for run in runs:
                run.join()
        return self.results.total() - before

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                self._begin()
            except StoreFailed as error:
                log.error("the outbox cannot be read: %s", error)
            self._stop.wait(self._poll_s)

    def _begin(self) -> list[threading.Thread]:
        """Start a run for each endpoint that something is due for and that does not rest or run already."""
        now = self._clock.now()
        self._runs = {webhook_id: run for webhook_id, run in self._runs.items() if run.is_alive()}
        begun = []
        for webhook_id in self._outbox.due_webhooks(now):
            rests_until = self._rests_until.get(webhook_id)
            if webhook_id in self._runs or (rests_until and rests_until > now):
                continue
            if len(self._runs) >= THREADS_MAX:
                break
            run = threading.Thread(target=self._run, args=(webhook_id,), name=f"fraudray-{webhook_id}", daemon=True)
            self._runs[webhook_id] = run
            run.start()
            begun.append(run)
        return begun

    def _run(self, webhook_id: str) -> None:
        """Send to one endpoint until nothing is due or something fails."""
        try:
            while not self._stop.is_set():
                now = self._clock.now()
                rows = self._outbox.lease(now, webhook_id=webhook_id, limit=RUN_ROWS, lease_s=self._lease_s)
                if not self._work_all(webhook_id, rows):
                    return
        except StoreFailed as error:
            log.error("webhook %s: the outbox failed: %s", webhook_id, error)

    def _work_all(self, webhook_id: str, rows: list[OutboxRow]) -> bool:
        """Try what was leased; False when there is nothing more to do for now. What was not tried is given back."""
        for tried, row in enumerate(rows):
            try:
                if self._stop.is_set():
                    raise _Stopped
                goes_on = self._work(webhook_id, row)
            except _Stopped:
                self._outbox.release(rows[tried:])
                return False
            if not goes_on:
                self._outbox.release(rows[tried + 1 :])
                return False
        return bool(rows)

    def _work(self, webhook_id: str, row: OutboxRow) -> bool:
        """Try one entry; False when the endpoint had better rest. Raises _Stopped when the lane stops meanwhile."""
        try:
            outcome = self._deliverer.deliver(row.entry)
        except DeliveryFailed as error:
            if self._stop.is_set():
                raise _Stopped from None
            return self._failed(webhook_id, row, error)
        except FraudrayError as error:
            return self._failed(webhook_id, row, DeliveryFailed(str(error)))
        except Exception as error:
            log.error("webhook %s failed: %s", row.entry.entry_id, type(error).__name__, exc_info=error)
            return self._failed(webhook_id, row, DeliveryFailed(f"failed: {type(error).__name__}"))
        self._outbox.finish(row, self._clock.now(), outcome=outcome)
        self._count("delivered")
        del self._failures[webhook_id]
        return True

    def _failed(self, webhook_id: str, row: OutboxRow, error: DeliveryFailed) -> bool:
        now = self._clock.now()
        over = error.permanent or row.attempts > len(PAUSES_S)
        pause_s = 0.0 if over else max(_jittered(PAUSES_S[row.attempts - 1], row), error.retry_after_s or 0.0)
        self._outbox.fail(row, now, reason=str(error), permanent=over, pause_s=pause_s)
        self._count("dead" if over else "retried")
        log.warning("webhook %s, event %s: %s", webhook_id, row.entry.entry_id, error)
        if error.permanent:
            return True
        self._failures[webhook_id] += 1
        rest_s = max(RESTS_S[min(self._failures[webhook_id], len(RESTS_S)) - 1], error.retry_after_s or 0.0)
        self._rests_until[webhook_id] = now + timedelta(seconds=rest_s)
        return rest_s == 0

    def _count(self, result: str) -> None:
        with self._lock:
            self.results[result] += 1


class _Stopped(Exception):
    """The lane stops; what was under way is not tried any further."""


def _jittered(pause_s: float, row: OutboxRow) -> float:
    """Up to a tenth more, by the entry's id: what failed together is not tried again together."""
    return pause_s * (1 + zlib.crc32(f"{row.entry.entry_id}{row.attempts}".encode()) % 1000 / 10_000)
