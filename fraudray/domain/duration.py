"""Durations as people and systems write them: "30 minutes ago", "1h 30m", "an hour", "PT2H"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from fraudray.domain.errors import FieldProblem, InvalidTransaction

_UNITS = {
    "second": 1, "seconds": 1, "sec": 1, "secs": 1, "s": 1,
    "minute": 60, "minutes": 60, "min": 60, "mins": 60, "m": 60,
    "hour": 3600, "hours": 3600, "hr": 3600, "hrs": 3600, "h": 3600,
    "day": 86400, "days": 86400, "d": 86400,
    "week": 604800, "weeks": 604800, "wk": 604800, "wks": 604800, "w": 604800,
    "fortnight": 1209600, "fortnights": 1209600,
    "month": 2592000, "months": 2592000, "mo": 2592000,
    "year": 31536000, "years": 31536000, "yr": 31536000, "yrs": 31536000,
}  # fmt: skip
_WORDS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40,
    "forty-five": 45, "fifty": 50, "sixty": 60, "ninety": 90,
}  # fmt: skip
_HALVES = {"half an hour": 1800, "half hour": 1800, "half a day": 43200, "half a minute": 30, "half a week": 302400}
_NOW = {"just now", "now", "moments ago", "immediately"}
_PART = re.compile(r"\s*(?:,|and\b)?\s*(\d+(?:\.\d+)?|[a-z]+(?:-[a-z]+)?)\s*([a-z]+)\.?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ISO: TypeAdapter[timedelta] = TypeAdapter(timedelta)
LONGEST = timedelta(days=3660)


def parse_duration(text: str) -> timedelta:
    """The duration written in `text`, between 0 and ten years.

    Raises:
        ValueError: nothing that can be read as a duration, or one beyond the bounds.
    """
    written = " ".join(text.casefold().split())
    if written in _NOW:
        return timedelta(0)
    duration = _iso(text.strip()) if written.startswith("p") and "ago" not in written else _words(written)
    if not timedelta(0) <= duration <= LONGEST:
        raise ValueError("a duration lies between 0 and ten years")
    return duration


def parse_end(text: str, now: datetime) -> datetime:
    """When something ends: a date (to the end of that day, UTC), a moment with its zone, or a duration from `now`.

    Raises:
        ValueError, OverflowError: it is none of these, or a moment that no clock shows.
    """
    if _DATE.fullmatch(text):
        return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
    if _DATE.match(text):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("needs its zone")
        return moment.astimezone(UTC)
    return now + parse_duration(text)


def given_end(text: str, field: str, now: datetime, longest: timedelta) -> datetime:
    """`parse_end` of what somebody wrote in a field: ahead of `now`, and not too far. Raises InvalidTransaction."""
    try:
        end = parse_end(text.strip(), now)
    except (ValueError, OverflowError):
        message = "is no date (2026-12-31), no moment with its zone (2026-12-31T12:00:00Z) and no duration (30d)"
        raise InvalidTransaction([FieldProblem(field, "end", message)]) from None
    if end <= now:
        raise InvalidTransaction([FieldProblem(field, "past", "does not lie in the future")])
    if end - now > longest:
        raise InvalidTransaction([FieldProblem(field, "too_far", f"lies more than {longest.days} days ahead")])
    return end


def _iso(text: str) -> timedelta:
    try:
        return _ISO.validate_python(text.upper())
    except ValidationError:
        raise ValueError("not an ISO 8601 duration; write for example PT30M or '30 minutes ago'") from None


def _words(written: str) -> timedelta:
    body = re.sub(r"^(?:about|approximately|around|~)\s*|\s*(?:ago|earlier|before)$", "", written).strip()
    if body in _HALVES:
        return timedelta(seconds=_HALVES[body])
    seconds, at = 0.0, 0
    while at < len(body):
        part = _PART.match(body, at)
        amount = _amount(part.group(1)) if part else None
        unit = _UNITS.get(part.group(2)) if part else None
        if part is None or amount is None or unit is None:
            raise ValueError("cannot be read as a duration; write for example '30 minutes ago', '1h 30m' or PT30M")
        seconds, at = seconds + amount * unit, part.end()
    if not body:
        raise ValueError("is empty; write for example '30 minutes ago'")
    if seconds > LONGEST.total_seconds():
        raise ValueError("a duration lies between 0 and ten years")
    return timedelta(seconds=seconds)


def _amount(text: str) -> float | None:
    return float(text) if text[0].isdigit() else _WORDS.get(text)


def spell_duration(minutes: float) -> str:
    """Minutes in the shortest common words: "30 min", "2 h", "1 h 30 min", "3 days"."""
    whole = round(abs(minutes))
    if whole < 120 and whole % 60:
        return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60} min"
    if whole < 60 * 48:
        hours, rest = divmod(whole, 60)
        return f"{hours} h" + (f" {rest} min" if rest else "") if hours else f"{rest} min"
    return f"{whole / 1440:.0f} days"
