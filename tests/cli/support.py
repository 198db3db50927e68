"""What the tests of the command line share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRAUDRAY = Path(sys.executable).with_name("fraudray")


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ran]


def payment(number: int, **changes: Any) -> dict[str, Any]:
    """An ordinary payment of a registered sample customer."""
    return {
        "transaction_id": f"T-{number}", "customer_id": "C-45678", "amount": 25.5, "merchant": "Corner Grocery",
        "location": "Austin, TX", "card_present": True, "device_id": "dev-ghi789", "ip_address": "192.168.2.15",
    } | changes  # fmt: skip


def ndjson(*rows: Any) -> str:
    """Rows as NDJSON."""
    return "".join(json.dumps(row) + "\n" for row in rows)
