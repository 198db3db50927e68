"""The folder that a history is written to: whole or not at all."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fraudray.cli.exits import InputError

HISTORY, ABOUT, CUSTOMERS = "history.json", "README.md", "customers.ndjson"
PART = "part-{:05d}.parquet"
_OURS = re.compile(r"part-\d{5,}\.parquet|history\.json|README\.md|customers\.ndjson")


@contextmanager
def whole(out: Path, *, force: bool) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its place when the block ends well, and is removed otherwise.

    An `out` that holds anything is refused; with `force` an earlier history there is replaced, but nothing else.

    Raises:
        InputError: `out` cannot be used; says what to do.
    """
    check(out, force=force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # Beside it, since only within one file system a folder moves at once.
        making = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    except OSError as error:
        raise InputError(f"cannot make a folder in {out.parent}: {error.strerror}; choose another OUT") from None
    try:
        making.chmod(0o755)  # temporary folders are closed to others
        yield making
        check(out, force=force)  # somebody may have come first
        _take_place(making, out)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}; nothing was left there") from None
    finally:
        shutil.rmtree(making, ignore_errors=True)


def check(out: Path, *, force: bool) -> None:
    """Refuse a folder that a history must not be written to. Raises InputError."""
    if not out.name or out.name == "..":
        raise InputError(f"{out} has no name of its own; say OUT as the path of a new folder")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out} is not a folder; choose another OUT")
    try:
        held = sorted(path.name for path in out.iterdir()) if out.exists() else []
    except OSError as error:
        raise InputError(f"cannot read {out}: {error.strerror}; choose another OUT") from None
    if not held:
        return
    strange = next((name for name in held if not _OURS.fullmatch(name)), None)
    if strange is not None or HISTORY not in held:
        what = strange or held[0]
        raise InputError(f"{out} is not empty and is no generated history (it holds {what}); choose another OUT")
    if not force:
        raise InputError(f"{out} holds a generated history; --force replaces it, or choose another OUT")


def _take_place(making: Path, out: Path) -> None:
    if not out.exists():
        making.rename(out)
        return
    earlier = making.with_name(making.name + ".earlier")
    out.rename(earlier)
    try:
        making.rename(out)
    except OSError:
        earlier.rename(out)
        raise
    shutil.rmtree(earlier, ignore_errors=True)
