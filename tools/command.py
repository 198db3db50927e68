"""`fraudray tools`: list, call and serve the six MCP servers, and print what a client needs to find them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fraudray.tools.catalogue import TOOLS, ToolEntry, find

app = typer.Typer(
    name="tools",
    no_args_is_help=True,
    help="The six MCP tools: list, call and serve them, configure a client; begin one of your own.",
)
Kind = Literal["python", "mcp", "scoring"]
DataDir = Annotated[Path | None, typer.Option(help="The data folder, other than as set.", show_default=False)]
_KEY_IN_CONFIG = "Bearer ${FRAUDRAY_API_KEY}"  # clients fill in variables; no key is ever written out
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]


def _entry(name: str) -> ToolEntry:
    try:
        return find(name)
    except KeyError:
        known = ", ".join(entry.name for entry in TOOLS)
        raise typer.BadParameter(f"there is no tool server {name}; there are {known}") from None


Server = Annotated[ToolEntry, typer.Argument(metavar="TOOL", parser=_entry, help="For example transaction-risk.")]


@app.command("list")
def list_tools(as_json: AsJson = False) -> None:
    """Show the six servers, whether they read or act, their tools and parameters (* needed)."""
    from fraudray.tools.describe import describe, table

    servers = describe()
    if as_json:
        typer.echo(json.dumps({"servers": servers}, indent=2))
    else:
        from rich.console import Console

        Console().print(table(servers))


@app.command()
def call(
    tool: Server,
    name: Annotated[str, typer.Argument(help="The tool to call, for example check_transaction_risk.")],
    arg: Annotated[
        list[str] | None, typer.Option("--arg", metavar="KEY=VALUE", help="One argument; may be repeated.")
    ] = None,
    json_args: Annotated[
        str | None, typer.Option(metavar="JSON", help="Arguments as one JSON object; --arg adds to it.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Call a tool as an MCP client would. Beside a running server on the same data folder, that server answers.

    Exit code 1: the tool answered with an error.
    """
    from fraudray.tools.call import call_tool

    result = call_tool(tool, name, _json_object(json_args), _pairs(arg or []), data_dir=data_dir)
    if result.is_error:
        document: Any = {"error": result.text, "result": result.document}
        typer.echo(json.dumps(document) if as_json else result.text, err=not as_json)
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(result.document))
    else:
        from rich.console import Console

        Console().print_json(data=result.document)


@app.command()
def serve(
    tool: Server,
    transport: Annotated[str, typer.Option(help="stdio or http.")] = "stdio",
    host: Annotated[str, typer.Option(help="Address to listen on, for http.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port, for http; each tool has its own.", show_default=False)] = None,
    data_dir: DataDir = None,
) -> None:
    """Serve one tool on its own, as `python -m fraudray.tools.<tool>` does."""
    if transport not in ("stdio", "http"):
        raise typer.BadParameter("is stdio or http", param_hint="--transport")
    from fraudray.tools.main import main

    options = ["--transport", transport, "--host", host]
    options += [] if port is None else ["--port", str(port)]
    options += [] if data_dir is None else ["--data-dir", str(data_dir)]
    main(tool.name, options)


@app.command()
def config(
    transport: Annotated[str, typer.Option(help="stdio: the client starts each tool; http: the server's.")] = "stdio",
    data_dir: DataDir = None,
) -> None:
    """Print the `mcpServers` configuration that MCP clients read, for all six tools.

    Where API keys are in use, it takes the client's key from the environment: FRAUDRAY_API_KEY.
    """
    from fraudray.bootstrap import running_server, stored_keys
    from fraudray.settings import address_of, load_settings

    settings = load_settings(data_dir=data_dir)
    if transport == "stdio":
        folder = str(settings.data_dir.resolve())
        servers: dict[str, Any] = {
            f"fraudray-{entry.name}": {
                "command": sys.executable, "args": ["-m", entry.module, "--data-dir", folder],
            }
            for entry in TOOLS
        }  # fmt: skip
    elif transport == "http":
        own = address_of(settings.host, settings.port)
        base = (settings.public_url or running_server(settings.data_dir) or own).rstrip("/")
        headers = {"headers": {"Authorization": _KEY_IN_CONFIG}} if stored_keys(settings).ring().in_use else {}
        servers = {f"fraudray-{entry.name}": {"type": "http", "url": base + entry.path} | headers for entry in TOOLS}
    else:
        raise typer.BadParameter("is stdio or http", param_hint="--transport")
    typer.echo(json.dumps({"mcpServers": servers}, indent=2))


@app.command(
    epilog="Examples:\n\n  fraudray tools new merchant-watch\n\n  fraudray tools new own-server --kind mcp --dir ~/src"
)
def new(
    name: Annotated[str, typer.Argument(help="Lower-case words joined by -, for example merchant-watch.")],
    kind: Annotated[
        Kind, typer.Option(help="python: a class; mcp: a server of its own; scoring: a function that gives points.")
    ] = "python",
    folder: Annotated[Path, typer.Option("--dir", help="Where the package's folder is made.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write a package with evidence or scoring of your own: it works, has tests and a policy that uses it.

    Nothing is overwritten.
    """
    from fraudray.tools.skeleton import write_skeleton

    written = write_skeleton(name, folder, kind)
    if as_json:
        typer.echo(json.dumps({"files": [str(file) for file in written]}))
        return
    for file in written:
        typer.echo(file)
    typer.echo(f"\nNext: python -m pip install --editable {folder / name} and read {folder / name / 'README.md'}")


def _json_object(text: str | None) -> dict[str, Any]:
    try:
        given = json.loads(text) if text else {}
    except ValueError as error:
        raise typer.BadParameter(f"is not JSON: {error}", param_hint="--json-args") from None
    if not isinstance(given, dict):
        raise typer.BadParameter("is not a JSON object", param_hint="--json-args")
    return given


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--arg")
        pairs[key] = value
    return pairs
