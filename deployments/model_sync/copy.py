"""The copy itself: ranges of a few files at once, each file read back and checked before it gets its name."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fraudray.deployments.model_sync.errors import Damaged, SyncFailed
from fraudray.deployments.model_sync.folder import Complete, ModelFolder
from fraudray.deployments.model_sync.lock import FolderLock
from fraudray.deployments.model_sync.manifest import NAME, Manifest
from fraudray.deployments.model_sync.ownership import denial
from fraudray.deployments.model_sync.part import PartFile, Range
from fraudray.deployments.model_sync.progress import Progress
from fraudray.deployments.model_sync.source import S3Source, SourceFile
from fraudray.domain.errors import Refused

FILES_AHEAD = 4  # while one is read back, ranges of the next are fetched


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did. `fetched_bytes` is what it took from S3 itself."""

    complete: Complete
    fetched_bytes: int


def sync(
    source: S3Source, folder: Path, *, workers: int, range_bytes: int, wait_s: float, progress: Progress
) -> Result:
    """Bring the model there; nothing is done where it is complete.

    Raises InputError, Refused (another is at it, or another model is there), Damaged with the file's name, SyncFailed.
    """
    files = source.files()
    manifest = source.manifest(files)
    if missing := [name for name in manifest.digests if name not in files]:
        raise Damaged(f"{missing[0]} is in {NAME}, but not in {source.url}")
    wanted = [files[name] for name in manifest.digests]
    complete = Complete(
        manifest_sha256=manifest.digest, source=source.url, files=len(wanted),
        size_bytes=sum(file.size_bytes for file in wanted),
    )  # fmt: skip
    model = ModelFolder(folder)
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if model.has(manifest, wanted):
            return Result(complete, 0)
        with FolderLock(folder, wait_s=wait_s, say=progress.say) as lock:
            if model.has(manifest, wanted):  # by the one that was waited for
                return Result(complete, 0)
            _refuse_another_model(model, manifest)
            model.begin()
            fetched = _Copy(source, model, manifest, lock, workers, range_bytes, progress).run(wanted)
            lock.check()
            model.finish(manifest, complete)
    return Result(complete, fetched)


class _Copy:
    def __init__(
        self, source: S3Source, model: ModelFolder, manifest: Manifest, lock: FolderLock, workers: int,
        range_bytes: int, progress: Progress,
    ) -> None:  # fmt: skip
        self._source, self._model, self._lock = source, model, lock
        self._digests: Mapping[str, str] = manifest.digests
        self._workers, self._range_bytes, self._progress = workers, range_bytes, progress

    def run(self, wanted: Sequence[SourceFile]) -> int:
        """Copy what is not in its place; how many bytes came from S3."""
        needed = [file for file in wanted if not self._model.is_in_place(file, self._digests[file.name])]
        self._progress.begin(sum(file.size_bytes for file in needed))
        _refuse_full_disk(self._model.path, sum(file.size_bytes - self._model.allocated_bytes(file) for file in needed))
        fetched = 0
        with ExitStack() as opened, ThreadPoolExecutor(self._workers, "range") as pool:
            under_way: deque[tuple[SourceFile, PartFile, list[Future[int]]]] = deque()
            try:
                for file in needed:
                    part = opened.enter_context(self._model.part(file, self._range_bytes))
                    self._progress.add(part.done_bytes)
                    under_way.append((file, part, [pool.submit(self._fetch, file, part, r) for r in part.missing()]))
                    if len(under_way) == FILES_AHEAD:
                        fetched += self._finish(*under_way.popleft())
                while under_way:
                    fetched += self._finish(*under_way.popleft())
            except BaseException:
                self._source.stop()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return fetched

    def _fetch(self, file: SourceFile, part: PartFile, wanted: Range) -> int:
        start, length = wanted
        written = part.write(start, self._source.read(file, start, length))
        self._progress.add(written)
        return written

    def _finish(self, file: SourceFile, part: PartFile, ranges: Sequence[Future[int]]) -> int:
        fetched = sum(each.result() for each in ranges)
        found, expected = self._model.part_digest(file), self._digests[file.name]
        if found != expected:
            part.remove()
            raise Damaged(
                f"{file.name} in {self._source.url} has SHA-256 {found}, but {NAME} says {expected}: the file was "
                "changed or damaged there; bring the right one, or write the manifest anew"
            )
        self._lock.check()
        self._model.publish(part, file, expected)
        self._progress.say(f"{file.name} is there and whole")
        return fetched


def _refuse_another_model(model: ModelFolder, manifest: Manifest) -> None:
    done = model.completed()
    if done is not None and done.manifest_sha256 != manifest.digest:
        raise Refused(
            f"{model.path} holds another model, complete, from {done.source}; an engine may be reading it: "
            "copy the new one into a folder of its own"
        )


def _refuse_full_disk(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed_bytes > free:
        raise SyncFailed(f"{folder} has {free / 1e9:,.1f} GB free, and {needed_bytes / 1e9:,.1f} GB are needed")


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = f"cannot write into {folder}: {error.filename or ''} {error.strerror or error}"
        denied = denial(folder, error)
        raise SyncFailed(f"{said}; {denied}" if denied else said) from None
