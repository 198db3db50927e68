"""What the model may ask, and what it becomes: it supplies no ids, and nothing beyond the bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fraudray.agent.questions import QUESTIONS, CannotAsk, Question, find_question
from fraudray.domain.research import Subject

SUBJECT = Subject(
    transaction_id="T-1", customer_id="C-1", merchant="Kiosk", device_id="dev-1", ip_address="203.0.113.7",
    place="Oslo, NO", reasons=["IMPOSSIBLE_TRAVEL"], case_id="FRD-2026-0001",
)  # fmt: skip
ASKED = {
    "customer_history": {"customer_id": "C-1", "leave_out_transaction_id": "T-1", "days": 90, "limit": 10},
    "customer_devices": {"customer_id": "C-1", "limit": 10},
    "customers_of_device": {"device_id": "dev-1", "leave_out_customer_id": "C-1", "days": 90, "limit": 10},
    "customers_of_address": {"ip_address": "203.0.113.7", "leave_out_customer_id": "C-1", "days": 90, "limit": 10},
    "merchant_history": {"merchant": "Kiosk", "days": 90},
    "similar_cases": {
        "reasons": ["IMPOSSIBLE_TRAVEL"], "merchant": "Kiosk", "device_id": "dev-1", "place": "Oslo, NO",
        "customer_id": "C-1", "leave_out_case_id": "FRD-2026-0001", "days": 365, "limit": 10,
    },
}  # fmt: skip
JSON = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 400), st.floats(allow_nan=False), st.text(max_size=5), st.just([1]),
    st.just({"days": 1}),
)  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_each_question_is_asked_with_what_the_transaction_says(question: Question) -> None:
    asked = question.ask(SUBJECT, {})
    assert asked.tool == question.name
    assert asked.arguments == ASKED[question.name]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_transaction_that_does_not_say_it_is_not_asked_about(question: Question) -> None:
    with pytest.raises(CannotAsk, match="the transaction names no "):
        question.ask(Subject(transaction_id="T-1"), {})


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_the_model_sees_bounded_whole_numbers_and_no_ids(question: Question) -> None:
    schema = dict(question.spec().parameters)
    Draft202012Validator.check_schema(schema)
    assert set(schema["properties"]) <= {"days", "limit"}
    assert schema["additionalProperties"] is False
    for name, part in schema["properties"].items():
        assert (part["type"], part["minimum"], part["maximum"]) == ("integer", 1, {"days": 365, "limit": 20}[name])


@given(st.sampled_from(QUESTIONS), st.dictionaries(st.sampled_from(["days", "limit", "customer_id", "x"]), JSON))
def test_arguments_are_taken_exactly_where_the_schema_takes_them(question: Question, arguments: dict[str, Any]) -> None:
    valid = Draft202012Validator(dict(question.spec().parameters)).is_valid(arguments) and not any(
        isinstance(value, float)
        for value in arguments.values()  # 5.0 is a whole number to JSON Schema alone
    )
    if valid:
        assert question.ask(SUBJECT, arguments).arguments == ASKED[question.name] | arguments
    else:
        with pytest.raises(CannotAsk):
            question.ask(SUBJECT, arguments)


def test_an_id_from_the_model_is_refused_with_a_reason() -> None:
    with pytest.raises(CannotAsk, match="takes days and limit only: whom or what it asks about follows"):
        find_question("customer_history").ask(SUBJECT, {"customer_id": "C-2"})
    with pytest.raises(CannotAsk, match="there is no such tool; there are customer_history, "):
        find_question("send_fraud_alert_email")
