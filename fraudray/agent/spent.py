"""What a conversation with a model has cost: round trips, tokens, time."""

from __future__ import annotations

from time import monotonic

from fraudray.agent.heard import Heard
from fraudray.domain.investigation import Timing, Usage


class Spent:
    """Counts from the moment that it is made."""

    def __init__(self) -> None:
        self._started = monotonic()
        self.usage, self.timing = Usage(), Timing()

    @property
    def s(self) -> float:
        """Seconds since it began."""
        return monotonic() - self._started

    @property
    def ms(self) -> float:
        """The same in milliseconds, as it is told."""
        return round(self.s * 1000, 3)

    def count(self, heard: Heard) -> None:
        """Add what a round trip cost; pieces stand for tokens where the server does not count."""
        tokens = heard.tokens
        self.usage += Usage(
            round_trips=1,
            prompt_tokens=tokens.prompt if tokens else 0,
            cached_tokens=tokens.cached if tokens else 0,
            completion_tokens=tokens.completion if tokens else heard.pieces,
            reasoning_tokens=tokens.reasoning if tokens and tokens.reasoning else heard.thought,
        )

    def first_token(self) -> None:
        """The model's first token came."""
        if self.timing.first_token_ms is None:
            self.timing = self.timing.model_copy(update={"first_token_ms": self.ms})

    def verdict(self) -> None:
        """What decides had parsed."""
        self.timing = self.timing.model_copy(update={"verdict_ms": self.ms})

    def waited(self, seconds: float) -> None:
        """For the model."""
        self.timing = self.timing.model_copy(update={"model_ms": round(self.timing.model_ms + seconds * 1000, 3)})

    def used_tools(self, seconds: float) -> None:
        """Waited for tools."""
        self.timing = self.timing.model_copy(update={"tools_ms": round(self.timing.tools_ms + seconds * 1000, 3)})

    def ended(self) -> Timing:
        """The times at its end."""
        return self.timing.model_copy(update={"total_ms": self.ms})
