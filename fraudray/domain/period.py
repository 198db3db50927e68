"""A period of whole or part days in a time zone, as people ask for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fraudray.domain.errors import FieldProblem, InvalidTransaction

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=3660)
_LAST = date(9998, 1, 1)  # the calendar itself ends a little later
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day, or the part of it that lies in the period: from `start` up to but without `end`, in UTC."""

    date: date
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to but without `end` (UTC), told in the days of `zone`."""

    start: datetime
    end: datetime
    zone: ZoneInfo

    def days(self) -> Iterator[Day]:
        """The days in order; where clocks change a day has 23 or 25 hours."""
        day, start = self.start.astimezone(self.zone).date(), self.start
        while start < self.end:
            day += timedelta(days=1)
            end = min(_midnight(day, self.zone), self.end)
            yield Day(day - timedelta(days=1), start, end)
            start = end


def parse_period(start: str, end: str, timezone: str, *, now: datetime) -> Period:
    """The period that a caller wrote. Each end is a date in the time zone or an RFC 3339 moment; `end` is exclusive,
    and as a date it means through the end of that day.

    Raises InvalidTransaction naming `from`, `to` or `timezone`.
    """
    problems: list[FieldProblem] = []
    zone = _zone(timezone, problems)
    tomorrow = _midnight(now.astimezone(zone).date() + timedelta(days=1), zone)
    (begins, _), (_, ends) = _read(start, "from", zone, tomorrow, problems), _read(end, "to", zone, tomorrow, problems)
    if not problems:
        problems += _disorder(begins, ends, now, tomorrow)
    if problems:
        raise InvalidTransaction(problems)
    return Period(begins, ends, zone)


def _disorder(begins: datetime, ends: datetime, now: datetime, tomorrow: datetime) -> list[FieldProblem]:
    if begins >= now:
        return [FieldProblem("from", "future", "lies in the future")]
    if ends > tomorrow:
        return [FieldProblem("to", "future", "lies in the future; today is the last day there can be")]
    if begins >= ends:
        return [FieldProblem("from", "order", "must lie before to")]
    if ends - begins > LONGEST:
        return [FieldProblem("from", "too_long", f"a period has {LONGEST.days:,} days at most")]
    return []


def _read(
    text: str, field: str, zone: ZoneInfo, tomorrow: datetime, problems: list[FieldProblem]
) -> tuple[datetime, datetime]:
    """The moment at which what is written begins, and the one at which it ends: the same unless it is a date."""
    begins = ends = tomorrow
    try:
        if _DATE.fullmatch(text):
            day = min(date.fromisoformat(text), _LAST)
            begins, ends = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
        elif _MOMENT.fullmatch(text):
            begins = ends = datetime.fromisoformat(text.upper()).astimezone(UTC)
        else:
            raise ValueError
    except (ValueError, OverflowError):
        message = "is a date (2026-11-01) or a moment with its zone (2026-11-01T08:00:00Z)"
        problems.append(FieldProblem(field, "moment", message))
    if begins < EARLIEST:
        problems.append(FieldProblem(field, "too_early", "lies before the year 2000"))
    return begins, ends


def _zone(name: str, problems: list[FieldProblem]) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = "is no time zone; write for example UTC or Europe/Vienna"
        problems.append(FieldProblem("timezone", "unknown", message))
        return ZoneInfo("UTC")


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
