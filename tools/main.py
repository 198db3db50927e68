"""A tool as a process of its own: `python -m fraudray.tools.<tool>`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from fraudray.bootstrap import refuse_open_host, stored_keys
from fraudray.domain.errors import FraudrayError
from fraudray.gate import Gate
from fraudray.ports.clock import SystemClock
from fraudray.settings import Settings, load_settings
from fraudray.tools.catalogue import ToolEntry, find
from fraudray.tools.provider import StandaloneProvider

_EPILOG = """\
stdio is for a client that starts this command itself (Claude, an IDE, an agent framework): it speaks MCP on standard
input and output, and logs on standard error. http serves streamable HTTP at http://HOST:PORT{path}.

All six tools may run at once on one data folder: it is opened only while a call needs it. Beside a running
`fraudray serve` on the same folder every call is passed on to that server. Over http, clients send an API
key as a bearer token as soon as there is one (`fraudray keys create`); a --host other than loopback wants one.

  python -m {module}
  python -m {module} --transport http --port {port} --data-dir /var/lib/fraudray

More settings: FRAUDRAY_... or fraudray.toml (`fraudray config show`). Other host names than localhost must be allowed:
FRAUDRAY_ALLOWED_HOSTS=tools.example.com:*
"""


def main(name: str, arguments: Sequence[str] | None = None) -> None:
    """Run the tool as the command line says, until its client or a signal ends it."""
    entry = find(name)
    options = parser_for(entry).parse_args(arguments)
    try:
        settings = load_settings(data_dir=options.data_dir)
        serve(entry, settings, transport=options.transport, host=options.host, port=options.port)
    except FraudrayError as error:
        sys.exit(f"{entry.name}: {error}")


def serve(entry: ToolEntry, settings: Settings, *, transport: str, host: str, port: int | None) -> None:
    """Serve one tool on `transport` ("stdio" or "http") until it is ended.

    Raises SettingsError for a `host` that others can reach while no API key is in force.
    """
    # Standard output belongs to the protocol.
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if transport == "http":
        refuse_open_host(settings, host)
    server = entry.build(StandaloneProvider(settings))
    if transport == "stdio":
        server.run("stdio")
        return
    import uvicorn
    from starlette.applications import Starlette

    from fraudray.tools.mounting import http_route

    gate = Gate(stored_keys(settings), SystemClock(), host=host)
    route = http_route(server, settings, gate)
    app = Starlette(routes=[route], lifespan=lambda _app: server.session_manager.run())
    uvicorn.run(app, host=host, port=port or entry.port, log_config=None, access_log=False)


def parser_for(entry: ToolEntry) -> argparse.ArgumentParser:
    """What the command line of one tool takes."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {entry.module}",
        description=f"The MCP server {entry.name}: {entry.summary}.",
        epilog=_EPILOG.format(path=entry.path, module=entry.module, port=entry.port),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--transport", choices=("stdio", "http"), default="stdio", help="stdio by default")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on, for http (default: %(default)s)")
    parser.add_argument("--port", type=int, default=entry.port, help="port, for http (default: %(default)s)")
    parser.add_argument("--data-dir", type=Path, help="the data folder (default: as `fraudray config show` says)")
    return parser
