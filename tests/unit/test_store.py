"""The data folder: what a store without a server of its own does with files."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudray.adapters.sql.store import SqlStore
from fraudray.adapters.vault import Vault
from fraudray.domain.errors import SettingsError, StoreFailed, StoreInUse


def test_a_data_folder_has_one_owner(tmp_path: Path) -> None:
    first = SqlStore(tmp_path)
    with pytest.raises(StoreInUse):
        SqlStore(tmp_path)
    first.close()
    SqlStore(tmp_path).close()


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="file"):
        SqlStore(tmp_path / "file" / "data")


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "fraudray.sqlite").write_bytes(b"not a database, just some text " * 40)
    with pytest.raises(StoreFailed):
        SqlStore(tmp_path)
    (tmp_path / "fraudray.sqlite").unlink()
    SqlStore(tmp_path).close()


def test_a_database_file_elsewhere_has_one_owner_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.sqlite'}"
    first = SqlStore(tmp_path / "one", url=url)
    with pytest.raises(StoreInUse, match=r"shared\.sqlite"):
        SqlStore(tmp_path / "two", url=url)
    first.close()
    SqlStore(tmp_path / "two", url=url).close()


@pytest.mark.parametrize(
    "url", ["mysql://role:hunter2@host/db", "role:hunter2@host", "postgresql://role:hunter2@host:port/db"]
)
def test_what_is_no_database_address_is_refused_without_being_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="database_url") as caught:
        SqlStore(tmp_path, url=url)
    assert "hunter2" not in str(caught.value)


def test_the_key_file_is_private(tmp_path: Path) -> None:
    SqlStore(tmp_path).close()
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600


def test_a_payload_cannot_be_moved_to_another_customer() -> None:
    vault = Vault(bytes(32))
    wrapped, box = vault.new_customer_key("A")
    sealed = box.seal(b"secret", "A")
    assert vault.customer_box(wrapped, "A").open(sealed, "A") == b"secret"
    with pytest.raises(ValueError, match="decrypted"):
        box.open(sealed, "B")
    with pytest.raises(ValueError, match="decrypted"):
        vault.customer_box(wrapped, "B")
