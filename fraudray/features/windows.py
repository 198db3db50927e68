"""Velocity and habit as of one moment, read from a customer's state; windows are in event time, UTC."""

from __future__ import annotations

from dataclasses import dataclass

from fraudray.features.state import CustomerState

MINUTE_US = 60 * 1_000_000
_10M, _1H, _24H = 10 * MINUTE_US, 60 * MINUTE_US, 24 * 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Velocity:
    """Attempts and spending before this one, within windows that end at its time."""

    attempts_10m: int
    attempts_1h: int
    attempts_24h: int
    instrument_attempts_10m: int
    spent_24h_base_minor: int


def velocity(state: CustomerState, at_us: int, *, instrument: str, purchase_id: str, repeats: str) -> Velocity:
    """Count what lies in (at - window, at]; this purchase itself and retries of it are left out."""
    tens = hours = days = own = spent = 0
    for attempt in state.attempts:
        age = at_us - attempt.at_us
        if not 0 <= age < _24H or attempt.purchase_id == purchase_id:
            continue
        if attempt.spent:
            spent += attempt.amount_base_minor
        if attempt.declined and attempt.repeats == repeats:
            continue
        days += 1
        if age < _1H:
            hours += 1
            if age < _10M:
                tens += 1
                own += attempt.instrument == instrument
    return Velocity(tens, hours, days, own, spent)


def typical_high_base_minor(state: CustomerState, registered_high_minor: int | None) -> int | None:
    """The upper end of what this customer usually spends at once (minor units of the base currency).

    The larger of what the bank registered and the 95th percentile of at least ten purchases seen; None when
    neither is known.
    """
    habit = state.habit_base_minor
    seen = sorted(habit)[min(len(habit) - 1, len(habit) * 95 // 100)] if len(habit) >= 10 else None
    known = [value for value in (registered_high_minor, seen) if value is not None]
    return max(known) if known else None
