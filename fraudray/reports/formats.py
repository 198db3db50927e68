"""A report's document in the form that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from fraudray.reports.case_page import case_page
from fraudray.reports.page import Page
from fraudray.reports.templates import page_html

ReportFormat = Literal["html", "pdf", "json"]
MEDIA_TYPES: dict[ReportFormat, str] = {
    "html": "text/html; charset=utf-8", "pdf": "application/pdf", "json": "application/json",
}  # fmt: skip


def rendered(report: Mapping[str, Any], form: ReportFormat) -> bytes:
    """A case's or a period's report. Raises SettingsError for PDF without the `reports` extra."""
    if form == "json":
        return orjson.dumps(report, option=orjson.OPT_INDENT_2) + b"\n"
    if form == "html":
        return page_html(page_of(report)).encode()
    from fraudray.reports.pdf import page_pdf

    return page_pdf(page_of(report))


def page_of(report: Mapping[str, Any]) -> Page:
    """The page of a case's or a period's report."""
    if report.get("report") == "period":
        from fraudray.reports.period_page import period_page

        return period_page(report)
    return case_page(report)
