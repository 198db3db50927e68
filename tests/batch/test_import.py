"""A foreign history becomes a store: whole, checked, the same however it was cut, and left unfinished when it is."""

from __future__ import annotations

import contextlib
import glob
import gzip
import itertools
import json
import random
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from fraudray.batch.history.command import app
from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.importing import import_history, parts_for
from fraudray.batch.history.manifest import Manifest
from fraudray.batch.history.mapping_file import parse_mapping, read_mapping
from fraudray.batch.history.stable_hash import part_of, stable_hash
from fraudray.batch.history.store import HistoryStore
from fraudray.domain.errors import Refused
from fraudray.domain.transaction import Transaction
from tests.batch.histories import SPARKOV, csv_text, own_rows, write_csv, write_handbook
from tests.cli.support import FRAUDRAY
from tests.engines.moto import REGION, Moto

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_cluster")]
START_S_MAX = 120


def _rows(store: Path, *columns: str) -> list[dict[str, Any]]:
    """All rows of a store, by their place in the import."""
    opened = HistoryStore.open(store)
    parts = [opened.read_partition(part, columns or None) for part in range(opened.manifest.partitions)]
    return pa.concat_tables(parts).sort_by("row").to_pylist()


def _rejects(manifest: Manifest) -> list[dict[str, Any]]:
    assert manifest.rejects is not None
    return [orjson.loads(line) for line in Path(manifest.rejects).read_bytes().splitlines()]


def test_a_handbook_history_is_stored_by_customer_in_order_of_arrival(tmp_path: Path) -> None:
    source = write_handbook(tmp_path / "days.parquet", 3500)
    said: list[str] = []
    manifest = import_history([source], None, tmp_path / "store", say=said.append)
    assert said == ["mapping: handbook, whose columns are all there"]
    assert (manifest.counts.read, manifest.counts.kept, manifest.counts.rejected) == (3500, 3500, 0)
    assert manifest.rejects is None
    assert manifest.partitions == 4
    assert (manifest.labels.fraud, manifest.labels.genuine, manifest.labels.unlabelled) == (88, 3412, 0)
    assert manifest.first_occurred == datetime(2018, 4, 1, tzinfo=UTC)
    assert manifest.sources[0].path == str(source)
    assert manifest.sources[0].bytes == source.stat().st_size
    assert manifest.mapping.text == read_mapping("handbook").text
    assert manifest.unmapped == ("TX_TIME_SECONDS", "TX_TIME_DAYS")
    assert "terminal_id" in manifest.recorded
    assert "ip_address" in manifest.not_recorded
    store = HistoryStore.open(tmp_path / "store")
    names = [
        "row",
        "received_us",
        "occurred_us",
        "transaction_id",
        "customer_id",
        "amount_minor",
        "currency",
        "merchant",
    ]
    for part in range(4):
        table = store.read_partition(part)
        assert table.column_names == [*names, "terminal_id", "fraud", "scenario", "label_us"]
        assert table.num_rows == manifest.partition_rows[part]
        assert set(part_of(stable_hash(table.column("customer_id")), 4).tolist()) <= {part}
        by = np.lexsort((table.column("row").to_numpy(), table.column("received_us").to_numpy()))
        assert by.tolist() == list(range(table.num_rows))
    rows = _rows(tmp_path / "store")
    assert [row["row"] for row in rows] == list(range(3500))
    assert rows[40] == {
        "row": 40, "received_us": rows[40]["occurred_us"], "occurred_us": 1522540800000000 + 40 * 31_000_000,
        "transaction_id": "40", "customer_id": "30", "amount_minor": 27405, "currency": "USD", "merchant": "terminal 0",
        "terminal_id": "0", "fraud": True, "scenario": "3", "label_us": None,
    }  # fmt: skip
    assert rows[41]["scenario"] is None
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [".lock", "manifest.json", "parts"]


def test_sparkov_rows_lose_their_telling_prefix_and_their_card_numbers(tmp_path: Path) -> None:
    source = tmp_path / "fraudTrain.csv"
    source.write_text(SPARKOV, encoding="utf-8")
    import_history([source], "sparkov", tmp_path / "store")
    rows = _rows(tmp_path / "store")
    assert [row["merchant"] for row in rows] == ["Rippin, Kub and Mann", "Heller, Gutmann and Zieme"]
    assert [row["fraud"] for row in rows] == [False, True]
    assert all(row["customer_id"].startswith("card-") and row["customer_id"][5:].isalpha() for row in rows)
    assert rows[1]["latitude"] == 49.159046999999994
    assert b"2703186189652095" not in b"".join(path.read_bytes() for path in (tmp_path / "store" / "parts").iterdir())


