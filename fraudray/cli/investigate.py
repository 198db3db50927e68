"""`fraudray investigate`: a model looks at one decision, its reasoning live."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from fraudray.cli.exits import ExitCode, InputError
from fraudray.cli.session import (
    AUTHOR,
    Author,
    DataDir,
    Json,
    Session,
    checked_author,
    examples,
    new_app,
    print_json,
    read_transaction,
)

app = new_app()
ASK_LIMIT_S = 5.0


@app.command(
    epilog=examples(
        "fraudray investigate TXN-20251201-191354",
        "fraudray investigate payment.json --llm http://127.0.0.1:8001/v1 --model fraud-1",
    )
)
def investigate(
    ctx: typer.Context,
    transaction: Annotated[
        str,
        typer.Argument(metavar="TX", help="Id of a decided transaction, or a JSON file (- for standard input)."),
    ],
    llm: Annotated[
        str | None, typer.Option("--llm", help="OpenAI-compatible endpoint (…/v1); FRAUDRAY_LLM_URL otherwise.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="The model's name there; the only one it serves otherwise.")
    ] = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Let a model investigate a decision: what it thinks, asks and concludes, as it happens.

    A transaction from a file is decided first. What the verdict may change says the policy: it confirms or raises the
    decision, and the revision is stored like any other. Beside a running server its model investigates. Ends with
    code 1 when there is no verdict, so that the policy's decision stands.
    """
    from fraudray.bootstrap import running_server
    from fraudray.service import open_service
    from fraudray.settings import load_settings

    author = checked_author(author)
    given = read_transaction(transaction)
    settings = load_settings(data_dir=Session.of(ctx, as_json=as_json, data_dir=data_dir).data_dir)
    if llm is not None:
        server = running_server(settings.data_dir)
        if server is not None:
            raise InputError(
                f"the server at {server} owns the data folder and investigates with its own model: leave --llm out, "
                "or start the server with FRAUDRAY_LLM_URL"
            )
        settings = load_settings(
            data_dir=settings.data_dir, llm_url=llm, llm_model=model or settings.llm_model or _only_model(llm)
        )
    elif model is not None:
        raise InputError("--model goes with --llm")
    from fraudray.cli.investigation_view import InvestigationView, follow

    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    with closing(open_service(settings, work=True)) as service:
        transaction_id = given if isinstance(given, str) else service.decide(given).transaction_id
        view = None if as_json else InvestigationView(session.out)
        investigation = follow(service, transaction_id, author=author, view=view)
        if view is None:
            print_json(investigation)
    raise typer.Exit(ExitCode.OK if investigation["status"] == "done" else ExitCode.FOUND)


def _only_model(url: str) -> str:
    """The model that the endpoint serves. Raises InputError when it does not answer, or serves several."""
    import httpx

    from fraudray.settings import load_settings

    secret = load_settings().llm_api_key
    headers = {"authorization": f"Bearer {secret.get_secret_value()}"} if secret else {}
    try:
        answer = httpx.get(url.rstrip("/") + "/models", headers=headers, timeout=ASK_LIMIT_S).raise_for_status()
        names = [str(entry["id"]) for entry in answer.json()["data"]]
    except httpx.HTTPStatusError as error:
        raise InputError(f"{url}/models answers {error.response.status_code}; name the model with --model") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise InputError(f"{url} does not answer: {type(error).__name__}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{url}/models lists no models; name one with --model") from None
    if len(names) != 1:
        raise InputError(f"{url} serves {len(names)} models ({', '.join(names[:5])}); name one with --model")
    return names[0]
