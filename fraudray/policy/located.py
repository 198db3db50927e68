"""A YAML file with the place of every value, so that an error can point at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from fraudray.domain.errors import PolicyError

M = TypeVar("M", bound=BaseModel)

SIZE_MAX = 1_000_000
VALUES_MAX = 100_000
"""Aliases count wherever they are used, so that a small file cannot stand for an endless one."""
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """1-based line and column where a value begins; `quoted` when its first character is a quote."""

    line: int
    column: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Located:
    """A YAML mapping as read: its text, where it came from, its values and the place of each."""

    text: str
    file: str
    data: dict[str, Any]
    positions: dict[Path_, Position] = field(repr=False)

    def error(self, message: str, path: Path_, *, rule: str | None = None, offset: int | None = None) -> PolicyError:
        """A `PolicyError` that points at the value at `path`, or `offset` characters into its text."""
        where = self.position(path)
        column = where.column if offset is None else where.column + offset + where.quoted
        return PolicyError(message, file=self.file, rule=rule, line=where.line, column=column)

    def position(self, path: Path_) -> Position:
        """Where the value at `path` begins or, where it is not written, the nearest around it."""
        return _nearest(self.positions, path)

    def shape_error(self, error: ValidationError, what: str, at: Path_ = ()) -> PolicyError:
        """The first failure of a validation of `data`, or of the part `at`, at its place; `what` it should be
        ("a policy")."""
        details = error.errors(include_url=False, include_input=False, include_context=False)
        first = details[0]
        path = (*at, *(part for part in first["loc"] if part != "[key]"))
        more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
        why = f"is not a field of {what}" if first["type"] == "extra_forbidden" else first["msg"]
        message = f"{'.'.join(str(part) for part in path)}: {why}{more}"
        return self.error(message, path, rule=self._entry(path))

    def _entry(self, path: Path_) -> str | None:
        """The id of the list entry that `path` leads into."""
        if len(path) < 2 or not isinstance(path[1], int):
            return None
        entry = self.data[path[0]][path[1]]  # type: ignore[index]
        return str(entry["id"]) if isinstance(entry, dict) and "id" in entry else None


def read_text(path: Path) -> str:
    """The text of a policy file. Raises PolicyError."""
    if path.exists() and not path.is_file():
        raise PolicyError("is no file", file=path)
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"cannot be read: {error}", file=path) from None


def locate_yaml(text: str, *, file: str) -> Located:
    """Parse a mapping. Raises PolicyError with line and column: not YAML, no mapping, or a key given twice."""
    if len(text) > SIZE_MAX:
        raise PolicyError(f"is larger than {SIZE_MAX:,} characters", file=file)
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        data = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise PolicyError(f"is not YAML: {error.problem}", file=file, line=line, column=column) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PolicyError(f"is not YAML: {error}", file=file) from None
    positions: dict[Path_, Position] = {}
    try:
        _locate(node, (), positions, file)
    except RecursionError:
        raise PolicyError("is nested too deeply, or contains itself", file=file) from None
    if not isinstance(data, dict):
        raise PolicyError("is not a mapping of fields", file=file, line=1, column=1)
    return Located(text, file, data, positions)


def read_model(path: Path, model: type[M], what: str) -> M:
    """What a YAML file holds, as this model; `what` it is called in errors. Raises PolicyError with line and column."""
    located = locate_yaml(read_text(path), file=str(path))
    try:
        return model.model_validate(located.data)
    except ValidationError as error:
        raise located.shape_error(error, what) from None


def _locate(node: yaml.Node | None, path: Path_, into: dict[Path_, Position], file: str) -> None:
    if node is None:
        return
    if len(into) >= VALUES_MAX:
        raise PolicyError(f"has more than {VALUES_MAX:,} values", file=file)
    quoted = isinstance(node, yaml.ScalarNode) and node.style in ("'", '"')
    into[path] = Position(node.start_mark.line + 1, node.start_mark.column + 1, quoted)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                mark = key.start_mark
                message = f"{key.value} is given twice"
                raise PolicyError(message, file=file, line=mark.line + 1, column=mark.column + 1)
            seen.add(key.value)
            _locate(value, (*path, key.value), into, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _locate(value, (*path, index), into, file)


def _nearest(positions: dict[Path_, Position], path: Sequence[str | int]) -> Position:
    for end in range(len(path), -1, -1):
        found = positions.get(tuple(path[:end]))
        if found:
            return found
    return Position(0, 0)
