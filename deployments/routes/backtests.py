"""Back-tests beside the server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import HTMLResponse, Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Limit, Offset, json_body
from fraudray.deployments.routes.reports import PAGE_POLICY
from fraudray.service import LocalService

Wanted = Annotated[Any, Depends(json_body(1024))]


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()
    backtests = service.backtests

    @routes.get("")
    def listing(limit: Limit = 50, offset: Offset = 0) -> Response:
        """Back-tests, the last one asked for first, and the histories that one can be started on."""
        return json_response(backtests.list(limit=limit, offset=offset))

    @routes.post("", status_code=201)
    def start(body: Wanted, author: Author) -> Response:
        """Begin a back-test. The same content is the same one: 200 where it runs, waits or is done; one that stopped
        goes on."""
        found = backtests.start(body, author=author)
        headers = {"location": f"/v1/backtests/{found['backtest_id']}"}
        return json_response(found, 201 if found["begun"] else 200, headers)

    @routes.get("/{backtest_id}")
    def show(backtest_id: str) -> Response:
        """One: its state, how far it is, and what came of it."""
        return json_response(backtests.show(backtest_id))

    @routes.post("/{backtest_id}/cancel")
    def cancel(backtest_id: str) -> Response:
        """Stop one that waits or runs; asked for again, it goes on where it stopped."""
        return json_response(backtests.cancel(backtest_id))

    @routes.get("/{backtest_id}/report", response_class=HTMLResponse)
    def report(backtest_id: str) -> Response:
        """The report of a finished one, a page that needs nothing else."""
        headers = {"content-security-policy": PAGE_POLICY, "x-content-type-options": "nosniff"}
        return HTMLResponse(backtests.report(backtest_id), headers=headers)

    return routes
