"""report-generator as an MCP server: reports of stored cases, with an address at which they open, and of periods."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Annotated, Any, Literal

from mcp.types import BlobResourceContents, CallToolResult, EmbeddedResource, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field

from fraudray.bootstrap import App
from fraudray.domain.errors import FieldProblem, InvalidTransaction, Refused
from fraudray.reports.case_report import SECTIONS
from fraudray.reports.formats import MEDIA_TYPES, rendered
from fraudray.service import LocalService
from fraudray.tools.catalogue import find
from fraudray.tools.main import main
from fraudray.tools.parameters import NOT_GIVEN, CaseId
from fraudray.tools.provider import AppProvider
from fraudray.tools.server import READS, ToolServer

REPORT_GENERATOR = "report-generator"
EMBEDDED_MAX = 4 * 1024 * 1024
# It replaces the case's earlier report, which is made from the same record and can be made again at any time.
_MAKES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
Form = Annotated[
    Literal["json", "html", "pdf"],
    Field(description="json: a document; html: a page; pdf: a file, embedded as a resource (base64)."),
]
Written = Annotated[str, Field(min_length=1, max_length=64)]


class ReportResult(BaseModel):
    """A report as made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case_id: str
    report_id: str
    made_at: str
    format: Literal["json", "html", "pdf"]
    sections: list[str] = Field(description="What this answer holds; the report behind report_url has all sections.")
    report_url: str = Field(
        description="Opens the whole report: where reports go to S3 for a while, and to whoever has it; else the "
        "server's address, or a private file without one."
    )
    document: dict[str, Any] | None = Field(description="The sections wanted, for format json.")
    html: str | None = Field(description="The same as a self-contained page, for format html.")


class PeriodResult(BaseModel):
    """A period's report; nothing is kept of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    made_at: str
    format: Literal["json", "html", "pdf"]
    decisions: int = Field(description="How many there are in the period; 0 is a report too.")
    document: dict[str, Any] | None = Field(description="The report, for format json.")
    html: str | None = Field(description="The same as a self-contained page, for format html.")


def build_server(provider: AppProvider) -> ToolServer:
    """The server, acting on what `provider` opens."""
    server = ToolServer(
        find(REPORT_GENERATOR),
        title="Report generator",
        instructions="Makes the report of a fraud case from the stored record, and reports of periods.",
    )

    @server.tool(title="Generate fraud report", annotations=_MAKES)
    def generate_fraud_report(
        case_id: CaseId,
        include_sections: Annotated[
            list[str] | None,
            NOT_GIVEN,
            Field(description=f"Any of {', '.join(SECTIONS)}; all when left out."),
        ] = None,
        format: Form = "json",  # noqa: A002 - the published name of the parameter
    ) -> Annotated[CallToolResult, ReportResult]:
        """Make and keep the report of a fraud case from the stored record, and get an address at which it opens.

        The report is a snapshot: make it again after the case changed.
        """
        _check_sections(include_sections)
        with provider.app() as app:
            document = app.desk.make_report(case_id, sections=include_sections or None)
            whole = app.store.reports.get(case_id)
            kept: Literal["pdf", "html"] = "pdf" if format == "pdf" else "html"
            published = app.publisher.publish(whole)
            address = published.addresses.get(kept) if published else None
            url = address or provider.publish(app, case_id, lambda: rendered(whole, kept), kept)
        result = ReportResult(
            case_id=case_id,
            report_id=document["report_id"],
            made_at=document["made_at"],
            format=format,
            sections=[name for name in SECTIONS if name in document],
            report_url=url,
            document=document if format == "json" else None,
            html=rendered(document, "html").decode() if format == "html" else None,
        )
        return _answer(result, document, f"fraudray://reports/{case_id}.pdf")

    @server.tool(title="Generate period report", annotations=READS)
    def generate_period_report(
        from_date: Annotated[Written, Field(description="A date (2026-11-01) or an RFC 3339 moment.")],
        to_date: Annotated[
            Written, Field(description="A date, through the end of that day, or an RFC 3339 moment, up to it.")
        ],
        timezone: Annotated[Written, Field(description="Whose days: an IANA name.")] = "UTC",
        format: Form = "json",  # noqa: A002 - the published name of the parameter
    ) -> Annotated[CallToolResult, PeriodResult]:
        """Report on what was decided in a period: volumes, outcomes, reasons, amounts, merchant categories, cases."""
        with provider.app() as app:
            document = _period(app, from_date, to_date, timezone)
        result = PeriodResult(
            made_at=document["made_at"],
            format=format,
            decisions=document["totals"]["decisions"],
            document=document if format == "json" else None,
            html=rendered(document, "html").decode() if format == "html" else None,
        )
        return _answer(result, document, f"fraudray://reports/period/{document['period']['from'][:10]}.pdf")

    return server


def _answer(result: ReportResult | PeriodResult, document: dict[str, Any], uri: str) -> CallToolResult:
    """The result as text and structure and, for format pdf, the file beside it. Raises Refused for one too large."""
    content: list[TextContent | EmbeddedResource] = [TextContent(type="text", text=result.model_dump_json(indent=2))]
    if result.format == "pdf":
        file = rendered(document, "pdf")
        if len(file) > EMBEDDED_MAX:
            raise Refused(
                f"the PDF has {len(file):,} bytes and an answer holds {EMBEDDED_MAX:,}: ask for html, "
                "or use `fraudray report` or GET /v1/reports"
            )
        blob = base64.b64encode(file).decode()
        resource = BlobResourceContents(uri=uri, mime_type=MEDIA_TYPES["pdf"], blob=blob)
        content.append(EmbeddedResource(type="resource", resource=resource))
    return CallToolResult(content=list(content), structured_content=result.model_dump(mode="json"))


def _period(app: App, start: str, end: str, timezone: str) -> dict[str, Any]:
    """The period's report. Raises InvalidTransaction naming this tool's parameters."""
    try:
        return LocalService(app).reports.period(start=start, end=end, timezone=timezone)
    except InvalidTransaction as error:
        named = {"from": "from_date", "to": "to_date"}
        raise InvalidTransaction([replace(p, field=named.get(p.field, p.field)) for p in error.problems]) from None


def _check_sections(wanted: list[str] | None) -> None:
    unknown = [name[:40] for name in wanted or () if name not in SECTIONS]
    if unknown:
        message = f"has no section {', '.join(unknown[:5])}; there are {', '.join(SECTIONS)}"
        raise InvalidTransaction([FieldProblem("include_sections", "section", message)])


if __name__ == "__main__":
    main(REPORT_GENERATOR)
