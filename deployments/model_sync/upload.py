"""A model into S3, as FSx for Lustre imports it: folders first, then the files, last SHA256SUMS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from boto3.s3.transfer import TransferConfig

from fraudray.cli.exits import InputError
from fraudray.deployments.model_sync.errors import Damaged
from fraudray.deployments.model_sync.manifest import NAME, Manifest, checked_manifest, digest_of, write_manifest
from fraudray.deployments.model_sync.ownership import FILE_MODE, FOLDER_MODE, Owner
from fraudray.deployments.model_sync.prefix import S3_ERRORS, Prefix
from fraudray.deployments.model_sync.progress import Progress

PART_BYTES = 16 << 20  # of a file that is sent in parts; one of 160 GB and more gets larger ones from boto3


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What is there now. `sent` are the files that this run has sent, `others` what it found and left alone."""

    manifest_sha256: str
    files: int
    size_bytes: int
    sent: tuple[str, ...]
    sent_bytes: int
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """An object as it is to be in S3. One without a path is a folder's."""

    name: str
    metadata: Mapping[str, str]
    size_bytes: int = 0
    modified_ns: int = 0
    path: Path | None = None


def upload(folder: Path, target: Prefix, owner: Owner, *, workers: int, progress: Progress) -> Uploaded:
    """Send what is not there as it is here; nothing is removed.

    Raises InputError, Damaged with the name of a file that differs from the folder's SHA256SUMS or was changed while it
    was sent, SyncFailed, OSError for the folder.
    """
    _refuse_no_folder(target)
    stored = {name: entry["Size"] for name, entry in target.objects()}
    if (folder / NAME).exists():
        progress.say(f"reading {folder}, and checking it against its {NAME}")
        manifest = checked_manifest(folder)
    else:
        progress.say(f"reading {folder}, and writing {NAME} into it")
        manifest = write_manifest(folder)
    pieces = list(_pieces(folder, manifest, owner))
    others = sorted(stored.keys() - {piece.name for piece in pieces})
    for name in others:
        progress.say(f"{name} is in {target.url}, but not in {NAME}; it stays there")
    sent = _Upload(target, stored, workers, progress).run(pieces)
    files = {piece.name: piece.size_bytes for piece in pieces if piece.name in manifest.digests}
    return Uploaded(
        manifest_sha256=manifest.digest, files=len(files), size_bytes=sum(files.values()),
        sent=sent, sent_bytes=sum(files.get(name, 0) for name in sent), others=tuple(others),
    )  # fmt: skip


class _Upload:
    def __init__(self, target: Prefix, stored: Mapping[str, int], workers: int, progress: Progress) -> None:
        self._target, self._stored, self._progress = target, stored, progress
        self._workers = workers
        self._transfer = TransferConfig(
            multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, max_concurrency=workers
        )

    def run(self, pieces: list[_Piece]) -> tuple[str, ...]:
        """Send what is missing, one file after the other, each in parts at once; the names of the files sent."""
        with ThreadPoolExecutor(self._workers, "look") as pool:
            there = list(pool.map(self._is_there, pieces))
        missing = [piece for piece, found in zip(pieces, there, strict=True) if not found]
        self._progress.begin(sum(piece.size_bytes for piece in missing))
        for piece in missing:
            self._send(piece)
        return tuple(piece.name for piece in missing if piece.path is not None)

    def _is_there(self, piece: _Piece) -> bool:
        if self._stored.get(piece.name) != piece.size_bytes:
            return False
        try:
            found = self._target.s3.head_object(Bucket=self._target.bucket, Key=self._target.key(piece.name))
        except S3_ERRORS as error:
            raise self._target.failed(f"look at {piece.name or 'the folder'}", error) from None
        kept: Mapping[str, str] = found["Metadata"]
        return piece.metadata.items() <= kept.items()

    def _send(self, piece: _Piece) -> None:
        bucket, key, metadata = self._target.bucket, self._target.key(piece.name), dict(piece.metadata)
        try:
            if piece.path is None:
                self._target.s3.put_object(Bucket=bucket, Key=key, Body=b"", Metadata=metadata)
                return
            self._target.s3.upload_file(
                str(piece.path), bucket, key, ExtraArgs={"Metadata": metadata}, Callback=self._progress.add,
                Config=self._transfer,
            )  # fmt: skip
        except S3_ERRORS as error:
            raise self._target.failed(f"write {piece.name or 'the folder'}", error) from None
        found = piece.path.stat()
        if (found.st_size, found.st_mtime_ns) != (piece.size_bytes, piece.modified_ns):
            raise Damaged(f"{piece.path} was changed while it was sent; run it again when nobody writes there")
        self._progress.say(f"{piece.name} is sent")


def _pieces(folder: Path, manifest: Manifest, owner: Owner) -> Iterator[_Piece]:
    """In the order in which they are sent: FSx makes a folder that it has no object of as root's."""
    parents = {parent for name in manifest.digests for parent in PurePosixPath(name).parents}
    for parent in sorted(parents):  # the folder itself, `.`, is the first
        yield _Piece(f"{parent}/" if parent.name else "", owner.metadata(FOLDER_MODE))
    for name, digest in {**manifest.digests, NAME: digest_of(folder / NAME)}.items():
        found = (folder / name).stat()
        metadata = {**owner.metadata(FILE_MODE), "sha256": digest}
        yield _Piece(name, metadata, found.st_size, found.st_mtime_ns, folder / name)


def _refuse_no_folder(target: Prefix) -> None:
    parts = target.path.removesuffix("/").split("/")
    if {"", ".", ".."} & set(parts):
        raise InputError(f"{target.url} names no folder of a bucket: s3://bucket/NAME becomes NAME on the file system")
