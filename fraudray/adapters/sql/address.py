"""Where the database is: which addresses are taken, and how they are shown without their password."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fraudray.domain.errors import SettingsError

_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")
_SQLITE = ("sqlite", "sqlite+pysqlite")
_EXAMPLES = "write postgresql://role:password@host:5432/database or sqlite:////folder/file.sqlite"


def database_address(url: str) -> URL:
    """The address to connect to; PostgreSQL is spoken by psycopg 3 however the URL is spelt.

    Raises:
        SettingsError: no such kind of database, or its driver is not installed. The URL is never repeated in it.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(f"database_url is no database address; {_EXAMPLES}") from None
    if address.drivername in _SQLITE:
        return address
    if address.drivername not in _POSTGRES:
        raise SettingsError(f"database_url: {address.drivername} is not supported; {_EXAMPLES}")
    if find_spec("psycopg") is None:
        raise SettingsError("database_url: PostgreSQL needs a driver: pip install 'fraudray[postgres]'")
    return address.set(drivername="postgresql+psycopg")


def sqlite_file(address: URL) -> Path | None:
    """The file of a SQLite database; None for all others."""
    named = address.drivername in _SQLITE and address.database and address.database != ":memory:"
    return Path(str(address.database)).resolve() if named else None


def shown(address: URL) -> str:
    """The address with its password hidden, in the query too."""
    hidden = address.set(query={name: value for name, value in address.query.items() if name != "password"})
    return hidden.render_as_string(hide_password=True)
