"""A store opened to read beside its owner: no lock is taken, nothing is made or written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from fraudray.adapters.sql.address import database_address, shown, sqlite_file
from fraudray.adapters.sql.database import HEAD, connect, current_version
from fraudray.adapters.sql.driver import Inserts, Reader
from fraudray.adapters.sql.keys import CustomerKeys
from fraudray.adapters.vault import Vault
from fraudray.domain.errors import SettingsError, StoreFailed


def refuse_in_memory(url: str | None) -> None:
    """Raise SettingsError for a database that no other process can read."""
    if url is None:
        return
    address = database_address(url)
    if address.get_backend_name() == "sqlite" and sqlite_file(address) is None:
        raise SettingsError("database_url: a database in memory is its own process's alone; name a file or PostgreSQL")


@contextmanager
def open_beside(folder: Path, url: str | None) -> Iterator[tuple[Engine, Vault]]:
    """The database of the data folder `folder` or at `url`, and the vault with the folder's master key.

    Raises:
        SettingsError: the address or the master key cannot be used, or the database is in the owner's memory.
        StoreFailed: there is no store yet, it does not answer, or it is of another version.
    """
    address = database_address(url or f"sqlite:///{folder / 'fraudray.sqlite'}")
    refuse_in_memory(url)
    file = sqlite_file(address)
    if file is not None and not file.is_file():
        raise StoreFailed(f"there is no database {file} yet; its owner makes it (`fraudray serve`, `fraudray decide`)")
    engine = connect(address, fsync="full", name="fraudray reader", read_only=True)
    try:
        try:
            version = current_version(engine)
        except SQLAlchemyError as error:
            reason = " ".join(str(error.__cause__ or error).split())
            raise StoreFailed(f"cannot read the database {shown(address)}: {reason}") from error
        if version != HEAD:
            raise StoreFailed(
                f"the database {shown(address)} is of another version; its owner brings it to this one when it starts"
            )
        vault = Vault.existing(folder / "master.key")
        reader = Reader(engine)
        try:
            CustomerKeys(vault, Inserts(engine.dialect), reader).check_master(folder / "master.key")
        finally:
            reader.close()
        yield engine, vault
    finally:
        engine.dispose()
