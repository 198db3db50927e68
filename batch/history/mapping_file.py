"""Mapping files: reading one, the ready ones, and errors that point at the line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from fraudray.batch.history.errors import MappingError
from fraudray.batch.history.forms import TextForm, TimeForm
from fraudray.batch.history.mapping import LabelMapping, Mapping, TransactionMapping
from fraudray.domain.errors import PolicyError
from fraudray.policy.located import Located, Path_, locate_yaml, read_text

SUFFIXES = (".yaml", ".yml")
_WORDS = (*Mapping.model_fields, *LabelMapping.model_fields, *TextForm.model_fields, *TimeForm.model_fields)


@dataclass(frozen=True, slots=True)
class MappingSource:
    """A mapping as read: its name, its text with the place of every value, and what it says."""

    name: str
    located: Located
    document: Mapping

    @property
    def text(self) -> str:
        """The text as written."""
        return self.located.text

    def error(self, message: str, path: Path_) -> MappingError:
        """A `MappingError` that points at the value at `path`."""
        where = self.located.position(path)
        return MappingError(message, file=self.located.file, line=where.line, column=where.column)


def read_mapping(name_or_file: str | Path) -> MappingSource:
    """The ready mapping of that name, or the one in a file.

    Raises:
        MappingError: neither is there, or it is not a mapping; with line and column.
    """
    given = str(name_or_file)
    if given in ready_names():
        return parse_mapping(ready_text(given), name=given, file=f"{given}.yaml")
    path = Path(given)
    if not path.suffix and not path.exists():
        near = nearest(given, ready_names())
        raise MappingError(f"is no ready mapping{near}; ready are {', '.join(ready_names())}", file=given)
    try:
        text = read_text(path)
    except PolicyError as error:
        raise _ours(error) from None
    return parse_mapping(text, name=path.stem, file=given)


def parse_mapping(text: str, *, name: str, file: str) -> MappingSource:
    """Parse a mapping's text; see `read_mapping`.

    Plain values stay text as written: `0742` keeps its zero, `no` and `true` are words, `NULL` is a text.
    """
    try:
        located = locate_yaml(text, file=file)
    except PolicyError as error:
        raise _ours(error) from None
    as_written = Located(text, file, yaml.load(text, Loader=yaml.CBaseLoader), located.positions)  # noqa: S506 - no types
    try:
        return MappingSource(name, as_written, Mapping.model_validate(as_written.data))
    except ValidationError as error:
        raise _shape_error(as_written, error) from None


def ready_names() -> tuple[str, ...]:
    """The mappings that come with fraudray."""
    folder = resources.files("fraudray.batch.history") / "mappings"
    return tuple(sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(SUFFIXES)))


def ready_text(name: str) -> str:
    """The text of a ready mapping. Raises MappingError."""
    if name not in ready_names():
        near = nearest(name, ready_names())
        raise MappingError(f"is no ready mapping{near}; ready are {', '.join(ready_names())}", file=name)
    return (resources.files("fraudray.batch.history") / "mappings" / f"{name}.yaml").read_text(encoding="utf-8")


def nearest(name: str, names: Sequence[str]) -> str:
    """ " (did you mean …?)" with the names most like this one; empty where none is."""
    folded = {known.casefold(): known for known in names}
    near = [folded[found] for found in difflib.get_close_matches(name.casefold(), folded, n=2)]
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _shape_error(located: Located, error: ValidationError) -> MappingError:
    """A field that is none comes first: it is why another one is missing."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    first = next((one for one in details if one["type"] == "extra_forbidden"), details[0])
    path = tuple(part for part in first["loc"] if part != "[key]")
    where = located.position(path)
    why = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        why = f"is not a field of a mapping{nearest(str(path[-1]), [*TransactionMapping.model_fields, *_WORDS])}"
    elif first["type"] == "missing":
        why = "is required, and missing"
    name = ".".join(str(part) for part in path)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return MappingError(f"{name}: {why}{more}", file=located.file, line=where.line, column=where.column)


def _ours(error: PolicyError) -> MappingError:
    return MappingError(error.message, file=str(error.file), line=error.line, column=error.column)
