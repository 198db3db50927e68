"""Errors as problem documents (RFC 9457): one form for HTTP, bulk rows, the command line and rejects files."""

from __future__ import annotations

from typing import Any

from fraudray.domain.cards import mask
from fraudray.domain.errors import (
    Changed,
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

_TITLES = {
    400: "The request cannot be read",
    401: "A key is needed",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed meanwhile",
    413: "The body is too large",
    415: "The content type is not accepted",
    422: "The content is not acceptable",
    500: "Internal error",
    501: "Not installed",
    503: "Not available",
}
_STATUS: tuple[tuple[type[FraudrayError], int], ...] = (
    (InvalidTransaction, 422), (ConflictingTransaction, 409), (NotFound, 404), (Changed, 412), (Refused, 409),
    (PolicyError, 422), (SettingsError, 422), (DataFileError, 422), (StoreInUse, 503), (StoreFailed, 503),
    (DeliveryFailed, 503), (Unauthenticated, 401), (Forbidden, 403), (NotInstalled, 501),
)  # fmt: skip


def problem(status: int, detail: str, **members: Any) -> dict[str, Any]:
    """A problem document; no card number is repeated in it."""
    return {
        "type": "about:blank",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": mask(detail),
    } | members


def problem_of(error: FraudrayError) -> dict[str, Any]:
    """The problem document of an expected error; an invalid transaction names every bad field."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    members: dict[str, Any] = {}
    if isinstance(error, InvalidTransaction):
        members["errors"] = [{"field": p.field, "code": p.code, "message": p.message} for p in error.problems]
    elif isinstance(error, ConflictingTransaction):
        members["transaction_id"] = error.transaction_id
    elif isinstance(error, Changed):
        members["version"] = error.version
    elif isinstance(error, NotFound):
        members |= {"kind": error.kind, "key": mask(error.key)}
    elif isinstance(error, PolicyError):
        members |= {name: mask(value) if isinstance(value, str) else value for name, value in error.members.items()}
    return problem(status, str(error), **members)
