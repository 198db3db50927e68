"""Transaction ids that come twice. The first row keeps its id; the others are refused, whichever files they lie in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from fraudray.batch.history.job import Job
from fraudray.batch.history.pieces import SUFFIX, pieces_in, read_part, write_piece
from fraudray.batch.history.preparing import CONTENT, PART
from fraudray.batch.history.refusals import SUFFIX as REFUSALS
from fraudray.batch.history.refusals import refusal, write_refusals
from fraudray.batch.history.reserved import file_of, file_row_of
from fraudray.domain.errors import FieldProblem

REPEATED = FieldProblem(
    "transaction_id", "transaction_repeated", "was already given by an earlier row with the same content"
)
CONFLICT = FieldProblem(
    "transaction_id", "transaction_conflict", "was already given by an earlier row with other content"
)


def find_repeats(bucket: int, job: Job) -> dict[str, int]:
    """Look through one bucket of ids; leaves a piece of the rows to drop and their lines. Gives back how many, by code.

    All rows of an id lie in one bucket, so that a bucket's memory is bounded by the number of buckets.
    """
    batches = list(read_part(pieces_in(job.ids), bucket))
    if not batches:
        return {}
    table = pa.Table.from_batches(batches)
    coded = table.column("transaction_id").combine_chunks().dictionary_encode()
    if len(coded.dictionary) == table.num_rows:
        return {}
    orders = table.column("row").to_numpy()
    by_id = np.lexsort((orders, coded.indices.to_numpy(zero_copy_only=False)))
    codes = coded.indices.to_numpy(zero_copy_only=False)[by_id]
    starts = np.append(True, codes[1:] != codes[:-1])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(codes)), 0))
    content = table.column(CONTENT).to_numpy()[by_id]
    again = np.flatnonzero(~starts)
    same = content[again] == content[first[again]]
    dropped = by_id[again]
    by_row = np.argsort(orders[dropped])
    dropped, same = dropped[by_row], same[by_row]
    part = table.column(PART).to_numpy()[dropped]
    write_piece(job.repeats / f"{bucket:05d}{SUFFIX}", pa.table({"row": pa.array(orders[dropped])}), part, job.parts)
    write_refusals(job.refused / f"b-{bucket:05d}{REFUSALS}", _lines(orders[dropped].tolist(), same.tolist(), job))
    counts = {REPEATED.code: int(same.sum()), CONFLICT.code: int((~same).sum())}
    return {code: count for code, count in counts.items() if count}


def _lines(orders: list[int], same: list[bool], job: Job) -> Any:
    for order, equal in zip(orders, same, strict=True):
        yield refusal(job.paths[file_of(order)], file_row_of(order), (REPEATED if equal else CONFLICT,))
