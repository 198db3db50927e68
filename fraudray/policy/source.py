"""A policy file as text: YAML with the place of every value, so that an error can point at it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from fraudray.domain.errors import PolicyError
from fraudray.policy.schema import PolicyDocument

SIZE_MAX = 1_000_000
Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """1-based line and column where a value begins; `quoted` when its first character is a quote."""

    line: int
    column: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A policy as read: its text, where it came from, the parsed document and the place of every value."""

    text: str
    file: str
    document: PolicyDocument
    positions: dict[Path_, Position] = field(repr=False)

    @property
    def hash(self) -> str:
        """`sha256:` of the text, which names this exact policy."""
        return "sha256:" + hashlib.sha256(self.text.encode()).hexdigest()

    def error(self, message: str, path: Path_, *, rule: str | None = None, offset: int | None = None) -> PolicyError:
        """A `PolicyError` that points at the value at `path`, or `offset` characters into its text."""
        where = _nearest(self.positions, path)
        column = where.column if offset is None else where.column + offset + where.quoted
        return PolicyError(message, file=self.file, rule=rule, line=where.line, column=column)


def default_policy_text() -> str:
    """The packaged default policy."""
    return resources.files("fraudray.policy").joinpath("default.yaml").read_text(encoding="utf-8")


def read_policy(path: Path | None = None) -> PolicySource:
    """The policy in `path`, or the default one.

    Raises:
        PolicyError: unreadable, not YAML, or not of the policy's shape; with line and column.
    """
    if path is None:
        return parse_policy(default_policy_text(), file="default.yaml")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"cannot be read: {error}", file=path) from None
    return parse_policy(text, file=str(path))


def parse_policy(text: str, *, file: str) -> PolicySource:
    """Parse policy text; see `read_policy`."""
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
    _locate(node, (), positions, file)
    if not isinstance(data, dict):
        raise PolicyError("is not a mapping of policy fields", file=file, line=1, column=1)
    try:
        document = PolicyDocument.model_validate(data)
    except ValidationError as error:
        raise _shape_error(error, data, positions, file) from None
    return PolicySource(text, file, document, positions)


def _locate(node: yaml.Node | None, path: Path_, into: dict[Path_, Position], file: str) -> None:
    if node is None:
        return
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


def _shape_error(
    error: ValidationError, data: dict[str, Any], positions: dict[Path_, Position], file: str
) -> PolicyError:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    first = details[0]
    path = tuple(part for part in first["loc"] if part != "[key]")
    rule = None
    if len(path) >= 2 and path[0] in ("rules", "floors") and isinstance(path[1], int):
        entry = data[path[0]][path[1]]
        rule = str(entry.get("id", path[1])) if isinstance(entry, dict) else str(path[1])
    where = _nearest(positions, path)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    what = "is not a field of a policy" if first["type"] == "extra_forbidden" else first["msg"]
    message = f"{'.'.join(str(part) for part in path)}: {what}{more}"
    return PolicyError(message, file=file, rule=rule, line=where.line, column=where.column)
