"""Make the README's picture: a real case on the page, seen in Chromium.

python -m fraudray.ui.picture ui/images/case.png
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from fraudray.client import Client
from fraudray.ui.bench.measure import chromium
from fraudray.ui.bench.servers import serving

SIZE = {"width": 1366, "height": 900}
_SHOPS = (
    ("Grocery Market", "5411", "64.20"), ("Coffee House", "5814", "6.80"), ("Bookstore", "5942", "31.50"),
    ("Fuel Station", "5541", "48.00"), ("Pharmacy", "5912", "18.75"), ("Home Supply", "5200", "142.30"),
    ("Cinema", "7832", "24.00"), ("Electronics", "5732", "389.00"),
)  # fmt: skip


def payments(now: datetime) -> Iterator[dict[str, Any]]:
    """The sample customer's last three weeks, somebody else on the thief's device, and the payment that is blocked."""
    samples = resources.files("fraudray.data").joinpath("samples.ndjson").read_text(encoding="utf-8").splitlines()
    blocked = json.loads(samples[1])
    for number in range(24):
        merchant, mcc, amount = _SHOPS[number % len(_SHOPS)]
        at = now - timedelta(days=21) + timedelta(hours=19.6 * number)
        yield {
            "transaction_id": f"TXN-{at:%Y%m%d-%H%M%S}", "customer_id": blocked["customer_id"], "amount": amount,
            "merchant": merchant, "mcc": mcc, "location": "Seattle, WA", "card_present": True,
            "device_id": "dev-abc123", "timestamp": at.isoformat(),
        }  # fmt: skip
    yield {
        "transaction_id": f"TXN-{now:%Y%m%d}-180112", "customer_id": "C-20418", "amount": "2999.00",
        "merchant": "Gift Card World", "mcc": "5947", "location": "Moscow, Russia", "card_present": False,
        "device_id": blocked["device_id"], "ip_address": blocked.get("ip_address"),
    }  # fmt: skip
    yield blocked | {"transaction_id": f"TXN-{now:%Y%m%d}-191354"}


def take(target: Path) -> None:
    """Decide the payments on servers of their own, open the last one's case and keep what is seen. Raises StoreFailed
    where a server does not start, NotInstalled without a browser."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), only_cases=False) as (api, page_url):
        with Client(api) as client:
            rows = [{name: value for name, value in row.items() if value is not None} for row in payments(_now())]
            case_id = client.decide_rows(rows)[-1]["decision"]["case_id"]
            client.note(case_id, text="Called the customer: at home in Seattle, not her payment.", author="Ana")
            client.casework.act(case_id, "claim", author="analyst")
        with chromium() as context:
            page = context.new_page()
            page.set_viewport_size(SIZE)  # type: ignore[arg-type]
            page.goto(f"{page_url}/case?id={case_id}")
            page.wait_for_selector("#case-trail h2")
            page.wait_for_load_state("networkidle")
            target.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=target)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    take(parser.parse_args().target)
