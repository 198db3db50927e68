"""Names of merchant category codes (ISO 18245)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources


def category_name(mcc: str) -> str:
    """The category's name; the code itself where no name is packaged."""
    return _names().get(mcc, mcc)


@cache
def _names() -> Mapping[str, str]:
    """The rows of `mccs.csv` (code, description, …), if it is packaged."""
    file = resources.files("fraudray.data") / "mccs.csv"
    if not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = csv.reader(line for line in lines if not line.startswith("#"))
    return {row[0]: row[1] for row in rows if len(row) > 1 and row[0].isdigit()}
