"""The outbox worker: takes what is due, carries it out, records what happened."""

from __future__ import annotations

import logging
import threading

from fraudray.actions.deliver import Deliverer
from fraudray.actions.lane import WebhookLane
from fraudray.adapters.sql.outbox import OutboxRow, SqlOutbox
from fraudray.domain.errors import DeliveryFailed, StoreFailed
from fraudray.ports.clock import Clock

log = logging.getLogger(__name__)


class OutboxWorker:
    """A thread that empties the outbox, and the lane for webhooks beside it. What is not finished is taken again after
    its lease, here or later."""

    def __init__(
        self, outbox: SqlOutbox, deliverer: Deliverer, clock: Clock, lane: WebhookLane, *, poll_s: float = 0.25
    ) -> None:
        self.lane = lane
        self._outbox, self._deliverer, self._clock, self._poll_s = outbox, deliverer, clock, poll_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="fraudray-outbox", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()
        self.lane.start()

    def close(self) -> None:
        """Finish the entry at hand, then stop; the rest stays in the outbox."""
        self._stop.set()
        self.lane.close()
        if self._thread.is_alive():
            self._thread.join()

    def drain(self, limit: int = 1000) -> int:
        """Carry out what is due now and wait for it; returns how many entries were tried."""
        tried = 0
        while tried < limit and (rows := self._outbox.lease(self._clock.now())):
            for row in rows:
                self._work(row)
            tried += len(rows)
        return tried + self.lane.drain()

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                rows = self._outbox.lease(self._clock.now())
                for row in rows:
                    if self._stop.is_set():
                        return
                    self._work(row)
            except StoreFailed as error:
                log.error("the outbox cannot be read: %s", error)
                rows = []
            if not rows:
                self._stop.wait(self._poll_s)

    def _work(self, row: OutboxRow) -> None:
        try:
            outcome = self._deliverer.deliver(row.entry)
        except DeliveryFailed as error:
            log.warning("%s %s did not leave: %s", row.entry.kind, row.entry.entry_id, error)
            self._outbox.fail(row, self._clock.now(), reason=str(error), permanent=error.permanent)
        except Exception as error:
            log.error("%s %s failed: %s", row.entry.kind, row.entry.entry_id, type(error).__name__, exc_info=error)
            self._outbox.fail(row, self._clock.now(), reason=f"failed: {type(error).__name__}", permanent=False)
        else:
            self._outbox.finish(row, self._clock.now(), outcome=outcome)
