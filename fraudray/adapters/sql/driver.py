"""Statements compiled once by SQLAlchemy and run by the driver directly.

The hot path runs the same few statements for every decision; building, caching and wrapping each costs SQLAlchemy
about 60 µs, the driver 6.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Engine, Executable, Table, case, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from fraudray.domain.errors import FieldProblem, InvalidTransaction, StoreFailed

Values = Mapping[str, Any]
_DRIVERS = ("sqlite3", "psycopg")
_BOUND = re.compile(r"_\d+$")


class Prepared:
    """One statement in the driver's own words."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self.sql = str(compiled)
        self._order: tuple[str, ...] | None = tuple(compiled.positiontup or ()) if dialect.positional else None
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}

    def parameters(self, values: Values) -> Any:
        """Values in the driver's form: in order or by name. A name that is missing is NULL."""
        if self._constants:
            values = self._constants | dict(values)
        return [values.get(name) for name in self._order] if self._order is not None else values


class Inserts:
    """What the writer runs: inserts and upserts of whole rows, where a column that a row leaves out becomes NULL, and
    the questions between them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._prepared: dict[tuple[str, bool], tuple[Prepared, dict[str, None]]] = {}
        self._asked: dict[int, Prepared] = {}

    def insert(self, connection: Connection, table: Table, rows: Iterable[Values], *, replace: bool = False) -> None:
        """Insert rows; with `replace`, overwrite those with the same primary key."""
        found = self._prepared.get((table.name, replace))
        if found is None:
            blank = dict.fromkeys(column.name for column in table.columns)
            found = self._prepared[table.name, replace] = (
                Prepared(self._statement(table, replace), self._dialect),
                blank,
            )
        prepared, blank = found
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(prepared.sql, [prepared.parameters({**blank, **row}) for row in rows])
        finally:
            cursor.close()

    def first(self, connection: Connection, statement: Executable, **values: Any) -> tuple[Any, ...] | None:
        """The first row of a statement that lives as long as its module, within the writer's transaction."""
        prepared = self._asked.get(id(statement))
        if prepared is None:
            prepared = self._asked[id(statement)] = Prepared(statement, self._dialect)
        cursor = connection.connection.cursor()
        try:
            cursor.execute(prepared.sql, prepared.parameters(values))
            row = cursor.fetchone()
            return tuple(row) if row is not None else None
        finally:
            cursor.close()

    def _statement(self, table: Table, replace: bool) -> Executable:
        if not replace:
            return insert(table)
        dialect = sqlite if self._dialect.name == "sqlite" else postgresql
        statement: Any = dialect.insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {c.name: _merged(c, statement.excluded[c.name]) for c in table.columns if c.name not in keys}
        if not changed:  # a row that is nothing but its key is there, or is not
            known: Executable = statement.on_conflict_do_nothing(index_elements=keys)
            return known
        upsert: Executable = statement.on_conflict_do_update(index_elements=keys, set_=changed)
        return upsert


def _merged(stored: Column[Any], new: Any) -> Any:
    """What an upsert leaves in a column: the new value or, where the schema says so, the least, greatest or sum."""
    match stored.info.get("keeps"):
        case "least":
            return case((stored < new, stored), else_=new)
        case "greatest":
            return case((stored > new, stored), else_=new)
        case "sum":
            return stored + new
        case _:
            return new


class Reader:
    """A connection of its own for the hot path's questions. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prepared: dict[int, tuple[Executable, Prepared]] = {}
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def all(self, statement: Executable, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement that lives as long as its module.

        Raises StoreFailed, and InvalidTransaction for a text that no database row can have.
        """
        with self._lock, failing(values):
            found = self._prepared.get(id(statement))
            if found is None:
                found = self._prepared[id(statement)] = (statement, Prepared(statement, self._engine.dialect))
            fresh = self._connection is None
            try:
                return self._ask(found[1], values)
            except self._engine.dialect.loaded_dbapi.OperationalError:
                if fresh:
                    raise
                return self._ask(found[1], values)  # the connection broke while nobody asked; a new one may do

    def first(self, statement: Executable, **values: Any) -> tuple[Any, ...] | None:
        """The first row, if any."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _ask(self, prepared: Prepared, values: Values) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            cursor = self._connection.connection.cursor()
            try:
                cursor.execute(prepared.sql, prepared.parameters(values))
                return [tuple(row) for row in cursor.fetchall()]
            finally:
                cursor.close()
        except self._engine.dialect.loaded_dbapi.OperationalError:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            discard(self._connection)
            self._connection = None


def discard(connection: Connection) -> None:
    """End a connection for good: it does not go back to the pool."""
    if not connection.closed:
        connection.invalidate()
        connection.close()


@contextmanager
def failing(values: Values | None = None) -> Iterator[None]:
    """A database's errors as ours: StoreFailed, or InvalidTransaction for a text with a character that no row has."""
    try:
        yield
    except Exception as error:
        if unheard := text_refused(error, values):
            raise unheard from None
        if not isinstance(error, SQLAlchemyError) and type(error).__module__.partition(".")[0] not in _DRIVERS:
            raise
        cause = error.__cause__ or error
        raise StoreFailed(f"the database does not answer: {' '.join(str(cause).split())}") from error


def text_refused(error: Exception, values: Values | None = None) -> InvalidTransaction | None:
    """What to say when a database's error is about a text that it was given with a character that no row has."""
    if isinstance(error, UnicodeEncodeError):
        return InvalidTransaction([FieldProblem("", "string_unicode", "is not valid Unicode text")])
    if not isinstance(error, SQLAlchemyError) and type(error).__module__.partition(".")[0] not in _DRIVERS:
        return None
    asked = error.params if isinstance(error, DBAPIError) else values
    named = asked.items() if isinstance(asked, Mapping) else ()
    unheard = [_BOUND.sub("", name) for name, value in named if isinstance(value, str) and "\0" in value]
    problems = [FieldProblem(name, "control_character", "contains a control character") for name in unheard]
    return InvalidTransaction(problems) if problems else None
