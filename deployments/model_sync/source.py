"""The model in S3: which files, how long, and ranges of them."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from fraudray.cli.exits import InputError
from fraudray.deployments.model_sync.errors import Damaged, SyncFailed
from fraudray.deployments.model_sync.manifest import NAME, Manifest
from fraudray.deployments.model_sync.prefix import Prefix

READ_ATTEMPTS = 5  # of one range whose answer breaks off
PIECE_BYTES = 1 << 20
MANIFEST_BYTES_MAX = 16 << 20


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file in S3. Its ETag tells whether it is still the same one."""

    name: str
    size_bytes: int
    etag: str


class S3Source:
    """All below `s3://bucket/prefix/`. Credentials come from where boto3 looks for them."""

    def __init__(self, url: str, *, region: str | None, connections: int) -> None:
        """Raises InputError for another kind of address, SyncFailed when boto3 cannot be set up."""
        self._at = Prefix(url, region=region, connections=connections)
        self.url = self._at.url
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let nobody wait for another attempt."""
        self._stopped.set()

    def files(self) -> dict[str, SourceFile]:
        """All files there, by their names below the prefix. Raises SyncFailed."""
        found = {
            name: SourceFile(name, entry["Size"], entry["ETag"])
            for name, entry in self._at.objects()
            if name and not name.endswith("/")  # folders' own objects
        }
        if not found:
            raise SyncFailed(f"there is nothing under {self.url}/")
        return found

    def manifest(self, files: dict[str, SourceFile]) -> Manifest:
        """SHA256SUMS beside the files; without one, S3's own SHA-256 of each. Raises InputError, SyncFailed."""
        if NAME not in files:
            return Manifest({name: self._own_sha256(name) for name in files})
        if files[NAME].size_bytes > MANIFEST_BYTES_MAX:
            raise InputError(f"{self.url}/{NAME} is larger than {MANIFEST_BYTES_MAX >> 20} MiB")
        try:
            text = b"".join(self.read(files[NAME], 0, files[NAME].size_bytes)).decode()
        except UnicodeDecodeError:
            raise InputError(f"{self.url}/{NAME} is not UTF-8 text") from None
        return Manifest.parse(text)

    def read(self, file: SourceFile, start: int, length: int) -> Iterator[bytes]:
        """Bytes of a file, in pieces; an answer that breaks off is asked for again from there.

        Raises Damaged when the file has changed or is shorter than it was listed, SyncFailed.
        """
        at, end, attempts = start, start + length, 0
        while at < end:
            try:
                body = self._at.s3.get_object(
                    Bucket=self._at.bucket, Key=self._at.key(file.name), IfMatch=file.etag,
                    Range=f"bytes={at}-{end - 1}",
                )["Body"]  # fmt: skip
                with body:
                    for piece in body.iter_chunks(PIECE_BYTES):
                        at += len(piece)
                        yield piece
                if at < end:
                    raise Damaged(f"{file.name} in {self.url} is shorter than it was listed; was it replaced just now?")
            except ClientError as error:
                if error.response["ResponseMetadata"].get("HTTPStatusCode") in {404, 412, 416}:
                    raise Damaged(
                        f"{file.name} in {self.url} was replaced or removed during the copy; run it again"
                    ) from None
                raise self._at.failed(f"read {file.name}", error) from None
            except BotoCoreError as error:
                attempts += 1
                if attempts == READ_ATTEMPTS or self._stopped.wait(2**attempts / 4):
                    raise self._at.failed(f"read {file.name}", error) from None

    def _own_sha256(self, name: str) -> str:
        try:
            answer = self._at.s3.head_object(Bucket=self._at.bucket, Key=self._at.key(name), ChecksumMode="ENABLED")
        except (BotoCoreError, ClientError) as error:
            raise self._at.failed(f"look at {name}", error) from None
        checksum = answer.get("ChecksumSHA256", "")
        # That of an upload in parts is one of the parts' checksums (`…-12`), which says nothing of the whole.
        if not checksum or answer.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT" or "-" in checksum:
            raise InputError(
                f"{self.url} has no {NAME}, and S3 has no SHA-256 of the whole of {name}: write one with "
                f"`python -m fraudray.deployments.model_sync manifest FOLDER` and put it beside the files"
            )
        return base64.b64decode(checksum).hex()
