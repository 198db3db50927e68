"""The site's values: `KEY=value` lines that kustomize reads, and that people keep under version control."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fraudray.cli.exits import InputError
from fraudray.cli.session import read_text

_LINE = re.compile(r"^([A-Z][A-Z0-9_]*)=(.*)$")
_FILE_BYTES_MAX = 1024 * 1024


def site_values(file: Path) -> dict[str, str]:
    """All values. Raises InputError."""
    lines = read_text(file, _FILE_BYTES_MAX).split("\n")
    return {found[1]: found[2] for line in lines if (found := _LINE.match(line))}


def changed_lines(file: Path, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Lines that putting these values would change, before and after. Raises InputError for a key that is not there."""
    now = site_values(file)
    if missing := sorted(values.keys() - now.keys()):
        raise InputError(f"{file} has no {', '.join(missing)}")
    return [(f"{key}={now[key]}", f"{key}={value}") for key, value in values.items() if now[key] != value]


def put_values(file: Path, values: Mapping[str, str]) -> None:
    """Put these values in their lines and leave all others as they are. Raises InputError."""
    text = read_text(file, _FILE_BYTES_MAX)
    lines = [
        f"{found[1]}={values[found[1]]}" if (found := _LINE.match(line)) and found[1] in values else line
        for line in text.split("\n")
    ]
    partial = file.with_name(f".{file.name}.new")
    try:
        partial.write_text("\n".join(lines), encoding="utf-8")
        partial.replace(file)  # at no moment is there half a file
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror}") from None
