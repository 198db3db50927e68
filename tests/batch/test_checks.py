"""Whole columns prove what `Transaction.parse` decides: same rows kept, same values, same problems."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fraudray.batch.history.amounts import read_amounts, units_of
from fraudray.batch.history.check import Checked, check, columns_of, us_of
from fraudray.batch.history.fields import KINDS, REQUIRED, Kind, not_recorded, store_schema
from fraudray.batch.history.forms import AmountForm, TimeForm
from fraudray.batch.history.mapping import Mapping
from fraudray.batch.history.mapping_file import read_mapping
from fraudray.batch.history.prove import prove_texts
from fraudray.batch.history.reserved import BROKEN
from fraudray.batch.history.times import KNOWN, read_times
from fraudray.domain.errors import InvalidTransaction
from fraudray.domain.money import UnknownCurrency, currencies, minor_units
from fraudray.domain.text import Email, FreeText, Identifier, Memo
from fraudray.domain.transaction import IpAddress, Transaction

NOW = datetime(2024, 6, 1, tzinfo=UTC)
OWN: Mapping = read_mapping("fraudray").document
PAN = "4111 1111 1111 1111"

IDS = st.sampled_from(
    ["T-1", "a", ".", "..", "...", " a", "a ", "4111111111111111", "1" * 40, "x" * 128, "x" * 129, "é", "a\tb"]
)
TEXTS = st.sampled_from(
    [
        "Shop",
        "Café 7",
        PAN,
        f"paid by {PAN}!",
        "47.6, -122.3",
        "12 34 56 78 90 12 34",
        "a\nb",
        " x ",
        "x" * 200,
        "x" * 201,
    ]
) | st.text("0123456789 -./aZé", min_size=1, max_size=24)
AMOUNTS = st.sampled_from(
    ["1", "0", "-5", "0.01", "12.5", "12.50", "12.505", "1e3", "+7", "1,5", "999999999999.99", "1000000000000",
     "Infinity", "nope", "12345678901.2345", "0.1000", "007.10"]
) | st.decimals(0, 10**6, places=2).map(str)  # fmt: skip
TIMES = st.sampled_from(
    ["2024-05-01T10:00:00Z", "2024-05-01 10:00:00", "2024-05-01T10:00:00.123456+02:00", "2024-05-01",
     "2024-02-30T00:00:00", "1999-12-31T23:59:59", "2099-01-01T00:00:00", "01/02/2019", "20240501T100000",
     "2024-05-01T10:00:00,5"]
)  # fmt: skip
WORDS: dict[str, st.SearchStrategy[str]] = {
    "transaction_id": st.text("ab1-", min_size=1, max_size=8) | IDS,
    "customer_id": st.sampled_from(["C-1", "C-2"]) | IDS,
    "merchant": TEXTS,
    "amount": AMOUNTS,
    "timestamp": st.just("2024-05-01T10:00:00Z") | TIMES,
    "currency": st.sampled_from(["USD", "JPY", "KWD", "CLF", "eur", "XXX", "EURO", ""]),
    "merchant_category": TEXTS,
    "mcc": st.sampled_from(["5411", "742", "0742", "54a1", "٥٤١١"]),
    "terminal_id": IDS,
    "channel": st.sampled_from(["pos", "POS", "ecommerce", "web"]),
    "card_present": st.sampled_from(["true", "0", "yes", "False"]),
    "location": TEXTS,
    "latitude": st.sampled_from(["47.6", "-90", "90.0001", "inf", "north", "1e1"]),
    "longitude": st.sampled_from(["-122.3", "180", "180.5", "5"]),
    "previous_location": TEXTS,
    "previous_latitude": st.sampled_from(["47.6", "91"]),
    "previous_longitude": st.sampled_from(["-122.3"]),
    "previous_timestamp": st.just("2024-05-01T09:00:00Z") | TIMES,
    "time_since_last_transaction": st.sampled_from(["30 minutes ago", "PT30M", "soon", "x" * 65]),
    "device_id": IDS,
    "device_fingerprint": IDS,
    "ip_address": st.sampled_from(["10.0.0.1", "010.0.0.1", "256.1.1.1", "2001:DB8::1", "::ffff:1.2.3.4", "fe80::1%1"]),
    "email": st.sampled_from(["a@example.com", "A@EXAMPLE.com", "a@", "a@localhost", "4111111111111111@example.com"]),
    "instrument_id": IDS,
    "funding": st.sampled_from(["credit", "wallet", "gold"]),
    "transaction_type": st.sampled_from(["authorization", "capture", "refund", "sale"]),
    "original_transaction_id": st.sampled_from(["T-1", "T-0"]),
    "processor_outcome": st.sampled_from(["approved", "declined", "maybe"]),
    "memo": TEXTS,
}  # fmt: skip
_FLAGS = {"true": True, "False": False, "0": False}
ROWS = st.lists(
    st.fixed_dictionaries(
        {name: WORDS[name] for name in REQUIRED}, optional={n: s for n, s in WORDS.items() if n not in REQUIRED}
    ),
    min_size=1,
    max_size=6,
)


def _checked(rows: list[dict[str, str]]) -> Checked:
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in WORDS}
    table = pa.table(columns | {BROKEN: pa.nulls(len(rows), pa.string())})
    return check(table, np.arange(len(rows), dtype=np.int64), OWN, tuple(KINDS), NOW)


def _moment(text: str) -> datetime | None:
    """As ISO 8601 in UTC, by Python's own reader."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def _parsed(row: dict[str, str]) -> Transaction | list[tuple[str, str, str]] | None:
    """What `Transaction.parse` makes of a row; None where it holds a time that nobody can read."""
    values: dict[str, Any] = {name: value for name, value in row.items() if value not in OWN.nulls}
    for name in ("timestamp", "previous_timestamp"):
        if name in values:
            values[name] = _moment(values[name])
            if values[name] is None:
                return None
    if "card_present" in values:
        values["card_present"] = _FLAGS.get(values["card_present"], values["card_present"])
    for name in ("latitude", "longitude", "previous_latitude", "previous_longitude"):
        if name in values and values[name].replace(".", "").lstrip("-").isdigit():
            values[name] = float(values[name])
    try:
        return Transaction.parse(values, now=NOW)
    except InvalidTransaction as error:
        return [(one.field, one.code, one.message) for one in error.problems]


