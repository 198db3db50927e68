"""When people pay: each kind of person at their own hours and weekdays, on the clocks of the city they live in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from fraudray.batch.synthetic.draws import Floats, Ints, choose, cumulative

MS_US = 1_000
SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

PERSONAS = ("worker", "student", "retired", "night worker")
# Weight of each local hour from midnight.
_HOURS = np.array(
    [
        [1, 0, 0, 0, 0, 1, 4, 9, 8, 4, 4, 6, 12, 10, 5, 5, 7, 13, 15, 13, 9, 6, 4, 2],
        [5, 3, 1, 1, 0, 0, 1, 3, 5, 6, 7, 8, 11, 10, 8, 8, 9, 10, 11, 12, 12, 11, 10, 8],
        [0, 0, 0, 0, 0, 1, 3, 6, 11, 14, 15, 13, 10, 7, 8, 9, 8, 6, 4, 3, 2, 1, 1, 0],
        [9, 8, 7, 6, 4, 3, 3, 4, 3, 2, 1, 1, 2, 3, 5, 7, 8, 9, 9, 8, 8, 9, 9, 9],
    ],
    np.float64,
)
# Weight of each local weekday from Monday.
_WEEKDAYS = np.array(
    [
        [0.9, 0.9, 0.95, 1.0, 1.2, 1.25, 0.8],
        [0.8, 0.85, 0.9, 1.1, 1.4, 1.3, 0.65],
        [1.1, 1.15, 1.1, 1.1, 1.1, 0.9, 0.55],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 0.9],
    ],
    np.float64,
)


def microseconds(day: date) -> int:
    """The first moment of a day, UTC, in microseconds since 1970."""
    return int((datetime.combine(day, time.min, UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND_US


@dataclass(frozen=True)
class DayClock:
    """One day in UTC as it is lived in each time zone by each kind of person: class zone · 4 + persona.

    `busy` (classes) is how much is spent on that day; `hours` (classes × 24) running shares of the hours in UTC.
    """

    start_us: int
    busy: Floats
    hours: Floats

    @classmethod
    def of(cls, day: date, zones: tuple[ZoneInfo, ...]) -> DayClock:
        """The clock of a day. Each hour in UTC is weighed as the local hour, on the local weekday, of its middle."""
        middles = [datetime.combine(day, time(hour, 30), UTC) for hour in range(24)]
        weights = np.empty((len(zones), len(PERSONAS), 24))
        for number, zone in enumerate(zones):
            offset = middles[12].astimezone(zone).utcoffset() or timedelta(0)
            local = [middle + offset for middle in middles]
            hours = [moment.hour for moment in local]
            weekdays = [moment.weekday() for moment in local]
            weights[number] = _HOURS[:, hours] * _WEEKDAYS[:, weekdays]
        flat = weights.reshape(-1, 24)
        return cls(microseconds(day), flat.sum(axis=1) / _HOURS.sum(axis=1).mean(), cumulative(flat))

    def moments(self, which: Ints, rng: np.random.Generator) -> Ints:
        """A moment of the day for each class in `which`, in microseconds since 1970, on a whole millisecond."""
        hour = choose(self.hours, which, rng)
        return self.start_us + hour * HOUR_US + rng.integers(0, HOUR_US // MS_US, len(which)) * MS_US
