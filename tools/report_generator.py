"""report-generator as an MCP server: the report of a stored case, and an address at which it opens."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.types import ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field

from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.reports.case_report import SECTIONS, render_html
from fraudray.tools.catalogue import find
from fraudray.tools.main import main
from fraudray.tools.parameters import NOT_GIVEN, CaseId
from fraudray.tools.provider import AppProvider
from fraudray.tools.server import ToolServer

REPORT_GENERATOR = "report-generator"
# It replaces the case's earlier report, which is made from the same record and can be made again at any time.
_MAKES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


class ReportResult(BaseModel):
    """A report as made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case_id: str
    report_id: str
    made_at: str
    format: Literal["json", "html"]
    sections: list[str] = Field(description="What this answer holds; the report behind report_url has all sections.")
    report_url: str = Field(
        description="Opens the whole report: where reports go to S3 for a while, and to whoever has it; else the "
        "server's address, or a private file without one."
    )
    document: dict[str, Any] | None = Field(description="The sections wanted, for format json.")
    html: str | None = Field(description="The same as a self-contained page, for format html.")


def build_server(provider: AppProvider) -> ToolServer:
    """The server, acting on what `provider` opens."""
    server = ToolServer(
        find(REPORT_GENERATOR),
        title="Report generator",
        instructions="Makes the report of a fraud case from the stored record.",
    )

    @server.tool(title="Generate fraud report", annotations=_MAKES)
    def generate_fraud_report(
        case_id: CaseId,
        include_sections: Annotated[
            list[str] | None,
            NOT_GIVEN,
            Field(description=f"Any of {', '.join(SECTIONS)}; all when left out."),
        ] = None,
        format: Annotated[  # noqa: A002 - the published name of the parameter
            Literal["json", "html"], Field(description="json: a document; html: a page.")
        ] = "json",
    ) -> ReportResult:
        """Make and keep the report of a fraud case from the stored record, and get an address at which it opens.

        The report is a snapshot: make it again after the case changed.
        """
        _check_sections(include_sections)
        with provider.app() as app:
            document = app.desk.make_report(case_id, sections=include_sections or None)
            whole = app.store.reports.get(case_id)
            published = app.publisher.publish(whole)
            url = published.address if published else provider.publish(app, case_id, render_html(whole))
        return ReportResult(
            case_id=case_id,
            report_id=document["report_id"],
            made_at=document["made_at"],
            format=format,
            sections=[name for name in SECTIONS if name in document],
            report_url=url,
            document=document if format == "json" else None,
            html=render_html(document) if format == "html" else None,
        )

    return server


def _check_sections(wanted: list[str] | None) -> None:
    unknown = [name[:40] for name in wanted or () if name not in SECTIONS]
    if unknown:
        message = f"has no section {', '.join(unknown[:5])}; there are {', '.join(SECTIONS)}"
        raise InvalidTransaction([FieldProblem("include_sections", "section", message)])


if __name__ == "__main__":
    main(REPORT_GENERATOR)
