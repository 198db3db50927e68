"""A customer's transactions on a line of time, with their amounts against what is usual for this customer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fraudray.ui.words import moment_of, money, short

WIDTH, HEIGHT = 720.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 14.0, 14.0, 28.0
SHOWN_MAX = 200
AMOUNTS_MAX = 5
_FORMS = {"time": "%H:%M", "day": "%-d %b", "month": "%b %Y"}


@dataclass(frozen=True, slots=True)
class Dot:
    """One transaction."""

    x: float
    y: float
    outcome: str
    current: bool
    transaction_id: str
    at: str
    amount: str
    merchant: str
    place: str
    case_id: str | None
    says: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of one axis."""

    at: float
    text: str
    moment: str = ""
    """For a moment: itself, and how much of it is written, so that the reader's browser can say it in their zone."""
    form: str = ""


@dataclass(frozen=True, slots=True)
class TimelineView:
    """What is drawn, in the units of the drawing; and the same rows for those who read a table."""

    dots: tuple[Dot, ...]
    days: tuple[Tick, ...]
    amounts: tuple[Tick, ...]
    usual: float | None
    """Where the upper end of the customer's usual amounts lies."""
    usual_text: str
    left_out: int
    base_currency: str


def timeline_view(
    transactions: Sequence[Mapping[str, Any]], of_case: frozenset[str], *, usual_high: float | None
) -> TimelineView | None:
    """The newest of a customer's transactions; `of_case` are those that the case is about. None where there is none."""
    rated = [tx for tx in transactions if tx.get("amount_base") is not None][:SHOWN_MAX]
    if not rated:
        return None
    currency = str(rated[0]["base_currency"])
    rated = [tx for tx in rated if tx["base_currency"] == currency]
    times = [moment_of(tx["occurred_at"]) for tx in rated]
    values = [float(Decimal(tx["amount_base"])) for tx in rated]
    drawn = [*values, usual_high] if usual_high else values
    scale = _Scale(min(times), max(times), min(drawn), max(drawn))
    dots = tuple(
        _dot(tx, scale.x(at), scale.y(value), tx["transaction_id"] in of_case)
        for tx, at, value in zip(rated, times, values, strict=True)
    )
    return TimelineView(
        dots=tuple(sorted(dots, key=lambda dot: dot.current)), days=scale.days(), amounts=scale.amounts(),
        usual=scale.y(usual_high) if usual_high else None,
        usual_text=money(Decimal(str(round(usual_high, 2))), currency) if usual_high else "",
        left_out=len(transactions) - len(rated), base_currency=currency,
    )  # fmt: skip


class _Scale:
    """Time to the right, the amount upwards: as its logarithm, so that small and large ones are told apart."""

    def __init__(self, first: datetime, last: datetime, lowest: float, highest: float) -> None:
        pad = max((last - first) * 0.04, timedelta(minutes=10))
        self._first, self._last = first - pad, last + pad
        self._lowest, self._highest = lowest / 2, max(highest * 1.3, 1.0)

    def x(self, at: datetime) -> float:
        share = (at - self._first) / (self._last - self._first)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        bottom, top = math.log1p(self._lowest), math.log1p(self._highest)
        share = (math.log1p(value) - bottom) / (top - bottom)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def days(self) -> tuple[Tick, ...]:
        """Some moments, written as long as the time between them allows."""
        span = self._last - self._first
        form = "time" if span < timedelta(days=1) else "day" if span < timedelta(days=300) else "month"
        moments = [self._first + span * share for share in (0.08, 0.36, 0.64, 0.92)]
        return tuple(
            Tick(self.x(moment), moment.strftime(_FORMS[form]), moment.isoformat(timespec="seconds"), form)
            for moment in moments
        )

    def amounts(self) -> tuple[Tick, ...]:
        """A few round amounts; there is at least one, since what is drawn spans more than 2.5 times its lowest."""
        steps = [step * 10**power for power in range(20) for step in (1, 2, 5)]
        inside = [value for value in steps if self._lowest <= value <= self._highest]
        every = max(1, math.ceil(len(inside) / AMOUNTS_MAX))
        return tuple(Tick(self.y(value), f"{value:,}") for value in inside[::every])


def _dot(tx: Mapping[str, Any], x: float, y: float, current: bool) -> Dot:
    amount = money(tx["amount"], tx["currency"])
    merchant, place = short(tx.get("merchant") or "", 60), short(tx.get("place") or "", 60)
    says = ", ".join(part for part in (amount, merchant, place, str(tx["decision"]).lower()) if part)
    return Dot(
        x, y, str(tx["decision"]), current, tx["transaction_id"], tx["occurred_at"], amount, merchant, place,
        tx.get("case_id"), says,
    )  # fmt: skip
