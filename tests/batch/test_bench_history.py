"""`fraudray bench history`: both sides compute the same, and where they do not there is no factor. How high it is is no
test."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

from fraudray.batch.bench.agreement import compare
from fraudray.batch.bench.book import book_features
from fraudray.batch.bench.columnar import OWN, SHARED, columnar_features
from fraudray.batch.bench.payments import Payments
from fraudray.batch.bench.reading import COLUMNS, read_payments
from fraudray.batch.bench.simulated import LARGE, START_US, simulate
from fraudray.cli.exits import InputError
from fraudray.cli.root import app
from fraudray.domain.features import DAY_US, HOUR_US
from fraudray.features.track import TRACK_MAX

MINUTE_US = HOUR_US // 60


def bench(*args: object) -> Result:
    arguments = ["bench", "history", *map(str, args)]
    return CliRunner().invoke(app, arguments, prog_name="fraudray", env={"COLUMNS": "160"})


def written(path: Path, payments: Payments, **changes: Any) -> Path:
    """The payments as the handbook's file, with columns changed, or left out where None."""
    columns = {
        "TRANSACTION_ID": pa.array(range(len(payments))),
        "TX_DATETIME": pa.array(payments.at_us.astype("datetime64[us]")),
        "CUSTOMER_ID": pa.array(payments.customers), "TERMINAL_ID": pa.array(payments.terminals),
        "TX_AMOUNT": pa.array(payments.amounts), "TX_FRAUD": pa.array(payments.fraud.astype(np.int64)),
    } | changes  # fmt: skip
    pq.write_table(pa.table({name: values for name, values in columns.items() if values is not None}), path)
    return path


def of_one_customer(at_us: list[int], fraud: list[bool] | None = None) -> Payments:
    count, none = len(at_us), np.zeros(len(at_us), np.int64)
    return Payments(
        START_US + np.array(at_us), none, none, np.arange(1.0, count + 1), np.array(fraud or [False] * count)
    )


def test_simulated_payments_are_as_many_as_asked_the_same_for_a_seed_and_of_the_books_kind() -> None:
    made, again, other = simulate(20_000, seed=3), simulate(20_000, seed=3), simulate(20_000, seed=4)

    assert len(made) == 20_000
    assert all(np.array_equal(getattr(made, name), getattr(again, name)) for name in vars(made))
    assert not np.array_equal(made.amounts, other.amounts)
    assert (np.diff(made.at_us) >= 0).all()
    assert 45 * DAY_US < np.ptp(made.at_us) < 60 * DAY_US
    assert np.array_equal(made.amounts, np.round(made.amounts, 2))
    assert (made.amounts >= 0).all()
    assert made.fraud[made.amounts > LARGE].all()
    assert 0.001 < made.fraud.mean() < 0.05


@pytest.mark.parametrize("seed", [1, 2])
def test_both_sides_agree_exactly_on_simulated_payments(seed: int) -> None:
    payments = simulate(5_000, seed=seed)
    ours, book = columnar_features(payments), book_features(payments.frame())

    assert set(ours) == {"weekend", "night", *(feature.name for feature in (*OWN, *SHARED))} <= set(book.columns)
    assert book.TRANSACTION_ID.tolist() == list(range(5_000))
    agreement = compare(ours, {name: book[name].to_numpy() for name in ours})
    assert agreement.same_work
    assert set(agreement.unequal_rows.values()) == {0}
    assert agreement.mean_relative_difference_max < 1e-12
    assert all(rate["equal_share"] > 0.9 for rate in agreement.terminal_rates.values())


def test_terminals_agree_exactly_where_every_payment_is_at_a_full_hour() -> None:
    made = simulate(5_000, seed=2)
    payments = Payments(
        made.at_us // HOUR_US * HOUR_US, made.customers, made.terminals % 10, made.amounts, made.terminals < 5
    )
    ours, book = columnar_features(payments), book_features(payments.frame())

    for feature in SHARED:
        assert np.allclose(ours[feature.name], book[feature.name].to_numpy(), rtol=1e-12, atol=0), feature.name
    assert 0 < ours["terminal_fraud_rate_7d"].mean() < 1


def test_the_book_counts_the_payment_itself_and_a_tie_for_what_comes_after_it() -> None:
    found = book_features(of_one_customer([0, MINUTE_US, MINUTE_US, DAY_US]).frame())

    assert found.customer_count_1d.tolist() == [1, 2, 3, 3]  # a day later the first has left
    assert found.customer_mean_1d.tolist() == [1, 1.5, 2, 3]
    assert found.customer_count_7d.tolist() == [1, 2, 3, 4]
    assert (found.weekend.tolist(), found.night.tolist()) == ([1, 1, 1, 0], [1] * 4)  # a Sunday, then a Monday


