"""Questions about a case, answered by the model from the case's own material."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import BaseModel

from fraudray.bootstrap import App
from fraudray.domain.investigation import Event
from fraudray.investigations.asking import Question

Document = dict[str, Any]


def put(app: App, case_id: str, question: str, *, transaction_id: str | None, author: str) -> Question:
    """A question that may be answered now. Raises InvalidTransaction naming the field, NotFound."""
    return app.investigations.questions.ask(case_id, question, transaction_id=transaction_id, author=author)


async def answer(app: App, asked: Question) -> Document:
    """Its answer, once it is there. Cancelling ends the work. Raises StoreFailed."""
    return document(await app.investigations.questions.answer(asked))


def events(app: App, asked: Question) -> Iterator[Document]:
    """What happens until it is answered. Closing the iterator ends the work. Raises StoreFailed."""
    following = app.investigations.questions.events(asked)

    async def following_next() -> Event | None:
        return await anext(following, None)

    with asyncio.Runner() as runner:
        try:
            while (event := runner.run(following_next())) is not None:
                yield document(event)
        finally:
            runner.run(following.aclose())


def document(model: BaseModel) -> Document:
    """As JSON."""
    made: Document = orjson.loads(model.model_dump_json(exclude_none=True))
    return made
