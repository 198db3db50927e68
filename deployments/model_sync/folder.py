"""The folder that a model is copied into: what is complete, what is in its place, what is under construction."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fraudray.cli.exits import InputError
from fraudray.deployments.model_sync import manifest as manifests
from fraudray.deployments.model_sync.errors import SyncFailed
from fraudray.deployments.model_sync.manifest import Manifest, digest_of
from fraudray.deployments.model_sync.part import PartFile, fsync_folder
from fraudray.deployments.model_sync.source import SourceFile

BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own are


class Complete(BaseModel):
    """What `.complete` says, so that whoever starts an engine can see which model it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifest_sha256: str
    source: str
    files: int
    size_bytes: int


class ModelFolder:
    """One model on the shared file system. Every method may raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts = path / ".part"
        self._bytes, self._ranges = self._parts / "bytes", self._parts / "ranges"
        self._verified = self._parts / "verified"
        self._complete = path / ".complete"

    def completed(self) -> Complete | None:
        """What the last copy that ended has left. Raises SyncFailed when that is no such record."""
        try:
            return Complete.model_validate_json(self._complete.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise SyncFailed(f"{self._complete} is not what a copy leaves; remove it and run again") from None

    def has(self, manifest: Manifest, files: Iterable[SourceFile]) -> bool:
        """Whether a copy of just this ended, and all files have still their sizes."""
        done = self.completed()
        return done is not None and done.manifest_sha256 == manifest.digest and all(map(self._is_sized, files))

    def begin(self) -> None:
        """A copy begins: nobody is to use the model until it ends."""
        if self.completed() is not None:
            self._complete.unlink()
            fsync_folder(self.path)
        self._parts.mkdir(exist_ok=True)

    def is_in_place(self, file: SourceFile, digest: str) -> bool:
        """Whether a file is whole: put there by a run that had read it back, or, for any other, read now."""
        if not self._is_sized(file):
            return False
        if f"{digest}  {file.name}" in self._noted():
            return True
        if digest_of(self.path / file.name) != digest:
            return False
        self._note(file, digest)
        return True

    def part(self, file: SourceFile, range_bytes: int) -> PartFile:
        """A file under construction, gone on with where there is one."""
        return PartFile(self._bytes / file.name, self._ranges / file.name, file, range_bytes)

    def allocated_bytes(self, file: SourceFile) -> int:
        """What a file under construction takes of the file system already; its holes take nothing."""
        try:
            return min(file.size_bytes, (self._bytes / file.name).stat().st_blocks * BLOCK_BYTES)
        except FileNotFoundError:
            return 0

    def part_digest(self, file: SourceFile) -> str:
        """SHA-256 of its bytes as they are on the file system."""
        return digest_of(self._bytes / file.name)

    def publish(self, part: PartFile, file: SourceFile, digest: str) -> None:
        """Put a file that was read back into its place."""
        part.publish(self.path / file.name)
        self._note(file, digest)

    def finish(self, manifest: Manifest, complete: Complete) -> None:
        """The copy is done: SHA256SUMS, then `.complete`."""
        _write_whole(self.path / manifests.NAME, manifest.text())
        shutil.rmtree(self._parts, ignore_errors=True)
        _write_whole(self._complete, complete.model_dump_json(indent=2) + "\n")

    def damage(self) -> Iterator[str]:
        """Read every file, and say of each what is wrong with it. Raises InputError where no copy has ended."""
        done = self.completed()
        if done is None:
            raise InputError(f"{self.path} holds no complete model: there is no .complete; run it without --verify")
        manifest = Manifest.parse((self.path / manifests.NAME).read_text(encoding="utf-8"))
        if manifest.digest != done.manifest_sha256:
            yield f"{manifests.NAME} is not the one that .complete names"
        for name, digest in manifest.digests.items():
            try:
                found = digest_of(self.path / name)
            except FileNotFoundError:
                yield f"{name} is missing"
                continue
            if found != digest:
                yield f"{name} has SHA-256 {found}, not {digest}"

    def _is_sized(self, file: SourceFile) -> bool:
        try:
            return (self.path / file.name).stat().st_size == file.size_bytes
        except FileNotFoundError:
            return False

    def _noted(self) -> set[str]:
        try:
            return set(self._verified.read_text(encoding="utf-8").splitlines())
        except FileNotFoundError:
            return set()

    def _note(self, file: SourceFile, digest: str) -> None:
        with self._verified.open("a", encoding="utf-8") as noted:
            noted.write(f"{digest}  {file.name}\n")
            noted.flush()
            os.fsync(noted.fileno())


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f".lock.{path.name}")  # a name that no file of a model has
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    fsync_folder(path.parent)
