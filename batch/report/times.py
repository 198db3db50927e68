"""Days since 1970 as text, and the periods that a long history is shown by."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import numpy as np

from fraudray.batch.report.outcomes import Ints

Unit = Literal["day", "week", "month"]
DAYS_MAX, WEEKS_MAX = 35, 104
"""So many points are shown at most by day and by week; beyond, by month."""


def day_text(day: int) -> str:
    """A day since 1970 as ISO 8601."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def unit_of(days: Ints) -> Unit:
    """What one point of time stands for, by the length of the history."""
    span = int(days[-1] - days[0]) + 1 if len(days) else 0
    if span <= DAYS_MAX:
        return "day"
    return "week" if span <= WEEKS_MAX * 7 else "month"


def starts(days: Ints, unit: Unit) -> Ints:
    """The first day of the period that each day is in; weeks begin on Monday."""
    if unit == "week":
        return days - (days + 3) % 7  # 1970-01-01 was a Thursday
    if unit == "month":
        return days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days
