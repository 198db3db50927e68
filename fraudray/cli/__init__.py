"""The command line. Nothing heavy is imported here: each command loads what it needs when it runs."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line with `argv` (the process's arguments by default) and exit with its code."""
    from fraudray.cli.root import run

    run(argv)
