"""Back-tests end to end on Ray: resumed, refused, measured between moments, compared, and blind to the future."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from fraudray.batch.backtest import BacktestError, BacktestResult, backtest
from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.importing import import_history
from fraudray.batch.history.store import HistoryStore
from fraudray.batch.replay.foresight import differing, look_for_foresight
from fraudray.batch.replay.job import Job
from fraudray.batch.replay.run import run_folder
from fraudray.batch.retest import retest
from fraudray.batch.synthetic.generate import generate_history
from fraudray.batch.synthetic.plan import Plan
from fraudray.bootstrap import read_customers
from fraudray.domain.errors import Refused
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy
from fraudray.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROWS = 4_000
MIDDLE = datetime(2026, 1, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated history of 30 days."""
    folder = tmp_path_factory.mktemp("made") / "history"
    plan = Plan.of(
        rows=ROWS, seed=11, customers=150, days=30, start=date(2026, 1, 1), fraud_share=0.05, label_delay_days=3
    )
    generate_history(plan, folder)
    return folder


@pytest.fixture(scope="module")
def store(made: Path, ray_cluster: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store") / "store"
    import_history([made / "*.parquet"], "fraudray", folder, partitions=5)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def _policy(**replaced: str) -> PolicyBook:
    text = Policy.load().source.text
    for old, new in replaced.items():
        text = text.replace(old, new)
    return PolicyBook.of(Policy.parse(text))


def _rows(result: BacktestResult) -> list[dict[str, object]]:
    rows = result.decisions().to_table().sort_by("row")
    return rows.drop_columns(["day"]).to_pylist()


def test_a_history_is_decided_measured_and_reported(
    store: Path, made: Path, tmp_path: Path, settings: Settings
) -> None:
    customers = read_customers(made / "customers.ndjson")
    result = backtest(store, out=tmp_path / "run", customers=customers, settings=settings)

    rows = _rows(result)
    assert len(rows) == ROWS
    assert {row["decision"] for row in rows} == {"APPROVE", "REVIEW", "BLOCK"}
    assert all(row["reasons"] for row in rows if row["decision"] == "BLOCK")
    assert result.figures["rows"]["all"] == ROWS
    caught = sum(row["decision"] != "APPROVE" and bool(row["fraud"]) for row in rows)
    recall = result.figures["sides"]["champion"]["decided"]["measures"]["recall"]["value"]
    assert recall == pytest.approx(caught / sum(bool(row["fraud"]) for row in rows))
    assert result.report is not None
    assert "http://" not in result.report.read_text().replace("http://www.w3.org", "")
    assert json.loads((tmp_path / "run" / "result.json").read_text())["run_id"] == result.run_id
    days = [path.name for path in (tmp_path / "run" / "decisions").iterdir()]
    assert len(days) == 30
    assert all(name.startswith("day=2026-01-") for name in days)


def test_the_number_of_parts_changes_nothing(store: Path, made: Path, tmp_path: Path, settings: Settings) -> None:
    import_history([made / "*.parquet"], "fraudray", tmp_path / "other", partitions=2)

    one = backtest(store, out=tmp_path / "one", settings=settings, report=False)
    two = backtest(tmp_path / "other", out=tmp_path / "two", settings=settings, report=False)

    assert _rows(one) == _rows(two)
    assert one.figures == two.figures


def test_between_moments_only_what_lies_between_is_measured(store: Path, tmp_path: Path, settings: Settings) -> None:
    whole = backtest(store, out=tmp_path / "whole", settings=settings, report=False)
    end = datetime(2026, 1, 25, tzinfo=UTC)
    part = backtest(store, out=tmp_path / "part", settings=settings, report=False, start=MIDDLE, end=end)

    us = [int(moment.timestamp()) * 1_000_000 for moment in (MIDDLE, end)]
    assert _rows(part) == [row for row in _rows(whole) if us[0] <= row["occurred_us"] < us[1]]  # type: ignore[operator]
    with pytest.raises(BacktestError, match="no transaction to measure"):
        backtest(store, out=tmp_path / "none", settings=settings, start=datetime(2030, 1, 1, tzinfo=UTC))
    with pytest.raises(BacktestError, match="time zone"):
        backtest(store, out=tmp_path / "zone", settings=settings, start=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_challenger_is_compared_row_by_row(store: Path, tmp_path: Path, settings: Settings) -> None:
    stricter = _policy(**{"review: 40, block: 75": "review: 25, block: 60"})
    result = backtest(store, "default", stricter, out=tmp_path / "run", settings=settings, report=False)

    rows = _rows(result)
    changed = {row["transaction_id"] for row in rows if row["decision"] != row["challenger_decision"]}
    listed = parquet.read_table(tmp_path / "run" / "changes.parquet")
    assert changed
    assert set(listed.column("transaction_id").to_pylist()) == changed
    alone = backtest(store, stricter, out=tmp_path / "alone", settings=settings, report=False)
    assert [row["challenger_decision"] for row in rows] == [row["decision"] for row in _rows(alone)]


def test_a_folder_of_another_back_test_is_kept(store: Path, tmp_path: Path, settings: Settings) -> None:
    out = tmp_path / "run"
    first = backtest(store, out=out, settings=settings, report=False)
    stricter = _policy(**{"review: 40, block: 75": "review: 25, block: 60"})

    with pytest.raises(Refused, match="holds another back-test"):
        backtest(store, stricter, out=out, settings=settings, report=False)
    assert _rows(first)
    again = backtest(store, stricter, out=out, settings=settings, report=False, fresh=True)
    assert again.run_id != first.run_id
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(Refused, match="other things"):
        backtest(store, out=tmp_path / "mine", settings=settings, fresh=True)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_a_running_back_test_is_not_started_twice(store: Path, tmp_path: Path, settings: Settings) -> None:
    out = tmp_path / "run"
    first = backtest(store, out=out, settings=settings, report=False)
    with run_folder(_job_of(store, out, settings)), pytest.raises(Refused, match="is running"):
        backtest(store, out=out, settings=settings, report=False)
    assert backtest(store, out=out, settings=settings, report=False).figures == first.figures


def test_killed_half_way_it_goes_on_to_the_same_result(store: Path, tmp_path: Path, settings: Settings) -> None:
    whole = backtest(store, out=tmp_path / "whole", settings=settings, report=False)
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "fraudray.batch", str(store), "--out", str(out), "--no-report", "--json"]
    environment = os.environ | {"FRAUDRAY_DATA_DIR": str(tmp_path / "data")}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    parts = out / ".work" / "parts"
    deadline = time.monotonic() + 240
    while not list(parts.glob("*/done.json")):
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    done = {file: file.stat().st_mtime_ns for file in parts.glob("*/done.json")}
    assert done

    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=400)

    assert json.loads(found.stdout)["figures"] == json.loads(json.dumps(whole.figures))
    assert all(file.stat().st_mtime_ns == at for file, at in done.items())  # what was done is not done again
    other = BacktestResult(out, whole.run_id, whole.figures, whole.run, {})
    assert _rows(other) == _rows(whole)


