"""What decisions mean: the samples, purchases and their later messages, retries, instruments, places, freezes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.decision import Decision, Outcome, RiskLevel
from fraudray.domain.errors import ConflictingTransaction, InvalidTransaction, NotFound
from fraudray.domain.evidence import Item
from fraudray.evidence.context import Inquiry
from fraudray.rules.shelf import default_tools
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


def test_the_samples_on_an_empty_store(app: App, samples: list[dict[str, Any]]) -> None:
    low, high, medium = app.engine.decide_many(samples)
    assert isinstance(low, Decision)
    assert isinstance(high, Decision)
    assert isinstance(medium, Decision)
    assert (low.decision, low.score, low.risk_level) == (Outcome.APPROVE, 5, RiskLevel.LOW)
    assert (high.decision, high.score, high.risk_level) == (Outcome.BLOCK, 95, RiskLevel.CRITICAL)
    assert codes(high) >= {"IMPOSSIBLE_TRAVEL", "UNKNOWN_DEVICE", "HIGH_RISK_MERCHANT", "ANONYMISING_ADDRESS"}
    assert [action.kind for action in high.actions] == [
        "open_case", "freeze_account", "email_alert", "customer_sms", "report",
    ]  # fmt: skip
    assert high.case_id == "FRD-2026-0001"
    assert medium.decision is Outcome.REVIEW
    assert 40 <= medium.score <= 74
    assert medium.recommendation == "Manual review recommended"
    assert medium.risk_level is RiskLevel.MEDIUM


@pytest.mark.parametrize("hour", [0, 3, 9, 15, 21])
def test_the_samples_at_any_hour_on_a_used_store(
    app: App, clock: FixedClock, samples: list[dict[str, Any]], plain: Make, hour: int
) -> None:
    for place in ("Tacoma, WA", "Portland, OR", "Los Angeles, CA", "Paris"):
        for customer in ("C-12345", "C-67890", "C-1"):
            app.engine.decide(plain(customer_id=customer, location=place, amount="12.00", device_id=None))
        clock.advance(hours=20)
    clock.moment = clock.moment.replace(hour=hour)
    for round_ in range(12):
        rows = [sample | {"transaction_id": f"{sample['transaction_id']}-{round_}"} for sample in samples]
        if app.store.ledger.customer("C-12345").freeze is not None:
            app.desk.unfreeze("C-12345", reason="test", actor="test")
        low, high, medium = (app.engine.decide(row) for row in rows)
        assert low.decision is Outcome.APPROVE
        assert (high.decision, high.score) == (Outcome.BLOCK, 95)
        assert medium.decision is Outcome.REVIEW
        clock.advance(seconds=20)


def test_reasons_and_adjustments_add_up_to_the_score(app: App, samples: list[dict[str, Any]], plain: Make) -> None:
    travel = plain(
        location="Tokyo", previous_location="Paris", time_since_last_transaction="1 hour ago", device_id="d9"
    )
    for row in [*samples, travel]:
        decision = app.engine.decide(row)
        parts = [r.points for r in decision.reasons] + [a.points for a in decision.adjustments]
        assert sum(parts) == decision.score


def test_every_reason_cites_evidence_that_is_there(app: App, samples: list[dict[str, Any]]) -> None:
    for decision in (app.engine.decide(row) for row in samples):
        for reason in decision.reasons:
            for cited in reason.evidence:
                tool, item = cited.split("/")
                assert item in decision.evidence[tool].items


def test_the_same_transaction_again_is_replayed(app: App, plain: Make) -> None:
    row = plain(amount=250.0)
    first = app.engine.submit(row).result()
    again = app.engine.submit(dict(reversed(row.items())) | {"amount": "2.50e2"}).result()
    assert not first.replayed
    assert again.replayed
    assert again.decision.decision_id == first.decision.decision_id


def test_who_waits_no_longer_takes_the_answer_from_nobody_else(app: App, plain: Make) -> None:
    written = threading.Event()
    app.store._writer.submit(lambda _: written.wait(10))  # a slow disk
    row = plain()
    first, second = app.engine.submit(row), app.engine.submit(row)

    given_up = [first.cancel(), second.cancel()]
    third = app.engine.submit(row)
    written.set()

    assert given_up == [False, False]
    assert not first.result(10).replayed
    assert [one.result(10).replayed for one in (second, third)] == [True, True]
    assert third.result().decision.decision_id == first.result().decision.decision_id


def test_another_body_under_the_same_id_conflicts(app: App, plain: Make) -> None:
    row = plain()
    app.engine.decide(row)
    with pytest.raises(ConflictingTransaction):
        app.engine.decide(row | {"amount": "26.00"})


def test_a_bad_row_stops_no_other(app: App, plain: Make) -> None:
    good, bad, other = app.engine.decide_many([plain(), plain(amount=-1), plain()])
    assert isinstance(good, Decision)
    assert isinstance(bad, InvalidTransaction)
    assert isinstance(other, Decision)


def test_travel_is_judged_from_what_was_seen_last(app: App, clock: FixedClock, plain: Make) -> None:
    app.engine.decide(plain(location="Seattle, WA"))
    clock.advance(minutes=30)
    decision = app.engine.decide(plain(location="Miami, FL"))
    assert "IMPOSSIBLE_TRAVEL" in codes(decision)
    assert decision.evidence["geolocation-checker"].items["previous"]["source"] == "seen"


def test_a_feasible_journey_is_no_reason(app: App, clock: FixedClock, plain: Make) -> None:
    app.engine.decide(plain(location="Seattle, WA"))
    clock.advance(hours=12)
    assert not codes(app.engine.decide(plain(location="Miami, FL"))) & {"IMPOSSIBLE_TRAVEL", "FAST_TRAVEL"}


def test_two_cards_in_two_cities_are_not_one_traveller(app: App, clock: FixedClock, plain: Make) -> None:
    app.engine.decide(plain(location="Seattle, WA", instrument_id="card-1"))
    clock.advance(minutes=10)
    assert "IMPOSSIBLE_TRAVEL" not in codes(app.engine.decide(plain(location="Miami, FL", instrument_id="card-2")))
    assert "IMPOSSIBLE_TRAVEL" in codes(app.engine.decide(plain(location="Denver, CO", instrument_id="card-1")))


def test_a_wallet_with_fresh_tokens_is_one_traveller(app: App, clock: FixedClock, plain: Make) -> None:
    app.engine.decide(plain(location="Seattle, WA", instrument_id="tok-1", funding="wallet"))
    clock.advance(minutes=10)
    decision = app.engine.decide(plain(location="Miami, FL", instrument_id="tok-2", funding="wallet"))
    assert "IMPOSSIBLE_TRAVEL" in codes(decision)


def test_a_contradicted_previous_place_is_a_reason_of_its_own(app: App, clock: FixedClock, plain: Make) -> None:
    app.engine.decide(plain(location="Seattle, WA"))
    clock.advance(minutes=30)
    told = plain(location="Miami, FL", previous_location="Miami, FL", time_since_last_transaction="30 minutes ago")
    decision = app.engine.decide(told)
    assert "PREVIOUS_PLACE_CONTRADICTED" in codes(decision)
    assert "IMPOSSIBLE_TRAVEL" not in codes(decision)


def test_a_place_behind_tor_never_becomes_the_previous_place(app: App, clock: FixedClock, plain: Make) -> None:
    app.engine.decide(plain(location="Seattle, WA"))
    clock.advance(hours=12)
    app.engine.decide(plain(location="Miami, FL", card_present=False, ip_address="185.220.101.5"))
    clock.advance(minutes=10)
    assert "IMPOSSIBLE_TRAVEL" not in codes(app.engine.decide(plain(location="Seattle, WA")))


def test_a_blocked_attempt_moves_nothing_but_velocity(
    app: App, clock: FixedClock, plain: Make, samples: list[dict[str, Any]]
) -> None:
    app.engine.decide(plain(location="Seattle, WA"))
    app.engine.decide(samples[1])
    app.desk.unfreeze("C-12345", reason="it was me", actor="analyst")
    decision = app.engine.decide(plain(location="Seattle, WA", device_id="dev-unknown"))
    assert "IMPOSSIBLE_TRAVEL" not in codes(decision)
    assert "UNKNOWN_DEVICE" in codes(decision)
    assert decision.evidence["transaction-risk"].items["velocity"]["attempts_10m"] == 3


def velocity(decision: Decision) -> Item:
    return decision.evidence["transaction-risk"].items["velocity"]


def test_estimate_increment_and_capture_are_one_purchase(app: App, clock: FixedClock, plain: Make) -> None:
    estimate = plain(amount="600.00", merchant="Grand Hotel")
    app.engine.decide(estimate)
    follow = {"original_transaction_id": estimate["transaction_id"], "merchant": "Grand Hotel"}
    increment = app.engine.decide(plain(amount="300.00", transaction_type="incremental_authorization", **follow))
    assert increment.evidence["transaction-risk"].items["amount"]["amount_base"] == 900.0
    capture = app.engine.decide(plain(amount="850.00", transaction_type="capture", **follow))
    assert velocity(capture)["attempts_10m"] == 1
    after = app.engine.decide(plain(amount="10.00"))
    assert velocity(after) == velocity(after) | {"attempts_10m": 2, "spent_24h_base": 860.0}


def test_an_increment_counts_with_its_estimate(app: App, plain: Make) -> None:
    estimate = plain(amount="900.00")
    app.engine.decide(estimate)
    increment = plain(
        amount="900.00",
        transaction_type="incremental_authorization",
        original_transaction_id=estimate["transaction_id"],
    )
    assert "HIGH_AMOUNT" in codes(app.engine.decide(increment))


def test_a_refund_is_no_spending(app: App, plain: Make) -> None:
    bought = plain(amount="900.00")
    app.engine.decide(bought)
    refund = plain(amount="900.00", transaction_type="refund", original_transaction_id=bought["transaction_id"])
    decision = app.engine.decide(refund)
    assert decision.decision is Outcome.APPROVE
    assert not codes(decision) & {"HIGH_AMOUNT", "AMOUNT_ABOVE_HABIT", "CARD_NOT_PRESENT"}
    assert velocity(app.engine.decide(plain()))["attempts_10m"] == 2


def test_a_refund_of_more_than_was_paid_is_reviewed(app: App, plain: Make) -> None:
    bought = plain(amount="100.00")
    app.engine.decide(bought)
    refund = plain(amount="100.01", transaction_type="refund", original_transaction_id=bought["transaction_id"])
    decision = app.engine.decide(refund)
    assert decision.decision is Outcome.REVIEW
    assert "EXCEEDS_ORIGINAL" in codes(decision)


def test_a_reversal_takes_back_spending_and_habit(app: App, plain: Make) -> None:
    bought = plain(amount="900.00")
    app.engine.decide(bought)
    reversal = plain(amount="900.00", transaction_type="reversal", original_transaction_id=bought["transaction_id"])
    app.engine.decide(reversal)
    assert velocity(app.engine.decide(plain(amount="10.00")))["spent_24h_base"] == 10.0


def test_an_attempt_that_never_reached_the_issuer_is_no_sign(app: App, plain: Make) -> None:
    for _ in range(25):
        decision = app.engine.decide(plain(processor_outcome="processor_unavailable"))
    assert decision.score == 0
    assert velocity(app.engine.decide(plain()))["attempts_10m"] == 1


def test_retries_of_one_declined_purchase_never_add_up(app: App, plain: Make) -> None:
    for _ in range(60):
        decision = app.engine.decide(plain(amount="80.00", processor_outcome="insufficient_funds"))
        assert decision.decision is Outcome.APPROVE
    assert velocity(app.engine.decide(plain()))["attempts_10m"] == 2


def test_many_attempts_are_a_reason(app: App, plain: Make) -> None:
    decisions = [app.engine.decide(plain(amount=f"{n}.00")) for n in range(1, 22)]
    assert "HIGH_VELOCITY" in codes(decisions[8])
    assert "ATTEMPT_BURST" in codes(decisions[20])


def test_a_frozen_account_blocks_without_a_new_case_or_alert(
    app: App, clock: FixedClock, samples: list[dict[str, Any]], plain: Make
) -> None:
    blocked = app.engine.decide(samples[1])
    frozen = app.engine.decide(plain())
    assert (frozen.decision, frozen.score, frozen.case_id, frozen.actions) == (Outcome.BLOCK, 100, None, [])
    assert "ACCOUNT_FROZEN" in codes(frozen)
    freeze = app.store.ledger.customer("C-12345").freeze
    assert freeze is not None
    assert freeze.decision_id == blocked.decision_id
    clock.advance(hours=24, seconds=1)
    assert app.engine.decide(plain()).decision is Outcome.APPROVE


def test_a_refund_passes_a_frozen_account(app: App, samples: list[dict[str, Any]], plain: Make) -> None:
    bought = plain(amount="30.00")
    app.engine.decide(bought)
    app.engine.decide(samples[1])
    refund = plain(amount="30.00", transaction_type="refund", original_transaction_id=bought["transaction_id"])
    assert app.engine.decide(refund).decision is Outcome.APPROVE


def test_unfreezing_says_whether_the_last_transaction_would_pass(
    app: App, samples: list[dict[str, Any]], plain: Make
) -> None:
    app.engine.decide(samples[1])
    answer = app.desk.unfreeze("C-12345", reason="called the customer", actor="ana")
    assert answer.would_pass_now is False
    assert "IMPOSSIBLE_TRAVEL" in {refusal.code for refusal in answer.refused_by}
    with pytest.raises(NotFound):
        app.desk.unfreeze("C-12345", reason="again", actor="ana")
    app.engine.decide(samples[1] | {"transaction_id": "again"})
    app.engine.decide(plain())
    assert app.desk.unfreeze("C-12345", reason="ok", actor="ana").would_pass_now is True


def test_unfreezing_says_until_when_time_alone_refuses(app: App, clock: FixedClock, plain: Make) -> None:
    app.engine.decide(plain(location="Seattle, WA", device_id="dev-abc123"))
    clock.advance(minutes=10)
    far = plain(location="Tokyo", card_present=False, device_id="dev-9")
    assert app.engine.decide(far).decision is Outcome.BLOCK
    answer = app.desk.unfreeze("C-12345", reason="travelling", actor="ana")
    until = next(refusal.until for refusal in answer.refused_by if refusal.code == "IMPOSSIBLE_TRAVEL")
    assert until is not None
    clock.moment = until
    assert "IMPOSSIBLE_TRAVEL" not in codes(app.engine.decide(far | {"transaction_id": "later"}))


def test_a_further_alert_joins_the_open_case_within_the_window(
    app: App, clock: FixedClock, samples: list[dict[str, Any]]
) -> None:
    first = app.engine.decide(samples[2])
    clock.advance(hours=10)
    second = app.engine.decide(samples[2] | {"transaction_id": "b"})
    assert second.case_id == first.case_id
    clock.advance(hours=73)
    assert app.engine.decide(samples[2] | {"transaction_id": "c"}).case_id != first.case_id


def test_an_unknown_customer_is_a_reason_not_an_error(app: App, plain: Make) -> None:
    decision = app.engine.decide(plain(customer_id="C-new"))
    assert codes(decision) == {"NO_CUSTOMER_PROFILE"} | (codes(decision) & {"DEVICE_OF_ANOTHER_CUSTOMER"})


def test_a_currency_without_a_rate_fails_closed(make_app: Callable[..., App], plain: Make, tmp_path: Any) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text("# date: 2026-03-01\n# source: test\n# licence: none\ncurrency,per_usd\nUSD,1\nEUR,0.9\n")
    app = make_app("rates", rates_file=rates)
    decision = app.engine.decide(plain(currency="NOK"))
    assert decision.decision is Outcome.REVIEW
    assert "CURRENCY_NOT_RATED" in codes(decision)


def test_amount_bands_know_the_currency(app: App, plain: Make) -> None:
    assert "HIGH_AMOUNT" not in codes(app.engine.decide(plain(currency="JPY", amount="5000")))
    assert "VERY_HIGH_AMOUNT" in codes(app.engine.decide(plain(currency="KWD", amount="2000.000")))


def test_not_given_is_never_weighed(app: App) -> None:
    bare = {"transaction_id": "bare", "customer_id": "C-12345", "amount": 5, "merchant": "Shop"}
    decision = app.engine.decide(bare)
    assert decision.score == 0
    items = decision.evidence["identity-verifier"].items
    assert items["device"] == {"status": "not_given"}


class Broken:
    """A read tool that always fails."""

    name = "identity-verifier"
    local = True
    limit_s = None

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        raise RuntimeError(f"no connection while looking at {inquiry.tx.merchant}")


class Slow:
    """A read tool that waits for something longer than the limit."""

    name = "geolocation-checker"
    local = False
    limit_s = None

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        import time

        time.sleep(1.0)
        return {}


@pytest.mark.parametrize(("tool", "code"), [(Broken(), "IDENTITY_UNAVAILABLE"), (Slow(), "PLACE_UNAVAILABLE")])
def test_an_unavailable_tool_never_lets_a_larger_amount_through(
    make_app: Callable[..., App], plain: Make, tool: Any, code: str
) -> None:
    app = make_app(tools=[tool, *(t for t in default_tools() if t.name != tool.name)])
    large = app.engine.decide(plain(amount="900.00"))
    assert large.decision is Outcome.REVIEW
    assert code in codes(large)
    assert large.evidence[tool.name].status == "unavailable"
    assert "Corner Shop" not in (large.evidence[tool.name].error or "")
    assert large.latency_ms.total < 900
    assert app.engine.decide(plain(amount="20.00")).decision is Outcome.APPROVE


def test_state_survives_a_restart(make_app: Callable[..., App], clock: FixedClock, plain: Make) -> None:
    app = make_app()
    app.engine.decide(plain(location="Seattle, WA"))
    app.close()
    clock.advance(minutes=30)
    reopened = make_app()
    assert "IMPOSSIBLE_TRAVEL" in codes(reopened.engine.decide(plain(location="Miami, FL")))


def test_one_event_with_a_wrong_clock_does_not_empty_the_window(app: App, clock: FixedClock, plain: Make) -> None:
    for n in range(1, 9):
        app.engine.decide(plain(amount=f"{n}.00"))
    app.engine.decide(plain(timestamp="2020-01-01T00:00:00Z"))
    assert "HIGH_VELOCITY" in codes(app.engine.decide(plain()))