def test_hostile_rows_are_refused_with_their_reasons_and_the_run_goes_on(tmp_path: Path) -> None:
    good = own_rows(12)
    spoilt: list[tuple[dict[str, str], str, str]] = [
        ({"amount": "-5"}, "amount", "greater_than"),
        ({"amount": "NaN"}, "amount", "missing"),
        ({"amount": "inf"}, "amount", "amount_type"),
        ({"amount": "1.005"}, "amount", "amount_minor_units"),
        ({"customer_id": "(null)"}, "customer_id", "missing"),
        ({"merchant": "null"}, "merchant", "missing"),
        ({"timestamp": "yesterday"}, "timestamp", "time_format"),
        ({"timestamp": ""}, "timestamp", "missing"),
        ({"timestamp": "2999-01-01"}, "timestamp", "timestamp_future"),
        ({"currency": "XYZ"}, "currency", "currency_unknown"),
        ({"customer_id": "4111111111111111"}, "customer_id", "card_number"),
        ({"is_fraud": "maybe"}, "labels.fraud", "label_unknown"),
    ]
    rows = [row | change for row, (change, _, _) in zip(own_rows(12, first=100), spoilt, strict=True)]
    text = "\ufeff" + csv_text(good[:6] + rows + good[6:], newline="\r\n") + "too,few\r\n"
    text += (
        'T-900,C-1,9.99,EUR,"Shop\r\nNewline",2024-03-01,0\r\nT-901,C-1,9.99,EUR,4111 1111 1111 1111,2024-03-01,0\r\n'
    )
    source = tmp_path / "a.csv"
    source.write_text(text, encoding="utf-8", newline="")
    manifest = import_history([source], None, tmp_path / "store", rejects=tmp_path / "bad.ndjson")
    refused = _rejects(manifest)
    expected = [(7 + index, field, code) for index, (_, field, code) in enumerate(spoilt)]
    expected += [(25, "", "row"), (26, "merchant", "control_character")]
    assert [(one["row"], one["field"], one["code"]) for one in refused] == expected
    assert all(one["file"] == str(source) and one["problem"] for one in refused)
    assert "4111111111111111" not in (tmp_path / "bad.ndjson").read_text(encoding="utf-8")
    assert (manifest.counts.read, manifest.counts.kept, manifest.counts.rejected) == (27, 13, 14)
    assert manifest.counts.rejected_by_code["missing"] == 4
    rows_kept = _rows(tmp_path / "store", "row", "transaction_id", "merchant")
    assert [row["row"] for row in rows_kept] == [*range(6), *range(18, 24), 26]
    assert rows_kept[-1]["merchant"] == "**** **** **** 1111"


def test_repeated_ids_are_refused_across_files_and_customers(tmp_path: Path) -> None:
    write_csv(tmp_path / "1.csv", own_rows(50))
    again = own_rows(20, first=40)
    again[3]["merchant"] = "Elsewhere"
    again[4]["customer_id"] = "C-another"
    again[5]["is_fraud"] = "1"
    write_csv(tmp_path / "2.csv", again)
    (tmp_path / "3.csv").write_bytes(b"")
    manifest = import_history([tmp_path], None, tmp_path / "out" / "store")
    assert manifest.counts.rejected_by_code == {"transaction_conflict": 2, "transaction_repeated": 8}
    assert (manifest.counts.read, manifest.counts.kept) == (70, 60)
    refused = sorted((one["row"], one["code"].removeprefix("transaction_")) for one in _rejects(manifest))
    assert refused == [(n, "conflict" if n in (4, 5) else "repeated") for n in range(1, 11)]
    assert all(one["file"].endswith("2.csv") and one["field"] == "transaction_id" for one in _rejects(manifest))
    rows = _rows(tmp_path / "out" / "store")
    assert len({row["transaction_id"] for row in rows}) == 60
    assert [row["row"] for row in rows] == [*range(50), *range(60, 70)]


