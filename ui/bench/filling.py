"""Payments that become cases, of as many kinds as a day's work has."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from fraudray.client import Client
from fraudray.domain.errors import StoreFailed

ROWS_AT_ONCE = 1000
_MERCHANTS = (
    ("Crypto Exchange", "6051"), ("Juwelier Ringstraße", "5944"), ("Gift Card World", "5947"), ("Best Buy", "5732"),
    ("Travel Agency", "4722"), ("Corner Shop", "5411"),
)  # fmt: skip
_PLACES = ("Lagos, Nigeria", "Moscow, Russia", "Austin, TX", "Vienna, Austria", "Singapore")


def fill(client: Client, cases: int, seed: int, on_progress: Callable[[int], None]) -> int:
    """Decide payments until there are so many cases; how many payments that took. Raises StoreFailed where the policy
    opens none."""
    payments, decided = _payments(seed), 0
    while (opened := client.casework.counts(author="bench")["active"]) < cases:
        on_progress(opened)
        rows = [next(payments) for _ in range(min(ROWS_AT_ONCE, cases - opened + 50))]
        answers = client.decide_rows(rows)
        decided += len(rows)
        if not any(answer.get("decision", {}).get("case_id") for answer in answers):
            raise StoreFailed("no payment of the bench becomes a case under this policy")
    on_progress(cases)
    return decided


def _payments(seed: int) -> Iterator[dict[str, Any]]:
    draw = random.Random(seed)  # noqa: S311 - payments to measure with
    number = 0
    while True:
        number += 1
        merchant, mcc = draw.choice(_MERCHANTS)
        yield {
            "transaction_id": f"BENCH-{number:07d}", "customer_id": f"C-{number:07d}", "currency": "USD",
            "amount": f"{draw.choice((180, 900, 1450, 2300, 4800, 9900)) + draw.random():.2f}",
            "merchant": merchant, "mcc": mcc, "location": draw.choice(_PLACES), "card_present": False,
            "previous_location": "Seattle, WA", "time_since_last_transaction": draw.choice(("40 minutes", "2 hours")),
            "device_id": f"dev-{draw.randrange(4000)}", "ip_address": f"198.51.100.{draw.randrange(250)}",
        }  # fmt: skip
