"""Whether a mapping goes with a source, before any row is read: columns, their types, the formats of times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from fraudray.batch.history.errors import MappingError
from fraudray.batch.history.forms import EPOCHS, AmountForm, AnyForm, DegreesForm, TimeForm
from fraudray.batch.history.mapping import Path_
from fraudray.batch.history.mapping_file import MappingSource, nearest, parse_mapping, ready_names, ready_text
from fraudray.batch.history.peek import Peeked, samples_of, unified
from fraudray.batch.history.proposals import propose
from fraudray.batch.history.sources import FileKind, Files
from fraudray.batch.history.times import read_times

_LISTED_MAX = 40
_SAMPLE_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True)
class Fit:
    """A mapping that goes with its source: the columns to read with their types, the fields that are recorded, and the
    source's columns that nothing uses."""

    read: pa.Schema
    recorded: tuple[str, ...]
    unmapped: tuple[str, ...]


def fit(source: MappingSource, files: Files, peeked: Sequence[Peeked]) -> Fit:
    """Check a mapping against what the files hold.

    Raises:
        MappingError: a column is missing, is of no usable type, or a text time has no format, or one that does not fit.
        HistoryError: the files' types of one column do not go together.
    """
    filled = [one for one in peeked if not one.empty]
    for one in filled:
        _check_columns(source, files, one)
    columns = unified(filled, source.document.columns)
    for path, form in source.document.forms():
        for name in form.columns:
            if name in columns.names:
                _check_type(source, (*path, "column"), form, columns.field(name))
        if isinstance(form, TimeForm) and form.column in columns.names:
            _check_time(source, path, form, columns.field(form.column).type, files, filled)
    present = frozenset(columns.names)
    recorded = source.document.fields(present)
    for before in ("", "previous_"):
        pair = [f"{before}{name}" for name in ("latitude", "longitude")]
        if len(set(pair) & set(recorded)) == 1:
            raise source.error(
                f"{' and '.join(pair)} come together, but one column is missing", ("transaction", pair[0])
            )
    every = tuple(dict.fromkeys(name for one in filled for name in one.columns.names))
    return Fit(columns, recorded, tuple(name for name in every if name not in present))


def choose_ready(peeked: Sequence[Peeked]) -> MappingSource:
    """The ready mapping whose columns are all there. Raises MappingError when none is, or several are."""
    columns = next(one.columns.names for one in peeked if not one.empty)
    fitting = []
    for name in ready_names():
        source = parse_mapping(ready_text(name), name=name, file=f"{name}.yaml")
        required = [column for _, form in source.document.forms() if not _optional(form) for column in form.columns]
        if all(column in columns for column in required):
            fitting.append(source)
    if len(fitting) == 1:
        return fitting[0]
    which = (
        f"several ready mappings fit ({', '.join(one.name for one in fitting)})" if fitting else "no ready mapping fits"
    )
    raise MappingError(
        f"{which} the columns {_listed(columns)}. Write one (start: `fraudray history mapping fraudray > mine.yaml`) "
        "and give it with --mapping",
        file="--mapping",
    )


def _check_columns(source: MappingSource, files: Files, one: Peeked) -> None:
    names = one.columns.names
    missing: dict[str, Path_] = {}
    for path, form in source.document.forms():
        for column in form.columns:
            if names.count(column) > 1:
                raise source.error(f"{one.path} has the column {column} twice", (*path, "column"))
            if column not in names and not _optional(form):
                missing.setdefault(column, (*path, "column"))
    if not missing:
        return
    what = ", ".join(f"{column}{nearest(column, names)}" for column in missing)
    hint = ""
    if len(names) == 1 and files.kind is FileKind.CSV:
        delimiter = next((mark for mark in ";\t|" if mark in names[0]), None)
        hint = f". Is the delimiter {delimiter!r}? Then say csv: {{delimiter: {delimiter!r}}}" if delimiter else ""
    if files.kind is FileKind.NDJSON:
        hint = ". Of NDJSON the first 1,000 lines were looked at; say `optional: true` for a key that is rare"
    plural = "columns are" if len(missing) > 1 else "column is"
    message = f"{plural} missing in {one.path}: {what}. It has {_listed(names)}{hint}"
    raise source.error(message, next(iter(missing.values())))


def _check_type(source: MappingSource, path: Path_, form: AnyForm, column: pa.Field) -> None:
    kind = column.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    plain = number or pa.types.is_string(kind) or pa.types.is_null(kind)
    if isinstance(form, AmountForm | DegreesForm):
        usable = plain
    else:
        usable = plain or pa.types.is_boolean(kind) or pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if not usable:
        raise source.error(f"column {column.name} is {kind}, which cannot be read as this field", path)


def _check_time(
    source: MappingSource, path: Path_, form: TimeForm, kind: pa.DataType, files: Files, peeked: list[Peeked]
) -> None:
    if pa.types.is_boolean(kind):
        raise source.error(f"column {form.column} is {kind}, which is no time", (*path, "column"))
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_null(kind):
        return
    if not pa.types.is_string(kind):
        if form.format not in EPOCHS:
            raise source.error(f"column {form.column} is a number: say format: {', '.join(EPOCHS)}", (*path, "column"))
        return
    texts = [text for text in samples_of(peeked, files, form.column) if text not in source.document.nulls]
    seen = f" For example {texts[0][:_SAMPLE_SHOWN_CHARS]!r}." if texts else ""
    if form.format is None:
        message = f"column {form.column} is text: say its format, which is never guessed.{seen}{_proposed(texts)}"
        raise source.error(message, (*path, "column"))
    if texts and not read_times(pa.array(texts), form, frozenset()).known.any():
        message = f"column {form.column} is not in the format {form.format!r}.{seen}{_proposed(texts)}"
        raise source.error(message, (*path, "format"))


def _proposed(texts: Sequence[str]) -> str:
    proposed = propose(texts)
    if not proposed:
        return " The usual formats do not fit; write one for strptime, such as '%d/%m/%Y %H:%M'."
    which = " Each of these fits, and only you know which is meant:" if len(proposed) > 1 else " This one fits:"
    return f"{which} {', '.join(f'format: {one!r}' for one in proposed)}"


def _optional(form: AnyForm) -> bool:
    return form.optional


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name or "(a column without a name)" for name in names[:_LISTED_MAX])
    return shown + (f" and {len(names) - _LISTED_MAX} more" if len(names) > _LISTED_MAX else "")
