"""A period report's document as a page: totals, plots, and the tables behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from fraudray.reports import plots
from fraudray.reports.case_page import moment
from fraudray.reports.page import Block, Column, Facts, Figure, Heading, Page, Paragraph, Table

Document = Mapping[str, Any]
ROWS_MAX = 40
PLOTTED_MAX = 12
DAYS_MAX = 92
NO_PLOTS = "Plots need matplotlib, which is not installed: pip install 'fraudray[reports]'."
NOTHING = "No decision was made in this period."


def period_page(report: Document) -> Page:
    """The page of a report made by `build_period_report`."""
    made_at = moment(report["made_at"])
    period = report["period"]
    subtitle = f"{moment(period['from'])} up to {moment(period['to'])}; days in {period['timezone']}"
    return Page("Fraud report of a period", subtitle, made_at, list(_blocks(report)))


def _blocks(report: Document) -> Iterator[Block]:
    yield Heading("Summary")
    if not report["totals"]["decisions"]:
        yield Paragraph(NOTHING)
    yield from _totals(report)
    if report["totals"]["decisions"]:
        if not plots.have_plots():
            yield Paragraph(NO_PLOTS, muted=True)
        yield from _days(report)
        yield from _scores(report)
        yield from _breakdown("Reasons", report["reasons"], _code, ("Reason",), report)
        yield from _breakdown("Merchant categories", report["merchant_categories"], _mcc, ("MCC", "Category"), report)
        yield Heading("Channels")
        yield _table(report["channels"], lambda row: [_given(row["channel"])], ("Channel",), report)
        yield Heading("Policies")
        yield _table(report["policies"], lambda row: [_given(row["name"])], ("Policy",), report)
        yield Heading("Transaction types")
        yield Paragraph("Captures, reversals and refunds are told here only; totals do not count them again.", True)
        yield _table(report["transaction_types"], lambda row: [_given(row["type"])], ("Type",), report)
        yield from _currencies(report)
    yield from _cases(report["cases"])
    yield Heading("Actions")
    yield Table(
        [Column("Kind", 3), Column("Done", 1, "right"), Column("Waiting", 1, "right"), Column("Failed", 1, "right")],
        [[a["kind"], number(a["done"]), number(a["waiting"]), number(a["failed"])] for a in report["actions"]],
        "No alert, message or report was due.",
    )


def number(value: Any) -> str:
    """A count or amount with its thousands apart."""
    return f"{Decimal(str(value)):,}"


def _totals(report: Document) -> Iterator[Block]:
    totals, base = report["totals"], report["base_currency"]
    rates, amounts = totals["rates_pct"], totals["amounts"]
    rows = [("Decisions", number(totals["decisions"]))]
    rows += [
        (name, f"{number(totals['outcomes'][key])} ({rates[key]:.2f} %), {number(amounts[key])} {base}")
        for name, key in (("Approved", "APPROVE"), ("To review", "REVIEW"), ("Blocked", "BLOCK"))
    ]
    rows.append(("Amount asked for", f"{number(totals['amount'])} {base}"))
    yield Facts(rows)
    yield Paragraph(f"Amounts are in {base} by the rates of {report['rates_date']}.", muted=True)


def _days(report: Document) -> Iterator[Block]:
    base = report["base_currency"]
    unit, rows = buckets(report["by_day"])
    labels = [row["label"] for row in rows]
    yield Heading(f"By {unit}")
    if plots.have_plots():
        per = f"{unit.capitalize()} ({report['period']['timezone']})"
        yield Figure(
            plots.stacked(labels, [row["outcomes"] for row in rows], y=f"Decisions a {unit}", x=per),
            f"Decisions a {unit} by outcome",
        )
        yield Figure(
            plots.lines(
                labels, [row["rates_pct"] for row in rows], outcomes=("REVIEW", "BLOCK"), x=per,
                y="Share of decisions, %",
            ),
            f"Review and block rate by {unit}, in percent",
        )  # fmt: skip
        yield Figure(
            plots.columns(labels, [float(row["blocked"]) for row in rows], y=f"Blocked amount, {base}", x=per),
            f"Blocked amount by {unit}, in {base}",
        )
    columns = [Column(unit.capitalize(), 2), *(_right(n) for n in ("Decisions", "Approve", "Review", "Block"))]
    columns += [_right("Block %"), _right(f"Amount, {base}", 2), _right(f"Blocked, {base}", 2)]
    yield Table(
        columns,
        [
            [row["label"], number(row["decisions"]), *(number(n) for n in row["outcomes"].values()),
             _percent(row["rates_pct"]["BLOCK"]), number(row["amount"]), number(row["blocked"])]
            for row in rows
        ],
    )  # fmt: skip


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.2f}"


def buckets(by_day: Sequence[Document]) -> tuple[str, list[dict[str, Any]]]:
    """What one row stands for, and the rows: days or, of a long period, calendar months."""
    unit, length = ("day", 10) if len(by_day) <= DAYS_MAX else ("month", 7)
    return unit, [_sum(label, list(days)) for label, days in groupby(by_day, key=lambda row: str(row["day"])[:length])]


def _sum(label: str, days: Sequence[Document]) -> dict[str, Any]:
    outcomes = {name: sum(day["outcomes"][name] for day in days) for name in days[0]["outcomes"]}
    count = sum(outcomes.values())
    return {
        "label": label, "decisions": count, "outcomes": outcomes,
        "rates_pct": {name: 100 * part / count if count else None for name, part in outcomes.items()},
        "amount": sum(Decimal(day["amount"]) for day in days),
        "blocked": sum(Decimal(day["amounts"]["BLOCK"]) for day in days),
    }  # fmt: skip


def _scores(report: Document) -> Iterator[Block]:
    yield Heading("Scores")
    labels = [f"{row['from']}–{row['to']}" for row in report["scores"]]
    counts = [row["decisions"] for row in report["scores"]]
    if plots.have_plots():
        yield Figure(plots.columns(labels, counts, y="Decisions", x="Score, 0 to 100"), "Decisions by score")
    rows = [
        [label, number(row["decisions"]), f"{row['share_pct']:.2f}"]
        for label, row in zip(labels, report["scores"], strict=True)
    ]
    yield Table([Column("Score", 2), _right("Decisions"), _right("Share %")], rows)


def _breakdown(
    title: str, rows: Sequence[Document], name: Any, titles: Sequence[str], report: Document
) -> Iterator[Block]:
    yield Heading(title)
    if rows and plots.have_plots():
        top = rows[:PLOTTED_MAX]
        svg = plots.ranking(
            [" ".join(dict.fromkeys(name(row))) for row in top], [row["outcomes"] for row in top], x="Decisions"
        )
        yield Figure(svg, f"{title} by decisions and outcome, the most frequent {len(top)}")
    yield _table(rows, name, titles, report)
    if len(rows) > ROWS_MAX:
        yield Paragraph(f"The most frequent {ROWS_MAX} of {len(rows):,}; the JSON document has all.", muted=True)


def _table(rows: Sequence[Document], name: Any, titles: Sequence[str], report: Document) -> Table:
    base = report["base_currency"]
    columns = [Column(title, 7 if title == titles[-1] else 2) for title in titles]
    columns += [_right("Decisions", 3), _right("Share %", 3), _right("Review", 3), _right("Block", 3)]
    columns += [_right("Block %", 3), _right(f"Amount, {base}", 5)]
    return Table(
        columns,
        [
            [*name(row), number(row["decisions"]), f"{row['share_pct']:.2f}", number(row["outcomes"]["REVIEW"]),
             number(row["outcomes"]["BLOCK"]), f"{row['rates_pct']['BLOCK']:.2f}", number(row["amount"])]
            for row in rows[:ROWS_MAX]
        ],
    )  # fmt: skip


def _currencies(report: Document) -> Iterator[Block]:
    yield Heading("Currencies")
    columns = [Column("Currency", 2), _right("Decisions"), _right("Amount asked for", 2), Column("In the totals", 2)]
    rows = [
        [row["currency"], number(row["decisions"]), number(row["amount"]),
         "yes" if row["rated"] else f"no: no rate to {report['base_currency']}"]
        for row in report["currencies"]
    ]  # fmt: skip
    yield Table(columns, rows)


def _cases(cases: Document) -> Iterator[Block]:
    yield Heading("Cases")
    facts = [("Opened", cases["opened"]), ("Closed", cases["closed"]), ("Open now", cases["open_now"])]
    rows = [(name, number(value)) for name, value in facts]
    took = cases["time_to_close_h"]
    if took:
        rows.append(("Time to close", f"median {took['median']} h, mean {took['mean']} h, longest {took['longest']} h"))
    yield Facts(rows)
    if cases["dispositions"]:
        columns = [Column("Disposition", 3), _right("Cases")]
        yield Table(columns, [[row["disposition"], number(row["cases"])] for row in cases["dispositions"]])


def _right(title: str, share: int = 1) -> Column:
    return Column(title, share, "right")


def _given(value: str | None) -> str:
    return value or "not given"


def _code(row: Document) -> list[str]:
    return [row["code"]]


def _mcc(row: Document) -> list[str]:
    return [row["mcc"] or "–", row["name"]]
