"""What a read tool may look at: the transaction, what is known of the customer, reference data, parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from fraudray.domain.customer import CustomerProfile
from fraudray.domain.evidence import Absence, Item
from fraudray.domain.features import Key, WindowFeature
from fraudray.domain.money import Rates
from fraudray.domain.transaction import Transaction
from fraudray.features.state import KEEPS_ALL, CustomerState, Keeps, microseconds
from fraudray.geo.networks import AddressBook
from fraudray.geo.places import PlaceIndex
from fraudray.policy.schema import Parameters
from fraudray.world.countries import HighRiskCountries
from fraudray.world.merchants import MerchantCategories

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reference:
    """Offline reference data, loaded once."""

    places: PlaceIndex
    addresses: AddressBook
    rates: Rates
    high_risk: HighRiskCountries
    mccs: MerchantCategories
    files: Mapping[str, Path] = field(default_factory=dict)
    """Kind of list → the file that it was read from."""


def _nobody_else(_device_id: str, _since_us: int) -> int:
    return 1


class Windows(Protocol):
    """Where the window features of one transaction come from: kept state, or columns made before."""

    def of(self, inquiry: Inquiry, key: Key, features: Sequence[WindowFeature]) -> Item | None:
        """Their values by name; None when the transaction does not name that key."""
        ...


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One transaction put to the read tools at one moment. Tools read it and change nothing."""

    tx: Transaction
    now: datetime
    profile: CustomerProfile | None
    state: CustomerState
    owners_of_device: Callable[[str], frozenset[str]]
    reference: Reference
    parameters: Parameters
    base_currency: str = "USD"
    not_recorded: frozenset[str] = frozenset()
    customers_of_device: Callable[[str, int], int] = _nobody_else
    """Device and a moment (µs) → with how many customers it was seen since, this one included."""
    features: Mapping[Key, tuple[WindowFeature, ...]] = field(default_factory=dict)
    """The window features that are asked for, by key."""
    windows: Windows | None = None
    wanted: Mapping[str, frozenset[str]] | None = None
    """Tool → the items that anybody will read; None asks for all."""
    keeps: Keeps = KEEPS_ALL
    at: datetime = field(init=False)
    at_us: int = field(init=False)

    def __post_init__(self) -> None:
        at = self.tx.occurred_at(self.now)
        object.__setattr__(self, "at", at)
        object.__setattr__(self, "at_us", microseconds(at))

    @property
    def received_us(self) -> int:
        """When it arrived, UTC microseconds."""
        return microseconds(self.now)

    def asks(self, tool: str) -> bool:
        """Whether anybody reads what this tool says."""
        return self.wanted is None or bool(self.wanted.get(tool))

    def chosen(self, tool: str, items: Mapping[str, T]) -> Mapping[str, T]:
        """Of a tool's items those that anybody reads."""
        if self.wanted is None:
            return items
        return {name: items[name] for name in self.wanted.get(tool, ()) if name in items}

    def absent(self, *fields: str) -> Item:
        """The finding for an input that is not there: "not_recorded" where this history lacks the field."""
        known = any(name in self.not_recorded for name in fields)
        return {"status": (Absence.NOT_RECORDED if known else Absence.NOT_GIVEN).value}


class ReadTool(Protocol):
    """A source of evidence. `local` ones only compute; others are called off-thread under the time limit (seconds):
    their own, or the engine's."""

    @property
    def name(self) -> str: ...

    @property
    def local(self) -> bool: ...

    @property
    def limit_s(self) -> float | None: ...

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """The findings, by item name. Any exception makes this tool's evidence unavailable."""
        ...
