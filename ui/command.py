"""`fraudray page`: the analysts' page as a process of its own."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@app.command()
def page(
    api: Annotated[
        str, typer.Option(help="Address of the API that the page is a client of.")
    ] = "http://127.0.0.1:8000",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 7860,
    root_path: Annotated[
        str,
        typer.Option(
            envvar="FRAUDRAY_PAGE_ROOT_PATH",
            help="What the paths begin with for those who come through a proxy, which may keep it or strip it: /fraud.",
        ),
    ] = "",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A Host header to answer to beside loopback's, `name` or `name:*`; `*` for any. Repeatable."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="FRAUDRAY_API_KEY",
            help="API key for visitors who have not signed in with their own. Everybody who reaches the page acts with "
            "it, so it is for loopback only. Better in the environment than on the command line.",
        ),
    ] = None,
) -> None:
    """Serve the analysts' page beside an API that runs already. `fraudray serve` serves it at / by itself.

    The page is a client of the API: it stores nothing, and shows and does what the visitor's API key opens. Where the
    API wants no key, because it is on loopback, the page wants none either.

    Examples:

      fraudray page

      fraudray page --api https://fraud.example.com --port 7860

      fraudray page --root-path /fraud --allow-host intranet.example.com
    """
    if importlib.util.find_spec("gradio") is None:
        _fail("the page is not installed: pip install 'fraudray[ui]'")
    if not api.startswith(("http://", "https://")):
        _fail(f"--api: {api} is not an address such as http://127.0.0.1:8000")
    prefix = root_path.rstrip("/")
    if prefix and not prefix.startswith("/"):
        _fail("--root-path begins with a slash: /fraud")
    if key is not None and host not in LOOPBACK:
        _fail(
            "--key (FRAUDRAY_API_KEY) would open the API to everybody who reaches the page: leave it out, so that each "
            "visitor signs in with a key of their own"
        )
    from fraudray.ui.config import LOOPBACK_HOSTS, PageConfig
    from fraudray.ui.main import serve

    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"The analysts' page: http://{shown}:{port}{prefix}/  (API: {api}; Ctrl-C stops it)")
    serve(
        PageConfig(
            api=api.rstrip("/"), host=host, port=port, root_path=prefix, key=key,
            hosts=(*LOOPBACK_HOSTS, *(allow_host or ()), shown, f"{shown}:*"),
        )
    )  # fmt: skip


def _fail(message: str) -> None:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)