@given(ROWS)
@settings(max_examples=400, deadline=None)
def test_the_same_rows_are_kept_with_the_same_values_and_the_others_refused_for_the_same_reasons(
    rows: list[dict[str, str]],
) -> None:
    checked = _checked(rows)
    expected = [_parsed(row) for row in rows]
    kept = [index for index, one in enumerate(expected) if isinstance(one, Transaction)]
    found = checked.kept.sort_by("row")
    assert found.column("row").to_pylist() == kept
    columns = columns_of([one for one in expected if isinstance(one, Transaction)], found.schema)
    assert {name: found.column(name).to_pylist() for name in columns} == {n: c.to_pylist() for n, c in columns.items()}
    for refused in checked.refused:
        problems = expected[refused.index]
        if problems is None:
            assert {one.code for one in refused.problems} == {"time_format"}
        else:
            assert [(one.field, one.code, one.message) for one in refused.problems] == problems


def test_ordinary_rows_are_proven_as_columns_and_not_parsed_one_by_one() -> None:
    row = {
        "transaction_id": "T-1", "customer_id": "C-1", "merchant": "Café Zoë", "amount": "12.50", "currency": "EUR",
        "timestamp": "2024-05-01T10:00:00+02:00", "channel": "pos", "card_present": "true", "latitude": "47.6",
        "longitude": "-122.3", "ip_address": "10.0.0.1", "email": "A@Example.com", "mcc": "5411",
    }  # fmt: skip
    checked = _checked([row, row | {"merchant": PAN}])
    assert checked.parsed == 0
    assert checked.kept.column("merchant").to_pylist() == ["Café Zoë", "**** **** **** 1111"]
    assert checked.kept.column("email").to_pylist() == ["A@example.com"] * 2
    assert checked.kept.column("amount_minor").to_pylist() == [1250, 1250]


def test_every_field_of_a_transaction_has_a_kind_or_is_never_stored() -> None:
    assert tuple(KINDS) == tuple(name for name in Transaction.model_fields if name != "biometric_sample")
    assert not_recorded(KINDS) == ("biometric_sample",)


def test_a_stores_columns_are_those_that_are_recorded_in_a_fixed_order() -> None:
    names = store_schema(
        ["transaction_id", "customer_id", "amount", "merchant", "timestamp", "previous_timestamp", "mcc"]
    ).names
    assert names == [
        "row", "received_us", "occurred_us", "transaction_id", "customer_id", "amount_minor", "currency", "merchant",
        "mcc", "previous_us", "fraud", "scenario", "label_us",
    ]  # fmt: skip


CODES = st.sampled_from(["USD", "JPY", "KWD", "CLF", "EUR"])
DOUBLES = (
    st.floats(allow_nan=True, allow_infinity=True)
    | st.floats(0.001, 1e7)
    | st.integers(1, 10**13).map(lambda n: n / 100)
)


def _amount(value: Any, currency: str) -> int | None:
    row = {"transaction_id": "T", "customer_id": "C", "merchant": "M", "amount": value, "currency": currency}
    try:
        return Transaction.parse(row, now=NOW).amount_minor
    except InvalidTransaction:
        return None


