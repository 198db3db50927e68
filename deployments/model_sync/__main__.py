"""`python -m fraudray.deployments.model_sync --from s3://… --to …`, and `… manifest FOLDER`."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from fraudray.cli.exits import ExitCode, InputError, exit_code, say, tell
from fraudray.cli.session import Json, new_app, print_json
from fraudray.deployments.model_sync.copy import sync
from fraudray.deployments.model_sync.errors import Damaged
from fraudray.deployments.model_sync.folder import ModelFolder
from fraudray.deployments.model_sync.manifest import NAME, manifest_of
from fraudray.deployments.model_sync.source import S3Source
from fraudray.domain.errors import FraudrayError

MIB = 1 << 20
REPORT_S = 10.0
app = new_app(invoke_without_command=True)


@app.callback(invoke_without_command=True)
def copy(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Option("--from", help="Where the model is: s3://bucket/prefix.", show_default=False)
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of this model.", file_okay=False, show_default=False)
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="Region of the bucket.", show_default="AWS_REGION, or the profile's")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Ranges fetched at once.")] = 8,
    range_mib: Annotated[int, typer.Option("--range-mib", min=1, max=1024, help="Size of one range.")] = 64,
    wait_s: Annotated[float, typer.Option("--wait-s", min=0, help="How long to wait for another copy.")] = 3600,
    verify: Annotated[bool, typer.Option("--verify", help="Copy nothing; read what is there and check it.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Copy a model from S3 to a shared file system, once, checked, and going on where a run was killed.

    Beside the files lies SHA256SUMS (the verb `manifest` writes it); without one, S3's own SHA-256 of each whole object
    is taken. Codes: 0 it is there and whole, 1 a file is damaged or changed, 2 usage, 4 another copy is at work or
    another model is there, 5 S3 or the file system fails (run it again).
    """
    if ctx.invoked_subcommand is not None:
        return
    with _telling():
        if to is None:
            raise InputError("--to names the folder of the model")
        if verify:
            _verify(to, as_json)
            return
        if url is None:
            raise InputError("--from names where the model is: s3://bucket/prefix")
        source = S3Source(url, region=region, connections=workers)
        result = sync(
            source, to, workers=workers, range_bytes=range_mib * MIB, wait_s=wait_s, progress=_Lines()
        )  # fmt: skip
        done: dict[str, Any] = {
            **result.complete.model_dump(),
            "folder": str(to),
            "fetched_bytes": result.fetched_bytes,
        }
        if as_json:
            print_json(done)
        else:
            typer.echo(
                f"{to} is complete: {done['files']} files, {done['size_bytes']:,} bytes, "
                f"{result.fetched_bytes:,} of them fetched now; manifest {done['manifest_sha256']}"
            )


@app.command()
def manifest(
    folder: Annotated[Path, typer.Argument(help="Folder with the model's files.", exists=True, file_okay=False)],
    as_json: Json = False,
) -> None:
    """Write SHA256SUMS into a folder, to be uploaded with its files."""
    with _telling():
        try:
            made = manifest_of(folder)
            (folder / NAME).write_text(made.text(), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{error.filename}: {error.strerror}") from None
        document = {"file": str(folder / NAME), "files": len(made.digests), "manifest_sha256": made.digest}
        if as_json:
            print_json(document)
        else:
            typer.echo(f"{folder / NAME}: {len(made.digests)} files; manifest {made.digest}")


def _verify(folder: Path, as_json: bool) -> None:
    try:
        damage = list(ModelFolder(folder).damage())
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        print_json({"folder": str(folder), "whole": not damage, "damage": damage})
    elif not damage:
        typer.echo(f"{folder} is whole")
    for line in damage:
        say(f"damaged: {line}")
    if damage:
        say("hint: remove .complete and the damaged files, and run it with --from again")
        raise typer.Exit(ExitCode.FOUND)


@contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except FraudrayError as error:
        tell(error)
        raise typer.Exit(ExitCode.FOUND if isinstance(error, Damaged) else exit_code(error)) from None


class _Lines:
    """Progress as lines on stderr, one every ten seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = self._done = 0
        self._began = self._told = time.monotonic()

    def say(self, line: str) -> None:
        say(line)

    def begin(self, total_bytes: int) -> None:
        self._total = total_bytes
        say(f"{total_bytes / 1e9:,.2f} GB to copy")

    def add(self, size_bytes: int) -> None:
        with self._lock:
            self._done += size_bytes
            now = time.monotonic()
            if now - self._told < REPORT_S:
                return
            self._told = now
        rate = self._done / (now - self._began) / 1e9
        say(f"{self._done / 1e9:,.2f} of {self._total / 1e9:,.2f} GB, {rate:,.2f} GB/s")


if __name__ == "__main__":
    app(args=sys.argv[1:], prog_name="python -m fraudray.deployments.model_sync")
