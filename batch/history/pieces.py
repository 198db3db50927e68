"""Pieces: what one block leaves for all parts, as one Arrow file with a batch a part, so that a part's rows can be
gathered from many pieces without reading the rest of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIX = ".arrow"


def write_piece(path: Path, table: pa.Table, part: NDArray[np.int32], parts: int) -> None:
    """Write a table, each row into the batch of its part; rows keep their order within one. In one step: a file of that
    name is whole."""
    order = np.argsort(part, kind="stable")
    bounds = np.searchsorted(part[order], np.arange(parts + 1))
    sorted_table = table.take(pa.array(order)).combine_chunks()
    batches = sorted_table.to_batches()
    whole = batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
    draft = path.with_suffix(".new")
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(draft), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=options) as writer:
        for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            writer.write_batch(whole.slice(start, end - start))
    draft.replace(path)


def pieces_in(folder: Path) -> list[Path]:
    """The whole pieces of a folder, in the order of their names."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def read_part(pieces: list[Path], part: int) -> Iterator[pa.RecordBatch]:
    """The batch of one part from each piece that has rows for it."""
    for path in pieces:
        with pa.memory_map(str(path)) as source:
            batch = pa.ipc.open_file(source).get_batch(part)
            if batch.num_rows:
                yield batch
