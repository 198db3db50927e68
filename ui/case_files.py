"""What the case page loads and sends beside its documents: files of cases, and reports, with the visitor's rights."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from fraudray.client.wire import part
from fraudray.domain.errors import NotFound
from fraudray.ui.answering import answer_as_visitor
from fraudray.ui.config import PageConfig
from fraudray.ui.visit import Visit

FILE_TIMEOUT_S = 60.0
REPORT_FORMATS = ("html", "pdf")


class CaseFiles:
    """The targets of the page's links and of its upload."""

    def __init__(self, config: PageConfig) -> None:
        self._config = config

    async def upload(self, request: Request) -> Response:
        """Attach the body as a file to a case; says in words what is wrong."""
        content = await request.body()
        name = request.query_params.get("name", "")
        case_id = request.path_params["case_id"]

        def send(visit: Visit) -> Response:
            with visit.client(timeout_s=FILE_TIMEOUT_S) as client:
                client.casework.attach(case_id, name=name, content=content, author=visit.author)
            return PlainTextResponse("attached", 201)

        return await answer_as_visitor(request, self._config, send)

    async def download(self, request: Request) -> Response:
        """A file of a case, to be saved."""
        case_id, file_id = request.path_params["case_id"], request.path_params["file_id"]

        def fetch(visit: Visit) -> Response:
            with visit.client(timeout_s=FILE_TIMEOUT_S) as client:
                file, content = client.casework.file(case_id, file_id)
            headers = {
                "content-disposition": f"attachment; filename*=UTF-8''{quote(file.get('name', file_id), safe='')}",
                "cache-control": "private, no-store",
            }
            return Response(content, headers=headers, media_type=file.get("media_type", "application/octet-stream"))

        return await answer_as_visitor(request, self._config, fetch)

    async def report(self, request: Request) -> Response:
        """The report of a case as a page or PDF; made where there is none yet."""
        case_id = request.path_params["case_id"]
        wanted = request.query_params.get("format", "html")
        if wanted not in REPORT_FORMATS:
            return PlainTextResponse("There is no such format.", 404)

        def fetch(visit: Visit) -> Response:
            with visit.client(timeout_s=FILE_TIMEOUT_S) as client:
                try:
                    answer = client.wire.answer("GET", f"/v1/reports/{part(case_id)}", params={"format": wanted})
                except NotFound:
                    client.reports.make(case_id, author=visit.author)
                    answer = client.wire.answer("GET", f"/v1/reports/{part(case_id)}", params={"format": wanted})
            kept = {name: answer.headers[name] for name in ("content-security-policy",) if name in answer.headers}
            return Response(answer.content, headers=kept, media_type=answer.headers["content-type"])

        return await answer_as_visitor(request, self._config, fetch)
