"""`<data folder>/world/`: the lists that `fraudray data update` installed, and the manifest that says which count.

Files are named by their content and written before the manifest; the manifest is replaced in one step. So whoever
reads, at any moment, finds a whole list. Of each kind the edition before is kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from fraudray.domain.errors import Refused, SettingsError

_Day = date  # a name that the fields below do not hide
MANIFEST = "manifest.json"
_CHUNK = 1024 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Edition(_Part):
    """One installed file. `date` is that of its newest part, `oldest` that of its oldest."""

    file: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,127}$")
    date: _Day
    oldest: _Day
    source: str
    licence: str
    rows: int
    sha256: str
    form: str = Field(description="What the file that it came from was.")
    installed_at: AwareDatetime
    author: str


class Slot(_Part):
    """What is in force of a kind and what was before; None is the packaged file."""

    current: Edition | None = None
    previous: Edition | None = None
    changed_at: AwareDatetime
    author: str


class Manifest(_Part):
    """Which editions are in force."""

    kinds: dict[str, Slot] = Field(default_factory=dict)


class WorldFolder:
    """The installed lists of one data folder. Many may read; one writes at a time."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "world"

    def version(self) -> tuple[int, int, int] | None:
        """Changes whenever what is in force changes; one `stat`."""
        try:
            found = (self.path / MANIFEST).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def manifest(self) -> Manifest:
        """What is installed. Raises SettingsError when the manifest is damaged."""
        file = self.path / MANIFEST
        try:
            return Manifest.model_validate_json(file.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            return Manifest()
        except (OSError, ValidationError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is damaged"
            raise SettingsError(f"cannot read {file}: {said}; without it the packaged lists count") from None

    @contextmanager
    def staging(self, suffix: str) -> Iterator[Path]:
        """A file to write in, gone afterwards unless it was installed. Raises SettingsError."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(suffix=suffix, prefix=".new-", dir=self.path)
        except OSError as error:
            raise SettingsError(f"cannot write in {self.path}: {error.strerror}") from None
        os.close(handle)
        try:
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def install(self, kind: str, staged: Path, edition: Edition) -> None:
        """Put a checked file in force."""
        _sync(staged)
        with self._locked():
            staged.rename(self.path / edition.file)
            slots = self.manifest().kinds
            before = slots[kind].current if kind in slots else None
            if before is not None and before.file == edition.file:
                before = slots[kind].previous
            slot = Slot(current=edition, previous=before, changed_at=edition.installed_at, author=edition.author)
            self._write({**slots, kind: slot})

    def revert(self, kind: str, *, author: str, at: AwareDatetime) -> Slot:
        """Put the edition before in force, the packaged one where there is none. Raises Refused."""
        if kind not in self.manifest().kinds:
            raise Refused(f"{kind} was never updated; the packaged list is in force")
        with self._locked():
            slots = self.manifest().kinds
            slot = slots[kind]
            turned = Slot(current=slot.previous, previous=slot.current, changed_at=at, author=author)
            self._write({**slots, kind: turned})
            return turned

    def _write(self, slots: dict[str, Slot]) -> None:
        with self.staging(".json") as new:
            new.write_text(Manifest(kinds=slots).model_dump_json(indent=2) + "\n", encoding="utf-8")
            _sync(new)
            new.rename(self.path / MANIFEST)
            _sync(self.path)
        kept = {edition.file for slot in slots.values() for edition in (slot.current, slot.previous) if edition}
        for file in self.path.iterdir():
            if file.name not in kept and not file.name.startswith((".", "manifest")):
                file.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.path / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
