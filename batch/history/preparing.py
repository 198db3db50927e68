"""The first pass, one block at a time: check it, and leave its rows and ids in pieces."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from fraudray.batch.history.check import Checked, check
from fraudray.batch.history.job import Job
from fraudray.batch.history.pieces import SUFFIX, write_piece
from fraudray.batch.history.read_ndjson import columns_of_lines
from fraudray.batch.history.refusals import SUFFIX as REFUSALS
from fraudray.batch.history.refusals import refusal, write_refusals
from fraudray.batch.history.reserved import FILE, FILE_ROW, LINE, order_number
from fraudray.batch.history.stable_hash import hash_columns, part_of, stable_hash

CONTENT = "content"
"""uint64: a hash of the transaction without its place, arrival and labels."""
PART = "part"
_SUMMARY = pa.schema([("file", pa.int32()), ("last_row", pa.int64()), ("read", pa.int64()), ("codes", pa.string())])
_NOT_CONTENT = frozenset({"row", "received_us", "fraud", "scenario", "label_us"})


def prepare(block: pa.Table, job: Job) -> pa.Table:
    """Check a block of one file and write its pieces; gives back one row: the file, its last row, rows read, and rows
    refused by code (JSON). The same block writes the same files again, so that it may be repeated."""
    if not block.num_rows:
        return _SUMMARY.empty_table()
    table = columns_of_lines(block, job.mapping.columns) if LINE in block.column_names else block
    file = int(table.column(FILE)[0].as_py())
    rows = table.column(FILE_ROW).combine_chunks().to_numpy(zero_copy_only=False)
    orders = rows + order_number(file, 0)
    checked = check(table, orders, job.mapping, job.recorded, job.now)
    name = f"{file:06d}-{int(rows.min()):012d}"
    _write_rows(checked.kept, name, job)
    refused = sorted(checked.refused, key=lambda one: int(rows[one.index]))
    lines = (refusal(job.paths[file], int(rows[one.index]), one.problems) for one in refused)
    write_refusals(job.refused / f"a-{name}{REFUSALS}", lines)
    summary: dict[str, list[Any]] = {
        "file": [file], "last_row": [int(rows.max())], "read": [len(rows)], "codes": [json.dumps(_codes(checked))],
    }  # fmt: skip
    return pa.table(summary, schema=_SUMMARY)


def _codes(checked: Checked) -> dict[str, int]:
    return dict(Counter(one.problems[0].code for one in checked.refused))


def _write_rows(kept: pa.Table, name: str, job: Job) -> None:
    if not kept.num_rows:
        return
    columns = {one: kept.column(one).combine_chunks() for one in kept.column_names}
    content = hash_columns({one: column for one, column in columns.items() if one not in _NOT_CONTENT})
    part = part_of(stable_hash(columns["customer_id"]), job.parts)
    with_content = kept.append_column(CONTENT, pa.array(content))
    write_piece(job.rows / f"{name}{SUFFIX}", with_content, part, job.parts)
    ids = with_content.select(["transaction_id", "row", CONTENT]).append_column(PART, pa.array(part.astype(np.int32)))
    bucket = part_of(stable_hash(columns["transaction_id"]), job.parts)
    write_piece(job.ids / f"{name}{SUFFIX}", ids, bucket, job.parts)
