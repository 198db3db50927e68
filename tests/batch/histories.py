"""Small histories in each layout, as text or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

BEGAN = datetime(2024, 3, 1, 9, 0)  # noqa: DTZ001 - as the files hold it: UTC, not said
OWN = ("transaction_id", "customer_id", "amount", "currency", "merchant", "timestamp", "is_fraud")


def own_rows(count: int, *, first: int = 0, customers: int = 7) -> list[dict[str, str]]:
    """Rows in the `fraudray` layout, one a minute; every tenth is fraud."""
    return [
        {
            "transaction_id": f"T-{first + n}",
            "customer_id": f"C-{(first + n) % customers}",
            "amount": f"{(first + n) % 90 + 1}.50",
            "currency": "EUR",
            "merchant": f"Shop {(first + n) % 5}",
            "timestamp": (BEGAN + timedelta(minutes=first + n)).isoformat(),
            "is_fraud": "1" if (first + n) % 10 == 0 else "0",
        }
        for n in range(count)
    ]


def csv_text(rows: Sequence[dict[str, str]], *, newline: str = "\n", delimiter: str = ",") -> str:
    """Rows as CSV with a header."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]) if rows else list(OWN), lineterminator=newline, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_csv(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Rows as a CSV file."""
    path.write_text(csv_text(rows), encoding="utf-8", newline="")
    return path


def handbook_table(count: int) -> pa.Table:
    """Rows in the layout of the Fraud Detection Handbook's files."""
    begun = datetime(2018, 4, 1)  # noqa: DTZ001
    columns: dict[str, Any] = {
        "TRANSACTION_ID": pa.array(range(count), pa.int64()),
        "TX_DATETIME": pa.array([begun + timedelta(seconds=31 * n) for n in range(count)], pa.timestamp("ns")),
        "CUSTOMER_ID": pa.array([n * 7 % 50 for n in range(count)], pa.int64()),
        "TERMINAL_ID": pa.array([n * 3 % 20 for n in range(count)], pa.int64()),
        "TX_AMOUNT": pa.array([round(0.01 + n % 300 * 1.37, 2) * (5 if n % 40 == 0 else 1) for n in range(count)]),
        "TX_TIME_SECONDS": pa.array([31 * n for n in range(count)], pa.int64()),
        "TX_TIME_DAYS": pa.array([31 * n // 86400 for n in range(count)], pa.int64()),
        "TX_FRAUD": pa.array([int(n % 40 == 0) for n in range(count)], pa.int64()),
        "TX_FRAUD_SCENARIO": pa.array([3 if n % 40 == 0 else 0 for n in range(count)], pa.int64()),
    }
    return pa.table(columns)


def write_handbook(path: Path, count: int, *, row_group_size: int = 1000) -> Path:
    """Rows in that layout as a Parquet file."""
    parquet.write_table(handbook_table(count), path, row_group_size=row_group_size)
    return path


SPARKOV = (
    ",trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,long,city_pop,job,"
    "dob,trans_num,unix_time,merch_lat,merch_long,is_fraud\n"
    '0,2019-01-01 00:00:18,2703186189652095,"fraud_Rippin, Kub and Mann",misc_net,4.97,Jennifer,Banks,F,561 Perry Cove,'
    'Moravian Falls,NC,28654,36.0788,-81.1781,3495,"Psychologist, counselling",1988-03-09,'
    "0b242abb623afc578575680df30655b9,1325376018,36.011293,-82.048315,0\n"
    '1,2019-01-01 00:00:44,630423337322,"fraud_Heller, Gutmann and Zieme",grocery_pos,107.23,Stephanie,Gill,F,'
    "43039 Riley Greens Suite 393,Orient,WA,99160,48.8878,-118.2105,149,Special educational needs teacher,1978-06-21,"
    "1f76529f8574734946361c461b024d99,1325376044,49.159046999999994,-118.186462,1\n"
)
"""Two rows in the layout of Kaggle's fraudTrain.csv; the card numbers are made up."""
