"""Both kernels of the window features agree exactly, in order and out of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.batch.replay.own_columns import own_columns
from fraudray.batch.replay.shared_columns import shared_columns
from fraudray.domain.features import DAY_US, HOUR_US, MINUTE_US, OWN_KEYS, WINDOWS, WindowFeature
from fraudray.features.shared import KEEP_HOURS, KeyHistories, Step
from fraudray.features.track import KEEP_US, TRACK_MAX, Track, own_windows

START_US = 1_700_000_000_000_000
CUSTOMER = [feature for feature in WINDOWS.values() if feature.key == "customer"]
INSTRUMENT = [feature for feature in WINDOWS.values() if feature.key == "instrument"]
TERMINAL = [feature for feature in WINDOWS.values() if feature.key == "terminal"]
GAPS = st.sampled_from(
    [0, 1, MINUTE_US, 15 * MINUTE_US, HOUR_US, HOUR_US - 1, DAY_US, 7 * DAY_US, 30 * DAY_US, KEEP_US]
)
# How long a message was under way; mostly it arrives at once.
LATENESS = st.sampled_from(
    [0] * 6
    + [1, HOUR_US, DAY_US, 20 * DAY_US, KEEP_US - DAY_US, (KEEP_HOURS - 48) * HOUR_US, (KEEP_HOURS - 24) * HOUR_US]
)


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Any]:
    """Rows in order of arrival, of few customers, keys and moments, so that they meet."""
    count = draw(st.integers(1, 40))
    gaps = draw(st.lists(GAPS, min_size=count, max_size=count))
    received = START_US + np.cumsum(gaps)
    late = np.array(draw(st.lists(LATENESS, min_size=count, max_size=count)))
    if draw(st.booleans()):  # all as late as each other: still in order
        late[:] = draw(LATENESS)

    def ints(low: int, high: int) -> np.ndarray:
        return np.array(draw(st.lists(st.integers(low, high), min_size=count, max_size=count)), np.int64)

    return {
        "customers": ints(0, 2), "instruments": ints(0, 1), "received_us": received,
        "at_us": received - late, "row": np.arange(count), "counted": ints(0, 3) > 0,
        "minor": ints(0, 10**9), "fraud": ints(0, 1) > 0,
        "known_us": received + np.array(draw(st.lists(LATENESS | GAPS, min_size=count, max_size=count))),
    }  # fmt: skip


def _shuffled(rows: dict[str, Any], seed: int) -> tuple[dict[str, Any], np.ndarray]:
    order = np.random.default_rng(seed).permutation(len(rows["row"]))
    return {name: values[order] for name, values in rows.items()}, order


@given(histories(), st.integers(0, 1000))
def test_own_windows_agree(rows: dict[str, Any], seed: int) -> None:
    given_rows, order = _shuffled(rows, seed)
    shared = ("customers", "at_us", "received_us", "row", "counted", "minor")
    arguments = [given_rows[name] for name in shared]
    columns = own_columns(*arguments, CUSTOMER, scale=100)
    columns |= own_columns(*arguments, INSTRUMENT, scale=100, instruments=given_rows["instruments"])

    tracks = {customer: Track() for customer in range(3)}
    for index in range(len(order)):
        row = {name: values[index].item() for name, values in rows.items()}
        track, key = tracks[row["customers"]], f"card-{row['instruments']}"
        this = row["minor"] if row["counted"] else None
        for features, instrument in ((CUSTOMER, None), (INSTRUMENT, key)):
            expected = own_windows(
                track, features, row["at_us"], row["received_us"], instrument_key=instrument, this_minor=this, scale=100
            )
            place = int(np.flatnonzero(order == index)[0])
            assert {feature.name: columns[feature.name][place].item() for feature in features} == expected
        if row["counted"]:
            track.add(row["at_us"], row["minor"], key, row["received_us"])


@given(histories(), st.integers(0, 1000), st.sampled_from([0, HOUR_US, 7 * DAY_US]))
def test_shared_windows_agree(rows: dict[str, Any], seed: int, delay_us: int) -> None:
    given_rows, order = _shuffled(rows, seed)
    names = ("customers", "at_us", "received_us", "row", "counted", "fraud", "known_us")
    columns = shared_columns(*(given_rows[name] for name in names), TERMINAL, delay_us=delay_us)

    kept = KeyHistories()
    waiting = sorted((int(rows["known_us"][i]), int(i)) for i in np.flatnonzero(rows["fraud"] & rows["counted"]))
    early: set[int] = set()

    def step(index: int, attempts: int, frauds: int) -> list[Step]:
        key = str(rows["customers"][index])
        return [Step("terminal", key, int(rows["at_us"][index]) // HOUR_US, attempts, frauds)]

    for index in range(len(order)):
        at_us, received_us = int(rows["at_us"][index]), int(rows["received_us"][index])
        while waiting and waiting[0][0] <= received_us:
            _, event = waiting.pop(0)
            if event < index:
                kept.apply(step(event, 0, 1), received_us)
            else:
                early.add(event)
        expected = kept.windows("terminal", str(rows["customers"][index]), TERMINAL, at_us, received_us, delay_us)
        place = int(np.flatnonzero(order == index)[0])
        assert {feature.name: columns[feature.name][place].item() for feature in TERMINAL} == expected
        if rows["counted"][index]:
            kept.apply(step(index, 1, int(index in early)), received_us)


@pytest.mark.parametrize("late", [False, True])
def test_both_keep_the_same_last_attempts(late: bool) -> None:
    count = TRACK_MAX + 300
    received = START_US + np.arange(count, dtype=np.int64) * 1000
    at = received.copy()
    at[-1] -= 500_000 if late else 0
    ones = np.ones(count, np.bool_)
    minor, none = np.full(count, 100, np.int64), np.zeros(count, np.int64)
    columns = own_columns(none, at, received, np.arange(count), ones, minor, CUSTOMER, scale=100)

    # A late one counts what happened before it, of the attempts that are kept, and itself.
    assert columns["customer_count_30d"][-1] == (TRACK_MAX - 500 + 2 if late else TRACK_MAX + 1)
    assert columns["customer_count_30d"][TRACK_MAX - 1] == TRACK_MAX


def test_windows_end_at_the_transaction_and_reach_back_without_their_far_end() -> None:
    at = START_US + np.array([0, HOUR_US, HOUR_US, 2 * HOUR_US], np.int64)
    columns = own_columns(
        np.zeros(4, np.int64), at, at, np.arange(4), np.ones(4, np.bool_), np.array([100, 200, 300, 400]),
        CUSTOMER, scale=100,
    )  # fmt: skip

    assert columns["customer_count_1h"].tolist() == [1, 1, 2, 1]  # a tie counts for what arrives after it
    assert columns["customer_sum_1d"].tolist() == [1.0, 3.0, 6.0, 10.0]
    assert columns["customer_mean_1d"].tolist() == [1.0, 1.5, 2.0, 2.5]


def test_a_window_is_what_the_catalogue_allows() -> None:
    for key, aggregate, window_us, why in (
        ("customer", "fraud_rate", DAY_US, "has no fraud_rate"),
        ("terminal", "mean", DAY_US, "has no mean"),
        ("customer", "count", 31 * DAY_US, "at most 30 days"),
        ("terminal", "count", 15 * MINUTE_US, "whole hours"),
    ):
        with pytest.raises(ValueError, match=why):
            WindowFeature("x", key, aggregate, window_us)  # type: ignore[arg-type]
    assert {feature.shared for feature in WINDOWS.values() if feature.key in OWN_KEYS} == {False}


@pytest.mark.parametrize("by_us", [-1, 0, 1])
def test_both_reach_back_from_the_arrival_of_a_late_message_equally_far(by_us: int) -> None:
    late = 20 * DAY_US
    received = START_US + np.array([0, KEEP_US - late + by_us], np.int64)
    at, none, ones = received - late, np.zeros(2, np.int64), np.ones(2, np.bool_)
    columns = own_columns(none, at, received, np.arange(2), ones, ones.astype(np.int64), CUSTOMER, scale=1)
    track = Track()
    track.add(int(at[0]), 1, "card", int(received[0]))
    kept = own_windows(
        track, CUSTOMER, int(at[1]), int(received[1]), instrument_key=None, this_minor=1, scale=1
    )["customer_count_30d"]  # fmt: skip

    assert columns["customer_count_30d"][1] == kept == (2 if by_us <= 0 else 1)


@pytest.mark.parametrize("by", [-1, 0, 1])
def test_both_drop_the_same_hours(by: int) -> None:
    late = (KEEP_HOURS - 24) * HOUR_US
    received = START_US // HOUR_US * HOUR_US + np.array([0, (24 + by) * HOUR_US], np.int64)
    at, none, ones = received - late, np.zeros(2, np.int64), np.ones(2, np.bool_)
    columns = shared_columns(none, at, received, np.arange(2), ones, none > 0, received, TERMINAL, delay_us=0)
    kept = KeyHistories()
    kept.apply([Step("terminal", "T", int(at[0]) // HOUR_US, 1, 0)], int(received[0]))
    found = kept.windows("terminal", "T", TERMINAL, int(at[1]), int(received[1]), 0)["terminal_count_7d"]

    assert columns["terminal_count_7d"][1] == found == (1 if by <= 0 else 0)
