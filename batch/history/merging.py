"""The last pass: one part gathered from all pieces, without repeats, sorted and written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from fraudray.batch.history.job import Job
from fraudray.batch.history.pieces import pieces_in, read_part
from fraudray.batch.history.preparing import CONTENT
from fraudray.batch.history.reserved import order_number
from fraudray.batch.history.stable_hash import hash_columns, mixed
from fraudray.batch.history.store import part_path

ROW_GROUP_ROWS = 131_072
_WORD = 2**64
_SECOND = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True)
class PartFacts:
    """A finished part: rows, span of time (µs since 1970; None when empty), labels, two sums of its rows' hashes."""

    rows: int
    first_us: int | None
    last_us: int | None
    fraud: int
    genuine: int
    sums: tuple[int, int]


def merge_part(part: int, offsets: tuple[int, ...], job: Job) -> PartFacts:
    """Write one part; `offsets` are the rows before each file, which turn a row's order number into its place in the
    import. In one step: a part of that name is whole."""
    batches = list(read_part(pieces_in(job.rows), part))
    schema = job.schema.append(pa.field(CONTENT, pa.uint64()))
    table = pa.Table.from_batches(batches, schema=schema)
    orders = table.column("row").to_numpy()
    dropped = [batch.column("row").to_numpy() for batch in read_part(pieces_in(job.repeats), part)]
    if dropped:
        keep = ~np.isin(orders, np.concatenate(dropped))
        table, orders = table.filter(pa.array(keep)), orders[keep]
    files = orders >> np.int64(40)
    rows = (orders - files * order_number(1, 0)) + np.array(offsets, dtype=np.int64)[files] - 1
    received = table.column("received_us").to_numpy()
    table = table.set_column(0, "row", pa.array(rows)).take(pa.array(np.lexsort((rows, received))))
    facts = _facts(table)
    path = part_path(job.out, part)
    draft = path.with_suffix(".new")
    texts = [field.name for field in job.schema if pa.types.is_string(field.type) and field.name != "transaction_id"]
    parquet.write_table(
        table.drop_columns([CONTENT]), draft, compression="zstd", use_dictionary=texts, row_group_size=ROW_GROUP_ROWS
    )
    draft.replace(path)
    return facts


def fingerprint(sums: list[tuple[int, int]]) -> str:
    """What a history's content is known by: 128 bits over all rows, whatever their order."""
    return "".join(f"{sum(one[index] for one in sums) % _WORD:016x}" for index in (0, 1))


def _facts(table: pa.Table) -> PartFacts:
    fraud = table.column("fraud").combine_chunks()
    true = int(fraud.true_count)
    if not table.num_rows:
        return PartFacts(0, None, None, 0, 0, (0, 0))
    own = {
        name: table.column(name).combine_chunks() for name in ("row", "received_us", "fraud", "scenario", "label_us")
    }
    content = table.column(CONTENT).to_numpy()
    hashes = mixed(hash_columns(own) + mixed(content))
    occurred = table.column("occurred_us").to_numpy()
    sums = tuple(int(np.sum(one, dtype=np.uint64)) for one in (hashes, mixed(hashes ^ _SECOND)))
    return PartFacts(
        table.num_rows,
        int(occurred.min()),
        int(occurred.max()),
        true,
        int(fraud.false_count),
        (sums[0], sums[1]),
    )
