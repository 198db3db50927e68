"""Which columns of window features a back-test needs, and what they are called in its files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fraudray.domain.evidence import IDENTITY_VERIFIER, Item
from fraudray.domain.features import DAY_US, Key, WindowFeature
from fraudray.evidence.context import Inquiry
from fraudray.features.shared import key_value
from fraudray.features.track import NO_INSTRUMENT
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy


def column_name(feature: WindowFeature, *, delay_us: int, currency: str) -> str:
    """The same for what has the same values: shared keys depend on the feedback delay, sums on the currency."""
    name = f"{feature.key}_{feature.aggregate}_{feature.window_us}"
    if feature.shared:
        return f"{name}_{delay_us}"
    return f"{name}_{currency}" if feature.aggregate in ("sum", "mean") else name


@dataclass(frozen=True, slots=True)
class Needed:
    """Columns of one key, by the names that they have in files: own keys with a currency, shared ones with a delay."""

    key: Key
    features: tuple[WindowFeature, ...]
    delay_us: int = 0
    currency: str = ""
    sharing_us: int | None = None
    """Of devices instead: with how many customers each was seen within so long."""

    @property
    def name(self) -> str:
        """What its files are called."""
        if self.sharing_us is not None:
            return sharing_name(self.sharing_us)
        return f"{self.key}-{self.delay_us}"

    @property
    def columns(self) -> dict[str, type[np.generic]]:
        """The columns' names and types."""
        if self.sharing_us is not None:
            return {self.name: np.int64}
        return {feature.name: np.int64 if feature.kind == "int" else np.float64 for feature in self.features}


def sharing_name(sharing_us: int) -> str:
    """The column of customers that a device was seen with."""
    return f"device_customers_{sharing_us}"


def sharing_us(policy: Policy, *, whole: bool = False) -> int | None:
    """Over how long a policy counts the customers of a device (µs); None where it does not ask, unless `whole`."""
    asked = whole or any((tool, item) == (IDENTITY_VERIFIER, "device") for tool, item, _ in policy.reads_by_item)
    return round(policy.document.parameters.device_sharing_days * DAY_US) if asked else None


def columns_needed(books: Collection[PolicyBook], *, whole: bool = False) -> list[Needed]:
    """Everything that the policies of these books read, each column once; `whole`: what evidence holds besides."""
    found: dict[tuple[Key, int, str], dict[str, WindowFeature]] = {}
    for book in books:
        for policy in book:
            delay_us, currency = policy.document.parameters.feedback_delay_us, policy.document.base_currency
            for key, features in policy.windows.items():
                for feature in features:
                    place = (key, delay_us, "") if feature.shared else (key, 0, currency)
                    name = column_name(feature, delay_us=delay_us, currency=currency)
                    found.setdefault(place, {})[name] = replace(feature, name=name)
    sharing = {sharing_us(policy, whole=whole): None for book in books for policy in book}
    return [
        *(Needed(key, tuple(cols.values()), delay, currency) for (key, delay, currency), cols in found.items()),
        *(Needed("device", (), sharing_us=span) for span in sharing if span is not None),
    ]


class ColumnWindows:
    """Window features of one part of a history, by the place of a row. Implements `evidence.context.Windows`."""

    def __init__(self, columns: Mapping[str, Sequence[float | int]]) -> None:
        """`columns` by the names that `column_name` gives."""
        self._columns = columns
        self._known: dict[int, list[tuple[str, Sequence[float | int]]]] = {}
        self.place = 0

    def of(self, inquiry: Inquiry, key: Key, features: Sequence[WindowFeature]) -> Item | None:
        """See `Windows.of`."""
        if key == "instrument":
            if inquiry.tx.instrument_key == NO_INSTRUMENT:
                return None
        elif key != "customer" and key_value(inquiry.tx, key) is None:
            return None
        chosen = self._known.get(id(features)) or self._choose(inquiry, features)
        place = self.place
        return {name: column[place] for name, column in chosen}

    def sharing(self, within_us: int) -> int:
        """With how many customers the row's device was seen within so long (µs)."""
        return int(self._columns[sharing_name(within_us)][self.place])

    def _choose(self, inquiry: Inquiry, features: Sequence[WindowFeature]) -> list[tuple[str, Sequence[float | int]]]:
        """The columns of a policy's features; they and the policy live as long as this does."""
        delay_us, currency = inquiry.parameters.feedback_delay_us, inquiry.base_currency
        chosen = [
            (feature.name, self._columns[column_name(feature, delay_us=delay_us, currency=currency)])
            for feature in features
        ]
        self._known[id(features)] = chosen
        return chosen
