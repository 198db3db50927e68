"""`fraudray cluster smoke-test`."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

import typer

from fraudray.cli.exits import ExitCode, say
from fraudray.cli.session import Json, Session


def smoke_test(
    ctx: typer.Context,
    url: Annotated[str, typer.Option("--url", help="The API, as https://api.fraud.example.internal.")],
    key: Annotated[
        str | None,
        typer.Option("--key", envvar="FRAUDRAY_API_KEY", help="With the scopes decide and read.", show_default=False),
    ] = None,
    page_url: Annotated[str | None, typer.Option("--page-url", help="The page; its sign-in will do.")] = None,
    as_json: Json = False,
) -> None:
    """Try a deployment from outside: ready, decides, refuses, lists its tools, measures. Code 1 where something fails.

    It has three payments decided, of 1.00 each, whose ids begin with SMOKE- and whose customer is `smoke-test`. They
    are stored like any others, once, with entries on the audit trail.
    """
    from fraudray.cli.tables import listing, plain
    from fraudray.deployments.cluster.smoke import CUSTOMER, Target
    from fraudray.deployments.cluster.smoke import smoke_test as tried

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    target = Target(url, uuid4().hex[:12], key, page_url)
    say(f"Three payments of the customer {CUSTOMER} will be decided and stored: SMOKE-{target.run}-1 to -3")
    results = list(tried(target))
    styles = {"ok": "green", "failed": "bold red", "not asked": "dim"}
    rows = [(one.check, plain(one.verdict, styles[one.verdict]), one.found) for one in results]
    document = {"run": target.run, "url": url, "checks": [one.document() for one in results]}
    session.show(document, listing(("Check", "", "Found"), rows, empty=""))
    if any(one.verdict == "failed" for one in results):
        raise typer.Exit(ExitCode.FOUND)
