"""What a question about a case is answered from: the newest of the case and of those merged into it, read once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fraudray.adapters.sql.case_material import DECISIONS_MAX, ENTRIES_MAX, StoredMaterial
from fraudray.bootstrap import App
from fraudray.domain.errors import NotFound
from fraudray.testing.clock import FixedClock


@pytest.fixture
def blocked(app: App, clock: FixedClock, samples: list[dict[str, Any]]) -> Callable[..., str]:
    """Decides the second sample, a minute after the one before; its case."""

    def decide(number: int, **changes: Any) -> str:
        clock.advance(minutes=1)
        tx = samples[1] | {"transaction_id": f"T-{number}", "merchant": f"Shop {number}"} | changes
        case_id = app.engine.decide(tx).case_id
        assert case_id is not None
        return case_id

    return decide


def read(app: App, case_id: str, transaction_id: str | None = None) -> StoredMaterial:
    return app.store.material.read(case_id, transaction_id, without="question")


def note(app: App, case_id: str, text: str, kind: str = "note") -> None:
    app.store.cases.append(
        case_id, author="ana", kind=kind, body={"notes": text}, at=app.clock.now(), entry_id=app.ids.new("ent")
    )


def test_the_newest_comes_first_with_its_transaction(app: App, blocked: Callable[..., str]) -> None:
    case_id = [blocked(number) for number in range(3)][-1]
    for number in range(3):
        note(app, case_id, f"Note {number}")
        note(app, case_id, f"Question {number}", kind="question")
    found = read(app, case_id)
    assert [tx["merchant"] for _, tx in found.decisions] == ["Shop 2", "Shop 1", "Shop 0"]
    assert [decision.transaction_id for decision, _ in found.decisions] == ["T-2", "T-1", "T-0"]
    assert sorted(entry.body["notes"] for entry in found.entries) == ["Note 0", "Note 1", "Note 2"]
    assert (found.decisions_in_case, found.entries_in_case, found.erased) == (3, 3, False)
    assert found.facts["status"] == "open"


def test_only_the_current_revision_of_a_decision_is_read(app: App, samples: list[dict[str, Any]]) -> None:
    case_id = app.engine.decide(samples[2]).case_id
    assert case_id is not None
    before = read(app, case_id).decisions[0][0]
    app.desk.answer_step_up(before.transaction_id, result="failed", reference=None, author="ana")
    ((decision, tx),) = read(app, case_id).decisions
    assert (before.revision, decision.revision) == (1, 2)
    assert tx["merchant"] == samples[2]["merchant"]


def test_one_decision_alone_is_read_where_it_is_asked_for(app: App, blocked: Callable[..., str]) -> None:
    case_id = [blocked(number) for number in range(3)][-1]
    ((decision, _),) = read(app, case_id, "T-1").decisions
    assert decision.transaction_id == "T-1"
    other = blocked(9, customer_id="C-other")
    for name in ("T-none", "T-9"):
        with pytest.raises(NotFound, match=name):
            read(app, case_id, name)
    with pytest.raises(NotFound, match="case C-none"):
        read(app, "C-none")
    assert read(app, other).decisions_in_case == 1


def test_what_was_merged_into_a_case_belongs_to_it(app: App, blocked: Callable[..., str]) -> None:
    first, second, third = (blocked(number, customer_id=f"C-{number}") for number in range(3))
    note(app, first, "Of the first.")
    app.case_desk.merge(first, into=second, reason="the same ring", author="ana")
    app.case_desk.merge(second, into=third, reason="the same ring", author="ana")
    found = read(app, third)
    assert [decision.transaction_id for decision, _ in found.decisions] == ["T-2", "T-1", "T-0"]
    assert "Of the first." in [entry.body.get("notes") for entry in found.entries]
    app.store.customers.erase("C-0", reason="asked for it", actor="ana", at=app.clock.now())
    assert read(app, third).erased


def test_very_much_is_read_in_part_and_counted_in_full(app: App, blocked: Callable[..., str]) -> None:
    case_id = [blocked(number) for number in range(DECISIONS_MAX + 2)][-1]
    for number in range(ENTRIES_MAX + 2):
        note(app, case_id, f"Note {number}")
    found = read(app, case_id)
    assert (len(found.decisions), found.decisions_in_case) == (DECISIONS_MAX, DECISIONS_MAX + 2)
    assert (len(found.entries), found.entries_in_case) == (ENTRIES_MAX, ENTRIES_MAX + 2)


def test_of_an_erased_customer_nothing_can_be_read(app: App, blocked: Callable[..., str]) -> None:
    case_id = blocked(0)
    note(app, case_id, "Called.")
    app.store.customers.erase("C-12345", reason="asked for it", actor="ana", at=app.clock.now())
    found = read(app, case_id)
    assert (found.erased, found.decisions, found.entries) == (True, [], [])
    assert found.entries_in_case == 1
