"""Back-tests beside the server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query
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

    @routes.post("/{backtest_id}/resume")
    def resume(backtest_id: str, author: Author, _body: Annotated[dict[str, Any] | None, Body()] = None) -> Response:
        """Ask for the same again, with the policies that it was given then: one that stopped goes on, one whose
        figures are not there is worked out from what it decided, any other is answered as it is."""
        return json_response(backtests.resume(backtest_id, author=author))

    @routes.get("/{backtest_id}/figures")
    def figures(backtest_id: str) -> Response:
        """The figures that the report shows, as data: measures with 95 % intervals, what each score threshold from
        100 to 0 would do (detection, false positives, alerts a day, money, net benefit), points of the ROC and
        precision-recall curves, scores by label, outcomes over time, kinds of fraud, rules; all of the challenger
        too, where there is one."""
        return json_response(backtests.figures(backtest_id))

    @routes.get("/{backtest_id}/policy-changes")
    def policy_changes(
        backtest_id: str, against: Annotated[str | None, Query(min_length=1, max_length=64)] = None
    ) -> Response:
        """What its policy has otherwise than that of the back-test `against`; without it, what its challenger has
        otherwise than its policy."""
        return json_response(backtests.policy_changes(backtest_id, against=against))

    @routes.get("/{backtest_id}/report", response_class=HTMLResponse)
    def report(backtest_id: str) -> Response:
        """The report of a finished one, a page that needs nothing else."""
        headers = {"content-security-policy": PAGE_POLICY, "x-content-type-options": "nosniff"}
        return HTMLResponse(backtests.report(backtest_id), headers=headers)

    return routes
