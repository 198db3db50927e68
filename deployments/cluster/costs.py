"""What a cluster costs: lines of what is rented, by layout, by how it is paid for and by how much goes to the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.prices import Prices, Purchase
from fraudray.deployments.planning.estimate import Estimate, estimate
from fraudray.deployments.planning.hardware import find_instance
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.models import find_model

MODEL = "deepseek-r1-distill-qwen-32b"
SHARES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Of escalated transactions, for the table."""
HOURS_PER_DAY = Decimal(24)

DECISIONS_PER_S = 1000
"""For which one more node is planned; three decide up to that. On two cores a route like theirs answered 2,200."""
BATCH_HOURS = Decimal(3)  # a night's back-test on two nodes: estimate
DECISION_BYTES = 3000  # a row with its evidence, audit entry and indices: estimate
KEPT_DAYS = 30
EXCHANGE_BYTES = 5000  # a request and its answer through the load balancer: estimate
LOG_BYTES = 100  # of logs for each transaction: estimate
FILES_GB = Decimal(500)  # histories, reports and models in S3: estimate
SHARED_GB = Decimal(50)  # what nodes share on EFS: estimate
MODEL_GB = Decimal(1200)  # the smallest FSx for Lustre
METRICS = Decimal(300)  # estimate
ENDPOINTS = Decimal(16)  # eight services of AWS by private endpoints, in two zones: estimate
IMAGES_GB_PER_DAY = Decimal(10)  # through NAT: images, alerts: estimate

Kind = Literal["gpu", "batch", "node", "database", "service"]
_COMMITTED: tuple[Purchase, ...] = ("one_year", "three_year")
_SPOT_KINDS: tuple[Kind, ...] = ("gpu", "batch")  # what decides stays on demand
_COMMITTED_KINDS: tuple[Kind, ...] = ("gpu", "node", "database")  # nobody commits to a night's batch
_BY_DAY = ("GB", "million")


@dataclass(frozen=True, slots=True)
class Line:
    """So many units of an item of the price file. Of items by the GB or the million: a day's quantity."""

    what: str
    item: str
    quantity: Decimal
    kind: Kind = "service"
    hours_per_day: Decimal = HOURS_PER_DAY


@dataclass(frozen=True, slots=True)
class Priced:
    """A line with what it costs, and whose price that is."""

    line: Line
    purchase: Purchase
    usd_per_day: Decimal
    source: str
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class Bill:
    """All lines of a layout."""

    lines: tuple[Priced, ...]
    transactions_per_s: Decimal

    @property
    def usd_per_day(self) -> Decimal:
        """The sum."""
        return sum((priced.usd_per_day for priced in self.lines), Decimal())

    @property
    def usd_per_hour(self) -> Decimal:
        """On average over the day."""
        return self.usd_per_day / 24

    @property
    def usd_per_million(self) -> Decimal:
        """Transactions, at the rate all day."""
        return self.usd_per_day / (self.transactions_per_s * 86_400) * 1_000_000

    @property
    def estimated_share(self) -> Decimal:
        """Of the sum, what rests on prices without a source."""
        estimated = sum((priced.usd_per_day for priced in self.lines if priced.is_estimate), Decimal())
        return estimated / self.usd_per_day if self.usd_per_day else Decimal()


@dataclass(frozen=True, slots=True)
class ClusterLayout:
    """A way to run fraudray on EKS: the GPU nodes, and how the model lies on them (None: no model)."""

    name: str
    text: str
    instance: str | None = None
    serving: Layout | None = None
    only: Purchase | None = None
    """The one way to pay that makes sense of it."""

    @property
    def gpu_nodes(self) -> int:
        """As laid out."""
        return self.serving.nodes if self.serving else 0


LAYOUTS = {
    layout.name: layout
    for layout in (
        ClusterLayout("p4d-efa", "one replica over two p4d.24xlarge, TP=8 x PP=2", "p4d.24xlarge",
                      Layout(2, 8, 2, 1, slots=128)),
        ClusterLayout("p4d-single", "one replica on one p4d.24xlarge, TP=8", "p4d.24xlarge", Layout(1, 8)),
        ClusterLayout("g6-single", "4-bit weights on one g6.12xlarge, TP=4", "g6.12xlarge",
                      Layout(1, 4, dtype="int4", slots=16, batched_tokens=4096)),
        ClusterLayout("cpu-only", "no model: the policy decides alone"),
        ClusterLayout("spot", "as p4d-single, on spot: the policy decides alone while the node is away", "p4d.24xlarge",
                      Layout(1, 8), "spot"),
    )
}  # fmt: skip


def find_layout(name: str) -> ClusterLayout:
    """A layout by its name. Raises InputError."""
    if name not in LAYOUTS:
        raise InputError(f"--layout: {name} is not one of {', '.join(LAYOUTS)}")
    return LAYOUTS[name]


