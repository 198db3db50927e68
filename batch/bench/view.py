"""The figures for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fraudray.cli.tables import fields, listing

if TYPE_CHECKING:
    from rich.console import RenderableType

COLUMNS = ("Run", "Rows", "Book's pandas (s)", "Columnar (s)", "Times faster", "Rows/s", "Book's rows/s", "Load")


def bench_view(document: dict[str, Any]) -> RenderableType:
    """The data, how far both agree, and a line a run with the median at the end."""
    from rich.console import Group

    agreement = document["agreement"]
    rates = [
        f"{name}: {rate['equal_share']:.2%} of the rows equal, {rate['mean_absolute_difference']:.6f} apart on average"
        for name, rate in agreement["terminal_rates"].items()
    ]
    spread = f"from {document['from'][:10]} to {document['to'][:10]}, {document['frauds']:,} of them fraud"
    head = fields(
        [
            ("data", document["source"]),
            ("payments", f"{document['rows']:,} {spread}"),
            ("keys", f"{document['customers']:,} customers, {document['terminals']:,} terminals"),
            ("features", "14: two flags; customer count and mean, terminal count and fraud rate over 1, 7, 30 days"),
            ("must be equal", _equal(agreement)),
            ("whole hours", "\n".join(rates)),
            ("CPUs", str(document["cpus"])),
        ]
    )
    rows = [_row(str(number), document["rows"], run) for number, run in enumerate(document["runs"], 1)]
    if document["median"]:
        rows.append(_row("median", document["rows"], document["median"]))
    return Group(head, listing(COLUMNS, rows, empty="No factor: the two did not do the same work."))


def _equal(agreement: dict[str, Any]) -> str:
    if agreement["same_work"]:
        off = agreement["mean_relative_difference_max"]
        return f"flags and customer counts are, on every row; customer means to {off:.1g} of their value"
    return "\n".join(f"{name} is not on {rows:,} rows" for name, rows in agreement["unequal_rows"].items() if rows)


def _row(name: str, rows: int, run: dict[str, Any]) -> tuple[str, ...]:
    return (
        name, f"{rows:,}", f"{run['baseline_s']:,.2f}", f"{run['ours_s']:,.3f}", f"{run['factor']:,.1f}",
        f"{run['rows_per_s']:,}", f"{run['baseline_rows_per_s']:,}", f"{run.get('load_1m', '')}",
    )  # fmt: skip
