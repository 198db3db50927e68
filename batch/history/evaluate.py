"""A mapping applied to a block of a source: each field's column as the mapping gives it, not yet checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fraudray.batch.history.amounts import Amounts, read_amounts, units_of
from fraudray.batch.history.forms import DegreesForm, FlagForm, ScenarioForm, TextForm, TimeForm
from fraudray.batch.history.mapping import Mapping
from fraudray.batch.history.reserved import BROKEN
from fraudray.batch.history.texts import read_text, textual, whole, words_in
from fraudray.batch.history.times import ABSENT, KNOWN, REASONS, Times, read_times
from fraudray.domain.errors import FieldProblem

if TYPE_CHECKING:
    from numpy.typing import NDArray


_DEGREES = r"^[+-]?[0-9]{1,4}(\.[0-9]{1,20})?$"


@dataclass(frozen=True, slots=True)
class Loose:
    """A column of flags or degrees: its values, and the text of those that are neither a value nor absent."""

    values: pa.Array
    odd: dict[int, str]


@dataclass(slots=True)
class Given:
    """A block as the mapping reads it. `problems` has what already decides against a row, by its index."""

    rows: int
    texts: dict[str, pa.Array]
    amounts: Amounts
    times: dict[str, Times]
    loose: dict[str, Loose]
    received: Times | None
    fraud: pa.Array
    scenario: pa.Array
    label_known: Times | None
    problems: dict[int, FieldProblem] = field(default_factory=dict)

    def row(self, index: int) -> dict[str, Any]:
        """One row's fields as `Transaction.parse` takes them; what is not given is left out."""
        found: dict[str, Any] = {name: column[index].as_py() for name, column in self.texts.items()}
        found["amount"] = self.amounts.value(index, found.get("currency"))
        for name, times in self.times.items():
            found[name] = moment(int(times.us[index])) if times.states[index] == KNOWN else None
        for name, loose in self.loose.items():
            found[name] = loose.odd.get(index, loose.values[index].as_py())
        return {name: value for name, value in found.items() if value is not None}


def evaluate(table: pa.Table, mapping: Mapping, recorded: tuple[str, ...]) -> Given:
    """Apply a mapping to a block with the columns that it reads and `BROKEN`."""
    nulls = frozenset(mapping.nulls)
    problems: dict[int, FieldProblem] = {}
    broken = whole(table, BROKEN)
    if broken.null_count < len(broken):
        for index, reason in enumerate(broken.to_pylist()):
            if reason is not None:
                problems[index] = FieldProblem("", "row", reason)
    texts: dict[str, pa.Array] = {}
    times: dict[str, Times] = {}
    loose: dict[str, Loose] = {}
    for name in recorded:
        form = getattr(mapping.transaction, name)
        if isinstance(form, TextForm):
            texts[name], unmapped = read_text(table, form, nulls)
            _note(
                problems, unmapped, FieldProblem(name, "value_unmapped", "is not among the words that the mapping maps")
            )
        elif isinstance(form, TimeForm):
            times[name] = _times(table, form, nulls, name, problems)
        elif isinstance(form, FlagForm):
            loose[name] = read_flags(table, form, nulls)
        elif isinstance(form, DegreesForm):
            loose[name] = _degrees(table, form, nulls)
    amount = mapping.transaction.amount
    units = units_of(texts.get("currency"), table.num_rows)
    amounts = read_amounts(whole(table, amount.column), amount, units, nulls)
    _note(problems, times["timestamp"].states == ABSENT, FieldProblem("timestamp", "missing", "Field required"))
    present = frozenset(table.column_names)
    received = mapping.received_at
    known_at = mapping.labels.known_at
    return Given(
        table.num_rows,
        texts,
        amounts,
        times,
        loose,
        _times(table, received, nulls, "received_at", problems) if received and received.column in present else None,
        _fraud(table, mapping.labels.fraud, nulls, problems),
        _scenario(table, mapping.labels.scenario, nulls),
        _times(table, known_at, nulls, "labels.known_at", problems)
        if known_at and known_at.column in present
        else None,
        problems,
    )


def moment(us: int) -> datetime:
    """µs since 1970 as a datetime in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def read_flags(table: pa.Table, form: FlagForm, nulls: frozenset[str]) -> Loose:
    """A column of true and false by the form's words; a boolean column is what it says."""
    if form.column is None:
        return Loose(pa.array([form.value] * table.num_rows, pa.bool_()), {})
    column = whole(table, form.column)
    if pa.types.is_boolean(column.type):
        return Loose(column, {})
    texts = textual(column, nulls)
    true, false = words_in(texts, form.true), words_in(texts, form.false)
    odd = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False) & ~true & ~false)
    return Loose(pa.array(true, mask=~(true | false)), {index: texts[index].as_py() for index in odd.tolist()})


def _degrees(table: pa.Table, form: DegreesForm, nulls: frozenset[str]) -> Loose:
    column = whole(table, form.column)
    if not pa.types.is_string(column.type):
        numbers = column.cast(pa.float64())
        values = numbers.fill_null(np.nan).to_numpy(zero_copy_only=False)
        return Loose(pa.array(values, mask=np.isnan(values)), {})
    texts = textual(column, nulls)
    numeric = pc.fill_null(pc.match_substring_regex(texts, _DEGREES), False)
    values = pc.if_else(numeric, texts, pa.scalar(None, pa.string())).cast(pa.float64())
    odd = np.flatnonzero(texts.is_valid().to_numpy(zero_copy_only=False) & ~numeric.to_numpy(zero_copy_only=False))
    return Loose(values, {index: texts[index].as_py() for index in odd.tolist()})


def _times(
    table: pa.Table, form: TimeForm, nulls: frozenset[str], name: str, problems: dict[int, FieldProblem]
) -> Times:
    times = read_times(whole(table, form.column), form, nulls)
    for state, (code, reason) in REASONS.items():
        _note(problems, times.states == state, FieldProblem(name, code, reason))
    return times


def _fraud(
    table: pa.Table, form: FlagForm | None, nulls: frozenset[str], problems: dict[int, FieldProblem]
) -> pa.Array:
    if form is None or not set(form.columns) <= set(table.column_names):
        return pa.nulls(table.num_rows, pa.bool_())
    flags = read_flags(table, form, nulls)
    for index in flags.odd:
        reason = "is neither among the mapping's words for true nor among those for false"
        problems.setdefault(index, FieldProblem("labels.fraud", "label_unknown", reason))
    return flags.values


def _scenario(table: pa.Table, form: ScenarioForm | None, nulls: frozenset[str]) -> pa.Array:
    if form is None or form.column not in table.column_names:
        return pa.nulls(table.num_rows, pa.string())
    return textual(whole(table, form.column), nulls | frozenset(form.none))


def _note(problems: dict[int, FieldProblem], where: NDArray[np.bool_], problem: FieldProblem) -> None:
    for index in np.flatnonzero(where).tolist():
        problems.setdefault(index, problem)
