"""What a transaction may be, and how a bad one is refused: every bad field, never its value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from fraudray.domain.errors import InvalidTransaction
from fraudray.domain.transaction import Transaction, load_json

NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
Make = Callable[..., dict[str, Any]]


def refused(data: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidTransaction) as caught:
        Transaction.parse(data, now=NOW)
    return {problem.field: problem.code for problem in caught.value.problems}


def test_the_samples_are_accepted_as_written(samples: list[dict[str, Any]]) -> None:
    low, high, medium = (Transaction.parse(sample, now=NOW) for sample in samples)
    assert low.amount == Decimal("250.00")
    assert high.previous_at(NOW) == NOW - timedelta(minutes=30)
    assert medium.location == "Los Angeles, CA"


def test_the_full_form_is_accepted(plain: Make) -> None:
    tx = Transaction.parse(
        plain(
            timestamp="2026-03-02T14:00:00+02:00", currency="EUR", amount="1234.56", mcc="5411", terminal_id="term-9",
            channel="ecommerce", latitude=47.6, longitude=-122.3, previous_timestamp="2026-03-02T10:00:00Z",
            previous_location="Tacoma, WA", device_fingerprint="fp-1", memo="two\nlines", biometric_sample="abc",
            instrument_id="card-1", funding="credit", transaction_type="capture", original_transaction_id="AUTH-1",
            processor_outcome="approved", ip_address="2001:db8::1",
        ),
        now=NOW,
    )  # fmt: skip
    assert tx.timestamp == datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert tx.memo == "two lines"
    assert tx.purchase_id == "AUTH-1"


@pytest.mark.parametrize(
    ("fields", "bad"),
    [
        ({"colour": "red"}, "colour"),
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": float("nan")}, "amount"),
        ({"amount": float("inf")}, "amount"),
        ({"amount": "1e3000"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "12.345"}, "amount"),
        ({"amount": "10.5", "currency": "JPY"}, "amount"),
        ({"amount": "1.0005", "currency": "KWD"}, "amount"),
        ({"currency": "XYZ"}, "currency"),
        ({"currency": "usd"}, "currency"),
        ({"timestamp": "2026-03-02T15:36:00Z"}, "timestamp"),
        ({"timestamp": "2026-03-02T15:00:00"}, "timestamp"),
        ({"timestamp": 1764633600}, "timestamp"),
        ({"timestamp": "2026-02-30T00:00:00Z"}, "timestamp"),
        ({"merchant": "x" * 201}, "merchant"),
        ({"merchant": "a\x00b"}, "merchant"),
        ({"merchant": ""}, "merchant"),
        ({"location": "a\nb"}, "location"),
        ({"memo": "\x07"}, "memo"),
        ({"time_since_last_transaction": "soon"}, "time_since_last_transaction"),
        ({"transaction_type": "refund"}, "original_transaction_id"),
        ({"original_transaction_id": "T-0"}, "original_transaction_id"),
        ({"transaction_id": "4111111111111111"}, "transaction_id"),
        ({"device_id": "dev 4111111111111111"}, "device_id"),
        ({"transaction_id": " x"}, "transaction_id"),
        ({"ip_address": "999.1.1.1"}, "ip_address"),
        ({"latitude": 10.0}, "longitude"),
        ({"latitude": 91.0, "longitude": 0.0}, "latitude"),
        ({"card_present": "yes"}, "card_present"),
        ({"mcc": "54"}, "mcc"),
        ({"customer_id": None}, "customer_id"),
        ({"merchant": "\ud800"}, "merchant"),
    ],
)
def test_bad_fields_are_named(plain: Make, fields: dict[str, Any], bad: str) -> None:
    assert bad in refused(plain(**fields))


def test_every_bad_field_is_named_at_once(plain: Make) -> None:
    bad = refused(
        plain(amount=-1, currency="XYZ", extra=1, merchant="a\x00", transaction_type="refund", latitude=1.0, mcc="x")
    )
    assert set(bad) == {"amount", "currency", "extra", "merchant", "original_transaction_id", "longitude", "mcc"}


def test_no_value_is_repeated_in_a_problem(plain: Make) -> None:
    with pytest.raises(InvalidTransaction) as caught:
        Transaction.parse(plain(**{"transaction_id": "4111111111111111", "x 4012888888881881": 1}), now=NOW)
    assert "4111111111111111" not in str(caught.value)
    assert "4012888888881881" not in str(caught.value)


def test_card_numbers_in_free_text_are_masked(plain: Make) -> None:
    tx = Transaction.parse(plain(merchant="Shop 4111 1111 1111 1111", memo="5555555555554444"), now=NOW)
    assert tx.merchant == "Shop **** **** **** 1111"
    assert tx.memo == "************4444"


@pytest.mark.parametrize(
    "name", ["Кафе Пушкинъ", "寿司 太郎", "مقهى", "Zoë’s Café", "नमस्ते\u200d", "👩\u200d🍳 Kitchen"]
)
def test_names_in_any_script_are_kept_as_sent(plain: Make, name: str) -> None:
    assert Transaction.parse(plain(merchant=name), now=NOW).merchant == name


@pytest.mark.parametrize("amounts", [("250", "250.00", "2.5e2", 250, 250.0, Decimal("250.0"))])
def test_the_spelling_of_a_number_does_not_change_the_content(plain: Make, amounts: tuple[Any, ...]) -> None:
    hashes = {Transaction.parse(plain(transaction_id="T", amount=a), now=NOW).content_hash for a in amounts}
    assert len(hashes) == 1


def test_amounts_are_exact() -> None:
    data = load_json('{"transaction_id":"t","customer_id":"c","merchant":"m","amount":900719925474.93}')
    assert Transaction.parse(data, now=NOW).amount == Decimal("900719925474.93")


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        load_json('{"amount": 1, "amount": 5000}')


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ValueError, match="deep"):
        load_json("[" * 100_000)


def test_a_wallet_is_one_instrument_whatever_its_token(plain: Make) -> None:
    keys = {
        Transaction.parse(plain(funding="wallet", instrument_id=token), now=NOW).instrument_key for token in ("a", "b")
    }
    assert len(keys) == 1
