"""What every command shares: settings, the service, printing, and the options that all of them take."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudray.cli.exits import InputError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from fraudray.service import Service
    from fraudray.settings import Settings

Document = dict[str, Any]
WIDTH_PIPED = 120
AUTHOR_MAX = 128

Json = Annotated[bool, typer.Option("--json", help="Print the document as JSON and nothing else.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder that holds all state.", show_default=False, file_okay=False),
]
Author = Annotated[
    str, typer.Option("--author", help="Who acts; goes on the audit trail.", show_default="$USER, else cli")
]
AUTHOR = os.environ.get("USER") or "cli"
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="Most rows to show.")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="Rows to leave out first.")]


def examples(*lines: str) -> str:
    """The examples at the end of a command's help."""
    return "Examples:\n\n" + "\n\n".join(f"  {line}" for line in lines)


def new_app(**options: Any) -> typer.Typer:
    """A Typer group in this command line's manner."""
    return typer.Typer(
        no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False, **options
    )


@dataclass(frozen=True)
class Session:
    """One run of one command."""

    data_dir: Path | None
    as_json: bool

    @classmethod
    def of(cls, ctx: typer.Context, *, as_json: bool, data_dir: Path | None) -> Session:
        """From a command's options; `--data-dir` may stand before the command too."""
        shared = ctx.obj if isinstance(ctx.obj, Path) else None
        return cls(data_dir or shared, as_json)

    @cached_property
    def settings(self) -> Settings:
        """The settings in force. Raises SettingsError."""
        from fraudray.settings import load_settings

        return load_settings(data_dir=self.data_dir)

    @contextmanager
    def service(self, *, work: bool = False) -> Iterator[Service]:
        """The service, closed at the end. Only with `work` does this process carry out what waits in the outbox."""
        from fraudray.service import open_service

        service = open_service(self.settings, work=work)
        try:
            yield service
        finally:
            service.close()

    @cached_property
    def out(self) -> Console:
        """Standard output; 120 columns wide where nobody watches and COLUMNS is not set."""
        from rich.console import Console

        watched = sys.stdout.isatty() or "COLUMNS" in os.environ
        return Console(highlight=False, markup=False, emoji=False, width=None if watched else WIDTH_PIPED)

    def show(self, document: Any, rendered: RenderableType | None = None) -> None:
        """Print `document` as JSON where that is asked for, else what people read."""
        if self.as_json or rendered is None:
            print_json(document)
        else:
            self.out.print(rendered)


def print_json(document: Any) -> None:
    """JSON on standard output, indented, in UTF-8."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2, default=str))


def checked_author(author: str) -> str:
    """The author of an act as given. Raises InputError for an empty, overlong or unprintable one."""
    author = author.strip()
    if not author or len(author) > AUTHOR_MAX or not author.isprintable():
        raise InputError(f"--author is a name of 1 to {AUTHOR_MAX} printable characters")
    return author


def read_text(path: Path, limit: int = 16 * 1024 * 1024) -> str:
    """The UTF-8 text of a file, or of standard input for `-`. Raises InputError."""
    try:
        if str(path) == "-":
            body = sys.stdin.buffer.read(limit + 1)
        else:
            with path.open("rb") as file:
                body = file.read(limit + 1)
        if len(body) > limit:
            raise InputError(f"{path} is larger than {limit // 1024:,} KiB")
        return body.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}") from None


def read_transaction(given: str) -> str | Document:
    """A transaction from a JSON file or standard input (`-`); anything else is the id of a stored one, given back.

    Raises InputError."""
    if given != "-" and not Path(given).is_file():
        return given
    from fraudray.domain.transaction import load_json

    try:
        data: Any = load_json(read_text(Path(given)))
    except ValueError as error:
        raise InputError(f"{given} is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise InputError(f"{given} is not one JSON object")
    return data
