"""What people read: decisions, lists and reports as Rich renderables. Text from outside never acts as markup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fraudray.cli.text import visible

Document = dict[str, Any]
DECISION_STYLES = {"APPROVE": "bold green", "REVIEW": "bold yellow", "BLOCK": "bold red"}
STATUS_STYLES = {
    "done": "green", "pending": "yellow", "failed": "bold red", "dead": "bold red", "recommended": "cyan",
    "open": "yellow", "reopened": "yellow", "claimed": "cyan", "waiting": "dim", "escalated": "bold magenta",
    "closed": "dim", "held": "bold", "lacks facts": "yellow",
}  # fmt: skip


def decisions_table(decisions: Sequence[Document]) -> RenderableType:
    """Decision documents (as every face answers with them) as one table: what, why, and what follows."""
    table = Table(box=box.ROUNDED, show_lines=True, header_style="bold", expand=False)
    table.add_column("Transaction", no_wrap=True)
    table.add_column("Decision", no_wrap=True)
    table.add_column("Reasons")
    table.add_column("Actions, case, report", overflow="fold", max_width=36)
    for decision in decisions:
        table.add_row(_subject(decision), _verdict(decision), _reasons(decision), _follows(decision))
    return table


def plain(value: Any, style: str = "") -> Text:
    """Any value as literal text."""
    return Text(visible("" if value is None else str(value)), style=style)


def status(value: Any) -> Text:
    """A status word in its colour."""
    return plain(value, STATUS_STYLES.get(str(value), ""))


def decision_word(value: Any) -> Text:
    """APPROVE, REVIEW or BLOCK in its colour."""
    return plain(value, DECISION_STYLES.get(str(value), "bold"))


def listing(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str) -> RenderableType:
    """A plain list with a header; `empty` is said when there is nothing."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    count = 0
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
        count += 1
    return table if count else Text(empty)


def fields(rows: Iterable[tuple[str, Any]]) -> RenderableType:
    """Names and values below each other; what is None is left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            grid.add_row(name, value if isinstance(value, Text | Table) else plain(value))
    return grid


def minute(moment: Any) -> str:
    """An RFC 3339 moment of a document without its fraction: `2026-11-24 12:00:00`, UTC."""
    return str(moment or "").replace("T", " ")[:19]


def _subject(decision: Document) -> RenderableType:
    text = plain(_short(decision["transaction_id"], 40), "bold")
    text.append("\n").append_text(plain(_short(decision.get("customer_id", ""), 40), "dim"))
    return text


def _verdict(decision: Document) -> Text:
    word = decision["decision"]
    style = DECISION_STYLES.get(word, "bold")
    text = plain(word, style).append("\n")
    text.append(f"{decision['score']} of 100\n", style="bold").append(str(decision["risk_level"]))
    return text


def _reasons(decision: Document) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for reason in decision.get("reasons", []):
        points = reason["points"]
        style = "" if points else "dim"
        line = plain(reason["text"], style).append(f"  {reason['code']}", style="dim")
        grid.add_row(Text(f"{points:+d}" if points else "0", style=style or "bold"), line)
    for adjustment in decision.get("adjustments", []):
        line = plain(adjustment["text"], "dim").append(f"  {adjustment['code']}", style="dim")
        grid.add_row(Text(f"{adjustment['points']:+d}", style="dim"), line)
    if not grid.row_count:
        return Text("Nothing speaks against it", style="dim")
    return grid


def _follows(decision: Document) -> RenderableType:
    lines: list[Text] = [plain(decision.get("recommendation"), "italic")] if decision.get("recommendation") else []
    for action in decision.get("actions", []):
        line = plain(action["kind"]).append(" ").append_text(status(action["status"]))
        if action.get("detail"):
            line.append_text(plain(f": {action['detail']}", "dim"))
        lines.append(line)
    if decision.get("case_id"):
        lines.append(Text("case ").append_text(plain(decision["case_id"], "bold")))
    if decision.get("report_url"):
        lines.append(Text("report ").append_text(plain(decision["report_url"], "dim")))
    return Group(*lines)


def _short(value: Any, limit: int) -> str:
    text = str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
