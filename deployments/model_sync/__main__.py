"""`python -m fraudray.deployments.model_sync --from s3://… --to …`, `… upload FOLDER s3://…`, `… manifest FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from fraudray.cli.exits import ExitCode, InputError, exit_code, say, tell
from fraudray.cli.session import Json, new_app, print_json
from fraudray.deployments.model_sync.copy import sync
from fraudray.deployments.model_sync.errors import Damaged
from fraudray.deployments.model_sync.folder import ModelFolder
from fraudray.deployments.model_sync.manifest import NAME, write_manifest
from fraudray.deployments.model_sync.ownership import Owner
from fraudray.deployments.model_sync.prefix import Prefix
from fraudray.deployments.model_sync.progress import Lines
from fraudray.deployments.model_sync.source import S3Source
from fraudray.deployments.model_sync.upload import upload
from fraudray.domain.errors import FraudrayError

MIB = 1 << 20
app = new_app(invoke_without_command=True)
Folder = Annotated[Path, typer.Argument(help="Folder with the model's files.", exists=True, file_okay=False)]
Region = Annotated[str | None, typer.Option(help="Region of the bucket.", show_default="AWS_REGION, or the profile's")]


@app.callback(invoke_without_command=True)
def copy(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Option("--from", help="Where the model is: s3://bucket/prefix.", show_default=False)
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder of this model.", file_okay=False, show_default=False)
    ] = None,
    region: Region = None,
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
            source, to, workers=workers, range_bytes=range_mib * MIB, wait_s=wait_s, progress=Lines()
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
def manifest(folder: Folder, as_json: Json = False) -> None:
    """Write SHA256SUMS into a folder, to be uploaded with its files."""
    with _telling():
        with _reading(folder):
            made = write_manifest(folder)
        document = {"file": str(folder / NAME), "files": len(made.digests), "manifest_sha256": made.digest}
        if as_json:
            print_json(document)
        else:
            typer.echo(f"{folder / NAME}: {len(made.digests)} files; manifest {made.digest}")


@app.command("upload")
def send(
    folder: Folder,
    url: Annotated[str, typer.Argument(metavar="s3://BUCKET/PREFIX", help="Where the model is to be.")],
    region: Region = None,
    owner: Annotated[str, typer.Option(help="UID:GID that its files and folders get on FSx.")] = "1000:1000",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Parts sent at once.")] = 8,
    as_json: Json = False,
) -> None:
    """Put a model into S3 as FSx for Lustre imports it: with owner, permissions and SHA-256 of all files and folders.

    SHA256SUMS is written where there is none; where there is one, the folder has to be as it says. Killed, run it
    again: files that are there, the same and with the same owner, are not sent again. What else is under the prefix is
    named, and stays. Codes: 0 it is there, 1 a file differs from SHA256SUMS or was changed just now, 2 usage, 5 S3
    fails (run it again).
    """
    with _telling():
        target, owned_by = Prefix(url, region=region, connections=workers), Owner.parse(owner)
        with _reading(folder):
            result = upload(folder, target, owned_by, workers=workers, progress=Lines())
        if as_json:
            print_json({"url": target.url, **asdict(result)})
        else:
            typer.echo(
                f"{target.url} is complete: {result.files} files, {result.size_bytes:,} bytes, {result.sent_bytes:,} "
                f"of them sent now; manifest {result.manifest_sha256}"
            )


def _verify(folder: Path, as_json: bool) -> None:
    with _reading(folder):
        damage = list(ModelFolder(folder).damage())
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


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{error.filename or folder}: {error.strerror or error}") from None


if __name__ == "__main__":
    app(args=sys.argv[1:], prog_name="python -m fraudray.deployments.model_sync")
