"""fraudray decides, explains and investigates payment fraud: one decision pipeline, used everywhere.

from fraudray import Engine

with Engine.from_settings() as engine:
    decision = engine.decide({"transaction_id": "T-1", "customer_id": "C-1", "amount": "12.50", "merchant": "Shop"})
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fraudray.domain.decision import Decision, Outcome, Reason
    from fraudray.domain.errors import (
        ConflictingTransaction,
        DataFileError,
        DeliveryFailed,
        Forbidden,
        FraudrayError,
        InvalidTransaction,
        NotFound,
        NotInstalled,
        PolicyError,
        Refused,
        SettingsError,
        StoreFailed,
        StoreInUse,
        Unauthenticated,
    )
    from fraudray.domain.investigation import Finding, Verdict
    from fraudray.domain.transaction import Transaction
    from fraudray.engine import Engine
    from fraudray.investigator import Investigator
    from fraudray.policy.policy import Policy

__all__ = [
    "ConflictingTransaction",
    "DataFileError",
    "Decision",
    "DeliveryFailed",
    "Engine",
    "Finding",
    "Forbidden",
    "FraudrayError",
    "InvalidTransaction",
    "Investigator",
    "NotFound",
    "NotInstalled",
    "Outcome",
    "Policy",
    "PolicyError",
    "Reason",
    "Refused",
    "SettingsError",
    "StoreFailed",
    "StoreInUse",
    "Transaction",
    "Unauthenticated",
    "Verdict",
]
__version__ = "0.1.0"
_HOMES = {
    "Decision": "domain.decision", "Outcome": "domain.decision", "Reason": "domain.decision",
    "Finding": "domain.investigation", "Verdict": "domain.investigation", "Investigator": "investigator",
    "Transaction": "domain.transaction", "Engine": "engine", "Policy": "policy.policy",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the command line must not pay for all of them."""
    if name not in __all__:
        raise AttributeError(f"module 'fraudray' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"fraudray.{_HOMES.get(name, 'domain.errors')}"), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
