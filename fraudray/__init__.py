"""fraudray decides, explains and investigates payment fraud: one decision pipeline, used everywhere.

from fraudray import Engine

with Engine.from_settings() as engine:
    decision = engine.decide({"transaction_id": "T-1", "customer_id": "C-1", "amount": "12.50", "merchant": "Shop"})
"""

from __future__ import annotations

from fraudray.domain.decision import Decision, Outcome, Reason
from fraudray.domain.errors import (
    ConflictingTransaction,
    DeliveryFailed,
    FraudrayError,
    InvalidTransaction,
    NotFound,
    PolicyError,
    Refused,
    SettingsError,
    StoreFailed,
    StoreInUse,
)
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.policy.policy import Policy

__all__ = [
    "ConflictingTransaction",
    "Decision",
    "DeliveryFailed",
    "Engine",
    "FraudrayError",
    "InvalidTransaction",
    "NotFound",
    "Outcome",
    "Policy",
    "PolicyError",
    "Reason",
    "Refused",
    "SettingsError",
    "StoreFailed",
    "StoreInUse",
    "Transaction",
]
__version__ = "0.1.0"
