"""One replica under a load: how many requests are under way, how long they wait, when their verdicts are there.

Continuous batching is a station whose service gets slower the more requests it has in hand. Three approximations:

- Little's law with the load's own slowness: `running = rate x time(running)`. Prompts of others take the engine's time
  too, so that all times are stretched by 1 / (1 - rate x prompt_s).
- Waiting for a slot is M/M/c (Erlang C), with the slots as servers, at the service time of that state. Answers' lengths
  differ, hence exponential service; arrivals are Poisson.
- In a slow moment (95th percentile) there are `running + 1.645 sqrt(running)` requests, as Poisson's distribution has,
  which is that of a station where hardly anybody waits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from fraudray.deployments.planning.layout import Load
from fraudray.deployments.planning.memory import Memory
from fraudray.deployments.planning.timing import Timing

_Z_95 = 1.645
_HALVINGS = 50


@dataclass(frozen=True)
class Replica:
    """A replica and the requests that it is sent; rates are requests a second of this one."""

    timing: Timing
    memory: Memory
    load: Load

    @cached_property
    def slots(self) -> int:
        """Requests in one step at most: what the engine is told, or what the KV cache holds."""
        return min(self.timing.layout.slots, self.memory.requests(self.load.context_tokens))

    @cached_property
    def prompt_s(self) -> float:
        """The engine's time for a prompt, without what is cached of it."""
        cached = self.load.cached * self.load.prompt_tokens
        return self.timing.prompt_s(self.load.prompt_tokens - cached, cached)

    @cached_property
    def alone_s(self) -> float:
        """Until the verdict of a request that meets nobody."""
        return self.prompt_s + self.load.answer_tokens * self.token_s(1)

    @cached_property
    def capacity_per_s(self) -> float:
        """Requests a second with all slots taken: no more for any length of time."""
        return self._rate(self.slots)

    def token_s(self, running: float) -> float:
        """Between two tokens of an answer, prompts of others aside; its context as it is half-way."""
        return self.timing.token(running, self.load.prompt_tokens + self.load.written_tokens / 2).total_s

    def running(self, rate_per_s: float) -> float:
        """Requests under way, on average; all slots where more come than it bears."""
        low, high = 0.0, float(self.slots)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._rate(middle) < rate_per_s else (low, middle)
        return high

    def stretch(self, rate_per_s: float) -> float:
        """How much longer everything takes because others' prompts are read meanwhile."""
        return 1 / (1 - min(rate_per_s, self.capacity_per_s) * self._prompt_share_s)

    def verdict_s(self, rate_per_s: float, *, slow: bool = False) -> float | None:
        """From arriving to the verdict: the median, or the 95th percentile. None where more come than it bears."""
        if rate_per_s >= self.capacity_per_s:
            return None
        return self._verdict_s(rate_per_s, self.running(rate_per_s), slow)

    def wait_s(self, rate_per_s: float, quantile: float) -> float:
        """For a slot, so that `quantile` of the requests wait no longer; infinite from the capacity on."""
        return self._wait_s(rate_per_s, self.running(rate_per_s), quantile)

    def rate_within(self, budget_s: float) -> float:
        """The most requests a second of which 95 % have their verdict within `budget_s`; 0 where not even one alone."""
        if self.alone_s > budget_s:
            return 0.0
        low, high = 0.0, float(self.slots)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            kept = self._verdict_s(self._rate(middle), middle, slow=True) <= budget_s
            low, high = (middle, high) if kept else (low, middle)
        return self._rate(low)

    def answer_tokens_within(self, budget_s: float) -> int:
        """The longest reasoning and verdict of a request that meets nobody."""
        return max(0, math.floor((budget_s - self.prompt_s) / self.token_s(1)))

    def _verdict_s(self, rate_per_s: float, running: float, slow: bool) -> float:
        beside = min(float(self.slots), running + _Z_95 * math.sqrt(running)) if slow else running
        served_s = self.prompt_s + self.load.answer_tokens * self.token_s(max(1.0, beside))
        return self._wait_s(rate_per_s, running, 0.95 if slow else 0.5) + served_s * self.stretch(rate_per_s)

    def _wait_s(self, rate_per_s: float, running: float, quantile: float) -> float:
        waits = erlang_c(self.slots, running)
        if waits <= 1 - quantile:
            return 0.0
        if running >= self.slots:
            return math.inf
        each_s = running / rate_per_s
        return math.log(waits / (1 - quantile)) * each_s / (self.slots - running)

    @property
    def _prompt_share_s(self) -> float:
        """Of the engine for one prompt: a pipeline's stages read different prompts at once."""
        return self.prompt_s / self.timing.layout.pipeline_parallel

    def _rate(self, running: float) -> float:
        """The rate at which so many are under way: Little's law, solved for it."""
        service_s = self.prompt_s + self.load.written_tokens * self.token_s(max(1.0, running))
        return running / (service_s + running * self._prompt_share_s)


def erlang_c(servers: int, offered: float) -> float:
    """The share of arrivals that wait, of `offered` erlangs to so many servers (M/M/c); 1 where it overflows."""
    if offered >= servers:
        return 1.0
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked / (1 - offered / servers * (1 - blocked))
