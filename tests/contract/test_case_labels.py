"""Closing a case labels its transactions, so that features learn from analysts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.errors import InvalidTransaction, NotFound, Refused, StoreFailed
from fraudray.domain.label import LabelSource
from fraudray.testing.clock import FixedClock
from tests.contract.test_store import broken_inserts

Sql = Callable[..., list[Any]]


@pytest.fixture
def case(app: App, clock: FixedClock, samples: list[dict[str, Any]]) -> str:
    """A case with two transactions, T-1 and T-2."""
    decided = []
    for name in ("T-1", "T-2"):
        decided.append(app.engine.decide(samples[1] | {"transaction_id": name}))
        clock.advance(minutes=5)
    assert decided[0].case_id is not None
    assert decided[0].case_id == decided[1].case_id
    return decided[0].case_id


def close(app: App, case_id: str, disposition: str, *, author: str = "ana") -> None:
    app.case_desk.close(case_id, disposition=disposition, reason="looked at it", author=author)


def labels(app: App) -> dict[str, list[str]]:
    book = app.store.ledger.labels
    return {name: [f"{one.label.label} by {one.author}" for one in book.of(name)] for name in ("T-1", "T-2")}


@pytest.mark.parametrize(
    ("disposition", "expected"),
    [
        ("fraud", "fraud"), (" Confirmed_Fraud ", "fraud"), ("true positive", "fraud"), ("genuine", "genuine"),
        ("False positive", "genuine"), ("legitimate", "genuine"), ("inconclusive", None), ("lifted", None),
    ],
)  # fmt: skip
def test_a_disposition_labels_every_transaction_of_the_case(
    app: App, case: str, clock: FixedClock, disposition: str, expected: str | None
) -> None:
    close(app, case, disposition)
    wanted = [] if expected is None else [f"{expected} by ana"]
    assert labels(app) == {"T-1": wanted, "T-2": wanted}
    stored = app.store.ledger.labels.in_force("T-2")
    if stored is not None:
        assert (stored.label.source, stored.labelled_at, stored.waiting) == (
            LabelSource.DISPOSITION, clock.now(), False,
        )  # fmt: skip
    assert app.store.verify_audit().whole


def test_labels_that_could_not_be_written_are_made_up_for_by_closing_again(
    app: App, case: str, clock: FixedClock, sql: Sql
) -> None:
    breaking, mending = broken_inserts(app.store.engine.dialect.name, "labels")
    for statement in breaking:
        sql(statement)
    with pytest.raises(StoreFailed):
        close(app, case, "fraud")
    sql(mending)
    assert labels(app) == {"T-1": [], "T-2": []}
    assert app.store.cases.case(case).status == "closed"
    closed_at = clock.now()
    clock.advance(hours=1)
    for _ in range(2):
        with pytest.raises(Refused, match="closed already"):
            close(app, case, "genuine", author="bo")
    assert labels(app) == {"T-1": ["fraud by ana"], "T-2": ["fraud by ana"]}
    assert app.store.ledger.labels.of("T-1")[0].labelled_at == closed_at


def test_a_later_label_corrects_the_analyst_and_closing_again_does_not_bring_it_back(
    app: App, case: str, clock: FixedClock
) -> None:
    close(app, case, "genuine")
    clock.advance(days=30)
    app.engine.label([{"transaction_id": "T-1", "label": "fraud", "source": "chargeback"}], author="feed")
    with pytest.raises(Refused):
        close(app, case, "genuine")
    assert labels(app) == {"T-1": ["fraud by feed", "genuine by ana"], "T-2": ["genuine by ana"]}


def test_a_case_that_is_not_closed_labels_nothing(app: App, case: str) -> None:
    with pytest.raises(NotFound):
        close(app, "FRD-1999-0001", "fraud")
    for disposition, author in ((" ", "ana"), ("fraud", "")):
        with pytest.raises(InvalidTransaction):
            close(app, case, disposition, author=author)
    assert labels(app) == {"T-1": [], "T-2": []}
    assert app.store.cases.ending(case) is None


def test_an_erased_customers_case_is_closed_and_labelled_all_the_same(app: App, case: str, clock: FixedClock) -> None:
    app.store.customers.erase("C-12345", reason="asked", actor="ana", at=clock.now())
    close(app, case, "fraud")
    assert labels(app) == {"T-1": ["fraud by ana"], "T-2": ["fraud by ana"]}
