"""Opening the database: connections, what decides durability, and migrations."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, text

from fraudray.adapters.sql.address import sqlite_file
from fraudray.domain.errors import StoreFailed

Fsync = Literal["full", "normal"]
HEAD = "0008"
POSTGRES_MIN = 14
READ_LIMIT_MS = 5000
"""What one statement of a reader beside the owner may take."""


def connect(address: URL, *, fsync: Fsync, name: str = "fraudray", read_only: bool = False) -> Engine:
    """A SQLAlchemy engine on `address`; with `read_only` a database that another process owns stays as it is.

    SQLite gets write-ahead logging and a busy timeout of 5 s. PostgreSQL gets a checked pool, and notices within
    seconds that a server is gone; `fsync="normal"` is its asynchronous commit.
    """
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, fsync, read_only)
    given = address.query
    patience = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "tcp_user_timeout": 15_000}
    arguments = {key: value for key, value in patience.items() if key not in given}
    engine = create_engine(
        address, pool_pre_ping=True, pool_timeout=10, hide_parameters=True,
        connect_args=arguments | {"application_name": name, "client_encoding": "utf8"},
    )  # fmt: skip
    if read_only:

        @event.listens_for(engine, "connect")
        def _only_read(connection: Any, _record: Any) -> None:
            connection.read_only = True
            connection.execute(f"SET statement_timeout TO {READ_LIMIT_MS}")
            connection.commit()

    elif fsync == "normal":

        @event.listens_for(engine, "connect")
        def _relax(connection: Any, _record: Any) -> None:
            connection.execute("SET synchronous_commit TO off")
            connection.commit()

    return engine


def _sqlite(address: URL, fsync: Fsync, read_only: bool) -> Engine:
    file = sqlite_file(address)
    if read_only and file is not None:
        # As a URI, the driver itself opens the file read-only, and makes none.
        address = address.set(database=file.as_uri(), query={"mode": "ro", "uri": "true"})
    engine = create_engine(address, hide_parameters=True, connect_args={"timeout": 5.0, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only=ON" if read_only else "PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if fsync == 'full' else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    return engine


def check_server(connection: Connection) -> None:
    """That a PostgreSQL server and its database will do. Raises StoreFailed."""
    version = connection.dialect.server_version_info or (0,)
    if version < (POSTGRES_MIN,):
        raise StoreFailed(f"PostgreSQL {POSTGRES_MIN} or newer is needed; the server is {'.'.join(map(str, version))}")
    encoding, schema = connection.execute(text("SELECT current_setting('server_encoding'), current_schema()")).one()
    if encoding != "UTF8":
        raise StoreFailed(f"the database is encoded in {encoding}; make one with `createdb -E UTF8 -T template0`")
    if schema is None:
        raise StoreFailed("the search_path of this role names no schema that exists")


def migrate(engine: Engine) -> None:
    """Bring the schema to this version (Alembic), or leave it as it was. Raises StoreFailed when it is newer."""
    try:
        if current_version(engine) == HEAD:
            return
        # Alembic takes a while to import and is not needed on most starts.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", "fraudray.adapters.sql:migrations")
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # else each change of the schema is a commit of its own
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except Exception as error:
        if type(error).__module__.startswith("alembic"):
            raise StoreFailed(f"cannot migrate the database (made by another version?): {error}") from error
        raise


def current_version(engine: Engine) -> str | None:
    """The version of the schema; None where there is none."""
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
