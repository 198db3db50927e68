"""How a payment compares with what this customer is known to do: amounts, hours, merchants, time since the last one.

All of it rests on decision-dependent state, which only transactions that were not blocked may teach.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import mul

from fraudray.domain.transaction import Transaction
from fraudray.features.state import CustomerState

HABIT_MIN = 10
"""From so many purchases on there is a habit to compare with."""
_MAD_TO_DEVIATION = 1.4826  # of normally distributed amounts
_MINUTE_US = 60_000_000


def amount_deviation(habit_minor: Sequence[int], amount_minor: int, scale: int) -> dict[str, float]:
    """The customer's mean and how far this amount (minor units, as the habit) lies from it; empty without a habit.

    `mean_base` in units of the base currency, `to_mean` as a ratio, `z` in standard deviations, left out where all
    amounts are the same.
    """
    count = len(habit_minor)
    if count < HABIT_MIN:
        return {}
    total = sum(habit_minor)
    found = {"mean_base": total / count / scale}
    if total:
        found["to_mean"] = amount_minor * count / total
    # The variance, count² times, exactly.
    spread = count * sum(map(mul, habit_minor, habit_minor)) - total * total
    if spread:
        found["z"] = (amount_minor * count - total) / math.sqrt(spread)
    return found


def robust_deviation(habit_minor: Sequence[int], amount_minor: int) -> float | None:
    """How far an amount lies from the median, in deviations estimated by the median absolute deviation; None without a
    habit, or where most amounts are the same."""
    if len(habit_minor) < HABIT_MIN:
        return None
    middle = _twice_the_median(habit_minor)
    deviation = _twice_the_median([abs(2 * amount - middle) for amount in habit_minor])
    return 2 * (2 * amount_minor - middle) / (deviation * _MAD_TO_DEVIATION) if deviation else None


def _twice_the_median(values: Sequence[int]) -> int:
    """A median without halves."""
    ordered, middle = sorted(values), len(values) // 2
    return 2 * ordered[middle] if len(values) % 2 else ordered[middle - 1] + ordered[middle]


def novelty(state: CustomerState, tx: Transaction, country_code: str | None) -> dict[str, bool]:
    """Whether merchant, terminal, device and country are new for this customer; empty before the first trusted one.

    What the transaction does not name is left out. New is what is not among the last 64 known.
    """
    if not state.merchants:
        return {}
    named: tuple[tuple[str, Mapping[str, object], str | None], ...] = (
        ("merchant_new", state.merchants, tx.merchant),
        ("terminal_new", state.terminals, tx.terminal_id),
        ("device_new", state.devices, tx.device_key),
        ("country_new", state.countries, country_code),
    )
    return {name: value not in known for name, known, value in named if value is not None}


def hour_share(hours: Sequence[int], local_hour: int) -> float | None:
    """The share (0-1) of the customer's purchases within an hour of this one on the clock; None without a habit."""
    count = sum(hours)
    if count < HABIT_MIN:
        return None
    return sum(hours[(local_hour + by) % 24] for by in (-1, 0, 1)) / count


def minutes_since_last(state: CustomerState, at_us: int) -> float | None:
    """Minutes since the customer's last attempt to arrive; 0 where this one happened earlier."""
    if state.last_attempt_us is None:
        return None
    return max(0, at_us - state.last_attempt_us) / _MINUTE_US