def test_nothing_is_known_before_its_time(store: Path, settings: Settings) -> None:
    rules = "\n".join(
        f"  - {{id: reads-{n}, code: R{n}, family: merchant, weight: 9, when: {fact} > 0.01, text: '{{{fact}}}'}}"
        for n, fact in enumerate(("merchant_fraud_rate_7d", "terminal_fraud_rate_30d", "customer_mean_7d"))
    )
    reads = _policy(**{"\nrules:\n": f"\nrules:\n{rules}\n"})
    found = look_for_foresight(HistoryStore.open(store), reads, MIDDLE, settings, watch=lambda *_: None)

    assert found.differing == 0, found.examples
    assert found.compared + found.rows_changed == ROWS
    assert found.labels_changed > found.rows_changed / 2


def test_stored_facts_are_judged_anew(store: Path, tmp_path: Path, settings: Settings) -> None:
    result = backtest(store, out=tmp_path / "run", settings=settings, report=False)
    rows = _rows(result)

    same = retest(tmp_path / "run", Policy.load(), workers=1)
    assert same.rows == len(rows)
    assert same.changed == 0
    assert same.was == same.now
    light = {"weight: 25\n    when: merchant_class": "weight: 0\n    when: merchant_class"}
    lenient = retest(tmp_path / "run", _policy(**light).default)
    assert lenient.changed > 0
    assert lenient.rows == len(rows)
    assert lenient.document()["detection_rate"]["now"] <= lenient.document()["detection_rate"]["was"]
    with pytest.raises(HistoryError, match="did not store customer_count_7d, which"):
        retest(tmp_path / "run", _policy(**{"attempts_10m >= 20": "customer_count_7d >= 20"}).default)
    with pytest.raises(HistoryError, match="is no back-test"):
        retest(tmp_path, Policy.load())


def test_a_row_that_came_out_otherwise_is_named() -> None:
    before = pa.table({"row": [1, 2], "transaction_id": ["T-1", "T-2"], "score": [5, 40]})
    after = before.set_column(2, "score", pa.array([5, 45]))

    assert differing(before, before) == []
    assert differing(before, after) == ["T-2"]
    assert differing(before, after.slice(1)) == ["T-1", "T-2"]


def _job_of(store: Path, out: Path, settings: Settings) -> Job:
    manifest = HistoryStore.open(store).manifest
    book = PolicyBook.load()
    return Job(store, out, manifest.fingerprint, manifest.partitions, (book,), settings)
