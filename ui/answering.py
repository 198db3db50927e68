"""Our own routes beside the pages: what they answer with a visitor's rights, and what where that fails."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fraudray.domain.errors import Forbidden, FraudrayError, NotFound, NotInstalled, Refused, Unauthenticated
from fraudray.ui.config import PageConfig
from fraudray.ui.states import of_error
from fraudray.ui.visit import Visit, visit_of

_STATUSES: tuple[tuple[type[FraudrayError], int], ...] = (
    (Unauthenticated, 401), (Forbidden, 403), (NotFound, 404), (Refused, 409), (NotInstalled, 501),
)  # fmt: skip


async def answer_as_visitor(request: Request, config: PageConfig, do: Callable[[Visit], Response]) -> Response:
    """What `do` answers for the request's visitor; its failure in words."""
    visit = visit_of(request.cookies, api=config.api, key=config.key)
    try:
        return await run_in_threadpool(do, visit)
    except FraudrayError as error:
        state = of_error(error)
        status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 422)
        return PlainTextResponse(f"{state.title}: {state.text}", status)
