"""Adding up decisions and amounts by outcome."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from fraudray.domain.decision import Outcome
from fraudray.domain.money import Rates, from_minor, minor_units

_CHUNK = 10**17  # of minor units: what `Rates` converts exactly


class Tally:
    """Decisions by outcome, and their amounts in the base currency."""

    def __init__(self) -> None:
        self.decisions: Counter[str] = Counter()
        self._amounts: dict[str, Decimal] = {}

    def add(self, outcome: str, decisions: int, amount: Decimal | None) -> None:
        """Count so many decisions; `amount` is their sum, None where it is not to be counted."""
        self.decisions[outcome] += decisions
        if amount is not None:
            self._amounts[outcome] = self._amounts.get(outcome, Decimal()) + amount

    def document(self, base: str, of: int | None = None) -> dict[str, Any]:
        """Counts, rates in percent and amounts; with `of` also the share of so many decisions."""
        count = self.decisions.total()
        zero = Decimal(0).scaleb(-minor_units(base))
        share = {} if of is None else {"share_pct": percent(count, of)}
        return {
            "decisions": count, **share,
            "outcomes": {outcome.value: self.decisions[outcome.value] for outcome in Outcome},
            "rates_pct": {outcome.value: percent(self.decisions[outcome.value], count) for outcome in Outcome},
            "amount": str(sum(self._amounts.values(), zero)),
            "amounts": {outcome.value: str(self._amounts.get(outcome.value, zero)) for outcome in Outcome},
        }  # fmt: skip


def percent(part: int, whole: int) -> float:
    """`part` of `whole` in percent, to two places; 0 of nothing."""
    return round(100 * part / whole, 2) if whole else 0.0


def in_base(rates: Rates, amount_minor: int, currency: str, base: str) -> Decimal | None:
    """A sum of minor units in the base currency, however large; None where there is no rate."""
    chunks, rest = divmod(amount_minor, _CHUNK)
    converted = rates.to_base(from_minor(rest, currency), currency, base)
    if converted is None or not chunks:
        return converted
    chunk = rates.to_base(from_minor(_CHUNK, currency), currency, base)
    return None if chunk is None else converted + chunks * chunk
