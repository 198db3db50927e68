"""What a case shares with others, as a small graph: its customer, around it what is shared, outside the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fraudray.ui.words import short

SIZE = 420.0
KEY_RADIUS, OTHER_RADIUS = 95.0, 175.0
ROOM_ABOVE, ROOM_BELOW = 20.0, 34.0  # for a node and the text beneath it
KEYS_MAX, OTHERS_MAX = 8, 16
KIND_WORDS = {"device": "Device", "address": "Network address", "instrument": "Instrument", "email": "E-mail address"}


@dataclass(frozen=True, slots=True)
class Node:
    """A customer, or something shared."""

    kind: str
    """`own`, `other`, or the kind of what is shared."""
    text: str
    x: float
    y: float
    says: str
    href: str | None = None
    fraud: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A line between two nodes."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True)
class SharedRow:
    """The same for those who read a table."""

    kind: str
    value: str
    others: str


@dataclass(frozen=True, slots=True)
class ConnectionsView:
    """The graph and its rows."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    rows: tuple[SharedRow, ...]
    left_out: int
    top: float
    """Where the drawing begins, and its height: no more than its nodes need."""
    height: float


def connections_view(links: Mapping[str, Any], customer_id: str) -> ConnectionsView | None:
    """The graph of a case's links; None where nothing is shared."""
    keys = links["keys"][:KEYS_MAX]
    by_case = {link["case"]["case_id"]: link["case"] for link in links["linked"]}
    holders = [_customers(key, by_case, customer_id) for key in keys]
    if not keys or not any(holders):
        return None
    others = list(dict.fromkeys(customer for found in holders for customer in found))
    shown = others[:OTHERS_MAX]
    cases: dict[str, Mapping[str, Any]] = {}
    for case in by_case.values():
        cases.setdefault(case["customer_id"], case)
    middle = SIZE / 2
    own = Node("own", short(customer_id, 18), middle, middle, f"customer {customer_id}, of this case")
    nodes, edges, places = [own], [], {}
    for index, key in enumerate(keys):
        x, y = _on_circle(index, len(keys), KEY_RADIUS)
        places[index] = (x, y)
        word = KIND_WORDS.get(key["kind"], key["kind"])
        nodes.append(Node(key["kind"], short(key["value"] or "erased", 16), x, y, f"{word} {key['value'] or ''}"))
        edges.append(Edge(middle, middle, x, y))
    order = sorted(shown, key=lambda customer: next(i for i, found in enumerate(holders) if customer in found))
    for index, customer in enumerate(order):
        x, y = _on_circle(index, len(order), OTHER_RADIUS)
        found = cases.get(customer)
        fraud = bool(found and found.get("disposition") == "fraud")
        says = f"customer {customer}" + (f", case {found['case_id']}, score {found['score']}" if found else ", no case")
        nodes.append(Node("other", short(customer, 14), x, y, says, found["case_id"] if found else None, fraud))
        edges += [Edge(x, y, *places[key_index]) for key_index, holding in enumerate(holders) if customer in holding]
    rows = tuple(
        SharedRow(KIND_WORDS.get(key["kind"], key["kind"]), short(key["value"] or "erased", 80), _said(found))
        for key, found in zip(keys, holders, strict=True)
    )
    top, bottom = min(node.y for node in nodes) - ROOM_ABOVE, max(node.y for node in nodes) + ROOM_BELOW
    return ConnectionsView(tuple(nodes), tuple(edges), rows, len(others) - len(shown), top, round(bottom - top, 1))


def _customers(key: Mapping[str, Any], by_case: Mapping[str, Mapping[str, Any]], own: str) -> list[str]:
    of_cases = [by_case[case_id]["customer_id"] for case_id in key["case_ids"] if case_id in by_case]
    return [customer for customer in dict.fromkeys([*key["seen_with"], *of_cases]) if customer != own]


def _said(customers: Sequence[str]) -> str:
    shown = ", ".join(short(customer, 30) for customer in customers[:6])
    return shown + (f" and {len(customers) - 6} more" if len(customers) > 6 else "") if customers else "nobody else"


def _on_circle(index: int, count: int, radius: float) -> tuple[float, float]:
    angle = 2 * math.pi * index / count - math.pi / 2
    return round(SIZE / 2 + radius * math.cos(angle), 1), round(SIZE / 2 + radius * math.sin(angle), 1)