def test_the_result_is_the_same_however_the_history_is_cut_and_written(tmp_path: Path) -> None:
    rows = own_rows(3000, customers=40)
    write_csv(tmp_path / "one.csv", rows)
    cuts = [0, 1, 700, 2999, 3000]
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        lines = b"".join(orjson.dumps(row) + b"\n" for row in rows[start:end])
        path = tmp_path / "cut" / f"{number}.ndjson.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(lines))
    one = import_history([tmp_path / "one.csv"], "fraudray", tmp_path / "a", partitions=5)
    cut = import_history([tmp_path / "cut"], "fraudray", tmp_path / "b", partitions=5)
    more_parts = import_history([tmp_path / "one.csv"], "fraudray", tmp_path / "c", partitions=3)
    assert one.fingerprint == cut.fingerprint == more_parts.fingerprint
    for part in range(5):
        paths = [HistoryStore.open(tmp_path / name).partition_path(part) for name in "ab"]
        assert paths[0].read_bytes() == paths[1].read_bytes()
    random.Random(5).shuffle(rows)
    write_csv(tmp_path / "shuffled.csv", rows)
    assert import_history([tmp_path / "shuffled.csv"], "fraudray", tmp_path / "d").fingerprint != one.fingerprint


def test_every_field_comes_back_as_the_transaction_that_was_sent(tmp_path: Path) -> None:
    sent = {
        "transaction_id": "T-1", "customer_id": "C-1", "currency": "KWD", "amount": 1.125, "merchant": "Café",
        "merchant_category": "books", "mcc": "0742", "terminal_id": "t", "channel": "pos", "card_present": True,
        "location": "Seattle, WA", "latitude": 47.6, "longitude": -122.3, "timestamp": "2024-03-01T10:00:00.25+01:00",
        "previous_location": "Paris", "previous_latitude": 48.9, "previous_longitude": 2.3,
        "previous_timestamp": "2024-03-01T08:00:00Z", "device_id": "d", "device_fingerprint": "f",
        "ip_address": "2001:DB8::1", "email": "a@Example.com", "instrument_id": "i", "funding": "credit",
        "transaction_type": "capture", "original_transaction_id": "T-0", "processor_outcome": "approved",
        "memo": "two\nlines",
    }  # fmt: skip
    late = {"received_at": "2024-03-01T11:00:00Z", "label_known_at": "2024-03-09"}
    late |= {"is_fraud": True, "fraud_scenario": "stolen"}
    bare = {name: sent[name] for name in ("customer_id", "amount", "merchant", "timestamp")} | {"transaction_id": "T-2"}
    source = tmp_path / "a.ndjson"
    source.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in (sent | late, bare | {"amount": 5})))
    manifest = import_history([source], "fraudray", tmp_path / "store")
    assert manifest.not_recorded == ("time_since_last_transaction", "biometric_sample")
    first, second = _rows(tmp_path / "store")
    parsed = Transaction.parse(sent | {"amount": "1.125"}, now=datetime(2024, 3, 1, 11, tzinfo=UTC))
    apart = {"amount", "timestamp", "previous_timestamp", "time_since_last_transaction", "biometric_sample"}
    expected = parsed.model_dump(exclude=apart)
    assert {name: first[name] for name in expected} == expected
    assert (first["amount_minor"], first["occurred_us"]) == (1125, 1709283600250000)
    assert (first["received_us"], first["previous_us"]) == (1709290800000000, 1709280000000000)
    assert (first["fraud"], first["scenario"], first["label_us"]) == (True, "stolen", 1709942400000000)
    assert (second["currency"], second["transaction_type"]) == ("USD", "authorization")
    assert second["received_us"] == second["occurred_us"]
    assert second["fraud"] is second["device_id"] is second["card_present"] is second["latitude"] is None
    assert manifest.labels.unlabelled == 1


def test_no_rows_and_only_refused_rows_make_an_empty_store(tmp_path: Path) -> None:
    write_csv(tmp_path / "none.csv", [])
    empty = import_history([tmp_path / "none.csv"], "fraudray", tmp_path / "a")
    assert (empty.counts.read, empty.partitions, empty.first_occurred) == (0, 4, None)
    assert _rows(tmp_path / "a") == []
    write_csv(tmp_path / "bad.csv", [row | {"amount": "free"} for row in own_rows(30)])
    bad = import_history([tmp_path / "bad.csv"], "fraudray", tmp_path / "b")
    assert (bad.counts.read, bad.counts.kept, bad.counts.rejected_by_code) == (30, 0, {"amount_type": 30})
    assert len(_rejects(bad)) == 30


