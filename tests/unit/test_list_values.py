"""What list entries may say, and the one form in which values are compared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from fraudray.domain.errors import InvalidTransaction
from fraudray.domain.list_values import Kind, normalise
from fraudray.domain.lists import Level, NewEntry

NOW = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


def new(**fields: Any) -> NewEntry:
    entry = {"level": "deny", "kind": "customer", "value": "C-1", "reason": "why"} | fields
    return NewEntry.parse({name: value for name, value in entry.items() if value is not None}, now=NOW)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("customer", "C-1", "C-1"),
        ("address", "192.0.2.7", "192.0.2.7"),
        ("address", " 192.0.2.0/24 ", "192.0.2.0/24"),
        ("address", "192.0.2.7/32", "192.0.2.7"),
        ("address", "::FFFF:192.0.2.7", "192.0.2.7"),
        ("address", "::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("address", "2001:DB8:0:0::/32", "2001:db8::/32"),
        ("merchant", "  Café-DEL_Mar ", "cafe del mar"),
        ("merchant", "MCC: 5944", "mcc:5944"),
        ("email_domain", "@Evil.EXAMPLE.", "evil.example"),
        ("email_domain", "bücher.example", "xn--bcher-kva.example"),
        ("terminal", "T 1", "T 1"),
    ],
)
def test_values_are_kept_in_the_form_in_which_they_are_compared(kind: str, given: str, kept: str) -> None:
    assert normalise(Kind(kind), given) == kept
    assert normalise(Kind(kind), kept) == kept


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("customer", "4111111111111111"), ("instrument", "4111111111111111"), ("device", " dev-1"), ("device", ".."),
        ("merchant", "Shop 4111 1111 1111 1111"), ("merchant", "mcc:59"), ("merchant", " - "), ("merchant", "x" * 201),
        ("address", "10.0.0.1/8"), ("address", "0.0.0.0/0"), ("address", "::/0"), ("address", "fe80::1%eth0"),
        ("address", "10.0.0.256"), ("address", "nowhere"), ("address", "010.0.0.1"), ("address", "::ffff:0:0/96"),
        ("email_domain", "a@b.example"), ("email_domain", "example"), ("email_domain", "a b.example"),
        ("email_domain", "." * 5), ("email_domain", "x" * 64 + ".example"), ("email_domain", ".example"),
        ("customer", "C\x00"), ("merchant", "a\x1bb"), ("customer", "x" * 129),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_without_repeating_it(kind: str, value: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        normalise(Kind(kind), value)
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "ends"),
    [
        ("30d", NOW + timedelta(days=30)),
        ("P1D", NOW + timedelta(days=1)),
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-03-02", datetime(2026, 3, 3, tzinfo=UTC)),
        ("2026-12-31T12:00:00+02:00", datetime(2026, 12, 31, 10, tzinfo=UTC)),
    ],
)
def test_an_entry_ends_when_people_say(written: str, ends: datetime) -> None:
    assert new(expires=written).expires == ends


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"level": "denied"}, {"level"}),
        ({"kind": "colour"}, {"kind"}),
        ({"kind": None}, {"kind"}),
        ({"value": None, "reason": None}, {"value", "reason"}),
        ({"value": 7}, {"value"}),
        ({"reason": ""}, {"reason"}),
        ({"reason": "x" * 1001}, {"reason"}),
        ({"colour": "red"}, {"colour"}),
        ({"rule": "impossible-travel"}, {"rule"}),
        ({"expires": "2026-03-01"}, {"expires"}),
        ({"expires": "2026-02-30"}, {"expires"}),
        ({"expires": "2026-12-31T12:00:00"}, {"expires"}),
        ({"expires": "9999-12-31"}, {"expires"}),
        ({"expires": "2200-01-01"}, {"expires"}),
        ({"expires": "soon"}, {"expires"}),
        ({"expires": "0s"}, {"expires"}),
        ({"expires": 30}, {"expires"}),
        ({"expires": "1" * 5000}, {"expires"}),
        ({"level": "mute"}, {"rule", "expires"}),
        ({"level": "mute", "rule": "r", "expires": "367d"}, {"expires"}),
        ({"level": "mute", "rule": "r", "expires": "1d", "kind": "device"}, {"kind"}),
    ],
)
def test_every_bad_field_is_named(fields: dict[str, Any], named: set[str]) -> None:
    with pytest.raises(InvalidTransaction) as caught:
        new(**fields)
    assert {problem.field for problem in caught.value.problems} == named


@pytest.mark.parametrize("row", [None, [], "deny", 7, {}])
def test_what_is_no_entry_is_refused(row: Any) -> None:
    with pytest.raises(InvalidTransaction):
        NewEntry.parse(row, now=NOW)


def test_a_mute_is_about_a_customer_without_saying_so() -> None:
    entry = new(level="mute", kind=None, rule="impossible-travel", expires="366d")
    assert (entry.level, entry.kind) == (Level.MUTE, Kind.CUSTOMER)
