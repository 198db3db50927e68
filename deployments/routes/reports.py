"""Reports of cases and of periods: a page, PDF or JSON, by `?format=` or by the Accept header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author
from fraudray.reports.formats import MEDIA_TYPES, ReportFormat, rendered
from fraudray.service import LocalService

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
Wanted = Annotated[ReportFormat | None, Query(alias="format")]
Written = Annotated[str, Query(min_length=1, max_length=64)]
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"content": {media.partition(";")[0]: {} for media in MEDIA_TYPES.values()}}
}


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()

    @routes.get("/reports/period", tags=["reports"], responses=_CONTENT)
    def period(
        request: Request,
        start: Annotated[Written, Query(alias="from")],
        end: Annotated[Written, Query(alias="to")],
        timezone: Written = "UTC",
        wanted: Wanted = None,
    ) -> Response:
        """What was decided from `from` up to `to`: dates (`to` through the end of that day) or RFC 3339 moments."""
        return _answer(service.reports.period(start=start, end=end, timezone=timezone), request, wanted)

    @routes.get("/reports/{report_id}", tags=["reports"], responses=_CONTENT)
    def report(report_id: str, request: Request, wanted: Wanted = None) -> Response:
        """A case's report as it was made."""
        return _answer(service.report(report_id), request, wanted)

    @routes.post("/cases/{case_id}/report", status_code=201, tags=["reports"])
    def make(case_id: str, author: Author) -> Response:
        """Make and keep the report of a case anew."""
        return json_response(service.reports.make(case_id, author=author), 201)

    return routes


def _answer(report: Mapping[str, Any], request: Request, wanted: ReportFormat | None) -> Response:
    form = wanted or _accepted(request.headers.get("accept", ""))
    headers = {"content-security-policy": PAGE_POLICY, "x-content-type-options": "nosniff", "vary": "accept"}
    return Response(rendered(report, form), headers=headers, media_type=MEDIA_TYPES[form])


def _accepted(accept: str) -> ReportFormat:
    """What the header asks for; a page for browsers and for whoever does not say."""
    if "text/html" in accept:
        return "html"
    return "json" if "application/json" in accept else "pdf" if "application/pdf" in accept else "html"