def test_histories_in_s3_are_imported(moto: Moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.url)
    client = moto.client("s3")
    client.create_bucket(Bucket="histories", CreateBucketConfiguration={"LocationConstraint": REGION})
    for number in range(3):
        body = write_handbook(tmp_path / "day.parquet", 100 * (number + 1)).read_bytes()
        client.put_object(Bucket="histories", Key=f"days/{number}.parquet", Body=body)
    manifest = import_history(["s3://histories/days/"], None, tmp_path / "store")
    assert [source.path for source in manifest.sources] == [f"s3://histories/days/{n}.parquet" for n in range(3)]
    assert manifest.counts.read == 600
    assert manifest.counts.rejected_by_code == {"transaction_repeated": 300}


def test_a_file_that_breaks_half_way_stops_the_import_and_is_named(tmp_path: Path) -> None:
    packed = gzip.compress(csv_text(own_rows(20_000)).encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) - 20])
    with pytest.raises(HistoryError, match=r"cut\.csv\.gz cannot be read"):
        import_history([tmp_path / "cut.csv.gz"], "fraudray", tmp_path / "store")
    with pytest.raises(HistoryError, match="is unfinished"):
        HistoryStore.open(tmp_path / "store")
    (tmp_path / "cut.csv.gz").write_bytes(packed)
    assert import_history([tmp_path / "cut.csv.gz"], "fraudray", tmp_path / "store").counts.kept == 20_000


def test_a_finished_store_is_left_alone_and_another_import_into_it_is_refused(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", own_rows(20))
    said: list[str] = []
    first = import_history([source], "fraudray", tmp_path / "store")
    assert import_history([source], "fraudray", tmp_path / "store", say=said.append) == first
    assert "nothing to do" in said[-1]
    with pytest.raises(Refused, match="--force"):
        import_history([source], "fraudray", tmp_path / "store", partitions=9)
    other = parse_mapping(read_mapping("fraudray").text + "# changed\n", name="mine", file="mine.yaml")
    with pytest.raises(Refused):
        import_history([source], other, tmp_path / "store")
    write_csv(source, own_rows(21))
    with pytest.raises(Refused, match="other sources"):
        import_history([source], "fraudray", tmp_path / "store")
    assert HistoryStore.open(tmp_path / "store").manifest == first
    forced = import_history([source], "fraudray", tmp_path / "store", force=True, partitions=2)
    assert (forced.counts.kept, forced.partitions) == (21, 2)
    assert len(list((tmp_path / "store" / "parts").iterdir())) == 2


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", own_rows(3))
    with pytest.raises(HistoryError, match=r"holds other things \(a\.csv\)"):
        import_history([source], "fraudray", tmp_path)
    for told, path in (("there is no store", tmp_path / "nowhere"), ("is no store", tmp_path)):
        with pytest.raises(HistoryError, match=told):
            HistoryStore.open(path)


def test_a_store_of_another_format_or_with_a_part_missing_is_told(tmp_path: Path) -> None:
    import_history([write_csv(tmp_path / "a.csv", own_rows(3))], "fraudray", tmp_path / "store")
    store = HistoryStore.open(tmp_path / "store")
    with pytest.raises(KeyError, match="ip_address"):
        store.read_partition(0, ["ip_address"])
    with pytest.raises(IndexError):
        store.partition_path(4)
    store.partition_path(2).unlink()
    with pytest.raises(HistoryError, match=r"lacks part-00002\.parquet"):
        HistoryStore.open(tmp_path / "store")
    manifest = tmp_path / "store" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text(encoding="utf-8")) | {"format": 2}), encoding="utf-8")
    with pytest.raises(HistoryError, match="format 2, and this fraudray reads format 1"):
        HistoryStore.open(tmp_path / "store")
    manifest.write_text("{", encoding="utf-8")
    with pytest.raises(HistoryError, match="not a store's manifest"):
        HistoryStore.open(tmp_path / "store")


