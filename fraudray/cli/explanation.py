"""`fraudray policy explain` as people read it: every rule, then the order in which things acted and their points."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fraudray.cli.tables import decision_word, plain, status

Document = dict[str, Any]
_QUIET = "does not apply"


def explanation(document: Document, *, everything: bool) -> RenderableType:
    """Rules that held (heaviest first), the others in the policy's order, the order of all, and the decision."""
    policy = document["policy"]
    head = Text.assemble(
        "How ", plain(f"{policy['name']} {policy['version']}", "bold"), " weighs ",
        plain(document["transaction_id"], "bold"), " now", plain(_chosen(document["chosen_by"])), ":",
    )  # fmt: skip
    return Group(head, _rules(document, everything), _order(document), _verdict(document))


def _chosen(choice: Document | str | None) -> str:
    """Why this policy: the choice of the book that took the transaction."""
    if choice is None:
        return ""
    if isinstance(choice, str):
        return " (no choice fits, so the default decides)"
    names = {"channel": "channel", "transaction_type": "type"}
    parts = [f"{names[key]} {' or '.join(choice[key])}" for key in names if key in choice]
    return f" (chosen for {', '.join(parts)})"


def _in_order(document: Document) -> list[Document]:
    """Held rules as their reasons stand (falling weight), then held floors, then all that did not hold."""
    rank = {(reason["code"], reason["text"]): index for index, reason in enumerate(document["reasons"])}
    last = len(rank)

    def key(row: Document) -> tuple[int, int]:
        if row["state"] != "held":
            return (2, 0)
        if row["kind"] == "floor":
            return (1, -row["weight"])
        return (0, rank.get((row["code"], row["text"]), last))

    return sorted(document["rules"], key=key)


def _rules(document: Document, everything: bool) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    table.add_column("Rule", overflow="fold")
    table.add_column("State", no_wrap=True)
    table.add_column("Weight", justify="right", no_wrap=True)
    table.add_column("Points", justify="right", no_wrap=True)
    table.add_column("What it saw", overflow="fold")
    hidden = 0
    for row in _in_order(document):
        if row["state"] == _QUIET and not everything:
            hidden += 1
            continue
        held = row["state"] == "held"
        weight = f"≥{row['weight']}" if row["kind"] == "floor" else str(row["weight"])
        points = f"{row['points']:+d}" if held else ""
        name = plain(row["id"], "bold" if held else "dim")
        if row["kind"] == "floor":
            name.append("  floor", style="dim")
        table.add_row(name, status(row["state"]), weight, points, _seen(row))
    if not hidden:
        return table
    return Group(table, Text(f"{hidden} rules for other kinds of transactions are left out (--all).", style="dim"))


def _seen(row: Document) -> Text:
    values = ", ".join(f"{name} = {_value(value)}" for name, value in row["values"].items())
    missing = ", ".join(row["missing"])
    parts = [part for part in (values, f"not known: {missing}" if missing else "") if part]
    text = plain(row["when"], "dim")
    return text.append("\n").append_text(plain("; ".join(parts))) if parts else text


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f'"{value}"' if isinstance(value, str) else str(value)


def _order(document: Document) -> RenderableType:
    """The steps in the order in which they act; their points add up to the score."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", no_wrap=True, style="dim")
    grid.add_column(justify="right", no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for step in document["order"]:
        points = f"{step['points']:+d}" if step["points"] else ""
        what = plain(step["what"], "" if step["acted"] else "dim")
        for detail in step["details"]:
            what.append("\n  ").append_text(plain(detail))
        grid.add_row(f"{step['step']}.", points, what)
    grid.add_row("", str(document["score"]), "the score")
    return Group(Text("The order in which things act:", style="bold"), grid)


def _verdict(document: Document) -> Text:
    return (
        Text("\n")
        .append_text(decision_word(document["decision"]))
        .append(f"  {document['score']} of 100, {document['risk_level']}, risk {document['risk']}")
    )
