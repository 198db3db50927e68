"""The root command: lists all commands without importing one, and loads the one that is used."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from fraudray.cli.exits import MEANINGS, InputError, exit_code, say, tell
from fraudray.domain.errors import FraudrayError

GROUP = "fraudray.commands"
_DECIDE, _WORK, _RUN = "Decide", "Look and act", "Set up and measure"


@dataclass(frozen=True, slots=True)
class Listed:
    """A command as `--help` lists it, known without importing it: `target` is `module:app`."""

    target: str
    help: str
    panel: str


COMMANDS: dict[str, Listed] = {
    "decide": Listed("fraudray.cli.decide:app", "Decide transactions of a file, or the packaged samples.", _DECIDE),
    "decision": Listed("fraudray.cli.lookups:decision_app", "Show a stored decision.", _DECIDE),
    "step-up": Listed("fraudray.cli.lookups:step_up_app", "Answer the step-up that a REVIEW asked for.", _DECIDE),
    "investigate": Listed("fraudray.cli.investigate:app", "Let a model look at a decision, live.", _DECIDE),
    "report": Listed("fraudray.cli.reports:app", "Report on a case, or on a period: HTML, PDF, JSON.", _DECIDE),
    "ask": Listed("fraudray.cli.ask:app", "Ask the model about a case, answered from its evidence.", _WORK),
    "cases": Listed("fraudray.cli.casework:app", "Take, work on, search and export cases.", _WORK),
    "customers": Listed("fraudray.cli.customers:app", "Register, show, hold and erase customers.", _WORK),
    "accounts": Listed("fraudray.cli.accounts:app", "Show whether an account is frozen; lift a freeze.", _WORK),
    "labels": Listed("fraudray.cli.labels:app", "Say which transactions were fraud; import it from a file.", _WORK),
    "lists": Listed("fraudray.cli.lists:app", "Deny, allow and block; mute a rule for a customer.", _WORK),
    "audit": Listed("fraudray.cli.audit:app", "Read the audit trail; verify that it is whole.", _WORK),
    "outbox": Listed("fraudray.cli.outbox:app", "See, retry and carry out alerts, messages and reports.", _WORK),
    "webhooks": Listed("fraudray.cli.webhooks:app", "Tell other systems of decisions and cases.", _WORK),
    "data": Listed("fraudray.cli.data:app", "Show the lists of the world and their age; update one.", _RUN),
    "policy": Listed("fraudray.cli.policy:app", "Check, show, test, compare, explain and reload the policy.", _RUN),
    "schema": Listed("fraudray.cli.schema:app", "Print the JSON Schema of what goes in and comes out.", _RUN),
    "config": Listed("fraudray.cli.config:app", "Show the settings in force and where they came from.", _RUN),
    "keys": Listed("fraudray.cli.keys:app", "Make, list and revoke API keys.", _RUN),
    "bench": Listed("fraudray.cli.bench:app", "Measure decisions a second, in process and over HTTP.", _RUN),
    "version": Listed("fraudray.cli.lookups:version_app", "Show the version.", _RUN),
}
# Commands of other folders are found by entry point; what they say in the list is known here.
_ELSEWHERE = {
    "backtest": "Decide years of history again, and measure what that would have caught and cost.",
    "cluster": "KubeRay on EKS: make, deploy, upgrade, check and remove it; its state and cost; the model off and on.",
    "history": "Import a history of transactions for back-tests, or generate one.",
    "page": "Serve the analysts' page beside an API that runs already.",
    "plan": "Latency, throughput and cost of serving a model, before a GPU is rented.",
    "serve": "Serve the HTTP API and the MCP tools on Ray Serve.",
    "tools": "Start and call the six MCP tools; begin one of your own.",
}
_EXTRAS = {"backtest": "batch", "cluster": "cluster", "history": "batch", "page": "ui"}  # any other needs `serve`


class RootGroup(TyperGroup):
    """Commands by name: shown from a table, loaded on use. Ends expected failures with their exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, without importing any."""
        return [*_plugins(), *COMMANDS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in that carries name and help; see `resolve_command` for the real one."""
        listed = _listed(cmd_name)
        if listed is None:
            return None
        return TyperCommand(cmd_name, help=listed.help, rich_help_panel=listed.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command to run, imported now."""
        self.commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}  # to suggest from
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _load(str(name), ctx), rest

    def invoke(self, ctx: Any) -> Any:
        """Run; an expected failure is told in a line and ends with its code."""
        try:
            return super().invoke(ctx)
        except FraudrayError as error:
            tell(error)
            raise typer.Exit(exit_code(error)) from None


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _listed(name: str) -> Listed | None:
    if name in COMMANDS:
        return COMMANDS[name]
    point = _plugins().get(name)
    if point is None:
        return None
    return Listed(point.value, _ELSEWHERE.get(name, f"From {point.value.partition(':')[0]}."), _RUN)


def _load(name: str, ctx: Any) -> Any:
    listed = _listed(name)
    assert listed is not None  # noqa: S101 - resolved just before
    module, _, attribute = listed.target.partition(":")
    if name not in COMMANDS and isinstance(ctx.obj, Path):
        os.environ["FRAUDRAY_DATA_DIR"] = str(ctx.obj)  # plug-ins read the settings themselves
    try:
        app = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if name in COMMANDS:
            raise
        missing = error.name or str(error)
        if missing.startswith("fraudray"):
            raise InputError(f"`fraudray {name}` is not part of this installation ({missing} is missing)") from None
        extra = _EXTRAS.get(name, "serve")
        raise InputError(
            f"`fraudray {name}` needs {missing}, which is not installed: pip install 'fraudray[{extra}]'"
        ) from None
    if name in COMMANDS:
        _log_in_lines()
    command = get_command(app)
    command.name = name
    return command


class _Lines(logging.Handler):
    """Warnings of the library as lines on stderr, without the traceback that a server's log would keep."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        say(f"{record.levelname.lower()}: {record.getMessage()}")


def _log_in_lines() -> None:
    log = logging.getLogger("fraudray")
    if not any(isinstance(handler, _Lines) for handler in log.handlers):
        log.addHandler(_Lines(logging.WARNING))
        log.propagate = False


def _show_version(wanted: bool) -> None:
    if wanted:
        from fraudray.cli.lookups import installed_version

        typer.echo(f"fraudray {installed_version()}")
        raise typer.Exit


_EXITS = "Exit codes: " + "; ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items()) + "."
_EXAMPLES = (
    "Examples:\n\n  fraudray decide --samples\n\n  fraudray decide transactions.ndjson --rejects bad.ndjson"
    "\n\n  fraudray policy explain TXN-20251201-191354\n\n  fraudray audit verify"
)
app = typer.Typer(
    name="fraudray",
    cls=RootGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    epilog=_EXITS + "\n\n" + _EXAMPLES,
)


@app.callback()
def root(
    ctx: typer.Context,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder that holds all state; any command takes it.", file_okay=False),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Decide, explain and investigate payment fraud.

    Settings come from FRAUDRAY_… variables and one TOML file (`fraudray config show`). Beside a running server every
    command sees and makes the same data through that server.
    """
    ctx.obj = data_dir


def run(argv: Sequence[str] | None = None) -> None:
    """Run with `argv` and exit. A reader that went away is no error worth a line."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Unicode still shows everything
    try:
        app(args=None if argv is None else list(argv), prog_name="fraudray")
    except BrokenPipeError:
        _silence()
        raise SystemExit(1) from None
    except OSError as error:
        say(f"error: {error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        raise SystemExit(5 if error.errno in (errno.ENOSPC, errno.EIO, errno.EROFS) else 2) from None


def _silence() -> None:
    """Nothing more can be written; keep the interpreter from trying at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
