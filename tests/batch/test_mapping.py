"""Mapping files: what they say, what is wrong with them and where, and whether they go with a source."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from fraudray.batch.history.errors import HistoryError, MappingError
from fraudray.batch.history.evaluate import evaluate
from fraudray.batch.history.fit import Fit, choose_ready, fit
from fraudray.batch.history.forms import CsvForm
from fraudray.batch.history.mapping import mapping_schema
from fraudray.batch.history.mapping_file import parse_mapping, read_mapping, ready_names, ready_text
from fraudray.batch.history.peek import peek
from fraudray.batch.history.proposals import propose
from fraudray.batch.history.reserved import BROKEN
from fraudray.batch.history.sources import find_files
from tests.batch.histories import SPARKOV, csv_text, own_rows, write_csv, write_handbook

PLAIN = """\
transaction:
  transaction_id: id
  customer_id: who
  amount: amount
  merchant: shop
  timestamp: {column: at, format: iso}
"""


def _mapping(more: str = "", text: str = PLAIN) -> Any:
    return parse_mapping(text + more, name="mine", file="mine.yaml")


def _fit(path: Path, mapping: Any) -> Fit:
    files = find_files([path])
    return fit(mapping, files, peek(files, mapping.document.csv))


def _given(mapping: Any, columns: dict[str, list[Any]]) -> Any:
    base: dict[str, list[Any]] = {"id": ["1"], "who": ["c"], "amount": ["5"], "shop": ["s"], "at": ["2024-01-01"]}
    table = pa.table({name: pa.array(values) for name, values in (base | columns).items()})
    rows = table.num_rows
    table = table.append_column(BROKEN, pa.nulls(rows, pa.string()))
    return evaluate(table, mapping.document, mapping.document.fields(frozenset(table.column_names)))


def test_the_published_schema_is_current_and_takes_the_ready_mappings() -> None:
    folder = resources.files("fraudray.batch.history") / "mappings"
    published = json.loads((folder / "mapping.schema.json").read_text(encoding="utf-8"))
    assert published == mapping_schema()
    validator = jsonschema.Draft202012Validator(published)
    for name in ready_names():
        document = yaml.load(ready_text(name), Loader=yaml.CSafeLoader)
        validator.check_schema(published)
        assert isinstance(document, dict)
        assert set(document) <= set(published["properties"])


@pytest.mark.parametrize("name", ["fraudray", "handbook", "sparkov"])
def test_ready_mappings_are_found_by_name(name: str) -> None:
    assert name in ready_names()
    assert read_mapping(name).document.description


@pytest.mark.parametrize(
    ("text", "where", "told"),
    [
        (
            PLAIN.replace("merchant:", "merchnat:"),
            (5, 13),
            "merchnat: is not a field of a mapping (did you mean merchant",
        ),
        (PLAIN.replace("  merchant: shop\n", ""), (2, 3), "merchant: is required"),
        (PLAIN.replace("shop", "{value: a, column: b}"), (5, 13), "exactly one"),
        (PLAIN.replace("shop", "{template: no columns}"), (5, 13), "names no column"),
        (PLAIN.replace("shop", '{template: "a {"}'), (5, 13), "'{'"),
        (PLAIN.replace("iso}", "iso, zone: Mars/Base}"), (6, 46), "Mars/Base"),
        (PLAIN.replace("iso}", "dd/mm/yyyy}"), (6, 14), "strptime"),
        (PLAIN.replace("amount: amount", "amount: {column: amount, round: up}"), (4, 35), "half_even"),
        (PLAIN + "  latitude: lat\n", (2, 3), "together"),
        (PLAIN + "labels: {fraud: {column: f, true: [1], false: [1]}}\n", (7, 17), "1: cannot be true and false"),
        (PLAIN + "  biometric_sample: b\n", (7, 21), "biometric_sample"),
        (PLAIN + "csv: {encoding: utf-7000}\n", (7, 17), "utf-7000"),
        (PLAIN + "transaction: {}\n", (7, 1), "twice"),
        (PLAIN + "  memo: [\n", (8, 1), "YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_column(text: str, where: tuple[int, int], told: str) -> None:
    with pytest.raises(MappingError) as caught:
        _mapping(text=text)
    assert told in str(caught.value)
    assert (caught.value.line, caught.value.column) == where
    assert str(caught.value).startswith(f"mine.yaml:{where[0]}:{where[1]}: ")


def test_a_name_that_is_nearly_a_ready_mapping_is_corrected() -> None:
    with pytest.raises(MappingError, match="did you mean handbook"):
        read_mapping("handbok")


def test_values_are_texts_as_written() -> None:
    mapping = _mapping(
        '  mcc: {value: 0742}\n  channel: {column: c, map: {no: pos, yes: ecommerce}}\nnulls: [NULL, "", ~]\n'
    )
    form = mapping.document.transaction
    assert form.mcc.value == "0742"
    assert form.channel.map == {"no": "pos", "yes": "ecommerce"}
    assert mapping.document.nulls == ("NULL", "", "~")


def test_forms_of_texts() -> None:
    mapping = _mapping(
        "  terminal_id: {template: 'shop {n} of {who}'}\n"
        "  channel: {column: c, map: {chip: pos, web: ecommerce}}\n"
        "  funding: {column: c, map: {chip: debit}, default: credit}\n"
        "  location: {column: place, strip_prefix: at_}\n"
        "  device_id: {column: n, token: {prefix: d-}}\n"
    )
    given = _given(
        mapping,
        {
            "id": ["1", "2", "3", "4"], "who": ["a", "b", None, "d"], "amount": ["5"] * 4, "shop": ["s"] * 4,
            "at": ["2024-01-01"] * 4, "n": [596.0, 7.5, 1.0, None], "c": ["chip", "web", "fax", "NULL"],
            "place": ["at_home", "home", "at_at_x", ""],
        },
    )  # fmt: skip
    texts = {name: column.to_pylist() for name, column in given.texts.items()}
    assert texts["terminal_id"] == ["shop 596 of a", "shop 7.5 of b", None, None]
    assert texts["channel"] == ["pos", "ecommerce", None, None]
    assert texts["funding"] == ["debit", "credit", "credit", None]
    assert texts["location"] == ["home", "home", "at_x", None]
    tokens = texts["device_id"]
    assert tokens[3] is None
    assert len(set(tokens)) == 4
    assert all(token.startswith("d-") and token[2:].isalpha() and len(token) == 22 for token in tokens[:3])
    assert {index: problem.code for index, problem in given.problems.items()} == {2: "value_unmapped"}


def test_tokens_depend_on_the_secret_and_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = _mapping("  device_id: {column: card, token: {key_variable: FRAUDRAY_TEST_TOKEN_KEY}}\n")
    with pytest.raises(HistoryError, match="FRAUDRAY_TEST_TOKEN_KEY"):
        _given(mapping, {"card": ["4111111111111111"]})
    made = []
    for secret in ("one", "two"):
        monkeypatch.setenv("FRAUDRAY_TEST_TOKEN_KEY", secret)
        made.append(_given(mapping, {"card": ["4111111111111111"]}).texts["device_id"][0].as_py())
    assert made[0] != made[1]


def test_labels_are_read_by_the_mappings_words() -> None:
    mapping = _mapping(
        "labels:\n  fraud: {column: f, true: [Y, 1], false: [N]}\n  scenario: {column: s, none: [none, '0']}\n"
        "  known_at: {column: k, format: epoch_s}\nreceived_at: {column: r, format: iso}\n"
    )
    given = _given(
        mapping,
        {
            "id": list("12345"), "who": ["a"] * 5, "amount": ["5"] * 5, "shop": ["s"] * 5, "at": ["2024-01-01"] * 5,
            "f": ["Y", "N", "", "1", "maybe"], "s": ["none", "stolen", None, "0", "x"],
            "k": ["1704067200", None, "soon", None, None], "r": ["2024-01-02", None, None, None, None],
        },
    )  # fmt: skip
    assert given.fraud.to_pylist() == [True, False, None, True, None]
    assert given.scenario.to_pylist() == [None, "stolen", None, None, "x"]
    assert given.label_known.us.tolist()[0] == 1_704_067_200_000_000
    assert {index: (one.field, one.code) for index, one in given.problems.items()} == {
        2: ("labels.known_at", "time_format"), 4: ("labels.fraud", "label_unknown"),
    }  # fmt: skip


def test_missing_columns_are_named_with_those_found_and_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,Who,amuont,shop,at\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        _fit(path, _mapping())
    told = str(caught.value)
    assert told.startswith("mine.yaml:3:16: ")
    assert "who (did you mean Who?)" in told
    assert "amount (did you mean amuont?)" in told
    assert "It has id, Who, amuont, shop, at" in told


def test_another_delimiter_is_suggested(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;who;amount;shop;at\n1;a;5;s;2024-01-01\n", encoding="utf-8")
    with pytest.raises(MappingError, match="Is the delimiter ';'"):
        _fit(path, _mapping())
    assert _fit(path, _mapping("csv: {delimiter: ';'}\n")).recorded[0] == "transaction_id"


@pytest.mark.parametrize(
    ("value", "proposed"),
    [
        ("01/02/2019", ["%d/%m/%Y", "%m/%d/%Y"]),
        ("31/12/2019 23:59", ["%d/%m/%Y %H:%M"]),
        ("12/31/2019 11:59 PM", ["%m/%d/%Y %I:%M %p"]),
        ("2019-02-01 10:00:00", ["iso"]),
        ("1522540831", ["epoch_s"]),
        ("1522540831000", ["epoch_ms"]),
        ("20190201", ["%Y%m%d"]),
        ("first of May", []),
    ],
)
def test_a_text_time_without_a_format_is_never_guessed(tmp_path: Path, value: str, proposed: list[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,who,amount,shop,at\n1,a,5,s,{value}\n", encoding="utf-8")
    with pytest.raises(MappingError) as caught:
        _fit(path, _mapping(text=PLAIN.replace("{column: at, format: iso}", "at")))
    assert repr(value) in str(caught.value)
    assert propose([value]) == proposed
    assert all(f"format: {one!r}" in str(caught.value) for one in proposed)


def test_a_format_that_fits_no_value_is_told_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,who,amount,shop,at\n1,a,5,s,31.12.2019\n", encoding="utf-8")
    with pytest.raises(MappingError, match=r"not in the format 'iso'.*'%d\.%m\.%Y'"):
        _fit(path, _mapping())


def test_parquet_timestamps_need_no_format_and_numbers_need_one(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    base = {"id": ["1"], "who": ["c"], "amount": [5.0], "shop": ["s"]}
    parquet.write_table(pa.table(base | {"at": pa.array([0], pa.timestamp("us"))}), path)
    bare = _mapping(text=PLAIN.replace("{column: at, format: iso}", "at"))
    assert _fit(path, bare).read.field("at").type == pa.timestamp("us")
    parquet.write_table(pa.table(base | {"at": [1522540831]}), path)
    with pytest.raises(MappingError, match="is a number: say format: epoch_s, epoch_ms, epoch_us"):
        _fit(path, bare)
    parquet.write_table(pa.table(base | {"at": [{"day": 1}]}), path)
    with pytest.raises(MappingError, match="cannot be read as this field"):
        _fit(path, bare)


def test_optional_columns_may_be_absent_and_what_is_left_out_is_not_recorded(tmp_path: Path) -> None:
    found = _fit(write_csv(tmp_path / "a.csv", own_rows(3)), read_mapping("fraudray"))
    assert set(found.recorded) == {"transaction_id", "customer_id", "amount", "currency", "merchant", "timestamp"}
    assert found.unmapped == ()
    assert found.read.names == [
        "transaction_id", "customer_id", "amount", "merchant", "timestamp", "currency", "is_fraud",
    ]  # fmt: skip


def test_one_coordinate_without_the_other_is_told(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [row | {"latitude": "1.5"} for row in own_rows(2)])
    with pytest.raises(MappingError, match="latitude and longitude come together"):
        _fit(path, read_mapping("fraudray"))


def test_the_ready_mapping_whose_columns_are_all_there_is_chosen(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(SPARKOV, encoding="utf-8")
    files = {
        "handbook": write_handbook(tmp_path / "h.parquet", 5), "sparkov": tmp_path / "s.csv",
        "fraudray": write_csv(tmp_path / "f.csv", own_rows(2)),
    }  # fmt: skip
    for name, path in files.items():
        found = find_files([path])
        assert choose_ready(peek(found, CsvForm())).name == name
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    found = find_files([tmp_path / "other.csv"])
    with pytest.raises(MappingError, match="no ready mapping fits the columns a, b"):
        choose_ready(peek(found, CsvForm()))


def test_unmapped_columns_are_listed(tmp_path: Path) -> None:
    found = _fit(write_handbook(tmp_path / "h.parquet", 5), read_mapping("handbook"))
    assert found.unmapped == ("TX_TIME_SECONDS", "TX_TIME_DAYS")


def test_a_column_that_comes_twice_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(csv_text(own_rows(1)).replace("is_fraud", "amount"), encoding="utf-8")
    with pytest.raises(MappingError, match="has the column amount twice"):
        _fit(path, read_mapping("fraudray"))
