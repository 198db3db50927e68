"""Cases and reports as people read them."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from fraudray.cli.tables import decision_word, decisions_table, fields, listing, minute, plain, status

Document = dict[str, Any]


def cases_view(cases: list[Document]) -> RenderableType:
    """A list of cases."""
    rows = (
        (
            case["case_id"], case["customer_id"], status(case["status"]), decision_word(case["decision"]),
            case["score"], minute(case["opened_at"]), minute(case["last_alert_at"]),
        )
        for case in cases
    )  # fmt: skip
    columns = ("Case", "Customer", "Status", "Decision", "Score", "Opened (UTC)", "Last alert (UTC)")
    return listing(columns, rows, empty="No cases.")


def case_view(case: Document) -> RenderableType:
    """One case with its decisions and notes."""
    head = fields(
        [
            ("case", plain(case["case_id"], "bold")),
            ("customer", case["customer_id"]),
            ("status", status(case["status"])),
            ("decision", decision_word(case["decision"])),
            ("score", f"{case['score']} of 100"),
            ("opened", minute(case["opened_at"]) + " UTC"),
            ("last alert", minute(case["last_alert_at"]) + " UTC"),
            ("erased", "the customer's personal data was erased" if case.get("erased") else None),
        ]
    )
    parts: list[RenderableType] = [head]
    if case["decisions"]:
        parts.append(decisions_table(case["decisions"]))
    if case["entries"]:
        rows = ((minute(e["at"]), e["author"], e["kind"], _body(e["body"])) for e in case["entries"])
        parts.append(listing(("At (UTC)", "Author", "Kind", "What"), rows, empty=""))
    return Group(*parts)


def report_view(report: Document) -> RenderableType:
    """A report: summary, timeline, recommendation."""
    parts: list[RenderableType] = [
        Text.assemble(
            ("Report ", "bold"), plain(report["report_id"], "bold"), f", made {minute(report['made_at'])} UTC"
        )
    ]
    summary = report.get("summary")
    if summary:
        parts.append(
            fields(
                [
                    ("customer", summary["customer_id"]),
                    ("status", status(summary["status"])),
                    ("decision", decision_word(summary["decision"])),
                    ("score", f"{summary['score']} of 100, {summary['risk_level'] or 'level unknown'}"),
                    ("decisions", summary["decisions"]),
                    ("erased", "the customer's personal data was erased" if summary["personal_data_erased"] else None),
                ]
            )
        )
        rows = ((f"{r['points']:+d}", r["code"], r["text"]) for r in [*summary["reasons"], *summary["adjustments"]]
                if "points" in r)  # fmt: skip
        parts.append(listing(("Points", "Code", "Why"), rows, empty="No reasons."))
    if report.get("timeline"):
        events = ((minute(e["at"]), e["author"], e["what"], "\n".join(e["details"])) for e in report["timeline"])
        parts.append(listing(("At (UTC)", "Author", "What", "Details"), events, empty=""))
    if report.get("recommendation"):
        parts.append(Text.assemble(("Recommendation: ", "bold"), plain(report["recommendation"]["text"])))
    return Group(*parts)


def _body(body: Document) -> str:
    return "\n".join(f"{name}: {value}" for name, value in body.items())
