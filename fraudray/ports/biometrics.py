"""Comparing a biometric sample with an enrolled template, in the caller's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Template = Mapping[str, Any]
"""A template as it is registered: `{"salt", "sha256"}` of the built-in matcher, `{"matcher", "template"}` of others."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a matcher found; `similarity` lies between 0 and 1, or is None where the matcher has no such thing."""

    matched: bool
    similarity: float | None = None


class BiometricMatcher(Protocol):
    """Compares samples with templates. It only computes, and quickly: a decision waits for it."""

    name: str
    limits: str
    """What a match does not prove, in words that go into the evidence."""

    def check(self, template: Template) -> None:
        """Refuse what is no template of this matcher. Raises ValueError with a sentence that repeats no part of it."""
        ...

    def enrol(self, sample: str) -> dict[str, Any]:
        """A template of this sample. Raises ValueError when it cannot be one."""
        ...

    def match(self, template: Template, sample: str) -> Match:
        """Compare. Any exception counts as "unavailable"."""
        ...
