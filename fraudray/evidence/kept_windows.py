"""Window features from kept state: the customer's own track, and the histories of shared keys."""

from __future__ import annotations

from collections.abc import Sequence

from fraudray.domain.evidence import Item
from fraudray.domain.features import Key, WindowFeature
from fraudray.domain.money import minor_units
from fraudray.evidence.context import Inquiry
from fraudray.evidence.transaction_risk import amount_base_minor
from fraudray.features.shared import KeyHistories, key_value
from fraudray.features.track import NO_INSTRUMENT, is_attempt, own_windows


class KeptWindows:
    """Implements `fraudray.evidence.context.Windows` for what happens now."""

    def __init__(self, histories: KeyHistories) -> None:
        self._histories = histories

    def of(self, inquiry: Inquiry, key: Key, features: Sequence[WindowFeature]) -> Item | None:
        """See `Windows.of`."""
        tx = inquiry.tx
        if key in ("customer", "instrument"):
            if key == "instrument" and tx.instrument_key == NO_INSTRUMENT:
                return None
            this_minor = (amount_base_minor(inquiry) or 0) if is_attempt(tx) else None
            return own_windows(
                inquiry.state.track, features, inquiry.at_us, inquiry.received_us,
                instrument_key=tx.instrument_key if key == "instrument" else None,
                this_minor=this_minor, scale=10 ** minor_units(inquiry.base_currency),
            )  # fmt: skip
        value = key_value(tx, key)
        if value is None:
            return None
        delay_us = inquiry.parameters.feedback_delay_us
        return self._histories.windows(key, value, features, inquiry.at_us, inquiry.received_us, delay_us)
