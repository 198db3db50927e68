"""The report of a period: volumes, outcomes, reasons, amounts, categories, cases and actions, as a JSON document.

Read from plain columns, day by day, so that memory does not grow with the number of decisions. A decision counts once,
as its current revision, in the period in which that was made.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from statistics import fmean, median
from typing import Any

import orjson

from fraudray.domain.money import Rates, from_minor, minor_units
from fraudray.domain.period import Period
from fraudray.ports.figures import DecisionGroup, Figures
from fraudray.reports.tally import Tally, in_base, percent

DISPOSITIONS_MAX = 50
_HOUR_US = 3_600_000_000
# Captures repeat an authorisation; reversals and refunds give back: their amounts are told by type, not in totals.
_ASKS = (None, "authorization", "incremental_authorization")
_Dimension = dict[Hashable, Tally]


def build_period_report(
    period: Period, figures: Figures, *, made_at: datetime, base: str, rates: Rates, category: Callable[[str], str]
) -> dict[str, Any]:
    """The report as a JSON document. `category` names a merchant category code."""
    counted = _Counted(rates, base)
    by_day = []
    for day in period.days():
        today = Tally()
        for group in figures.decisions(day.start, day.end):
            counted.add(group, today)
        by_day.append({"day": day.date.isoformat(), **today.document(base)})
    return {
        "report": "period",
        "made_at": made_at.isoformat(),
        "period": {
            "from": _moment(period.start), "to": _moment(period.end), "timezone": period.zone.key, "days": len(by_day),
        },
        "base_currency": base,
        "rates_date": rates.date.isoformat(),
        **counted.document(category),
        "by_day": by_day,
        "cases": _cases(period, figures),
        "actions": _actions(period, figures),
    }  # fmt: skip


class _Counted:
    """Everything that is counted of decisions, over the whole period."""

    def __init__(self, rates: Rates, base: str) -> None:
        self._rates, self._base = rates, base
        self._total = Tally()
        self._dimensions: dict[str, _Dimension] = {
            name: defaultdict(Tally) for name in ("mcc", "channel", "transaction_type", "policy_name", "reason")
        }
        self._scores: Counter[int] = Counter()
        self._currencies: Counter[str] = Counter()
        self._minor: Counter[str] = Counter()

    def add(self, group: DecisionGroup, today: Tally) -> None:
        """Count decisions alike, for their day too."""
        outcome, count = group.decision, group.decisions
        amount = in_base(self._rates, group.amount_minor, group.currency, self._base)
        asked = amount if group.transaction_type in _ASKS else None
        for tally in (self._total, today):
            tally.add(outcome, count, asked)
        for name in ("mcc", "channel", "policy_name"):
            self._dimensions[name][getattr(group, name)].add(outcome, count, asked)
        self._dimensions["transaction_type"][group.transaction_type].add(outcome, count, amount)
        for code in set(orjson.loads(group.reason_codes)):
            self._dimensions["reason"][code].add(outcome, count, asked)
        self._scores[min(group.score // 10, 9)] += count
        self._currencies[group.currency] += count
        if group.transaction_type in _ASKS:
            self._minor[group.currency] += group.amount_minor

    def document(self, category: Callable[[str], str]) -> dict[str, Any]:
        """All counts; lists run from the most frequent down."""
        total = self._total.decisions.total()
        return {
            "totals": self._total.document(self._base),
            "currencies": [self._currency(code, count) for code, count in _ranked(self._currencies)],
            "reasons": self._ranking("reason", "code"),
            "scores": [
                {"from": 10 * n, "to": 10 * n + 9 + (n == 9), "decisions": self._scores[n],
                 "share_pct": percent(self._scores[n], total)}
                for n in range(10)
            ],
            "merchant_categories": [
                {"mcc": row.pop("mcc"), "name": name, **row}
                for row in self._ranking("mcc", "mcc")
                for name in [category(row["mcc"]) if row["mcc"] else "not given"]
            ],
            "channels": self._ranking("channel", "channel"),
            "transaction_types": self._ranking("transaction_type", "type"),
            "policies": self._ranking("policy_name", "name"),
        }  # fmt: skip

    def _ranking(self, dimension: str, key: str) -> list[dict[str, Any]]:
        total = self._total.decisions.total()
        tallies = self._dimensions[dimension]
        counts = Counter({name: tally.decisions.total() for name, tally in tallies.items()})
        return [{key: name, **tallies[name].document(self._base, total)} for name, _ in _ranked(counts)]

    def _currency(self, code: str, count: int) -> dict[str, Any]:
        minor = self._minor[code]
        converted = in_base(self._rates, minor, code, self._base)
        return {
            "currency": code, "decisions": count, "amount": _spelled(minor, code), "rated": converted is not None,
        }  # fmt: skip


def _ranked(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))


def _spelled(minor: int, currency: str) -> str:
    """A sum of minor units as an amount, however large."""
    whole, rest = divmod(minor, 10 ** minor_units(currency))
    return f"{whole}{str(from_minor(rest, currency)).lstrip('0')}"


def _cases(period: Period, figures: Figures) -> dict[str, Any]:
    dispositions: Counter[str] = Counter()
    open_us = array("q")
    for closed in figures.cases_closed(period.start, period.end):
        name = "(erased)" if closed.disposition is None else closed.disposition.strip().casefold()
        dispositions[name if name in dispositions or len(dispositions) < DISPOSITIONS_MAX else "(other)"] += 1
        open_us.append(closed.open_us)
    return {
        "opened": figures.cases_opened(period.start, period.end),
        "closed": len(open_us),
        "open_now": figures.cases_open_now(),
        "dispositions": [{"disposition": name, "cases": count} for name, count in _ranked(dispositions)],
        "time_to_close_h": {
            "median": round(median(open_us) / _HOUR_US, 2), "mean": round(fmean(open_us) / _HOUR_US, 2),
            "longest": round(max(open_us) / _HOUR_US, 2),
        } if open_us else None,
    }  # fmt: skip


def _actions(period: Period, figures: Figures) -> list[dict[str, Any]]:
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for row in figures.outbox(period.start, period.end):
        kinds[row.kind][row.status] += row.count
    return [
        {"kind": kind, "done": counts["done"], "waiting": counts["pending"], "failed": counts["dead"]}
        for kind, counts in kinds.items()
    ]


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