def test_the_book_knows_frauds_of_a_terminal_after_seven_days() -> None:
    found = book_features(
        of_one_customer([0, MINUTE_US, 6 * DAY_US, 7 * DAY_US + 1000 * MINUTE_US], [True] * 4).frame()
    )

    assert found.terminal_count_1d.tolist() == [0, 0, 0, 2]
    assert found.terminal_fraud_rate_1d.tolist() == [0, 0, 0, 1]


def test_the_document_has_a_line_a_run_and_their_median(tmp_path: Path) -> None:
    file = written(tmp_path / "payments.parquet", simulate(3_000))
    ran = bench("--file", file, "--rows", 2_000, "--runs", 3, "--json")

    assert ran.exit_code == 0, ran.stderr
    document = json.loads(ran.stdout)
    assert set(document) == {
        "source", "rows", "customers", "terminals", "frauds", "from", "to", "cpus", "agreement", "runs", "median"
    }  # fmt: skip
    assert (document["source"], document["rows"], document["customers"]) == (str(file), 2_000, 30)
    assert document["from"].startswith("2018-04-01")
    figures = {"baseline_s", "ours_s", "factor", "baseline_rows_per_s", "rows_per_s"}
    assert [set(run) for run in document["runs"]] == [figures | {"load_1m"}] * 3
    assert document["median"] == {name: statistics.median(run[name] for run in document["runs"]) for name in figures}
    assert document["agreement"]["same_work"] is True
    assert set(document["agreement"]["terminal_rates"]["terminal_fraud_rate_7d"]) == {
        "equal_share", "mean_absolute_difference"
    }  # fmt: skip
    assert "run 3 of 3: the book's pandas code over 2,000 rows" in ran.stderr


def test_people_read_the_agreement_and_a_table() -> None:
    ran = bench("--rows", 2_000, "--runs", 1)

    assert ran.exit_code == 0, ran.stderr
    assert "making 2,000 payments" in ran.stderr
    for text in ("Times faster", "median", "customer counts are, on every row", "terminal_fraud_rate_30d: "):
        assert text in ran.stdout


def test_there_is_no_factor_where_the_work_was_not_the_same(tmp_path: Path) -> None:
    # One card that pays every minute: of more than 1,024 attempts ours keeps the last, and the book all.
    busy = of_one_customer([minute * MINUTE_US for minute in range(TRACK_MAX + 50)])
    file = written(tmp_path / "busy.parquet", busy)
    ran = bench("--file", file, "--json")

    assert ran.exit_code == 1
    document = json.loads(ran.stdout)
    assert (document["runs"], document["median"]) == ([], None)
    assert document["agreement"]["same_work"] is False
    assert document["agreement"]["unequal_rows"]["customer_count_30d"] == 49
    assert '"factor"' not in ran.stdout
    people = bench("--file", file).stdout
    assert "customer_count_30d is not on 49 rows" in people
    assert "No factor" in people


def test_texts_are_keys_as_good_as_numbers_and_rows_come_in_order_of_time(tmp_path: Path) -> None:
    payments = simulate(1_000)
    texts = {
        "CUSTOMER_ID": pa.array([f"C{key}" for key in payments.customers]),
        "TX_DATETIME": pa.array(payments.at_us[::-1].astype("datetime64[us]")),
    }
    read = read_payments(written(tmp_path / "texts.parquet", payments, **texts))

    assert np.array_equal(read.at_us, payments.at_us)
    assert np.array_equal(read.amounts[np.argsort(read.at_us)], payments.amounts[::-1])
    assert len(set(zip(read.customers.tolist(), payments.customers[::-1].tolist(), strict=True))) == len(
        np.unique(payments.customers)
    )


def test_a_file_without_the_columns_is_refused_with_their_names(tmp_path: Path) -> None:
    file = written(tmp_path / "other.parquet", simulate(1_000), TX_FRAUD=None, TERMINAL_ID=None)

    with pytest.raises(InputError, match="has no column TERMINAL_ID, TX_FRAUD; the handbook's are " + COLUMNS[0]):
        read_payments(file)


@pytest.mark.parametrize(("changes", "said"), [
    ({"TX_AMOUNT": pa.array([1.0] * 999 + [float("nan")])}, "has 1 rows without TX_AMOUNT"),
    ({"CUSTOMER_ID": pa.array([None, *range(999)])}, "has 1 rows without CUSTOMER_ID"),
    ({"TX_DATETIME": pa.array(["soon"] * 1000)}, "TX_DATETIME is string and cannot be read as timestamp"),
])  # fmt: skip
def test_values_that_cannot_be_used_are_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_payments(written(tmp_path / "odd.parquet", simulate(1_000), **changes))


def test_what_is_no_parquet_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("amount\n1\n")
    with pytest.raises(InputError, match="is no Parquet file"):
        read_payments(tmp_path / "text.parquet")
    with pytest.raises(InputError, match=r"cannot read .*: No such file"):
        read_payments(tmp_path / "absent.parquet")
    with pytest.raises(InputError, match="has no rows"):
        read_payments(written(tmp_path / "empty.parquet", simulate(0)))
