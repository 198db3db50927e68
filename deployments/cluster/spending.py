"""What a cluster costs with its model off and on, and what is paid for either way: said before anything is made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fraudray.deployments.cluster.cluster_config import ClusterConfig
from fraudray.deployments.cluster.costs import HOURS_PER_DAY, LAYOUTS, Bill, bill, lines
from fraudray.deployments.cluster.manifests import Document
from fraudray.deployments.cluster.prices import Prices, load_prices

RATE_PER_S = 1000.0
"""Transactions for which disks, logs and load balancers are counted."""


@dataclass(frozen=True, slots=True)
class Spending:
    """USD of one layout at RATE_PER_S. `paid`: "on demand", or "spot" for the one that is meant for it."""

    layout: str
    paid: str
    off: Bill
    on: Bill
    prices: Prices

    @property
    def gpu_usd_per_hour(self) -> Decimal:
        """What the model's nodes add while they are there."""
        return self.on.usd_per_hour - self.off.usd_per_hour

    def document(self) -> Document:
        """As JSON, USD as decimal text."""
        return {
            "layout": self.layout, "prices_of": str(self.prices.as_of), "region": self.prices.region,
            **{
                name: {"usd_per_hour": f"{part.usd_per_hour:.4f}", "usd_per_day": f"{part.usd_per_day:.4f}"}
                for name, part in (("model_off", self.off), ("model_on", self.on))
            },
        }  # fmt: skip

    def sentences(self) -> list[str]:
        """For people."""
        off, on = _told(self.off), _told(self.on)
        told = [f"Costs: {off}."]
        if self.gpu_usd_per_hour:
            told = [f"Costs, with the model on: {on}; off (`fraudray cluster scale --to-zero`): {off}."]
            if self.paid == "on demand":
                told.append("GPU nodes of a capacity reservation are paid for either way, until it is cancelled.")
        told.append(
            f"{self.paid.capitalize()} prices of {self.prices.as_of}, {self.prices.region}, at {RATE_PER_S:,.0f} "
            f"transactions/s; line by line: fraudray cluster cost --layout {self.layout}"
        )
        return told


def spending(layout: str) -> Spending | None:
    """Of a layout that has been counted; None for any other. Raises InputError."""
    found = LAYOUTS.get(layout)
    if found is None:
        return None
    prices, paid = load_prices(), found.only or "on_demand"
    off, on = (bill(lines(found, RATE_PER_S, hours), prices, paid, RATE_PER_S) for hours in (Decimal(0), HOURS_PER_DAY))
    return Spending(layout, paid.replace("_", " "), off, on, prices)


def usd_per_day(layout: str, prices: Prices, *items: str) -> Decimal | None:
    """Of these items of the price file in a layout, on demand; None for none, and for a layout that has not been
    counted. Raises InputError."""
    if layout not in LAYOUTS or not items:
        return None
    rented = bill(lines(LAYOUTS[layout], RATE_PER_S), prices, "on_demand", RATE_PER_S).lines
    return sum((one.usd_per_day for one in rented if one.line.item in items), Decimal())


def costs_of(layout: str) -> list[str]:
    """Sentences about any layout."""
    found = spending(layout)
    return found.sentences() if found else [f"What {layout} costs has not been counted (fraudray cluster cost)."]


def _told(part: Bill) -> str:
    return f"{part.usd_per_hour:,.2f} USD an hour, {part.usd_per_day:,.0f} a day"


def reserved(config: ClusterConfig) -> list[str]:
    """Sentences about capacity that is paid for whether nodes run on it or not."""
    prices = load_prices()
    told = []
    for group in config.groups:
        price = prices.find(group.instance, "on_demand")
        if group.reservation and price is not None:
            nodes = group.nodes[2]
            per_hour = price.usd * nodes
            told.append(
                f"Capacity reservation {group.reservation} costs {per_hour:,.2f} USD an hour, {per_hour * 24:,.0f} a "
                f"day ({nodes} × {group.instance}, on demand), nodes or none, until it is cancelled: aws ec2 "
                f"cancel-capacity-reservation --capacity-reservation-id {group.reservation}"
            )
    return told
