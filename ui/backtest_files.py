"""What the page of back-tests links to beside its documents: the report of a run, with the visitor's rights."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from fraudray.client.wire import part
from fraudray.ui.answering import answer_as_visitor
from fraudray.ui.config import PageConfig
from fraudray.ui.visit import Visit

REPORT_TIMEOUT_S = 60.0


class BacktestFiles:
    """The targets of the page's links."""

    def __init__(self, config: PageConfig) -> None:
        self._config = config

    async def report(self, request: Request) -> Response:
        """The HTML report of a finished back-test, under the policy that the API gives it."""
        path = f"/v1/backtests/{part(request.path_params['backtest_id'])}/report"

        def fetch(visit: Visit) -> Response:
            with visit.client(timeout_s=REPORT_TIMEOUT_S) as client:
                answer = client.wire.answer("GET", path)
            headers = {
                "content-security-policy": answer.headers["content-security-policy"],
                "cache-control": "no-store",
            }
            return Response(answer.content, headers=headers, media_type=answer.headers["content-type"])

        return await answer_as_visitor(request, self._config, fetch)