@given(st.lists(st.tuples(DOUBLES, CODES), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_doubles_count_as_their_shortest_spelling(rows: list[tuple[float, str]]) -> None:
    _same_amounts(pa.array([one for one, _ in rows], pa.float64()), [code for _, code in rows], frozenset({"NaN"}))


@given(st.lists(st.tuples(AMOUNTS | st.from_regex(r"\A[0-9]{1,13}(\.[0-9]{1,6})?\Z"), CODES), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_texts_of_amounts_are_exact(rows: list[tuple[str, str]]) -> None:
    _same_amounts(pa.array([one for one, _ in rows], pa.string()), [code for _, code in rows], frozenset())


@given(st.lists(st.tuples(st.integers(-5, 10**13), CODES), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_whole_numbers_are_units_of_the_currency(rows: list[tuple[int, str]]) -> None:
    _same_amounts(pa.array([one for one, _ in rows], pa.int64()), [code for _, code in rows], frozenset())


@given(st.lists(st.tuples(st.decimals(-10, 10**9, places=5), CODES), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_decimal_columns_are_exact(rows: list[tuple[Decimal, str]]) -> None:
    column = pa.array([one for one, _ in rows], pa.decimal128(20, 5))
    found = read_amounts(
        column, AmountForm(column="a"), units_of(pa.array([code for _, code in rows]), len(rows)), frozenset()
    )
    for index, (value, code) in enumerate(rows):
        given_value = found.value(index, code)
        assert _amount(value, code) == (found.minor[index] if found.proven[index] else _amount(given_value, code))


def _same_amounts(column: pa.Array, codes: list[str], nulls: frozenset[str]) -> None:
    found = read_amounts(column, AmountForm(column="a"), units_of(pa.array(codes), len(codes)), nulls)
    for index, (value, code) in enumerate(zip(column.to_pylist(), codes, strict=True)):
        if found.proven[index]:
            assert found.minor[index] == _amount(value, code)
        elif value == value:  # NaN is no amount but an absent one
            assert _amount(found.value(index, code), code) == _amount(value, code)


@pytest.mark.parametrize(
    ("form", "values", "minor"),
    [
        ({"scale": "minor"}, [1050, 0, -3, None], [1050, None, None, None]),
        ({"scale": "minor"}, ["1050", "10.5", "x", "7"], [1050, None, None, 7]),
        ({"round": "half_even"}, [285.79999999999995, 0.125, 0.135, 0.004], [28580, 12, 14, None]),
        ({"round": "half_even"}, ["1.005", "1.015", "-1", "1e400"], [100, 102, None, None]),
        ({"decimal": ","}, ["12,50", "1.234,50", "7", "12.50"], [1250, None, 700, None]),
    ],
)
def test_forms_of_amounts(form: dict[str, str], values: list[Any], minor: list[int | None]) -> None:
    found = read_amounts(
        pa.array(values), AmountForm.model_validate({"column": "a"} | form), units_of(None, 4), frozenset()
    )
    got = [
        int(found.minor[index]) if found.proven[index] else _amount(found.value(index, None), "USD")
        for index in range(4)
    ]
    assert got == minor


def test_single_precision_amounts_are_meant_as_they_are_written() -> None:
    found = read_amounts(pa.array([57.16, 0.1], pa.float32()), AmountForm(column="a"), units_of(None, 2), frozenset())
    assert found.minor.tolist() == [5716, 10]


def test_an_unknown_currency_proves_no_amount() -> None:
    assert units_of(pa.array(["USD", "XXX", None, "JPY"]), 4).tolist() == [2, -1, 2, 0]
    assert "XXX" not in currencies()
    with pytest.raises(UnknownCurrency):
        minor_units("XXX")


ADAPTERS: dict[Kind, TypeAdapter[Any]] = {
    Kind.IDENTIFIER: TypeAdapter(Identifier), Kind.TEXT: TypeAdapter(FreeText), Kind.MEMO: TypeAdapter(Memo),
    Kind.EMAIL: TypeAdapter(Email), Kind.ADDRESS: TypeAdapter(IpAddress),
}  # fmt: skip
NASTY = (
    st.text("0123456789 .-/@:abcAé\u00a0\t\n\u2028\x7f", max_size=40)
    | st.text(max_size=30)
    | st.from_regex(r"\A[0-9]{0,4}[ -]?[0-9]{8,20}[a-z ]{0,3}\Z")
    | st.ip_addresses().map(str)
    | st.emails()
)


@pytest.mark.parametrize("kind", list(ADAPTERS))
@given(texts=st.lists(st.none() | NASTY, min_size=1, max_size=12))
@settings(max_examples=200, deadline=None)
def test_a_proven_text_is_what_the_fields_own_type_keeps(kind: Kind, texts: list[str | None]) -> None:
    kept, proven = prove_texts(pa.array(texts, pa.string()), "field", kind)
    for text, value, sure in zip(texts, kept.to_pylist(), proven.tolist(), strict=True):
        if text is None:
            assert (value, sure) == (None, True)
            continue
        try:
            expected = str(ADAPTERS[kind].validate_python(text))
        except ValidationError:
            assert not sure
        else:
            assert (value, sure) == (expected, True)


FORMATS = [
    "%Y-%m-%d %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%Y%m%d%H%M%S",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%m/%d/%Y %I:%M %p",
    "%d.%m.%Y",
]


@pytest.mark.parametrize("form", FORMATS)
@given(moments=st.lists(st.datetimes(), min_size=1, max_size=10), spoil=st.text("0123456789/-: .", max_size=12))
@settings(max_examples=100, deadline=None)
def test_times_are_read_as_strptime_reads_them(form: str, moments: list[datetime], spoil: str) -> None:
    texts = [one.strftime(form) for one in moments] + [
        spoil,
        "2024-02-30 10:00:00",
        "31/04/2024 10:00",
        "00000000000000",
    ]
    found = read_times(pa.array(texts), TimeForm(column="t", format=form), frozenset())
    for index, text in enumerate(texts):
        try:
            expected = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            assert found.states[index] != KNOWN
        else:
            assert (found.states[index], found.us[index]) == (KNOWN, us_of(expected))


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=10))  # noqa: DTZ001
@settings(max_examples=100, deadline=None)
def test_iso_times_are_read_as_fromisoformat_reads_them(moments: list[datetime]) -> None:
    endings = ["", "Z", "+02:00", "-11:30"]
    texts = [one.isoformat(sep=sep) + end for one in moments for sep in "T " for end in endings]
    texts += [one.replace(microsecond=0).isoformat() + end for one in moments for end in endings]
    texts += [one.isoformat(timespec="milliseconds") + end for one in moments for end in endings]
    found = read_times(pa.array(texts), TimeForm(column="t", format="iso"), frozenset())
    assert found.known.all()
    assert found.us.tolist() == [us_of(_moment(text) or NOW) for text in texts]


ZONES = [
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Africa/Casablanca",
]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("ambiguous", [None, "earlier", "later"])
def test_local_times_follow_the_zones_own_rules(zone: str, ambiguous: str | None) -> None:
    locals_ = [datetime(2023, 1, 1) + timedelta(minutes=5 * step) for step in range(105_120)]  # noqa: DTZ001 - a year
    form = TimeForm.model_validate({"column": "t", "zone": zone, "ambiguous": ambiguous})
    found = read_times(pa.array(locals_, pa.timestamp("us")), form, frozenset())
    for index in range(0, len(locals_), 7):
        local = locals_[index].replace(tzinfo=ZoneInfo(zone), fold=int(ambiguous == "later"))
        there = local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == locals_[index]
        twice = there and local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        fine = there and (ambiguous is not None or not twice)
        assert (found.states[index] == KNOWN) == fine
        if fine:
            assert found.us[index] == us_of(local)


@pytest.mark.parametrize(
    ("form", "values", "expected"),
    [
        ("epoch_s", ["1522540831", "1522540831.5", "x", "1e30"], [1522540831000000, 1522540831500000, None, None]),
        ("epoch_ms", [1522540831000, -1, None, 10**18], [1522540831000000, -1000, None, None]),
        ("epoch_us", [1522540831.0, float("nan"), float("inf"), 0.0], [1522540831, None, None, 0]),
    ],
)
def test_epochs_are_texts_integers_or_doubles(form: str, values: list[Any], expected: list[int | None]) -> None:
    found = read_times(pa.array(values), TimeForm(column="t", format=form), frozenset())
    assert [int(us) if known else None for us, known in zip(found.us, found.known, strict=True)] == expected


def test_zoned_timestamps_dates_and_nanoseconds_are_moments() -> None:
    zoned = pa.array([datetime(2024, 5, 1, 12, tzinfo=UTC)], pa.timestamp("ns", "Europe/Paris"))
    plain = TimeForm(column="t", zone="America/New_York")
    assert read_times(zoned, plain, frozenset()).us.tolist() == [us_of(datetime(2024, 5, 1, 12, tzinfo=UTC))]
    day = pa.array([datetime(2024, 5, 1)], pa.date32())  # noqa: DTZ001
    assert read_times(day, plain, frozenset()).us.tolist() == [us_of(datetime(2024, 5, 1, 4, tzinfo=UTC))]
