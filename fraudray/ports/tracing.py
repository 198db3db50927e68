"""Traces of what was done and whom it asked; nothing is kept where no tracer is set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

Attribute = str | int | float | bool
TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, version 00."""
_current: ContextVar[str | None] = ContextVar("fraudray_traceparent", default=None)


class Span(Protocol):
    """One piece of work, under way."""

    @property
    def traceparent(self) -> str | None:
        """What makes other work its child, as W3C Trace Context writes it; None where nothing is traced."""
        ...

    def note(self, name: str, value: Attribute) -> None:
        """Say more about it."""
        ...

    def failed(self, why: str) -> None:
        """It did not do what it was for."""
        ...


class Tracer(Protocol):
    """Begins spans. Thread-safe."""

    def span(
        self, name: str, attributes: Mapping[str, Attribute] | None = None, parent: str | None = None
    ) -> AbstractContextManager[Span]:
        """A span that ends with its block; `parent` is a traceparent, without which it begins a trace of its own."""
        ...

    def close(self) -> None:
        """Send what is left, within a few seconds."""
        ...


@dataclass(frozen=True, slots=True)
class NoSpan:
    """Hands its parent on."""

    traceparent: str | None = None

    def note(self, name: str, value: Attribute) -> None:
        """See `Span.note`."""

    def failed(self, why: str) -> None:
        """See `Span.failed`."""


class NoTracer:
    """Keeps nothing; children of others' traces stay their children."""

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, Attribute] | None = None, parent: str | None = None
    ) -> Iterator[NoSpan]:
        """See `Tracer.span`."""
        yield NoSpan(parent)

    def close(self) -> None:
        """See `Tracer.close`."""


@contextmanager
def deciding(tracer: Tracer, parent: str | None) -> Iterator[Span]:
    """The span of a decision; what is decided in its block belongs to its trace. `parent` is what a caller sent: where
    it is no traceparent, it counts as none."""
    known = parent if parent is not None and TRACEPARENT.fullmatch(parent) else None
    with tracer.span("decision", parent=known) as span:
        token = _current.set(span.traceparent)
        try:
            yield span
        finally:
            _current.reset(token)


def current_traceparent() -> str | None:
    """The trace that a decision made now belongs to."""
    return _current.get()
