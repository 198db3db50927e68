"""Cases and reports as people read them."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from fraudray.cli.tables import decision_word, decisions_table, fields, listing, minute, plain, status
from fraudray.domain.case import shown_body

Document = dict[str, Any]


def cases_view(cases: list[Document]) -> RenderableType:
    """A list of cases."""
    rows = (
        (
            case["case_id"], case["customer_id"], status(case["status"]), case["assignee"] or "",
            decision_word(case["decision"]), case["score"], _amount(case), minute(case["last_alert_at"]),
            minute(case["due_at"]) if case["due_at"] and case["status"] != "closed" else "",
        )
        for case in cases
    )  # fmt: skip
    columns = ("Case", "Customer", "Status", "Who", "Decision", "Score", "Amount", "Last alert (UTC)", "Due (UTC)")
    return listing(columns, rows, empty="No cases.")


def case_view(case: Document) -> RenderableType:
    """One case with its decisions and notes."""
    head = fields(
        [
            ("case", plain(case["case_id"], "bold")),
            ("customer", case["customer_id"]),
            ("status", status(case["status"])),
            ("who", case.get("assignee")),
            ("disposition", case.get("disposition")),
            ("goes on in", case.get("merged_into")),
            ("has in it", ", ".join(case.get("merged", [])) or None),
            ("decision", decision_word(case["decision"])),
            ("score", f"{case['score']} of 100"),
            ("amount", _amount(case) or None),
            ("due", minute(case["due_at"]) + " UTC" if case.get("due_at") else None),
            ("version", case["version"]),
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
    if case.get("files"):
        files = (
            (f["file_id"], plain(f["name"]), f"{f['size']:,}", f["author"], minute(f["at"])) for f in case["files"]
        )
        parts.append(listing(("File", "Name", "Bytes", "Author", "At (UTC)"), files, empty=""))
    return Group(*parts)


def links_view(found: Document) -> RenderableType:
    """What a case shares with others, and with which."""
    keys = ((k["kind"], plain(k["value"] or "(erased)"), k["cases"], k["customers"]) for k in found["keys"])
    linked = (
        (
            link["case"]["case_id"], link["case"]["customer_id"], status(link["case"]["status"]),
            link["case"]["score"], ", ".join(["customer"] * link["same_customer"] + link["shared"]),
        )
        for link in found["linked"]
    )  # fmt: skip
    return Group(
        listing(
            ("Shared", "Value", "Other cases", "Other customers"), keys, empty="Nothing is shared with other cases."
        ),
        listing(("Case", "Customer", "Status", "Score", "Has in common"), linked, empty="No linked cases."),
    )


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


def _amount(case: Document) -> str:
    return f"{case['amount']} {case['currency']}" if case.get("amount") is not None else ""


def _body(body: Document) -> str:
    return "\n".join(f"{name}: {value}" for name, value in shown_body(body).items())
