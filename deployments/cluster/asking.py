"""The question before something is changed: answered on a terminal, by an option where there is none."""

from __future__ import annotations

import sys

import typer

from fraudray.domain.errors import Refused


def may(question: str, *, yes: bool, shown: bool = True) -> None:
    """Go on, by `--yes` or by the answer. Raises Refused where nobody can be asked (no terminal, or with `--json`
    nothing was `shown`), Abort for a no."""
    if yes:
        return
    if not (shown and sys.stdin.isatty()):
        raise Refused("nobody is here to be asked, so nothing was done; --yes does it without a question")
    typer.confirm(question, abort=True, err=True)


def may_named(what: str, name: str, *, given: str | None, shown: bool = True) -> None:
    """Go on where the name of what will be lost was given (`--name`), or is typed now. Raises Refused."""
    if given is None:
        if not (shown and sys.stdin.isatty()):
            raise Refused(f"nobody is here to be asked, so nothing was done; --name {name} does it without a question")
        given = typer.prompt(f"To {what}, type its name", err=True)
    if given != name:
        raise Refused(f"{given} is not its name, {name}; nothing was done")
