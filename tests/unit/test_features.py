"""What features say of a customer's and a terminal's past, transaction by transaction, as online."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from fraudray.domain.decision import Decision
from fraudray.domain.errors import PolicyError
from fraudray.engine import Engine
from fraudray.features.state import CustomerState
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy
from fraudray.reference import load_reference
from fraudray.rules.shelf import ToolShelf
from fraudray.settings import Settings, load_settings
from fraudray.testing.clock import CountingIds, FixedClock
from fraudray.testing.memory_ledger import MemoryLedger

START = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)
READ = (
    "customer_count_1h", "customer_sum_1d", "customer_mean_30d", "instrument_count_1d", "terminal_count_7d",
    "terminal_fraud_count_7d", "terminal_fraud_rate_7d", "merchant_new", "terminal_new", "country_new", "hour_share",
    "minutes_since_last", "amount_to_mean", "amount_z", "amount_robust_z", "merchant_count_2d", "device_new",
)  # fmt: skip
POLICY = """
name: features
version: "1"
thresholds: {review: 40, block: 75}
parameters: {feedback_delay_days: 1}
features:
  merchant_count_2d: {key: merchant, aggregate: count, window: 48 hours}
families: {amount: {cap: 100}, none: {cap: 0}}
rules:
  - {id: far-too-much, code: TOO_MUCH, family: amount, weight: 80, when: amount_base > 5000.0, text: "too much"}
""" + "\n".join(
    f"  - {{id: reads-{name.replace('_', '-')}, code: R, family: none, weight: 0, applies_to: any, "
    f"when: \"{name if name.endswith('new') else name + ' > 1000000' + ('' if 'count' in name else '.0')}\", text: r}}"
    for name in READ
) + """
actions: {APPROVE: [], REVIEW: [], BLOCK: []}
recommendations: {}
"""  # fmt: skip


class Shop:
    """An engine on memory, and payments as they come in."""

    def __init__(self) -> None:
        self.clock, self._number = FixedClock(START), 0
        rules = ToolShelf(_settings()).rules(PolicyBook.of(Policy.parse(POLICY)))
        self.engine = Engine(rules, MemoryLedger(), load_reference(_settings()), clock=self.clock, ids=CountingIds())

    def pays(self, after: timedelta = timedelta(0), **fields: Any) -> dict[str, Any]:
        """One more transaction, by default now and at the same shop; its features by name."""
        self.clock.moment += after
        self._number += 1
        given = {
            "transaction_id": f"T-{self._number}", "customer_id": "C-1", "amount": "10.00", "merchant": "Corner Shop",
            "terminal_id": "POS-1", "timestamp": self.clock.moment,
        }  # fmt: skip
        return _features(self.engine.decide(given | fields))


def _settings() -> Settings:
    return load_settings()


def _features(decision: Decision) -> dict[str, Any]:
    items = decision.evidence["transaction-risk"].items
    return {key: value for item in items.values() for key, value in item.items()}


@pytest.fixture
def shop() -> Shop:
    return Shop()


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_windows_open_at_their_far_end_and_hold_this_attempt(shop: Shop) -> None:
    assert shop.pays()["customer_count_1h"] == 1
    assert shop.pays(HOUR - timedelta(microseconds=1))["customer_count_1h"] == 2
    assert shop.pays(timedelta(microseconds=1), amount="40.00")["customer_count_1h"] == 2  # the first is an hour ago
    found = shop.pays()
    assert (found["customer_count_1h"], found["customer_sum_1d"], found["customer_mean_30d"]) == (3, 70.0, 17.5)


def test_later_messages_of_a_purchase_are_no_attempts(shop: Shop) -> None:
    shop.pays(amount="50.00")
    for kind in ("incremental_authorization", "capture", "refund", "reversal"):
        found = shop.pays(transaction_type=kind, original_transaction_id="T-1", amount="5.00")
        assert (found["customer_count_1h"], found["customer_sum_1d"]) == (1, 50.0)
    found = shop.pays(2 * DAY)
    assert (found["customer_count_1h"], found["terminal_count_7d"], found["merchant_count_2d"]) == (1, 1, 1)


def test_what_the_issuer_never_saw_does_not_count_and_what_it_declined_does(shop: Shop) -> None:
    shop.pays(processor_outcome="timeout")
    shop.pays(processor_outcome="insufficient_funds")
    assert shop.pays()["customer_count_1h"] == 2


def test_a_retry_under_the_same_id_counts_once(shop: Shop) -> None:
    shop.pays()
    shop.pays(transaction_id="T-1", timestamp=START)
    assert shop.pays()["customer_count_1h"] == 2


def test_an_event_with_a_wrong_clock_moves_time_for_no_other(shop: Shop) -> None:
    shop.pays()
    old = shop.pays(timestamp=datetime(2004, 1, 1, tzinfo=UTC))
    assert (old["customer_count_1h"], old["terminal_count_7d"], old["minutes_since_last"]) == (1, 0, 0.0)
    found = shop.pays(timedelta(minutes=4), timestamp=START + timedelta(minutes=8))  # ahead, within what is allowed
    assert found["customer_count_1h"] == 2
    assert shop.pays()["customer_count_1h"] == 2  # what happened later by its clock is not yet in this window


def test_a_late_event_sees_and_is_seen_by_its_own_time(shop: Shop) -> None:
    shop.pays()
    shop.pays(3 * HOUR)
    late = shop.pays(timestamp=START + timedelta(minutes=30))
    assert late["customer_count_1h"] == 2
    assert shop.pays(timestamp=START + timedelta(minutes=31))["customer_count_1h"] == 3
    assert shop.pays()["customer_count_1h"] == 2


def test_frauds_count_once_known_and_old_enough_and_corrections_take_them_back(shop: Shop) -> None:
    shop.pays()
    shop.pays(customer_id="C-2")
    shop.engine.label([{"transaction_id": "T-1", "label": "fraud"}])
    assert shop.pays(HOUR)["terminal_fraud_count_7d"] == 0  # known, but the delay is not over
    found = shop.pays(DAY)
    assert (found["terminal_count_7d"], found["terminal_fraud_count_7d"]) == (3, 1)
    assert found["terminal_fraud_rate_7d"] == pytest.approx(1 / 3)
    shop.engine.label([{"transaction_id": "T-1", "label": "genuine", "source": "disposition"}])
    assert shop.pays()["terminal_fraud_rate_7d"] == 0.0


def test_a_label_waits_for_its_transaction(shop: Shop) -> None:
    (answer,) = shop.engine.label([{"transaction_id": "T-1", "label": "fraud"}])
    assert getattr(answer, "stored").waiting  # noqa: B009 - an error has none
    shop.pays()
    assert shop.pays(2 * DAY)["terminal_fraud_rate_7d"] == 1.0


def test_a_blocked_payment_counts_as_an_attempt_and_teaches_nothing(shop: Shop) -> None:
    shop.pays()
    blocked = shop.pays(amount="9000.00", merchant="Jeweller", terminal_id="POS-9")
    assert (blocked["merchant_new"], blocked["terminal_new"]) == (True, True)
    again = shop.pays(merchant="Jeweller", terminal_id="POS-9")
    assert (again["merchant_new"], again["customer_count_1h"]) == (True, 3)
    assert shop.pays(merchant="Jeweller", terminal_id="POS-9")["merchant_new"] is False


def test_novelty_is_silent_before_anything_is_known_and_about_what_is_not_named(shop: Shop) -> None:
    assert "merchant_new" not in shop.pays()
    found = shop.pays(terminal_id=None, location="Berlin, Germany", device_id="phone")
    assert (found["country_new"], found["device_new"]) == (True, True)
    assert "terminal_new" not in found
    assert "terminal_count_7d" not in found
    assert shop.pays(location="Munich, Germany", device_id="phone")["country_new"] is False


def test_habits_of_the_hour_follow_the_clocks_of_the_place(shop: Shop) -> None:
    """Central European Summer Time began on 29 March 2026: nine o'clock is 08:00 UTC before and 07:00 UTC after."""
    shop.clock.moment = datetime(2026, 3, 15, 8, 0, tzinfo=UTC)
    for _ in range(10):
        shop.pays(DAY, location="Berlin, Germany")
    assert shop.clock.moment == datetime(2026, 3, 25, 8, 0, tzinfo=UTC)
    shop.clock.moment = datetime(2026, 4, 2, 7, 30, tzinfo=UTC)
    assert shop.pays(location="Berlin, Germany")["hour_share"] == 1.0
    assert shop.pays(4 * HOUR, location="Berlin, Germany")["hour_share"] == 0.0
    shop.clock.moment = datetime(2026, 4, 3, 9, 30, tzinfo=UTC)
    assert shop.pays(location="Berlin, Germany")["hour_share"] == 0.0  # 11:30 there
    assert shop.pays(location=None)["hour_share"] > 0.7  # 09:30 by the policy's clocks, UTC


