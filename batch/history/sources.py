"""Where a history lies: files, folders, globs and S3, resolved to one sorted list of files of one kind."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fraudray.batch.history.errors import HistoryError

if TYPE_CHECKING:
    from pyarrow import fs

S3 = "s3://"
REGION = "us-east-1"
_SUFFIXES = {
    ".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".csv.gz": "csv", ".ndjson": "ndjson",
    ".ndjson.gz": "ndjson", ".jsonl": "ndjson", ".jsonl.gz": "ndjson", ".json": "ndjson", ".json.gz": "ndjson",
}  # fmt: skip
_WILD = re.compile(r"[*?\[]")


class FileKind(StrEnum):
    """What the files of one import are."""

    PARQUET = "parquet"
    CSV = "csv"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file: an absolute path or an `s3://` address, its size in bytes, when it was last changed."""

    path: str
    size: int
    modified: datetime | None


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one import, in sorted path order; `endpoint` is S3's address where it is not Amazon's own."""

    kind: FileKind
    found: tuple[FoundFile, ...]
    endpoint: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.found)


def find_files(sources: Sequence[str | Path]) -> Files:
    """All files that `sources` name: files, folders (with all below), globs (`*`, `?`, `**`), `s3://bucket/prefix`.

    In folders and globs only files with a known suffix count, and none whose name begins with a dot or underscore.

    Raises HistoryError: a source that is not there, cannot be read or holds no such file, or files of several kinds.
    """
    endpoint = s3_endpoint()
    found: dict[str, FoundFile] = {}
    for source in sources:
        files = list(_files_of(str(source), endpoint))
        if not files:
            raise HistoryError(f"{source}: no Parquet, CSV or NDJSON file there ({', '.join(_SUFFIXES)})")
        found.update((file.path, file) for file in files)
    if not found:
        raise HistoryError("name at least one source: a file, a folder, a glob or s3://bucket/prefix")
    files = sorted(found.values(), key=lambda file: file.path)
    kinds: dict[FileKind, str] = {}
    for file in files:
        kinds.setdefault(_kind_of(file.path), file.path)
    if len(kinds) > 1:
        examples = ", ".join(f"{path} is {kind}" for kind, path in kinds.items())
        raise HistoryError(
            f"files of several kinds in one import ({examples}); name one kind, as in 'folder/*.parquet'"
        )
    return Files(next(iter(kinds)), tuple(files), endpoint)


def s3_endpoint() -> str | None:
    """S3's address from AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL; None for Amazon's own."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def filesystem_of(path: str, endpoint: str | None) -> tuple[fs.FileSystem, str]:
    """The file system of a path, and the path within it. S3's credentials and region come from AWS' usual places."""
    from pyarrow import fs

    if not path.startswith(S3):
        return fs.LocalFileSystem(), path
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    options: dict[str, Any] = {"region": region} if region else {}
    if endpoint:
        scheme, _, host = endpoint.rpartition("://")
        options = {"region": REGION} | options | {"endpoint_override": host.rstrip("/"), "scheme": scheme or "https"}
    return fs.S3FileSystem(**options), path.removeprefix(S3)


def open_file(path: str, endpoint: str | None) -> Any:
    """A file to read at any place. Raises HistoryError naming it."""
    system, inner = filesystem_of(path, endpoint)
    try:
        return system.open_input_file(inner)
    except OSError as error:
        raise unreadable(path, error) from None


def open_stream(path: str, endpoint: str | None) -> Any:
    """A file to read from its beginning, unpacked where its name ends in .gz. Raises HistoryError naming it."""
    system, inner = filesystem_of(path, endpoint)
    try:
        return system.open_input_stream(inner, compression="gzip" if path.endswith(".gz") else None)
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: str, error: Exception) -> HistoryError:
    """The error for a file that cannot be read to its end."""
    return HistoryError(f"{path} cannot be read: {' '.join(str(error).split())[:300]}")


def _kind_of(path: str) -> FileKind:
    for suffix, kind in _SUFFIXES.items():
        if path.lower().endswith(suffix):
            return FileKind(kind)
    raise HistoryError(f"{path}: not the name of a Parquet, CSV or NDJSON file ({', '.join(_SUFFIXES)})")


def _files_of(source: str, endpoint: str | None) -> Iterable[FoundFile]:
    from pyarrow import fs

    if source.startswith(S3):
        place = source
    elif "://" in source:
        raise HistoryError(f"{source}: only local paths and s3:// are read")
    else:
        place = str(Path(source).expanduser().absolute())
    before, wild, _ = _split_glob(place)
    system, inner = filesystem_of(before if wild else place, endpoint)
    try:
        info = system.get_file_info(inner)
        if info.type == fs.FileType.NotFound:
            raise HistoryError(f"{source}: there is no such file or folder")
        if info.type == fs.FileType.File:
            _kind_of(place)
            return [_found(info, place)]
        below = system.get_file_info(fs.FileSelector(inner, recursive=True))
    except OSError as error:
        raise unreadable(source, error) from None
    prefix = S3 if place.startswith(S3) else ""
    pattern = _pattern(place) if wild else None
    return [
        _found(info, prefix + info.path)
        for info in cast("list[Any]", below)
        if info.type == fs.FileType.File
        and _counts(info, inner)
        and (pattern is None or pattern.fullmatch(prefix + info.path))
    ]


def _found(info: Any, path: str) -> FoundFile:
    return FoundFile(path, int(info.size), info.mtime)


def _counts(info: Any, base: str) -> bool:
    below = info.path[len(base) :].strip("/").split("/")
    hidden = any(part.startswith((".", "_")) for part in below)
    return not hidden and info.path.lower().endswith(tuple(_SUFFIXES))


def _split_glob(place: str) -> tuple[str, bool, str]:
    """The folder before the first wildcard, whether there is one, and the rest."""
    if place.startswith(S3):
        head, rest = S3, place.removeprefix(S3)
    else:
        head, rest = "", place
        if Path(place).exists():
            return place, False, ""
    parts = rest.split("/")
    for index, part in enumerate(parts):
        if _WILD.search(part):
            return head + "/".join(parts[:index]) or "/", True, "/".join(parts[index:])
    return place, False, ""


def _pattern(place: str) -> re.Pattern[str]:
    """A glob as a regular expression: `*` and `?` stay within a folder, `**/` is any number of folders."""
    out, at = "", 0
    while at < len(place):
        if place.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif place.startswith("**", at):
            out, at = out + ".*", at + 2
        elif place[at] in "*?":
            out, at = out + ("[^/]*" if place[at] == "*" else "[^/]"), at + 1
        elif place[at] == "[" and "]" in place[at + 2 :]:
            end = place.index("]", at + 2)
            inside = place[at + 1 : end].replace("\\", r"\\")
            out, at = out + "[" + ("^" + inside[1:] if inside[0] == "!" else inside) + "]", end + 1
        else:
            out, at = out + re.escape(place[at]), at + 1
    return re.compile(out, re.DOTALL)
