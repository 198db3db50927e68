"""A circuit breaker: a model that is down costs each decision nothing, and is not stormed when it comes back."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from time import monotonic
from typing import Literal

from fraudray.domain.investigation import FallbackReason
from fraudray.ports.llm import ModelFailed

log = logging.getLogger(__name__)
State = Literal["closed", "open", "half-open"]

_DOWN = frozenset({
    FallbackReason.REFUSED_CONNECTION, FallbackReason.UNAUTHORIZED, FallbackReason.WRONG_MODEL,
    FallbackReason.RATE_LIMITED,
})  # fmt: skip
"""What the next request would meet just the same: one is enough to open."""
_COUNTED = frozenset({
    FallbackReason.SERVER_ERROR, FallbackReason.SLOW_FIRST_TOKEN, FallbackReason.STALLED, FallbackReason.CUT,
})  # fmt: skip
"""What may have been chance: so many in a row open. A poor verdict says nothing about the engine."""


class Breaker:
    """Refuses requests to a model that is down. For one event loop; its owner calls `probing` and the two outcomes.

    closed ──failures──▶ open ──pause──▶ half-open ──probe answers──▶ closed
                          ▲                  └──────probe fails──────▶ open, with a longer pause
    """

    def __init__(
        self,
        *,
        failures_max: int = 3,
        pause_s: float = 1.0,
        pause_s_max: float = 60.0,
        now: Callable[[], float] = monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`pause_s` doubles with each probe that fails, up to `pause_s_max`; up to a quarter of it is added at random,
        so that several replicas do not probe at once. `now` is in seconds, `jitter` 0-1."""
        self._failures_max, self._pause_s, self._pause_s_max = failures_max, pause_s, pause_s_max
        self._now, self._jitter = now, jitter
        self._state: State = "closed"
        self._failures, self._pauses, self._until = 0, 0, 0.0
        self._cause: ModelFailed | None = None

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._state

    def refusal(self) -> ModelFailed | None:
        """Why a request may not be made now; None where it may."""
        if self._state == "closed":
            return None
        return ModelFailed(FallbackReason.BREAKER_OPEN, f"the model is away since {self._cause}")

    def probe_due(self) -> bool:
        """Whether a probe is to be sent now. The caller that is told so sends it and reports what came of it."""
        if self._state != "open" or self._now() < self._until:
            return False
        self._state = "half-open"
        return True

    def succeeded(self) -> None:
        """A request or the probe was answered."""
        if self._state != "closed":
            log.warning("the model answers again; it was away since: %s", self._cause)
        self._state, self._cause = "closed", None
        self._failures = self._pauses = 0

    def failed(self, failure: ModelFailed) -> None:
        """A request or the probe was not answered."""
        if self._state == "half-open":
            self._open(failure)
            return
        if self._state == "open" or failure.reason not in _DOWN | _COUNTED:
            return
        self._failures += 1
        if failure.reason in _DOWN or self._failures >= self._failures_max:
            self._cause = failure
            log.error("the model is not asked for now, the policy decides alone: %s", failure)
            self._open(failure)

    def _open(self, failure: ModelFailed) -> None:
        pause_s = min(self._pause_s * 2.0**self._pauses, self._pause_s_max)
        pause_s = max(pause_s, failure.retry_after_s or 0.0)
        self._state, self._pauses = "open", min(self._pauses + 1, 30)
        self._until = self._now() + pause_s * (1 + self._jitter() / 4)
