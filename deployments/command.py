"""`fraudray serve`: the server from the command line."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
import typer
from rich.console import Console

from fraudray.adapters.sql.ownership import OwnerLock
from fraudray.bootstrap import refuse_open_host, running_server, server_key
from fraudray.cli.investigation_view import InvestigationView, follow
from fraudray.cli.tables import decisions_table
from fraudray.client import Client
from fraudray.client.wire import key_header
from fraudray.deployments.launch import LaunchError, LaunchSettings, run_server
from fraudray.deployments.llm_choice import LAPTOP_LLM, llm_settings, model_lines, with_served_model
from fraudray.deployments.page_process import NOT_INSTALLED, PageLaunch, page_is_installed
from fraudray.deployments.processes import end_with_parent
from fraudray.domain.errors import FraudrayError
from fraudray.evidence.biometrics import find_matcher
from fraudray.gate import is_loopback
from fraudray.policy.book import PolicyBook
from fraudray.reference import load_reference
from fraudray.settings import Settings, load_settings, to_environment
from fraudray.tools.catalogue import TOOLS

app = typer.Typer(add_completion=False)
ACTIONS_WAIT_S = 5.0
INVESTIGATED = 1
"""Which of the samples is investigated before everybody's eyes."""
PLAIN_WIDTH = 120  # into a file or pipe


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; others than loopback need an API key.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=1, max=65535)] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The one folder that holds all state.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Policy file to decide with.")] = None,
    llm: Annotated[
        str | None,
        typer.Option(
            help="The model that investigates: an OpenAI-compatible URL (…/v1); or one to serve with vLLM on this "
            "machine's CPU: `tiny` (random weights, for trying it out), a model's folder, or a YAML file."
        ),
    ] = None,
    page: Annotated[
        bool | None, typer.Option("--page/--no-page", help="Serve the analysts' page at / beside the API.")
    ] = None,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", help="Stop when the process that started this one ends.")
    ] = False,
    samples: Annotated[
        bool, typer.Option("--samples", help="Decide the three sample transactions when ready.")
    ] = False,
) -> None:
    """Serve HTTP, the six MCP tools and the analysts' page on Ray Serve until Ctrl-C.

    Example: fraudray serve --port 8000 --samples
    """
    if with_parent and not end_with_parent(os.getppid()):
        raise typer.Exit(0)
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    errors = Console(stderr=True)
    try:
        settings = with_served_model(
            load_settings(host=host, port=port, data_dir=data_dir, policy_file=policy, page=page, **llm_settings(llm))
        )
        _check_beforehand(settings)
    except FraudrayError as error:
        errors.print(f"error: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    shown = settings.page and page_is_installed()
    if settings.page and not shown:
        errors.print(NOT_INSTALLED, markup=False, soft_wrap=True)
    launch = LaunchSettings(
        data_dir=settings.data_dir.resolve(),
        host=settings.host,
        port=settings.port,
        llm_app=LAPTOP_LLM if settings.llm_serve else None,
        page=_page(settings) if shown else None,
        env=to_environment(settings),
    )

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    try:
        code = run_server(launch, on_ready=_greeting(settings, console, samples=samples, page=shown), say=say)
    except LaunchError as error:
        errors.print(f"error: {error.message}\n{error.hint}", markup=False, highlight=False, soft_wrap=True)
        for line in error.details:
            errors.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(int(error.exit_code)) from None
    raise typer.Exit(code)


def _check_beforehand(settings: Settings) -> None:
    """What would fail in the replica is said at once, not after Ray has started. Raises FraudrayError."""
    refuse_open_host(settings, settings.host)
    PolicyBook.load(settings.policy_file)
    load_reference(settings)
    find_matcher(settings.biometric_matcher)
    if running_server(settings.data_dir) is None and settings.data_dir.is_dir():
        lock = OwnerLock(settings.data_dir)
        lock.acquire()
        lock.release()


def _page(settings: Settings) -> PageLaunch:
    """Without a key there is nothing to tell a visitor from a web page that had its name point here, but the name."""
    hosts = [*settings.allowed_hosts, *([urlsplit(settings.public_url).netloc] if settings.public_url else [])]
    return PageLaunch(settings.page_root_path, tuple(hosts) if is_loopback(settings.host) else ("*",))


def _greeting(settings: Settings, console: Console, *, samples: bool, page: bool) -> Callable[[str], None]:
    def greet(url: str) -> None:
        if samples:
            decided = _decide_samples(url, server_key(settings))
            console.print(decisions_table(decided))
            if settings.investigates:
                _investigate(url, settings, decided[INVESTIGATED]["transaction_id"], console)
        console.print(_addresses(url, settings, page=page), markup=False, highlight=False, soft_wrap=True)

    return greet


def _investigate(url: str, settings: Settings, transaction_id: str, console: Console) -> None:
    """Show a sample's investigation, whatever came of the one that the policy wanted: that one may have met a model
    that had just started."""
    console.print("\nThe investigation of the second sample:")
    try:
        with closing(Client(url, key=server_key(settings))) as client:
            follow(client, transaction_id, author="samples", view=InvestigationView(console))
    except FraudrayError as error:
        console.print(f"not investigated: {error}", markup=False, soft_wrap=True)
    console.print()


def _addresses(url: str, settings: Settings, *, page: bool) -> str:
    lines = [
        f"fraudray serves {url}",
        *([f"  page          {url}{settings.page_root_path}/"] if page else []),
        f"  decide        POST {url}/v1/decisions",
        f"  API docs      {url}/docs",
        f"  OpenAPI       {url}/openapi.json",
        f"  metrics       {url}/metrics",
        *(f"  MCP           {url}{tool.path}" for tool in TOOLS),
        *model_lines(settings),
        f"  data          {settings.data_dir.resolve()}",
        "Ctrl-C stops it.",
    ]
    return "\n".join(lines)


def _decide_samples(url: str, key: str | None) -> list[dict[str, Any]]:
    """Decide the packaged samples and wait until their actions have ended."""
    lines = resources.files("fraudray.data").joinpath("samples.ndjson").read_text(encoding="utf-8").splitlines()
    samples = [json.loads(line) for line in lines if line.strip()]
    with httpx.Client(base_url=url, timeout=20, headers=key_header(key)) as http:
        for sample in samples:
            http.post("/v1/decisions", json=sample).raise_for_status()
        deadline = time.monotonic() + ACTIONS_WAIT_S
        while True:
            decided = [http.get(f"/v1/decisions/{sample['transaction_id']}").json() for sample in samples]
            waiting = any(action["status"] == "pending" for decision in decided for action in decision["actions"])
            if not waiting or time.monotonic() > deadline:
                return decided
            time.sleep(0.1)
