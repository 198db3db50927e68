"""Investigations by a model: begin one, look at one, follow one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Protocol

import orjson
from pydantic import BaseModel

from fraudray.bootstrap import App
from fraudray.domain.investigation import Event

Document = dict[str, Any]


class InvestigationService(Protocol):
    """What can be asked about investigations. Raises NotFound for an unknown id."""

    def begin(self, transaction_id: str, *, author: str) -> Document:
        """Have a stored decision investigated; the one under way where there is one. Raises Refused without a model."""
        ...

    def get(self, investigation_id: str) -> Document: ...

    def of(self, transaction_id: str) -> Document:
        """All investigations of a transaction, newest first."""
        ...

    def events(self, investigation_id: str, *, after: int = 0) -> Iterator[Document]:
        """What happened behind event `after`, then what happens, until it is finished."""
        ...


class LocalInvestigations:
    """On this process's own App."""

    def __init__(self, app: App) -> None:
        self._investigations = app.investigations

    def begin(self, transaction_id: str, *, author: str) -> Document:
        """See `InvestigationService.begin`."""
        return _document(self._investigations.begin(transaction_id, requested_by=author))

    def get(self, investigation_id: str) -> Document:
        """See `InvestigationService.get`."""
        return _document(self._investigations.get(investigation_id))

    def of(self, transaction_id: str) -> Document:
        """See `InvestigationService.of`."""
        return {"investigations": [_document(found) for found in self._investigations.of(transaction_id)]}

    def events(self, investigation_id: str, *, after: int = 0) -> Iterator[Document]:
        """See `InvestigationService.events`."""
        following = self._investigations.events(investigation_id, after=after)

        async def following_next() -> Event | None:
            return await anext(following, None)

        with asyncio.Runner() as runner:
            while (event := runner.run(following_next())) is not None:
                yield _document(event)


def _document(model: BaseModel) -> Document:
    document: Document = orjson.loads(model.model_dump_json(exclude_none=True))
    return document
