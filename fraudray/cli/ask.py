"""`fraudray ask`: a question about a case, answered by the model from the case's own material."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

import typer

from fraudray.cli.cases import CaseId
from fraudray.cli.exits import ExitCode
from fraudray.cli.model_choice import Llm, Model, settings_with
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
)

app = new_app()


@app.command(
    epilog=examples(
        "fraudray ask FRD-2026-0001 'Why was the device suspicious?'",
        "fraudray ask FRD-2026-0001 'How far apart are the two places?' --transaction TXN-20251201-191354",
    )
)
def ask(
    ctx: typer.Context,
    case_id: CaseId,
    question: Annotated[str, typer.Argument(help="What you want to know, in your language; 1,000 characters at most.")],
    transaction: Annotated[
        str | None, typer.Option("--transaction", help="Only about the decision on this transaction.")
    ] = None,
    llm: Llm = None,
    model: Model = None,
    author: Author = AUTHOR,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Ask the model about a case: it answers from the case's evidence and notes, with citations, or not at all.

    The answer is prose and changes nothing; with its question it stands on the case for your colleagues. Beside a
    running server its model answers. Ends with code 1 when there is no answer.
    """
    from fraudray.cli.answer_view import AnswerView
    from fraudray.service import open_service

    author = checked_author(author)
    session = Session.of(ctx, as_json=as_json, data_dir=data_dir)
    view = None if as_json else AnswerView(session.out)
    answer: dict[str, Any] = {}
    told = False
    with closing(open_service(settings_with(llm, model, session.data_dir), work=True)) as service:
        for event in service.ask_live(case_id, question, transaction_id=transaction, author=author):
            if event["kind"] == "finished":
                answer = event["body"]
            elif view is not None:
                view.show(event)
                told = event["kind"] == "answer" or (told and event["kind"] != "answer_rejected")
    if view is None:
        print_json(answer)
    else:
        view.end(answer, told=told)
    raise typer.Exit(ExitCode.OK if answer["answered"] else ExitCode.FOUND)
