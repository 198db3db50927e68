"""A case report's document as a page: verdict, waterfall, timeline, evidence, recommendation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from fraudray.reports.page import (
    Bar,
    BarStyle,
    Block,
    Column,
    Facts,
    Heading,
    Page,
    Paragraph,
    Table,
    Verdict,
    Waterfall,
)

Document = Mapping[str, Any]
ERASED = "The customer's personal data was erased; evidence can no longer be read."


def case_page(report: Document) -> Page:
    """The page of a report made by `build_report`, with the sections that it has."""
    made_at = moment(report["made_at"])
    blocks: list[Block] = []
    for section, build in _SECTIONS.items():
        if report.get(section):
            blocks += build(report[section])
    return Page(f"Case {report['case_id']}", f"Fraud case report, made {made_at}", made_at, blocks)


def moment(value: Any) -> str:
    """An RFC 3339 moment in UTC, to the second, as people read it."""
    return str(value).replace("T", " ")[:19] + " UTC"


def waterfall(summary: Document) -> Waterfall:
    """How reasons and adjustments add up to the score."""
    steps: list[tuple[Document, BarStyle]] = [(reason, "reason") for reason in summary["reasons"]]
    steps += [(adjustment, "adjustment") for adjustment in summary["adjustments"]]
    sums = [0, *accumulate(int(step["points"]) for step, _ in steps)]
    scale = 100 / max(1, *sums, summary["score"])
    bars = [
        Bar(
            step["code"], step["text"], step["points"], round(min(before, after) * scale, 2),
            round(abs(after - before) * scale, 2), style,
        )
        for (step, style), before, after in zip(steps, sums, sums[1:], strict=False)
    ]  # fmt: skip
    total = Bar("SCORE", summary["decision"], sums[-1], 0, round(sums[-1] * scale, 2), "total")
    return Waterfall([*bars, total])


def _summary(summary: Document) -> Iterator[Block]:
    level = f", {summary['risk_level']} risk" if summary["risk_level"] else ""
    yield Heading("Summary")
    yield Verdict(summary["decision"], summary["score"], f"of 100{level}")
    yield Facts(
        [
            ("Customer", summary["customer_id"]), ("Status", summary["status"]),
            ("Decisions", str(summary["decisions"])), ("Opened", moment(summary["opened_at"])),
        ]
    )  # fmt: skip
    if summary["personal_data_erased"]:
        yield Paragraph(ERASED)
    if summary["reasons"] or summary["adjustments"]:
        yield Heading("Reasons", 2)
        yield waterfall(summary)


def _timeline(events: Sequence[Document]) -> Iterator[Block]:
    yield Heading("Timeline")
    columns = [Column("When", 3), Column("What", 4), Column("Who", 2), Column("Details", 6)]
    yield Table(columns, [[moment(e["at"]), e["what"], e["author"], "\n".join(map(str, e["details"]))] for e in events])


def _evidence(decided: Sequence[Document]) -> Iterator[Block]:
    yield Heading("Evidence")
    for decision in decided:
        yield Heading(decision["transaction_id"], 2)
        yield Table([Column("Evidence", 1), Column("Facts", 2)], list(_findings(decision["tools"])))


def _findings(tools: Document) -> Iterator[list[str]]:
    for tool, found in tools.items():
        if found["status"] != "ok":
            yield [tool, f"unavailable: {found.get('error')}"]
        for name, facts in found["items"].items():
            yield [f"{tool}/{name}", " · ".join(f"{key}: {value(fact)}" for key, fact in facts.items())]


def value(fact: Any) -> str:
    """A fact as people read it."""
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, list):
        return ", ".join(map(value, fact)) or "none"
    return "not known" if fact is None else str(fact) or "none"


def _recommendation(recommendation: Document) -> Iterator[Block]:
    yield Heading("Recommendation")
    yield Paragraph(recommendation["text"])
    if recommendation["actions"]:
        columns = [Column("Action", 2), Column("Status", 1), Column("Detail", 5)]
        rows = [[a["kind"], a["status"], a.get("detail") or ""] for a in recommendation["actions"]]
        yield Table(columns, rows)
    policy = recommendation["policy"]
    if policy:
        yield Heading("Policy", 2)
        yield Facts([("Name", policy["name"]), ("Version", policy["version"]), ("Hash", policy["hash"])])


_SECTIONS: dict[str, Any] = {
    "summary": _summary, "timeline": _timeline, "evidence": _evidence, "recommendation": _recommendation,
}  # fmt: skip
