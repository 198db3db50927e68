"""One call to each of the six that works, and one argument that does not."""

from __future__ import annotations

from typing import Any

from fraudray.tools.catalogue import ToolEntry
from tests.mcp_world.conftest import World


def call_of(entry: ToolEntry, world: World) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A tool, arguments, and what to change in them so that the argument is refused."""
    about: dict[str, Any] = {"customer_id": "C-12345", "transaction_id": world.transaction_id}
    case: dict[str, Any] = {"case_id": world.case_id}
    calls: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
        "transaction-risk": (
            "check_transaction_risk",
            {
                "transaction_id": "T-1", "customer_id": "C-12345", "amount": 20.5, "merchant": "Kiosk",
                "location": "São Paulo, Brazil", "transaction_time": None,
            },
            {"transaction_time": "last night"},
        ),
        "identity-verifier": (
            "verify_customer_identity",
            {"customer_id": "C-12345", "device_fingerprint": "dev-abc123", "ip_address": "192.168.1.100"},
            {"ip_address": "nowhere"},
        ),
        "geolocation-checker": (
            "check_geolocation_risk",
            {
                "customer_id": "C-12345", "current_location": "Oslo, Norway",
                "previous_transaction_location": "Rome, Italy", "time_difference_minutes": 300,
            },
            {"time_difference_minutes": -1},
        ),
        "email-alerts": (
            "send_fraud_alert_email",
            about | {"alert_type": "impossible travel", "risk_score": None, "details": "seen twice"},
            {"recipients": ["not an address"]},
        ),
        "fraud-logger": (
            "log_fraud_case",
            case | {
                "transaction_data": None, "investigation_notes": "called", "agent_decision": "BLOCK",
                "evidence": [["nested", 1], {"seen": True}],
            },
            {"case_id": "?"},
        ),
        "report-generator": ("generate_fraud_report", case, {"include_sections": ["gossip"]}),
    }  # fmt: skip
    return calls[entry.name]
