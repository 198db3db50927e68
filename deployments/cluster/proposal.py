"""The first proposal's own figures (1,584 USD a day, "83 % cheaper", about 50 USD a million), checked line by line.

Only those three figures are the proposal's. Its lines are not known: they are reconstructed here (two p4d.24xlarge, and
what EKS with FSx for Lustre needs beside them) at the prices of its time, so that they add up to its total within 1 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from fraudray.deployments.cluster.costs import Bill, Line, bill
from fraudray.deployments.cluster.prices import Prices

CLAIMED_USD_PER_DAY = Decimal(1584)
CLAIMED_CHEAPER = Decimal("0.83")
CLAIMED_USD_PER_MILLION = Decimal(50)
CLAIMED_PER_S = 1000.0

_REST = (
    Line("EKS control plane", "eks-control-plane", Decimal(1)),
    Line("FSx for Lustre, 1.2 TB", "fsx-lustre", Decimal(1200)),
    Line("NAT gateway", "nat-gateway", Decimal(1)),
    Line("disks of the GPU nodes, 200 GB each", "ebs-gp3", Decimal(400)),
    Line("load balancer", "alb", Decimal(1)),
    Line("S3, 100 GB", "s3-standard", Decimal(100)),
)
LINES = (Line("2 x p4d.24xlarge on demand, before June 2025", "p4d.24xlarge", Decimal(2), "gpu"), *_REST)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The reconstruction, and what is wrong with what was claimed."""

    bill: Bill
    notes: tuple[str, ...]


def proposal(prices: Prices) -> Proposal:
    """The bill at the prices before June 2025, and its errors in words. Raises InputError where a price is missing."""
    then = bill(LINES, prices, "before_june_2025", CLAIMED_PER_S)
    now = bill(LINES, prices, "on_demand", CLAIMED_PER_S)
    return Proposal(then, tuple(_notes(prices, then, now)))


def _notes(prices: Prices, then: Bill, now: Bill) -> list[str]:
    millions = Decimal(str(CLAIMED_PER_S)) * 86_400 / 1_000_000
    claimed = CLAIMED_USD_PER_DAY / millions
    fitting = CLAIMED_USD_PER_DAY / CLAIMED_USD_PER_MILLION
    cheaper = ", ".join(
        f"{100 * _cheaper(prices, then, item, count):.0f} % with {count} x {item}"
        for item, count in (("g6.12xlarge", 1), ("g6.12xlarge", 2), ("g6e.12xlarge", 1), ("g6.48xlarge", 1))
    )
    return [
        (
            f"Reconstructed: only the total of {CLAIMED_USD_PER_DAY:,} USD a day is the proposal's; these lines add up "
            f"to {then.usd_per_day:,.2f}."
        ),
        (
            f"Not {CLAIMED_USD_PER_MILLION} USD a million: {CLAIMED_PER_S:,.0f} transactions/s all day are "
            f"{millions:.1f} million, hence {claimed:.1f} USD. {CLAIMED_USD_PER_MILLION} would be right at "
            f"{fitting:.1f} million a day, {fitting * 1_000_000 / 86_400:,.0f}/s on average."
        ),
        f"Outdated: AWS lowered P4's price in June 2025; the same lines cost {now.usd_per_day:,.0f} USD a day now.",
        (
            "Left out: the nodes that decide, PostgreSQL, the firewall, shared files, logs, metrics and traffic, "
            "which `fraudray cluster cost` has; backups, support, taxes and GPU nodes in a second zone, which it has "
            "not either."
        ),
        (
            "Nothing says that two nodes bear the rate: that depends on the share of transactions that the model is "
            "asked about (`fraudray plan llm`)."
        ),
        (
            f"{100 * CLAIMED_CHEAPER:.0f} % cheaper is not what g6.12xlarge gives, with the rest unchanged and by the "
            f"same prices: {cheaper}. None of these writes as fast."
        ),
    ]


def _cheaper(prices: Prices, then: Bill, item: str, count: int) -> Decimal:
    other = bill((Line(item, item, Decimal(count), "gpu"), *_REST), prices, "on_demand", CLAIMED_PER_S)
    return 1 - other.usd_per_day / then.usd_per_day
