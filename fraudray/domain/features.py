"""The catalogue of window features: what happened lately under one key, declared once for every kernel.

A feature names a key (whose transactions), a window (how far back), and an aggregate (what of them). Two kernels read
the same declaration: the incremental one keeps state and answers online (`fraudray.features`), the columnar one works
on sorted arrays of a history (`fraudray.batch.replay`). What both mean exactly is said there in one place:
`fraudray/features/README.md`. Names are `<key>_<aggregate>_<window>`, for example `customer_mean_7d`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from fraudray.domain.evidence import TRANSACTION_RISK
from fraudray.domain.facts import Fact, Kind

Key = Literal["customer", "instrument", "terminal", "merchant", "device", "address"]
Aggregate = Literal["count", "sum", "mean", "fraud_count", "fraud_rate"]
OWN_KEYS: tuple[Key, ...] = ("customer", "instrument")
"""Keys of one customer: their windows end at the transaction, to the microsecond."""
SHARED_KEYS: tuple[Key, ...] = ("terminal", "merchant", "device", "address")
"""Keys of many customers: their windows end the feedback delay earlier, in whole UTC hours."""

MINUTE_US = 60 * 1_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
WINDOW_MAX_US = 30 * DAY_US
DELAY_MAX_DAYS = 60

_AGGREGATES_OF_OWN: tuple[Aggregate, ...] = ("count", "sum", "mean")
_AGGREGATES_OF_SHARED: tuple[Aggregate, ...] = ("count", "fraud_count", "fraud_rate")
_UNITS: dict[Aggregate, str] = {
    "count": "attempts", "sum": "base currency", "mean": "base currency", "fraud_count": "attempts",
    "fraud_rate": "0-1",
}  # fmt: skip
_WHOSE: dict[Key, str] = {
    "customer": "of this customer", "instrument": "of this customer with this instrument",
    "terminal": "at this terminal", "merchant": "at this merchant", "device": "from this device",
    "address": "from this network address",
}  # fmt: skip
_FIELDS: dict[Key, str] = {
    "customer": "customer_id", "instrument": "instrument_id", "terminal": "terminal_id", "merchant": "merchant",
    "device": "device_id", "address": "ip_address",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WindowFeature:
    """One aggregate of the attempts under one key within one window (µs, at most 30 days).

    Raises ValueError for an aggregate that the key does not have, or a window that is not whole.
    """

    name: str
    key: Key
    aggregate: Aggregate
    window_us: int

    def __post_init__(self) -> None:
        if self.aggregate not in aggregates_of(self.key):
            known = ", ".join(aggregates_of(self.key))
            raise ValueError(f"a {self.key} has no {self.aggregate}; there are {known}")
        if not 0 < self.window_us <= WINDOW_MAX_US:
            raise ValueError("a window is longer than nothing and at most 30 days")
        if self.shared and self.window_us % HOUR_US:
            raise ValueError(f"a window of a {self.key} is in whole hours")

    @property
    def shared(self) -> bool:
        """Whether many customers share the key, so that the feedback delay applies."""
        return self.key in SHARED_KEYS

    @property
    def field(self) -> str:
        """The transaction's field that holds the key."""
        return _FIELDS[self.key]

    @property
    def kind(self) -> Kind:
        """What a rule sees it as."""
        return "int" if self.aggregate in ("count", "fraud_count") else "double"

    @property
    def unit(self) -> str:
        """The unit of its value."""
        return _UNITS[self.aggregate]

    @property
    def meaning(self) -> str:
        """What it says, for people."""
        span = spell_window(self.window_us)
        if not self.shared:
            what = {
                "count": "purchase attempts", "sum": "sum of the purchase attempts",
                "mean": "mean amount of the purchase attempts",
            }  # fmt: skip
            return f"{what[self.aggregate]} {_WHOSE[self.key]} within {span}, this one included"
        what = {
            "count": "attempts", "fraud_count": "attempts that turned out to be fraud",
            "fraud_rate": "share of attempts that turned out to be fraud",
        }  # fmt: skip
        return f"{what[self.aggregate]} {_WHOSE[self.key]} within {span} that ended the feedback delay ago"

    @property
    def fact(self) -> Fact:
        """The variable of the rule language."""
        return Fact(self.name, self.kind, self.meaning, TRANSACTION_RISK, item_of(self.key), self.name)


def aggregates_of(key: Key) -> tuple[Aggregate, ...]:
    """What can be asked of the attempts under a key."""
    return _AGGREGATES_OF_OWN if key in OWN_KEYS else _AGGREGATES_OF_SHARED


def item_of(key: Key) -> str:
    """The item of evidence that holds the features of a key."""
    return f"{key}_windows"


def spell_window(window_us: int) -> str:
    """`15 minutes`, `an hour`, `7 days`."""
    for unit_us, one, many in ((DAY_US, "a day", "days"), (HOUR_US, "an hour", "hours")):
        if window_us % unit_us == 0:
            return one if window_us == unit_us else f"{window_us // unit_us} {many}"
    return f"{window_us / MINUTE_US:g} minutes"


_SPANS = {"15m": 15 * MINUTE_US, "1h": HOUR_US, "1d": DAY_US, "7d": 7 * DAY_US, "30d": 30 * DAY_US}
_DAYS = ("1d", "7d", "30d")


def _declared() -> Iterable[WindowFeature]:
    for key in get_args(Key):
        for aggregate in aggregates_of(key):
            for span in _SPANS if key in OWN_KEYS else _DAYS:
                yield WindowFeature(f"{key}_{aggregate}_{span}", key, aggregate, _SPANS[span])


WINDOWS: dict[str, WindowFeature] = {feature.name: feature for feature in _declared()}
"""The features that every policy may name; a policy declares further ones under `features`."""
