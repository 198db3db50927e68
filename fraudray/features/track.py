"""The incremental kernel of one customer's own windows: what was attempted lately, whatever was decided on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import msgspec

from fraudray.domain.features import DAY_US, WINDOW_MAX_US, WindowFeature
from fraudray.domain.transaction import Transaction, TransactionType

TRACK_MAX = 1024
"""So many attempts of a customer are kept, the last to arrive."""
KEEP_US = WINDOW_MAX_US + DAY_US
"""Attempts are kept for so long before the newest arrival: a message up to a day late still has its whole windows."""
NO_INSTRUMENT = "customer"


class Track(msgspec.Struct, array_like=True):
    """Attempts in order of arrival, as columns: event time (UTC µs), minor units of the base currency (0 without a
    rate), and the instrument by its place in `instruments`."""

    at_us: list[int] = msgspec.field(default_factory=list)
    minor: list[int] = msgspec.field(default_factory=list)
    instrument: list[int] = msgspec.field(default_factory=list)
    instruments: list[str] = msgspec.field(default_factory=list)

    def add(self, at_us: int, minor: int, instrument_key: str, received_us: int) -> None:
        """Remember one more attempt, and forget what no window can reach any more."""
        self.at_us.append(at_us)
        self.minor.append(minor)
        self.instrument.append(self._place_of(instrument_key))
        if len(self.at_us) > TRACK_MAX or received_us - self.at_us[0] > KEEP_US:
            self._forget(received_us)

    def tallies(
        self, at_us: int, received_us: int, spans_us: Sequence[int], instrument_key: str | None = None
    ) -> list[tuple[int, int]]:
        """Count and sum (minor units) of what lies in (at - span, at], for rising spans; of one instrument, or all."""
        counts, sums = [0] * len(spans_us), [0] * len(spans_us)
        if instrument_key is not None and instrument_key not in self.instruments:
            return list(zip(counts, sums, strict=True))
        wanted = None if instrument_key is None else self.instruments.index(instrument_key)
        oldest_us, longest_us = received_us - KEEP_US, spans_us[-1]
        for event_us, minor, instrument in zip(self.at_us, self.minor, self.instrument, strict=True):
            age_us = at_us - event_us
            if not 0 <= age_us < longest_us or event_us < oldest_us:
                continue
            if wanted is not None and instrument != wanted:
                continue
            for index, span_us in enumerate(spans_us):
                if age_us < span_us:
                    counts[index] += 1
                    sums[index] += minor
                    break
        return list(zip(accumulate(counts), accumulate(sums), strict=True))

    def _place_of(self, instrument_key: str) -> int:
        try:
            return self.instruments.index(instrument_key)
        except ValueError:
            self.instruments.append(instrument_key)
            return len(self.instruments) - 1

    def _forget(self, received_us: int) -> None:
        kept = [index for index, at_us in enumerate(self.at_us) if received_us - at_us <= KEEP_US][-TRACK_MAX:]
        names = [self.instruments[self.instrument[index]] for index in kept]
        self.at_us = [self.at_us[index] for index in kept]
        self.minor = [self.minor[index] for index in kept]
        self.instruments = list(dict.fromkeys(names))
        places = {name: place for place, name in enumerate(self.instruments)}
        self.instrument = [places[name] for name in names]


def is_attempt(tx: Transaction) -> bool:
    """Whether it is a new try to spend which the issuer saw: no increment, capture, reversal or refund. A decline or a
    block counts; that a try repeats an earlier one does not matter."""
    if tx.transaction_type is not TransactionType.AUTHORIZATION:
        return False
    return tx.processor_outcome is None or tx.processor_outcome.reached_issuer


def own_windows(
    track: Track, features: Iterable[WindowFeature], at_us: int, received_us: int, *,
    instrument_key: str | None, this_minor: int | None, scale: int,
) -> dict[str, float | int]:  # fmt: skip
    """The features of one own key by name, this attempt included.

    `this_minor` is its own amount (minor units of the base currency), None where it is no attempt; `scale` is how many
    minor units make one unit. `instrument_key` None means all of the customer's instruments.
    """
    features = tuple(features)
    spans_us = sorted({feature.window_us for feature in features})
    tallies = dict(zip(spans_us, track.tallies(at_us, received_us, spans_us, instrument_key), strict=True))
    found: dict[str, float | int] = {}
    for feature in features:
        count, total = tallies[feature.window_us]
        if this_minor is not None:
            count, total = count + 1, total + this_minor
        found[feature.name] = own_value(feature, count, total, scale)
    return found


def own_value(feature: WindowFeature, count: int, total_minor: int, scale: int) -> float | int:
    """An aggregate from its count and sum. No attempts have the mean 0."""
    match feature.aggregate:
        case "count":
            return count
        case "sum":
            return total_minor / scale
        case _:
            return total_minor / count / scale if count else 0.0
