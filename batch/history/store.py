"""A store on disk: a folder with `manifest.json` and one Parquet file a part.

All rows of a customer lie in one part, `stable_hash(customer_id) % partitions`, sorted by (received_us, row). A store
is a local folder; on a Ray cluster of several machines it is one that all of them mount.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.manifest import FILE_NAME, FORMAT, Manifest

if TYPE_CHECKING:
    import pyarrow as pa

PARTS = "parts"
BUILDING = ".building"

__all__ = ["BUILDING", "PARTS", "HistoryError", "HistoryStore", "part_path", "read_manifest"]


class HistoryStore:
    """A finished store, opened for reading."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open a store.

        Raises HistoryError: nothing there, unfinished, of another version, or a part is missing; says what to do.
        """
        folder = Path(path)
        manifest = read_manifest(folder)
        if manifest is None:
            raise HistoryError(_why_no_store(folder))
        for number in range(manifest.partitions):
            if not part_path(folder, number).is_file():
                raise HistoryError(f"{folder} lacks {part_path(folder, number).name}; import it again with --force")
        return cls(folder, manifest)

    def partition_path(self, partition: int) -> Path:
        """The Parquet file of a part, 0 to `manifest.partitions` - 1. Raises IndexError."""
        if not 0 <= partition < self.manifest.partitions:
            raise IndexError(f"there is no part {partition}; there are {self.manifest.partitions}")
        return part_path(self.path, partition)

    def read_partition(self, partition: int, columns: Sequence[str] | None = None) -> pa.Table:
        """A part's rows, or these columns of them, sorted by (received_us, row); see `store_schema` for the columns.

        Raises HistoryError for a file that cannot be read, KeyError for a column that is not recorded.
        """
        import pyarrow as pa
        from pyarrow import parquet

        path = self.partition_path(partition)
        try:
            with parquet.ParquetFile(path) as file:
                missing = [name for name in columns or () if name not in file.schema_arrow.names]
                if missing:
                    raise KeyError(f"{', '.join(missing)}: not recorded in {self.path}")
                return file.read(columns=None if columns is None else list(columns))
        except (OSError, pa.ArrowInvalid) as error:
            raise HistoryError(f"{path} cannot be read ({error}); import it again with --force") from None


def part_path(folder: Path, partition: int) -> Path:
    """Where a part lies in a store's folder."""
    return folder / PARTS / f"part-{partition:05d}.parquet"


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a finished store; None where there is none. Raises HistoryError: unreadable, other version."""
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryError(f"cannot read {path}: {error}") from None
    try:
        found = json.loads(text)
        version = found.get("format") if isinstance(found, dict) else None
        if version != FORMAT:
            raise HistoryError(
                f"{folder} is a store of format {version}, and this fraudray reads format {FORMAT}: import it again"
            )
        return Manifest.model_validate(found)
    except (json.JSONDecodeError, ValidationError) as error:
        raise HistoryError(f"{path} is not a store's manifest ({error}); import it again with --force") from None


def _why_no_store(folder: Path) -> str:
    if not folder.exists():
        return f"there is no store {folder}; `fraudray history import SOURCE --out {folder}` makes one"
    if (folder / BUILDING).is_dir():
        return f"{folder} is unfinished: its import was stopped. The same `fraudray history import` again finishes it"
    return f"{folder} is no store (it has no {FILE_NAME}); `fraudray history import SOURCE --out FOLDER` makes one"
