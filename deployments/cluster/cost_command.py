"""`fraudray cluster cost`."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fraudray.cli.session import Json, Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.deployments.cluster.costs import AtShare, Bill, ClusterLayout
    from fraudray.deployments.cluster.prices import Prices
    from fraudray.deployments.cluster.proposal import Proposal
    from fraudray.deployments.planning.layout import Load

Document = dict[str, Any]


class Paid(StrEnum):
    """How nodes and databases are paid for."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    ONE_YEAR = "one_year"
    THREE_YEAR = "three_year"


def cost(
    ctx: typer.Context,
    layout: Annotated[
        str, typer.Option("--layout", help="p4d-efa, p4d-single, g6-single, cpu-only or spot: whose lines are shown.")
    ] = "p4d-efa",
    paid: Annotated[Paid, typer.Option("--paid", help="How these are paid for.")] = Paid.ON_DEMAND,
    rate: Annotated[float, typer.Option("--rate", help="Transactions a second, all day.")] = 1000.0,
    escalated: Annotated[
        float, typer.Option("--escalated", help="Share that the model is asked about, 0 to 1.")
    ] = 0.002,
    answer_tokens: Annotated[int, typer.Option("--answer-tokens", help="Written until the verdict can be read.")] = 300,
    gpu_hours_per_day: Annotated[
        float, typer.Option("--gpu-hours-per-day", min=0, max=24, help="Hours in which there are GPU nodes.")
    ] = 24.0,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="Price file.", dir_okay=False, show_default="the packaged one")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="Refuse a price file of another region.", show_default="any")
    ] = None,
    proposed: Annotated[
        bool, typer.Option("--proposal", help="The first proposal's 1,584 USD a day, line by line, and its errors.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count what a cluster costs: by layout, by how it is paid for, by the share that goes to the model.

    Prices are of a dated file, each with its source; those without one are marked as estimates. Commitments of one and
    three years are paid for every hour, whatever --gpu-hours-per-day says.

    Example: fraudray cluster cost --layout g6-single --rate 200 --escalated 0.001 --gpu-hours-per-day 12
    """
    from fraudray.cli.exits import InputError
    from fraudray.deployments.cluster.costs import find_layout
    from fraudray.deployments.cluster.prices import load_prices
    from fraudray.deployments.cluster.proposal import proposal

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    table = load_prices(prices)
    if region not in (None, table.region):
        raise InputError(f"--region: the price file is of {table.region}, not {region}; give one of it by --prices")
    if proposed:
        found = proposal(table)
        session.show(_proposal_document(found), _proposal_view(found))
        return
    from fraudray.deployments.planning.layout import Load

    load = Load(rate, escalated, answer_tokens=answer_tokens)
    counted = _Counted(find_layout(layout), table, paid, load, Decimal(str(gpu_hours_per_day)))
    session.show(counted.document(), counted.view())


class _Counted:
    """What is shown: one layout's lines, all layouts by payment, that layout by share."""

    def __init__(self, layout: ClusterLayout, prices: Prices, paid: Paid, load: Load, gpu_hours: Decimal) -> None:
        from fraudray.deployments.cluster.costs import LAYOUTS, SHARES, bill, by_share, lines

        self._layout, self._prices, self._paid = layout, prices, layout.only or paid.value
        self._rate = load.transactions_per_s
        shares = sorted({*SHARES, load.escalated})
        self._escalated = load.escalated
        self._by_share = by_share(layout, prices, self._paid, load, gpu_hours, shares)
        self._bill = bill(lines(layout, self._rate, gpu_hours), prices, self._paid, self._rate)
        self._table = {
            other.name: {
                way.value: bill(lines(other, self._rate, gpu_hours), prices, way.value, self._rate)
                if other.only in (None, way.value) else None
                for way in Paid
            }
            for other in LAYOUTS.values()
        }  # fmt: skip

    def document(self) -> Document:
        """As `--json` prints it: USD as decimal text."""
        return {
            "as_of": str(self._prices.as_of), "region": self._prices.region, "layout": self._layout.name,
            "paid": self._paid, "transactions_per_s": self._rate, **_bill_document(self._bill),
            "layouts": {
                name: {way: made and _sums(made) for way, made in ways.items()} for name, ways in self._table.items()
            },
            "by_escalated": [_share_document(one) for one in self._by_share],
        }  # fmt: skip

    def view(self) -> RenderableType:
        """For people."""
        from rich.console import Group
        from rich.text import Text

        from fraudray.cli.tables import fields, listing

        head = fields([
            ("layout", f"{self._layout.name}: {self._layout.text}"),
            ("paid", f"{self._paid.replace('_', ' ')}, prices of {self._prices.as_of}, {self._prices.region}"),
            ("rate", f"{self._rate:,.0f} transactions/s all day, {self._rate * 0.0864:,.1f} million"),
        ])  # fmt: skip
        ways = [
            (f"{name}, {way.replace('_', ' ')}", f"{made.usd_per_hour:,.2f}", f"{made.usd_per_day:,.0f}",
             f"{made.usd_per_million:,.2f}", f"{made.estimated_share:.0%}")
            for name, found in self._table.items() for way, made in found.items() if made is not None
        ]  # fmt: skip
        shares = [
            (f"{one.escalated:.2%}" + (" (asked)" if one.escalated == self._escalated else ""),
             f"{one.tokens_per_transaction:,.2f}", f"{one.tokens_per_s:,.0f}", one.gpu_nodes,
             "overloaded" if one.verdict_s is None else f"{one.verdict_s:.1f} s", f"{one.bill.usd_per_day:,.0f}",
             f"{one.bill.usd_per_million:,.2f}")
            for one in self._by_share
        ]  # fmt: skip
        return Group(
            head, _lines_view(self._bill),
            listing(("Layout, paid", "USD an hour", "USD a day", "USD a million", "Estimated"), ways, empty=""),
            listing(("Escalated", "Tokens a transaction", "Tokens/s", "GPU nodes", "Verdict p50", "USD a day",
                     "USD a million"), shares, empty="No model: nothing is escalated."),
            Text("GPU nodes: as many as are busy to 80 %. `fraudray plan llm` says whether verdicts are in time."),
        )  # fmt: skip


def _lines_view(bill: Bill) -> RenderableType:
    from fraudray.cli.tables import listing

    rows = [
        (priced.line.what, f"{priced.line.quantity.normalize():,f}" if priced.line.quantity else "0", priced.line.item,
         f"{priced.usd_per_day:,.2f}", f"{priced.usd_per_day / 24:,.3f}", priced.source)
        for priced in bill.lines
    ]  # fmt: skip
    total = ("in all", "", "", f"{bill.usd_per_day:,.2f}", f"{bill.usd_per_hour:,.3f}",
             f"{bill.usd_per_million:,.2f} USD a million transactions")  # fmt: skip
    return listing(("", "Quantity", "Of", "USD a day", "USD an hour", "Price's source"), [*rows, total], empty="")


def _bill_document(bill: Bill) -> Document:
    lines = [
        {
            "what": priced.line.what, "item": priced.line.item, "quantity": str(priced.line.quantity.normalize()),
            "paid": priced.purchase, "usd_per_day": _usd(priced.usd_per_day), "source": priced.source,
            "estimate": priced.is_estimate,
        }
        for priced in bill.lines
    ]  # fmt: skip
    return {"lines": lines, **_sums(bill)}


def _sums(bill: Bill) -> Document:
    return {
        "usd_per_hour": _usd(bill.usd_per_hour), "usd_per_day": _usd(bill.usd_per_day),
        "usd_per_million": _usd(bill.usd_per_million), "estimated_share": float(round(bill.estimated_share, 4)),
    }  # fmt: skip


def _share_document(one: AtShare) -> Document:
    return {
        "escalated": one.escalated, "tokens_per_transaction": one.tokens_per_transaction,
        "tokens_per_s": one.tokens_per_s, "gpu_nodes": one.gpu_nodes, "verdict_p50_s": one.verdict_s, **_sums(one.bill),
    }  # fmt: skip


def _proposal_document(found: Proposal) -> Document:
    return {"reconstructed": True, **_bill_document(found.bill), "notes": list(found.notes)}


def _proposal_view(found: Proposal) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    return Group(_lines_view(found.bill), *(Text(f"- {note}") for note in found.notes))


def _usd(amount: Decimal) -> str:
    return str(amount.quantize(Decimal("0.0001")))