def lines(
    layout: ClusterLayout, transactions_per_s: float, gpu_hours_per_day: Decimal = HOURS_PER_DAY,
    gpu_nodes: int | None = None,
) -> list[Line]:  # fmt: skip
    """What is rented at that rate; `gpu_nodes` other than the layout's own where more are needed. Raises InputError."""
    if not 0 <= gpu_hours_per_day <= HOURS_PER_DAY:
        raise InputError(f"--gpu-hours-per-day: {gpu_hours_per_day} is not from 0 to 24")
    if not transactions_per_s > 0 or not math.isfinite(transactions_per_s):
        raise InputError(f"--rate: {transactions_per_s} transactions a second; it has to be above 0")
    gpus = layout.gpu_nodes if gpu_nodes is None else gpu_nodes
    nodes = max(3, math.ceil(transactions_per_s / DECISIONS_PER_S) + 2)
    model = [] if layout.instance is None else [
        Line("GPU nodes", layout.instance, Decimal(gpus), "gpu", gpu_hours_per_day),
        Line("their disks, 200 GB each", "ebs-gp3", Decimal(200 * gpus)),
        Line("the model's files", "fsx-lustre", MODEL_GB),
    ]  # fmt: skip
    per_day = Decimal(str(transactions_per_s)) * 86_400
    return [
        *model,
        Line("nodes that decide", "m7i.2xlarge", Decimal(nodes), "node"),
        Line("batch nodes, at night", "m7i.2xlarge", Decimal(2), "batch", BATCH_HOURS),
        Line("disks of these, 100 GB each", "ebs-gp3", Decimal(100 * nodes)),
        Line("EKS control plane", "eks-control-plane", Decimal(1)),
        Line("PostgreSQL, two zones", "rds-postgres-m7g.2xlarge-multi-az", Decimal(1), "database"),
        Line(f"its storage, {KEPT_DAYS} days", "rds-gp3-multi-az", per_day * KEPT_DAYS * DECISION_BYTES / 10**9),
        Line("shared files", "efs-standard", SHARED_GB),
        Line("histories, reports, models", "s3-standard", FILES_GB),
        Line("load balancers, API and page", "alb", Decimal(2)),
        Line("their traffic", "alb-lcu", per_day / 24 * EXCHANGE_BYTES / 10**9),
        Line("firewall", "waf-acl", Decimal(1)),
        Line("its requests, a day", "waf-requests", per_day / 10**6),
        Line("NAT, two zones", "nat-gateway", Decimal(2)),
        Line("its traffic, a day", "nat-data", IMAGES_GB_PER_DAY),
        Line("private endpoints", "vpc-endpoint", ENDPOINTS),
        Line("logs, a day", "cloudwatch-logs", per_day * LOG_BYTES / 10**9),
        Line("metrics and alarms", "cloudwatch-metric", METRICS),
    ]


def besides_gpu_nodes(transactions_per_s: float) -> list[Line]:
    """What a cluster with a model rents besides GPU nodes. Raises InputError."""
    return [line for line in lines(LAYOUTS["p4d-single"], transactions_per_s, gpu_nodes=0) if line.quantity]


def bill(rented: Sequence[Line], prices: Prices, purchase: Purchase, transactions_per_s: float) -> Bill:
    """The lines priced. What cannot be bought in that way is on demand. Raises InputError where a price is missing."""
    return Bill(tuple(_priced(line, prices, purchase) for line in rented), Decimal(str(transactions_per_s)))


def _priced(line: Line, prices: Prices, purchase: Purchase) -> Priced:
    as_bought = _bought(line, prices, purchase)
    price, each = prices.price(line.item, as_bought), prices.per_hour(line.item, as_bought)
    unit = prices.items[line.item].unit
    # A commitment is paid for every hour of its term, used or not.
    hours = HOURS_PER_DAY if as_bought in _COMMITTED else line.hours_per_day
    usd = line.quantity * each * (Decimal(1) if unit in _BY_DAY else hours)
    return Priced(line, as_bought, usd, price.source, price.is_estimate)


def _bought(line: Line, prices: Prices, purchase: Purchase) -> Purchase:
    kinds = _SPOT_KINDS if purchase == "spot" else _COMMITTED_KINDS
    if line.kind not in kinds:
        return "on_demand"
    if line.kind == "gpu" or prices.find(line.item, purchase):
        return purchase
    return "on_demand"


@dataclass(frozen=True, slots=True)
class AtShare:
    """What an escalated share asks of a layout that grows with it."""

    escalated: float
    tokens_per_transaction: float
    """Written by the model, on average over all transactions."""
    tokens_per_s: float
    gpu_nodes: int
    verdict_s: float | None
    """Median with that many nodes."""
    bill: Bill


def by_share(
    layout: ClusterLayout, prices: Prices, purchase: Purchase, load: Load,
    gpu_hours_per_day: Decimal = HOURS_PER_DAY, shares: Sequence[float] = SHARES,
) -> list[AtShare]:  # fmt: skip
    """The layout grown, replica by replica, until it bears each share; none for a layout without a model."""
    if layout.instance is None or layout.serving is None:
        return []
    found = []
    for share in shares:
        asked = replace(load, escalated=share)
        grown, sized = _grown(layout.instance, layout.serving, asked)
        rented = lines(layout, load.transactions_per_s, gpu_hours_per_day, grown.nodes)
        found.append(
            AtShare(
                share, share * load.written_tokens, asked.requests_per_s * load.written_tokens, grown.nodes,
                sized.verdict_p50_s, bill(rented, prices, purchase, load.transactions_per_s),
            )
        )  # fmt: skip
    return found


def _grown(instance_name: str, serving: Layout, load: Load) -> tuple[Layout, Estimate]:
    """As many replicas as are busy to 80 % at most, at least those of the layout."""
    model, instance = find_model(MODEL), find_instance(instance_name)
    needed = max(serving.replicas, estimate(model, instance, serving, load).replicas_for_rate)
    grown = replace(serving, replicas=needed, nodes=max(serving.nodes, serving.nodes_for(needed, instance)))
    return grown, estimate(model, instance, grown, load)
