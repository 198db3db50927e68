"""Lines of the rejects file: where a row was, and why it was refused. Its values are left out."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

from fraudray.domain.errors import FieldProblem

SUFFIX = ".ndjson"


def refusal(file: str, row: int, problems: Sequence[FieldProblem]) -> dict[str, Any]:
    """A row's line: its file, its number in it (from 1), its first problem, and the others where there are more."""
    first, *others = problems
    line: dict[str, Any] = {"file": file, "row": row} | _told(first)
    return line | {"more": [_told(one) for one in others]} if others else line


def write_refusals(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Write lines in one step; no file where there are none."""
    found = list(lines)
    if not found:
        return
    draft = path.with_suffix(".new")
    with draft.open("wb") as out:
        out.writelines(orjson.dumps(line) + b"\n" for line in found)
    draft.replace(path)


def gather_refusals(folder: Path, out: Path) -> bool:
    """Put all lines into one file, in the order of their files' names; False, and no file, where there are none."""
    found = sorted(folder.glob(f"*{SUFFIX}"))
    if not found:
        out.unlink(missing_ok=True)
        return False
    draft = out.with_name(f".{out.name}.new")
    with draft.open("wb") as target:
        for path in found:
            with path.open("rb") as source:
                shutil.copyfileobj(source, target, 1024 * 1024)
    draft.replace(out)
    return True


def _told(problem: FieldProblem) -> dict[str, str]:
    return {"field": problem.field, "code": problem.code, "problem": problem.message}