@pytest.mark.parametrize("stage", ["rows", "parts"])
def test_a_killed_import_is_unfinished_and_the_same_command_goes_on(tmp_path: Path, stage: str) -> None:
    source = write_handbook(tmp_path / "days.parquet", 12_000, row_group_size=500)
    store = tmp_path / "store"
    command = [FRAUDRAY, "history", "import", source, "--out", store, "--partitions", "150", "--mapping", "handbook"]
    sign = {"rows": "rows/*.arrow", "parts": "steps/part-*.json"}[stage]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        give_up_at = time.monotonic() + START_S_MAX
        while not glob.glob(str(store / ".building" / sign)):  # noqa: PTH207 - a folder that is not there is no error
            assert time.monotonic() < give_up_at
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
                break
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL, err
    with pytest.raises(HistoryError, match="is unfinished"):
        HistoryStore.open(store)
    done = {path: path.stat().st_mtime_ns for path in (store / "parts").glob("*.parquet")}
    said: list[str] = []
    manifest = import_history([source], "handbook", store, partitions=150, say=said.append)
    assert said[0].startswith("going on with the import that was stopped")
    assert manifest.counts.kept == 12_000
    whole = import_history([source], "handbook", tmp_path / "whole", partitions=150)
    assert manifest.fingerprint == whole.fingerprint
    assert [row["row"] for row in _rows(store, "row")] == list(range(12_000))
    assert not (store / ".building").exists()
    noted = {path for path in done if path.stat().st_mtime_ns == done[path]}
    assert bool(noted) == (stage == "parts")


def test_an_unfinished_import_of_other_sources_is_begun_anew(tmp_path: Path) -> None:
    packed = gzip.compress(csv_text(own_rows(20_000)).encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[:-5])
    with pytest.raises(HistoryError):
        import_history([tmp_path / "cut.csv.gz"], "fraudray", tmp_path / "store")
    said: list[str] = []
    source = write_csv(tmp_path / "a.csv", own_rows(10))
    assert import_history([source], "fraudray", tmp_path / "store", say=said.append).counts.kept == 10
    assert said == ["an unfinished import of other sources or another mapping is thrown away"]


def test_the_commands_say_what_was_done_and_end_with_their_codes(tmp_path: Path) -> None:
    runner = CliRunner()
    source = write_csv(tmp_path / "a.csv", [*own_rows(5), own_rows(6)[5] | {"amount": "0"}])
    arguments = ["import", str(source), "--out", str(tmp_path / "store")]
    first = runner.invoke(app, arguments)
    assert first.exit_code == 1
    assert "read 6 = kept 5 + rejected 1" in first.output
    assert "mapping: fraudray, whose columns are all there" in first.output
    again = runner.invoke(app, [*arguments, "--json"])
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert json.loads(again.stdout)["counts"]["rejected_by_code"] == {"greater_than": 1}
    shown = runner.invoke(app, ["show", str(tmp_path / "store"), "--json"])
    assert json.loads(shown.stdout) == json.loads(again.stdout)
    assert "greater_than" in runner.invoke(app, ["show", str(tmp_path / "store")]).output
    assert "handbook" in runner.invoke(app, ["mappings"]).output
    assert runner.invoke(app, ["mapping", "handbook"]).output == read_mapping("handbook").text
    assert json.loads(runner.invoke(app, ["schema"]).output)["title"] == "Mapping"


def test_errors_end_with_their_codes_and_say_what_to_do(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", own_rows(5))

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [FRAUDRAY, "history", *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stderr

    code, told = run("show", str(tmp_path / "nowhere"))
    assert code == 2
    assert told.startswith(f"error: there is no store {tmp_path}/nowhere; `fraudray history import")
    code, told = run("import", str(source), "--out", str(tmp_path / "s"), "--mapping", "handbook")
    assert code == 2
    assert told.startswith("error: handbook.yaml:4:19: columns are missing in ")
    assert "Traceback" not in told


def test_parts_hold_a_quarter_of_a_million_rows() -> None:
    assert [parts_for(rows) for rows in (0, 1_000_000, 1_000_001, 1_754_155)] == [4, 4, 5, 8]


def test_hashes_of_texts_never_change() -> None:
    found = [f"{value:016x}" for value in stable_hash(pa.array(["", "C-1", "Zoë", None]))]
    assert found == ["186da64456263a46", "9ae18c07c545a612", "79750bfdd2c24d82", "9e3779b97f4a7c15"]
