"""The form's fields, its examples, and what is made of what was entered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.transaction import Transaction
from fraudray.ui.templates import render
from fraudray.ui.views.examples import BURST, Example, examples, fresh_id, payments_before
from fraudray.ui.views.transaction_form import FIELDS, form_view, problems_of, transaction_of

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def test_the_form_has_every_field_of_a_transaction() -> None:
    assert set(FIELDS) == set(Transaction.model_fields)
    html = render("try/form.html", form_view(), examples=examples())
    for name in Transaction.model_fields:
        assert f'name="tx-{name}"' in html
        assert f'<label for="tx-{name}">' in html


def test_fields_left_out_are_not_given() -> None:
    entered = {"tx-customer_id": " C-1 ", "tx-merchant": "", "tx-card_present": "false", "tx-latitude": "47.6"}
    assert transaction_of(entered) == {"customer_id": "C-1", "card_present": False, "latitude": 47.6}


def test_a_coordinate_that_is_no_number_is_left_for_the_api_to_name() -> None:
    assert transaction_of({"tx-latitude": "north"}) == {"latitude": "north"}


def test_json_keeps_amounts_exact() -> None:
    text = '{"amount": 12345678901234.10}'
    assert transaction_of({"as_json": "true", "json": text}) == {"amount": Decimal("12345678901234.10")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": }', "line 1, column 7"), ("[]", "no JSON object"), ("", "no JSON"),
        ('{"a": NaN}', "NaN is not a number"),
        ("[" * 60000, "nested too deep"), ("x" * 70000, "more than 65536 characters"),
    ],
)  # fmt: skip
def test_json_that_cannot_be_read_is_a_problem_of_the_box(text: str, said: str) -> None:
    with pytest.raises(InvalidTransaction) as caught:
        transaction_of({"as_json": "true", "json": text})
    (problem,) = caught.value.problems
    assert problem.field == "json"
    assert said in problem.message


def test_problems_have_the_words_of_the_form() -> None:
    error = InvalidTransaction([FieldProblem("mcc", "x", "is wrong"), FieldProblem("", "request", "is no JSON")])
    assert [(one.field, one.label) for one in problems_of(error)] == [("mcc", "MCC"), ("", "The transaction")]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_every_example_is_a_payment_that_the_api_accepts(example: Example) -> None:
    payment = dict(json.loads(example.text)) | {"transaction_id": fresh_id()}
    Transaction.parse(payment, now=NOW)
    for before in payments_before(example.name, payment):
        assert before["customer_id"] == payment["customer_id"]
        Transaction.parse(before, now=NOW)


def test_what_comes_before_an_example_has_ids_of_its_own() -> None:
    before = payments_before("burst", {"transaction_id": "T", "customer_id": "C"})
    assert len({row["transaction_id"] for row in before} | {"T"}) == BURST + 1
    assert payments_before("no such", {"transaction_id": "T"}) == []
