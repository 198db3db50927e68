"""What a scrape says of the store's cases: the figures of the queue, read now and then, and cheap to ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.deployments.store_metrics import CASES_KEPT, CasesCollector, OutboxCollector
from fraudray.service import LocalService
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def cases(app: App, clock: FixedClock) -> CasesCollector:
    return CasesCollector(app.store.cases, clock)


@pytest.fixture
def reviewed(app: App, plain: Make) -> Callable[[], str]:
    """Decides a payment that opens a case of its own, and names that case."""
    customers = iter(range(1000))

    def decide() -> str:
        tx = plain(
            customer_id=f"C-{next(customers)}", amount="4900", merchant="CryptoExchange", location="Lagos, NG",
            device_id="dev-new", card_present=False,
        )  # fmt: skip
        case_id = app.engine.decide(tx).case_id
        assert case_id
        return case_id

    return decide


def by_state(collector: CasesCollector) -> dict[str, float]:
    (shown, _) = collector.collect()
    return {sample.labels["state"]: sample.value for sample in shown.samples}


def age_s(collector: CasesCollector) -> float:
    (_, age) = collector.collect()
    (sample,) = age.samples
    return float(sample.value)


def test_cases_are_counted_as_the_queue_and_the_live_page_count_them(
    app: App, cases: CasesCollector, clock: FixedClock, reviewed: Callable[[], str]
) -> None:
    service = LocalService(app)
    seen = []
    for move in (
        lambda: [reviewed(), reviewed()],
        lambda: service.casework.act(reviewed(), "claim", author="ana"),
        lambda: clock.advance(days=60),
    ):
        move()
        clock.advance(seconds=CASES_KEPT.total_seconds())
        counted = service.standing()["cases"]
        assert by_state(cases) == {state: count for state, count in counted.items() if state != "mine"}
        seen.append((counted["ready"], counted["claimed"], counted["active"], counted["overdue"]))
    # The claim's lock is over by then, so that anybody may take the case again.
    assert seen == [(2, 0, 2, 0), (2, 1, 3, 0), (3, 1, 3, 3)]


def test_they_are_counted_anew_after_a_while_and_not_before(
    cases: CasesCollector, clock: FixedClock, reviewed: Callable[[], str]
) -> None:
    reviewed()
    assert by_state(cases)["ready"] == 1
    reviewed()
    clock.advance(seconds=CASES_KEPT.total_seconds() - 0.001)
    assert by_state(cases)["ready"] == 1
    clock.advance(seconds=0.001)
    assert by_state(cases)["ready"] == 2
    reviewed()
    clock.advance(hours=-1)  # a clock that was set back does not keep old figures for an hour
    assert by_state(cases)["ready"] == 3


def test_the_age_is_that_of_the_oldest_case_that_anybody_may_take(
    app: App, cases: CasesCollector, clock: FixedClock, reviewed: Callable[[], str]
) -> None:
    assert age_s(cases) == 0
    first = reviewed()
    clock.advance(minutes=10)
    reviewed()
    clock.advance(seconds=CASES_KEPT.total_seconds())
    assert age_s(cases) == 600 + 15
    clock.advance(seconds=3)  # it is not read anew yet, and goes on
    assert age_s(cases) == 600 + 18
    LocalService(app).casework.act(first, "claim", author="ana")
    clock.advance(seconds=CASES_KEPT.total_seconds())
    assert age_s(cases) == 33


def test_a_store_that_does_not_answer_leaves_its_lines_out_and_is_asked_again(
    app: App, cases: CasesCollector, reviewed: Callable[[], str]
) -> None:
    outbox = OutboxCollector(app.store.outbox)
    reviewed()
    with app.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE cases RENAME TO away")
        connection.exec_driver_sql("ALTER TABLE outbox RENAME TO outbox_away")
    assert list(cases.collect()) == []
    assert list(outbox.collect()) == []
    with app.store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO cases")
        connection.exec_driver_sql("ALTER TABLE outbox_away RENAME TO outbox")
    assert by_state(cases)["ready"] == 1
    assert {family.name for family in outbox.collect()} == {"fraudray_outbox_depth", "fraudray_outbox_age_seconds"}
