"""Moments as people give them on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

from fraudray.cli.exits import InputError


def utc_moment(text: str, option: str) -> datetime:
    """A day or a moment; without a zone it is UTC. Raises InputError naming the option."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option} is a day (2026-01-31) or an RFC 3339 moment, not {text!r}") from None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