def test_an_amount_is_measured_against_the_customers_own(shop: Shop) -> None:
    for amount in (8, 9, 10, 11, 12, 8, 9, 10, 11):
        assert "z" not in shop.pays(DAY, amount=f"{amount}.00")
    shop.pays(DAY, amount="12.00")
    found = shop.pays(DAY, amount="30.00")
    assert found["to_mean"] == 3.0
    assert found["z"] == pytest.approx(20 / 2**0.5)
    assert found["robust_z"] == pytest.approx(20 / 1.4826)


def test_a_state_stored_before_there_were_windows_is_read() -> None:
    state = msgspec.msgpack.decode(msgspec.msgpack.encode([[], {}, {}, {}, {}, [1000], {}]), type=CustomerState)
    assert state.habit_base_minor == [1000]
    assert (state.track.at_us, state.hours, state.last_attempt_us) == ([], [0] * 24, None)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("merchant_count_2d: {key", "customer_count_1h: {key", "the name of another fact"),
        ("aggregate: count, window: 48 hours", "aggregate: mean, window: 48 hours", "a merchant has no mean"),
        ("window: 48 hours", "window: 48 fortnights", "at most 30 days"),
        ("window: 48 hours", "window: 90 minutes", "whole hours"),
        ("window: 48 hours", "window: soon", "soon|duration"),
        ("when: amount_base > 5000.0", "when: customer_count_2h > 3", "there is no fact or list customer_count_2h"),
        ("feedback_delay_days: 1", "feedback_delay_days: 61", "60"),
        ("feedback_delay_days: 1", "time_zone: Europe/Atlantis", "no time zone"),
    ],
)
def test_a_feature_that_cannot_be_is_refused_with_its_place(old: str, new: str, why: str) -> None:
    with pytest.raises(PolicyError, match=why) as refused:
        Policy.parse(POLICY.replace(old, new))
    assert "policy.yaml:" in str(refused.value)
