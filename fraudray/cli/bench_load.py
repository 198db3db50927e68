"""Synthetic card payments for measuring: seeded, distinct, and mostly of the kind that is approved.

Each customer lives in one city, owns two devices and one private address, and pays every day and a half at usual
merchants. A few payments differ (a stranger's device, another city, a crypto exchange), so that cases, freezes and
messages are part of what is measured.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

CITIES = (
    "Seattle, WA", "Los Angeles, CA", "Austin, TX", "Chicago, IL", "Boston, MA", "Denver, CO", "Miami, FL",
    "Berlin, Germany", "Paris, France", "Madrid, Spain", "London, United Kingdom", "Toronto, Canada",
)  # fmt: skip
MERCHANTS = (
    ("Corner Grocery", "Groceries", "5411"), ("City Pharmacy", "Pharmacy", "5912"), ("Metro Fuel", "Fuel", "5541"),
    ("Blue Door Cafe", "Restaurants", "5812"), ("Page & Binding", "Books", "5942"),
    ("Hill Hardware", "Hardware", "5251"),
    ("Family Apparel", "Clothing", "5651"), ("Star Cinema", "Cinema", "7832"),
)  # fmt: skip
ODD_SHARE = 0.02
STEP_H = 36.0


@dataclass(frozen=True, slots=True)
class Load:
    """A reproducible stream of payments ending shortly before `until` (UTC)."""

    until: datetime
    customers: int
    seed: int = 1
    prefix: str = "bench"
    odd_share: float = ODD_SHARE
    """Of the payments, those that differ."""

    def profiles(self) -> list[dict[str, Any]]:
        """The customers, as they are registered."""
        return [
            {
                "customer_id": self._customer(number),
                "home": CITIES[number % len(CITIES)],
                "registered_at": "2022-01-01T00:00:00Z",
                "phone": f"+1 206 555 {number % 10000:04d}",
                "devices": [
                    {"device_id": f"{self.prefix}-dev-{number}-{index}", "registered_at": "2022-01-02T00:00:00Z"}
                    for index in range(2)
                ],
                "addresses": [self._address(number)],
                "usual_amounts": {"low": "10", "high": "400"},
            }
            for number in range(self.customers)
        ]

    def payments(self, count: int) -> Iterator[dict[str, Any]]:
        """`count` transactions, in the order of their timestamps; each id is given once."""
        draw = random.Random(self.seed)  # noqa: S311 - a load, not a secret
        rounds = -(-count // self.customers)
        for index in range(count):
            number = index % self.customers
            turn = index // self.customers
            age = timedelta(hours=STEP_H * (rounds - turn), minutes=-draw.random() * 60)
            yield self._payment(index, number, self.until - age, draw)

    def _payment(self, index: int, number: int, at: datetime, draw: random.Random) -> dict[str, Any]:
        merchant, category, mcc = draw.choice(MERCHANTS)
        present = draw.random() < 0.7
        payment: dict[str, Any] = {
            "transaction_id": f"{self.prefix}-{index:09d}",
            "customer_id": self._customer(number),
            "amount": f"{min(390.0, draw.lognormvariate(3.4, 0.8)) + 1:.2f}",
            "currency": "USD",
            "merchant": merchant,
            "merchant_category": category,
            "mcc": mcc,
            "location": CITIES[number % len(CITIES)],
            "card_present": present,
            "device_id": f"{self.prefix}-dev-{number}-{draw.randrange(2)}",
            "ip_address": self._address(number),
            "timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "instrument_id": f"{self.prefix}-card-{number}",
        }
        if draw.random() < self.odd_share:
            payment |= draw.choice(
                (
                    {"device_id": f"{self.prefix}-stranger-{index}", "amount": "1450.00"},
                    {"location": CITIES[(number + 5) % len(CITIES)]},
                    {"merchant": "Harbour Crypto Exchange", "mcc": "6051", "amount": "2600.00", "card_present": False},
                )
            )
        return payment

    def _customer(self, number: int) -> str:
        return f"{self.prefix}-C-{number}"

    @staticmethod
    def _address(number: int) -> str:
        return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
