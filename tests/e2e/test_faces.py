"""One pipeline: every face gives the same decision, score and reasons, each on an empty store of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from starlette.testclient import TestClient

from fraudray.bootstrap import App
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.evidence import READ_TOOLS, Evidence, ToolEvidence
from fraudray.domain.transaction import Transaction
from fraudray.evidence.context import Inquiry
from fraudray.facts import collect_facts
from fraudray.tools.catalogue import find
from fraudray.tools.provider import MountedProvider

Row = dict[str, Any]
Answer = tuple[str, int, list[tuple[str, int, str]]]

# All with a timestamp of their own, so that the moment of running changes nothing.
OTHERS: list[Row] = [
    {
        "transaction_id": "F-1",
        "customer_id": "C-45678",
        "amount": 18.4,
        "merchant": "Panadería Sol",
        "location": "Austin, TX",
        "card_present": True,
        "device_id": "dev-ghi789",
        "timestamp": "2026-03-01T09:00:00Z",
    },
    {
        "transaction_id": "F-2",
        "customer_id": "C-45678",
        "amount": "310.00",
        "merchant": "Western Union",
        "mcc": "4829",
        "location": "Lagos, Nigeria",
        "card_present": False,
        "timestamp": "2026-03-01T09:20:00Z",
        "ip_address": "8.8.8.8",
    },
    {
        "transaction_id": "F-3",
        "customer_id": "C-99001",
        "amount": 99,
        "currency": "EUR",
        "merchant": "寿司 太郎",
        "latitude": 35.68,
        "longitude": 139.69,
        "card_present": True,
        "timestamp": "2026-03-01T18:30:00Z",
    },
    {
        "transaction_id": "F-4",
        "customer_id": "C-99001",
        "amount": 250000,
        "currency": "JPY",
        "merchant": "家電量販店 electronics",
        "location": "Osaka",
        "card_present": True,
        "timestamp": "2026-03-01T20:00:00Z",
    },
    {
        "transaction_id": "F-5",
        "customer_id": "C-67890",
        "amount": "600.00",
        "merchant": "Grand Hotel",
        "location": "Los Angeles, CA",
        "card_present": True,
        "device_id": "dev-def456",
        "timestamp": "2026-03-01T10:00:00Z",
    },
    {
        "transaction_id": "F-6",
        "customer_id": "C-67890",
        "amount": "900.00",
        "merchant": "Grand Hotel",
        "location": "Los Angeles, CA",
        "card_present": True,
        "device_id": "dev-def456",
        "timestamp": "2026-03-01T11:00:00Z",
        "transaction_type": "incremental_authorization",
        "original_transaction_id": "F-5",
    },
    {
        "transaction_id": "F-7",
        "customer_id": "C-67890",
        "amount": "2000.00",
        "merchant": "Grand Hotel",
        "transaction_type": "refund",
        "original_transaction_id": "F-5",
        "timestamp": "2026-03-01T12:00:00Z",
    },
    {
        "transaction_id": "F-8",
        "customer_id": "C-99002",
        "amount": 40,
        "merchant": "Kiosk",
        "location": "Nowhereville, Atlantis",
        "card_present": False,
        "timestamp": "2026-03-01T03:00:00Z",
        "device_id": "dev-abc123",
    },
    {
        "transaction_id": "F-9",
        "customer_id": "C-99003",
        "amount": 15,
        "merchant": "Casino Royale",
        "location": "Paris",
        "previous_location": "Dallas, TX",
        "time_since_last_transaction": "1 hour ago",
        "card_present": True,
        "timestamp": "2026-03-01T15:00:00Z",
    },
    {
        "transaction_id": "F-10",
        "customer_id": "C-99003",
        "amount": "1500.00",
        "currency": "GBP",
        "merchant": "Harrods",
        "location": "London, UK",
        "card_present": True,
        "funding": "wallet",
        "instrument_id": "t-1",
        "timestamp": "2026-03-01T15:05:00Z",
    },
]


@pytest.fixture
def rows(samples: list[Row]) -> list[Row]:
    return [*samples, *OTHERS]


def answer(decision: Row) -> Answer:
    reasons = [(reason["code"], reason["points"], reason["text"]) for reason in decision["reasons"]]
    return decision["decision"], decision["score"], reasons


def by_python(app: App, rows: list[Row]) -> list[Answer]:
    return [answer(app.engine.decide(row).model_dump(mode="json")) for row in rows]


def by_http(app: App, rows: list[Row]) -> list[Answer]:
    with TestClient(build_gateway(app)) as http:
        return [answer(http.post("/v1/decisions", json=row).json()) for row in rows]


def by_bulk(app: App, rows: list[Row]) -> list[Answer]:
    with TestClient(build_gateway(app)) as http:
        results = http.post("/v1/decisions/bulk", json=rows).json()["results"]
    return [answer(result["decision"]) for result in results]


def by_mcp(app: App, rows: list[Row]) -> list[Answer]:
    """The three read tools over MCP, then the policy; the engine decides as well, so that the store moves on."""

    async def ask() -> list[Answer]:
        answers = []
        provider = MountedProvider(app)
        for row in rows:
            tools = {}
            for name in READ_TOOLS:
                async with Client(find(name).build(provider)) as client:
                    told = await client.call_tool(*_question(name, row))
                assert not told.is_error, told.content
                items = {
                    key.removeprefix(f"{name}/"): item for key, item in told.structured_content["evidence"].items()
                }
                tools[name] = ToolEvidence(items=items)
            answers.append(_judge(app, row, Evidence(tools)))
            app.engine.decide(row)
        return answers

    return anyio.run(ask)


_OTHER_TOOLS = ("previous_location", "time_since_last_transaction", "device_id", "ip_address")


def _question(tool: str, row: Row) -> tuple[str, Row]:
    rest = dict(row)
    if tool == "transaction-risk":
        return "check_transaction_risk", {
            "location": None, "card_present": None, "transaction_time": rest.pop("timestamp", None),
            **{name: value for name, value in rest.items() if name not in _OTHER_TOOLS},
        }  # fmt: skip
    if tool == "identity-verifier":
        return "verify_customer_identity", {
            "customer_id": row["customer_id"], "device_fingerprint": row.get("device_id"),
            "ip_address": row.get("ip_address"), "transaction_time": row.get("timestamp"),
        }  # fmt: skip
    optional = ("ip_address", "card_present", "instrument_id", "funding", "latitude", "longitude")
    minutes = {"2 hours ago": 120, "30 minutes ago": 30, "1 day ago": 1440, "1 hour ago": 60, None: None}
    return "check_geolocation_risk", {
        "customer_id": row["customer_id"], "current_location": row.get("location"),
        "previous_transaction_location": row.get("previous_location"),
        "time_difference_minutes": minutes[row.get("time_since_last_transaction")],
        "transaction_time": row.get("timestamp"),
        **{name: row[name] for name in optional if name in row},
    }  # fmt: skip


def _judge(app: App, row: Row, evidence: Evidence) -> Answer:
    now = app.clock.now()
    tx = Transaction.parse(row, now=now)
    customer = app.store.ledger.customer(tx.customer_id)
    inquiry = Inquiry(tx, now, customer.profile, customer.state, app.store.ledger.owners_of_device, app.reference,
                      app.policy.document.parameters)  # fmt: skip
    judged = app.policy.judge(collect_facts(inquiry, evidence, customer.freeze, app.policy))
    return judged.outcome.value, judged.score, [(r.code, r.points, r.text) for r in judged.reasons]


@pytest.mark.parametrize("face", [by_http, by_bulk, by_mcp])
def test_every_face_gives_the_same_answers(
    make_app: Callable[..., App], rows: list[Row], face: Callable[[App, list[Row]], list[Answer]]
) -> None:
    expected = by_python(make_app("python"), rows)
    assert {outcome for outcome, _, _ in expected} == {"APPROVE", "REVIEW", "BLOCK"}
    for row, one, other in zip(rows, expected, face(make_app(face.__name__), rows), strict=True):
        assert one == other, row["transaction_id"]


def test_the_command_line_gives_the_same_answers(make_app: Callable[..., App], rows: list[Row], tmp_path: Path) -> None:
    expected = by_python(make_app("python"), rows)
    file, out = tmp_path / "rows.ndjson", tmp_path / "out.ndjson"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "fraudray.cli", "decide", str(file), "--out", str(out), "--no-wait"],
        check=True, capture_output=True, env=os.environ | {"FRAUDRAY_DATA_DIR": str(tmp_path / "cli")}, timeout=60,
    )  # fmt: skip
    decided = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    for row, one, decision in zip(rows, expected, decided, strict=True):
        assert _timeless(one) == _timeless(answer(decision)), row["transaction_id"]


def _timeless(given: Answer) -> Answer:
    """A freeze ends 24 hours after the moment of running; all else is the same at any moment."""
    outcome, score, reasons = given
    return outcome, score, [(code, points, "" if code == "ACCOUNT_FROZEN" else text) for code, points, text in reasons]
