"""A period report as people read it on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from fraudray.cli.tables import decision_word, fields, listing, minute
from fraudray.reports.period_page import buckets, number

Document = dict[str, Any]
TOP = 10


def period_view(report: Document) -> RenderableType:
    """Totals, days, and the most frequent reasons and categories."""
    period, totals, base, cases = report["period"], report["totals"], report["base_currency"], report["cases"]
    parts: list[RenderableType] = [
        Text.assemble(
            ("Period ", "bold"), f"{minute(period['from']).rstrip('Z')} up to {minute(period['to']).rstrip('Z')} UTC"
        ),
        fields(
            [
                ("decisions", number(totals["decisions"]) if totals["decisions"] else "none was made"),
                ("amount", f"{number(totals['amount'])} {base} at the rates of {report['rates_date']}"),
                ("cases", f"{cases['opened']:,} opened, {cases['closed']:,} closed, {cases['open_now']:,} open now"),
            ]
        ),
    ]
    if not totals["decisions"]:
        return Group(*parts)
    outcomes = (
        (decision_word(name), number(count), f"{totals['rates_pct'][name]:.2f}", number(totals["amounts"][name]))
        for name, count in totals["outcomes"].items()
    )
    parts.append(listing(("Outcome", "Decisions", "%", f"Amount, {base}"), outcomes, empty=""))
    unit, rows = buckets(report["by_day"])
    days = ((row["label"], number(row["decisions"]), *row["outcomes"].values(), number(row["blocked"])) for row in rows)
    head = (unit.capitalize(), "Decisions", "Approve", "Review", "Block", f"Blocked, {base}")
    parts.append(listing(head, days, empty=""))
    reasons = ((r["code"], number(r["decisions"]), f"{r['share_pct']:.2f}") for r in report["reasons"][:TOP])
    parts.append(listing(("Reason", "Decisions", "%"), reasons, empty="No reasons."))
    mccs = (
        (m["mcc"] or "", m["name"], number(m["decisions"]), f"{m['rates_pct']['BLOCK']:.2f}")
        for m in report["merchant_categories"][:TOP]
    )
    parts.append(listing(("MCC", "Category", "Decisions", "Block %"), mccs, empty=""))
    return Group(*parts)
