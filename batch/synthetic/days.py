"""The history itself, a day at a time: genuine traffic and fraud of that day, sorted, exactly as many rows as planned.

In memory are one day, what is still to follow earlier purchases and fraud, and the customers; never the whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from fraudray.batch.synthetic.afterwards import afterwards
from fraudray.batch.synthetic.calendar import episodes, known_at
from fraudray.batch.synthetic.clock import DAY_US
from fraudray.batch.synthetic.draws import Stream, generator
from fraudray.batch.synthetic.exposure import Skimmers, friendly_fraud
from fraudray.batch.synthetic.habits import Habits
from fraudray.batch.synthetic.row import ROW, SCENARIOS, Numbers, Rows
from fraudray.batch.synthetic.schemes import mule_chain, refund_fraud
from fraudray.batch.synthetic.stolen import account_takeover, card_not_present_burst, card_testing
from fraudray.batch.synthetic.strangers import Day
from fraudray.batch.synthetic.world import World

# Candidates drawn for each purchase that is needed: some are on a journey.
_DRAWN = 1.05
_DRAWN_MORE = 16
_PLANNED = {
    "account_takeover": account_takeover, "card_not_present_burst": card_not_present_burst,
    "card_testing": card_testing, "mule_chain": mule_chain, "refund_fraud": refund_fraud,
}  # fmt: skip
_NOBODY = np.empty(0, ROW)


class _Later:
    """Rows of days to come, by day; those after the end of the history are dropped."""

    def __init__(self, start_us: int, days: int) -> None:
        self._start_us, self._days = start_us, days
        self._waiting: defaultdict[int, list[Rows]] = defaultdict(list)

    def add(self, rows: Rows) -> None:
        day = (rows["at"] - self._start_us) // DAY_US
        rows, day = rows[day < self._days], day[day < self._days]
        order = np.argsort(day, kind="stable")
        numbers, places = np.unique(day[order], return_index=True)
        for number, part in zip(numbers.tolist(), np.split(rows[order], places[1:]), strict=False):
            self._waiting[number].append(part.copy())  # a view would keep the rows of all days in memory

    def take(self, day: int) -> Rows:
        return np.concatenate([_NOBODY, *self._waiting.pop(day, [])])


class Days:
    """Makes the rows of a world, once."""

    def __init__(self, world: World) -> None:
        """For a world that no rows were made from yet."""
        self._world, self._plan = world, world.plan
        self._numbers = Numbers()
        self._later = _Later(world.plan.start_us, world.plan.days)
        self._skimmers = Skimmers()
        self._episodes = episodes(world.plan)
        self._denials_due = 0
        self._made = 0

    def __iter__(self) -> Iterator[Rows]:
        """The rows of one day after the other, sorted by time; together exactly as many as planned."""
        for day, wanted in enumerate(self._plan.rows_by().tolist()):
            rows = self._day(day, wanted)
            self._made += len(rows)
            yield rows

    def _day(self, number: int, wanted_by_now: int) -> Rows:
        start_us = self._plan.start_us + number * DAY_US
        self._world.trips.advance(number, start_us)
        self._plan_fraud(number, start_us)
        habits = Habits(self._world, number)
        self._later.add(self._numbers.give(habits.subscriptions()))
        due = self._later.take(number)
        # Never more than all. What follows comes after what it follows, so the latest are cut.
        due = due[np.argsort(due["at"], kind="stable")][: self._plan.rows - self._made]
        genuine = self._genuine(habits, number, start_us, max(wanted_by_now - self._made - len(due), 0))
        self._fraud_on(genuine, number, start_us)
        rows = np.concatenate([due, genuine])
        rows = rows[np.lexsort((rows["number"], rows["at"]))]
        rows["known_at"] = known_at(self._plan, rows, generator(self._plan.seed, Stream.LABELS, number))
        return rows

    def _plan_fraud(self, number: int, start_us: int) -> None:
        for scenario, make in _PLANNED.items():
            count = int(self._episodes[SCENARIOS.index(scenario), number])
            if count:
                self._later.add(self._numbers.give(make(self._luck(scenario, number, start_us), count)))

    def _genuine(self, habits: Habits, number: int, start_us: int, missing: int) -> Rows:
        """Exactly `missing` rows of the day: purchases, and of what follows them what falls on the same day."""
        rng = generator(self._plan.seed, Stream.HABITS, number)
        found = [_NOBODY]
        while missing > 0:
            bought = habits.purchases(int(missing * _DRAWN) + _DRAWN_MORE, rng)
            after, place = afterwards(self._world, bought, rng)
            today = after["at"] < start_us + DAY_US
            rows_each = 1 + np.bincount(place[today], minlength=len(bought))
            fitting = int(np.searchsorted(np.cumsum(rows_each), missing, side="right"))
            rows = self._numbers.give(np.concatenate([bought[:fitting], after[place < fitting]]))
            now = rows["at"] < start_us + DAY_US
            found.append(rows[now])
            self._later.add(rows[~now])
            missing -= int(now.sum())
        return np.concatenate(found)

    def _fraud_on(self, genuine: Rows, number: int, start_us: int) -> None:
        """What fraud makes of the day's genuine rows: some are denied in place, some cards are copied for later."""
        self._denials_due += int(self._episodes[SCENARIOS.index("friendly_fraud"), number])
        self._denials_due -= friendly_fraud(
            self._luck("friendly_fraud", number, start_us), self._denials_due, genuine
        )  # fmt: skip
        scenario = "compromised_terminal"
        count = int(self._episodes[SCENARIOS.index(scenario), number])
        stolen = self._skimmers.visit(self._luck(scenario, number, start_us), count, genuine)
        self._later.add(self._numbers.give(stolen))

    def _luck(self, scenario: str, number: int, start_us: int) -> Day:
        rng = generator(self._plan.seed, Stream.FRAUD, SCENARIOS.index(scenario), number)
        return Day(self._world, start_us, rng)
