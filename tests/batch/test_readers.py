"""Files of each kind, well and badly written, as blocks of rows that keep their number."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.forms import CsvForm
from fraudray.batch.history.peek import peek, unified
from fraudray.batch.history.read_csv import BLOCK_BYTES, read_csv
from fraudray.batch.history.read_ndjson import columns_of_lines, read_lines
from fraudray.batch.history.read_parquet import read_parquet
from fraudray.batch.history.reserved import BROKEN, FILE, FILE_ROW
from fraudray.batch.history.sources import FileKind, find_files
from tests.batch.histories import write_handbook
from tests.engines.moto import REGION, Moto

Rows = list[tuple[int, Any, str | None]]


def _csv(path: Path, needed: tuple[str, ...] = ("a", "b"), **form: str) -> Rows:
    """Row number, values and what is wrong, of each row."""
    table = pa.concat_tables(list(read_csv(str(path), None, CsvForm(**form), needed)))
    return _rows(table, needed)


def _ndjson(path: Path, needed: tuple[str, ...] = ("a", "b")) -> Rows:
    blocks = [block.append_column(FILE, pa.array([0] * block.num_rows)) for block in read_lines(str(path), None)]
    return _rows(pa.concat_tables([columns_of_lines(block, needed) for block in blocks]), needed)


def _rows(table: pa.Table, needed: tuple[str, ...]) -> Rows:
    rows = sorted(table.to_pylist(), key=lambda row: row[FILE_ROW])
    return [(row[FILE_ROW], tuple(row[name] for name in needed), row[BROKEN]) for row in rows]


def test_csv_with_a_mark_windows_newlines_quoted_newlines_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbf,a,b\r\n1,"x\r\ny",2\r\n\r\n2,,"q""q"\r\n3," s ",NULL')
    assert _csv(path) == [(1, ("x\r\ny", "2"), None), (2, ("", 'q"q'), None), (3, (" s ", "NULL"), None)]


def test_ragged_rows_and_broken_text_are_told_by_their_number_and_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n3\n4,5,6\n7,8\n9,\xff\n10,11\n12,13,14\n")
    found = _csv(path)
    assert [(number, values) for number, values, broken in found if broken is None] == [
        (1, ("1", "2")), (4, ("7", "8")), (6, ("10", "11")),
    ]  # fmt: skip
    told = {number: broken for number, _, broken in found if broken is not None}
    assert told[2] == "has 1 fields where the header has 2"
    assert told[3] == told[7] == "has 3 fields where the header has 2"
    assert "not UTF-8" in str(told[5])
    assert "\xff" not in str(found)


def test_row_numbers_hold_across_blocks_and_ragged_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    filler = "x" * 200
    lines = [f"{n},{filler}" if n % 97 else f"{n},{filler},more" for n in range(1, 60_001)]
    path.write_text("a,b\n" + "\n".join(lines) + "\n", encoding="utf-8")
    assert path.stat().st_size > 2 * BLOCK_BYTES
    found = _csv(path)
    assert [number for number, _, _ in found] == list(range(1, 60_001))
    assert all((values[0] is None) == (number % 97 == 0) for number, values, _ in found)
    assert all(values[0] == str(number) for number, values, broken in found if broken is None)


def test_rows_that_are_all_ragged_are_all_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1\n2\n3\n", encoding="utf-8")
    assert [(number, values) for number, values, _ in _csv(path)] == [(n, (None, None)) for n in (1, 2, 3)]


def test_a_header_alone_has_no_rows_and_an_absent_column_is_null(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n", encoding="utf-8")
    assert list(read_csv(str(path), None, CsvForm(), ("a",))) == []
    path.write_text("b,a\n1,2\n", encoding="utf-8")
    assert _csv(path, ("a", "c")) == [(1, ("2", None), None)]


def test_csv_in_other_encodings_and_with_other_marks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("a;b\nCafé;'x;y'\n".encode("latin-1"))
    assert _csv(path, delimiter=";", quote="'", encoding="latin-1") == [(1, ("Café", "x;y"), None)]
    path.write_bytes("a,b\nCafé,1\n".encode("utf-16"))
    assert _csv(path, encoding="utf-16") == [(1, ("Café", "1"), None)]
    with pytest.raises(HistoryError, match="is UTF-16 text"):
        peek(find_files([path]), CsvForm())


def test_ndjson_keeps_numbers_as_written_and_tells_broken_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    lines = [
        b'\xef\xbb\xbf{"a": 0.10000000000000000001, "b": true}',
        b"",
        b'{"a": null, "c": {"x": 1}}',
        b"{not json",
        b"[1, 2]",
        b'{"a": {"x": 1}}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": "' + b"x" * 2**20 + b'"}',
        b'{"a": "last"}',
    ]
    path.write_bytes(b"\r\n".join(lines))
    found = {number: (values, broken) for number, values, broken in _ndjson(path)}
    assert sorted(found) == [1, *range(3, 13)]
    assert found[1] == (("0.10000000000000000001", "true"), None)
    assert found[3] == ((None, None), None)
    assert found[10] == (("NaN", None), None)
    assert found[12] == (("last", None), None)
    told = {number: str(broken) for number, (_, broken) in found.items() if broken is not None}
    assert sorted(told) == [4, 5, 6, 7, 8, 9, 11]
    assert told[4].startswith("is not JSON")
    assert told[11] == "is longer than 1024 KiB"


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_a_gzip_file_is_read_and_one_cut_short_is_an_error_that_names_it(tmp_path: Path, ending: str) -> None:
    plain = b"a,b\n" + b"1,2\n" * 100_000 if ending == "csv" else b'{"a": 1, "b": 2}\n' * 100_000
    packed = gzip.compress(plain)
    path = tmp_path / f"a.{ending}.gz"
    path.write_bytes(packed)
    read: Callable[[], Rows] = {"csv": lambda: _csv(path), "ndjson": lambda: _ndjson(path)}[ending]
    assert len(read()) == 100_000
    path.write_bytes(packed[:-10])
    with pytest.raises(HistoryError, match=rf"a\.{ending}\.gz cannot be read: "):
        read()


def test_parquet_is_read_in_runs_of_row_groups(tmp_path: Path) -> None:
    path = write_handbook(tmp_path / "a.parquet", 2500, row_group_size=1000)
    schema = pa.schema([("TRANSACTION_ID", pa.string()), ("NEW", pa.int64())])
    table = pa.concat_tables(list(read_parquet(str(path), None, [1, 2], 1001, schema)))
    assert table.column(FILE_ROW).to_pylist() == list(range(1001, 2501))
    assert table.column("TRANSACTION_ID").to_pylist() == [str(n) for n in range(1000, 2500)]
    assert table.column("NEW").null_count == 1500


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing else", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_a_broken_parquet_file_is_an_error_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"broken\.parquet cannot be read"):
        peek(find_files([path]), CsvForm())


def test_parquet_damaged_inside_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = write_handbook(tmp_path / "a.parquet", 2000)
    content = bytearray(path.read_bytes())
    content[4:4000] = b"\xff" * 3996
    path.write_bytes(content)
    schema = pa.schema([("TRANSACTION_ID", pa.int64())])
    with pytest.raises(HistoryError, match=r"a\.parquet cannot be read"):
        list(read_parquet(str(path), None, [0], 1, schema))


def test_types_of_a_column_that_differ_between_files_are_widened_or_refused(tmp_path: Path) -> None:
    kinds: list[pa.DataType] = [pa.int32(), pa.int64()]
    for number, kind in enumerate(kinds):
        parquet.write_table(
            pa.table({"a": pa.array([1], kind), f"only{number}": ["x"]}), tmp_path / f"{number}.parquet"
        )
    found = peek(find_files([tmp_path]), CsvForm())
    assert unified(found, ("a", "only1", "none")) == pa.schema([("a", pa.int64()), ("only1", pa.string())])
    parquet.write_table(pa.table({"a": ["text"]}), tmp_path / "2.parquet")
    with pytest.raises(HistoryError, match=r"a is int64 in .*0\.parquet, but string in .*2\.parquet"):
        unified(peek(find_files([tmp_path]), CsvForm()), ("a",))


def test_folders_globs_and_files_are_resolved_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b/2.csv", "a/1.csv", "a/deep/3.csv.gz", "a/_skip.csv", ".hidden/4.csv", "a/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\n", encoding="utf-8")

    def found(*sources: str) -> list[str]:
        files = find_files([tmp_path / source for source in sources])
        assert files.kind is FileKind.CSV
        return [str(Path(file.path).relative_to(tmp_path)) for file in files.found]

    assert found(".") == ["a/1.csv", "a/deep/3.csv.gz", "b/2.csv"]
    assert found("b", "a/1.csv", "a") == ["a/1.csv", "a/deep/3.csv.gz", "b/2.csv"]
    assert found("*/*.csv") == ["a/1.csv", "b/2.csv"]
    assert found("**/*.csv*") == ["a/1.csv", "a/deep/3.csv.gz", "b/2.csv"]
    assert found("[!a]/?.csv") == ["b/2.csv"]
    assert found("a/_skip.csv") == ["a/_skip.csv"]


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (["nowhere"], "nowhere: there is no such file or folder"),
        (["*.parquet"], r"\*\.parquet: no Parquet, CSV or NDJSON file there"),
        (["notes.txt"], "not the name of a Parquet, CSV or NDJSON file"),
        (["a.csv", "b.ndjson"], r"several kinds in one import .*a\.csv is csv.*b\.ndjson is ndjson"),
        ([], "name at least one source"),
    ],
)
def test_sources_that_are_none_are_told(tmp_path: Path, sources: list[str], told: str) -> None:
    for name in ("a.csv", "b.ndjson", "notes.txt"):
        (tmp_path / name).write_text("a\n", encoding="utf-8")
    with pytest.raises(HistoryError, match=told):
        find_files([tmp_path / source for source in sources])


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson"])
def test_files_without_a_byte_have_no_columns(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(HistoryError, match="is empty: it has no columns"):
        peek(find_files([tmp_path]), CsvForm())


def test_a_json_array_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([{"a": 1}]), encoding="utf-8")
    with pytest.raises(HistoryError, match="is a JSON array"):
        peek(find_files([tmp_path]), CsvForm())


@pytest.fixture
def bucket(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An S3 bucket on moto's server, which the environment names as S3's address."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto.url)
    client = moto.client("s3")
    client.create_bucket(Bucket="histories", CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


def test_s3_prefixes_globs_and_objects_are_read(bucket: Any, tmp_path: Path) -> None:
    bucket.put_object(Bucket="histories", Key="day/1.csv", Body=b"a,b\n1,2\n")
    bucket.put_object(Bucket="histories", Key="day/2.csv.gz", Body=gzip.compress(b"a,b\n3,4\n"))
    bucket.put_object(Bucket="histories", Key="other/3.parquet", Body=write_handbook(tmp_path / "h", 10).read_bytes())
    files = find_files(["s3://histories/day/"])
    assert [file.path for file in files.found] == ["s3://histories/day/1.csv", "s3://histories/day/2.csv.gz"]
    assert all(file.modified is not None and file.size for file in files.found)
    tables = [read_csv(file.path, files.endpoint, CsvForm(), ("a", "b")) for file in files.found]
    assert [_rows(next(table), ("a", "b")) for table in tables] == [[(1, ("1", "2"), None)], [(1, ("3", "4"), None)]]
    assert [file.path for file in find_files(["s3://histories/*/*.parquet"]).found] == [
        "s3://histories/other/3.parquet"
    ]
    assert peek(find_files(["s3://histories/other/3.parquet"]), CsvForm())[0].rows == 10


def test_s3_that_does_not_answer_for_a_bucket_is_told(bucket: Any) -> None:
    with pytest.raises(HistoryError, match="s3://nowhere/"):
        find_files(["s3://nowhere/day/"])
    with pytest.raises(HistoryError, match="no such file or folder"):
        find_files(["s3://histories/day/none.csv"])
