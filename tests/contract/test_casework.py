"""Working on cases, on every kind of database: one after another, and many at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.case_query import CaseQuery
from fraudray.domain.errors import Changed, FraudrayError, NotFound, Refused
from fraudray.testing.clock import FixedClock

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def opened(app: App, plain: Make, clock: FixedClock) -> list[str]:
    """Six cases of six customers, oldest first; the fourth has the highest score."""
    far = {"location": "Lagos, Nigeria", "previous_location": "Austin, TX",
           "time_since_last_transaction": "30 minutes ago"}  # fmt: skip
    ids = []
    for number in range(6):
        clock.advance(minutes=1)
        tx = plain(
            customer_id=f"C-{number}", amount=f"{4000 + number}.00", merchant=f"Crypto Exchange {number}", mcc="6051",
            card_present=False, device_id=f"dev-{number}", **(far if number == 3 else {}),
        )  # fmt: skip
        decision = app.engine.decide(tx)
        assert decision.case_id is not None
        ids.append(decision.case_id)
    return ids


def search(app: App, **query: Any) -> list[str]:
    return [c.case_id for c in app.store.cases.search(CaseQuery.parse(query), now=app.clock.now())]


def together(count: int, do: Callable[[int], Any]) -> list[Any]:
    """`do(0)`, `do(1)`, … at once; what each gave or raised."""

    def one(number: int) -> Any:
        try:
            return do(number)
        except FraudrayError as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_many_who_act_on_the_same_version_one_succeeds_and_the_others_are_told(app: App, opened: list[str]) -> None:
    version = app.store.cases.summary(opened[0]).version
    outcomes = together(
        8, lambda n: app.case_desk.escalate(opened[0], reason=f"reason {n}", author=f"analyst-{n}", version=version)
    )
    assert sum(isinstance(outcome, Changed) for outcome in outcomes) == 7
    (done,) = [outcome for outcome in outcomes if not isinstance(outcome, FraudrayError)]
    assert (done.status, done.version) == ("escalated", version + 1)
    assert [e.kind for e in app.store.cases.case(opened[0]).entries] == ["escalated"]


def test_of_many_who_ask_for_the_next_case_each_gets_another_the_worst_first(app: App, opened: list[str]) -> None:
    assert search(app, sort="risk")[0] == opened[3]
    first = app.case_desk.next(CaseQuery(sort="risk"), author="first")
    assert first is not None
    assert first.case_id == opened[3]
    taken = together(8, lambda n: app.case_desk.next(CaseQuery(sort="risk"), author=f"analyst-{n}"))
    ids = [case.case_id for case in taken if case is not None]
    assert sorted(ids) == sorted(set(opened) - {opened[3]})
    assert app.store.verify_audit().whole


def test_a_case_taken_in_the_order_of_age_or_of_amount_is_the_oldest_or_the_largest(
    app: App, opened: list[str]
) -> None:
    oldest = app.case_desk.next(CaseQuery(sort="oldest"), author="ana")
    largest = app.case_desk.next(CaseQuery(sort="amount"), author="ana")
    assert oldest is not None
    assert largest is not None
    assert (oldest.case_id, largest.case_id) == (opened[0], opened[5])


def test_search_finds_beginnings_of_plain_words_and_whole_words_of_notes_and_counts_them(
    app: App, opened: list[str]
) -> None:
    app.desk.note(opened[1], text="Der Überweisungsträger wurde gefälscht", author="ana")
    assert search(app, q="uberweisungstrager") == [opened[1]]
    assert search(app, q="uberweisung") == []
    assert search(app, q="cryp exch 5") == [opened[5]]
    assert search(app, q="C-2") == [opened[2]]
    assert sorted(search(app, q="crypto")) == sorted(opened)
    assert app.store.cases.count(CaseQuery(q="crypto"), now=app.clock.now(), base_currency="USD") == 6
    assert search(app, q="crypto", sort="oldest", status="active") == opened


def test_what_people_write_lies_nowhere_in_plain(app: App, opened: list[str], at_rest: Callable[[], bytes]) -> None:
    app.desk.note(opened[0], text="Hieronymus wrote it", author="ana")
    app.case_desk.close(opened[0], disposition="Hieronymus", reason="Hieronymus again", author="ana")
    app.case_desk.attach(opened[0], name="Hieronymus.txt", content=b"Hieronymus himself", author="ana")
    assert search(app, q="hieronymus") == [opened[0]]
    app.store.ping()
    assert b"ieronymus" not in at_rest()


def test_an_erased_customers_acts_cannot_be_taken_back_and_their_files_are_gone(
    app: App, opened: list[str], clock: FixedClock
) -> None:
    file = app.case_desk.attach(opened[2], name="id.txt", content=b"passport", author="ana")
    app.case_desk.close(opened[2], disposition="fraud", reason="r", author="ana")
    app.store.customers.erase("C-2", reason="asked", actor="ana", at=clock.now())
    with pytest.raises(Refused, match="taken back"):
        app.case_desk.undo(opened[2], author="ana")
    with pytest.raises(NotFound):
        app.store.case_files.read(opened[2], file.file_id)
    assert [f.name for f in app.store.cases.case(opened[2]).files] == ["(erased)"]
    assert app.case_desk.reopen(opened[2], reason="new facts", author="ana").status == "reopened"


def test_a_further_alert_joins_a_case_in_every_active_status_and_none_that_is_closed(
    app: App, opened: list[str], plain: Make, clock: FixedClock
) -> None:
    def alert(number: int) -> str | None:
        tx = plain(
            customer_id=f"C-{number}", amount="4900.00", merchant="Crypto Exchange", mcc="6051", card_present=False,
            device_id=f"dev-{number}",
        )  # fmt: skip
        return app.engine.decide(tx).case_id

    app.case_desk.claim(opened[0], author="ana")
    app.case_desk.escalate(opened[1], reason="r", author="ana")
    app.case_desk.wait(opened[2], until="1d", reason="r", author="ana")
    app.case_desk.close(opened[4], disposition="fraud", reason="r", author="ana")
    app.case_desk.close(opened[5], disposition="fraud", reason="r", author="ana")
    app.case_desk.reopen(opened[5], reason="r", author="ana")
    assert [alert(number) for number in (0, 1, 2, 5)] == [opened[0], opened[1], opened[2], opened[5]]
    assert alert(4) not in (*opened, None)


def test_what_the_engine_knows_of_cases_is_the_same_after_a_restart(
    app: App, make_app: Callable[..., App], opened: list[str], plain: Make
) -> None:
    app.case_desk.escalate(opened[0], reason="r", author="ana")
    app.case_desk.close(opened[1], disposition="fraud", reason="r", author="ana")
    app.case_desk.merge(opened[2], into=opened[3], reason="r", author="ana")
    app.close()
    again = make_app()
    known = [again.store.ledger.customer(f"C-{number}").open_case for number in range(4)]
    assert [case and case.case_id for case in known] == [opened[0], None, None, opened[3]]
    with pytest.raises(Refused, match=opened[3]):
        again.case_desk.claim(opened[2], author="ana")
    assert again.case_desk.undo(opened[2], author="ana").status == "open"


def test_merges_go_on_from_case_to_case_and_a_worse_case_makes_the_other_worse_until_it_is_undone(
    app: App, opened: list[str]
) -> None:
    before = app.store.cases.summary(opened[4])
    app.case_desk.merge(opened[0], into=opened[3], reason="r", author="ana")
    goes_on = app.case_desk.merge(opened[3], into=opened[4], reason="r", author="ana")
    assert goes_on.score == app.store.cases.summary(opened[3]).score > before.score
    whole = app.store.cases.case(opened[4])
    assert sorted(whole.merged) == sorted([opened[0], opened[3]])
    assert len(whole.decisions) == 3
    app.case_desk.undo(opened[3], author="ana")
    after = app.store.cases.summary(opened[4])
    assert (after.score, after.merchant, after.amount) == (before.score, before.merchant, before.amount)
    with pytest.raises(Refused, match="taken back"):
        app.case_desk.undo(opened[4], author="ana")


def test_an_alert_of_a_merged_case_is_one_of_the_case_that_goes_on(
    app: App, opened: list[str], plain: Make, clock: FixedClock
) -> None:
    app.case_desk.merge(opened[0], into=opened[1], reason="one thief", author="ana")
    app.case_desk.wait(opened[1], until="1d", reason="r", author="ana")
    clock.advance(minutes=1)
    revised = app.engine.answer_step_up("T-0", "failed", reference=None, author="caller").decision
    assert revised.decision == "BLOCK"
    goes_on = app.store.cases.summary(opened[1])
    assert (goes_on.status, goes_on.score, goes_on.decision) == ("open", revised.score, "BLOCK")
    assert app.store.cases.summary(opened[0]).status == "closed"
