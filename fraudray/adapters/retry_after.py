"""How long a server asks us to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

RETRY_AFTER_MAX_S = 24 * 3600


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """The seconds of a Retry-After header (RFC 9110, 10.2.3), a day at most; None where there is none to read."""
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(min(RETRY_AFTER_MAX_S, int(value[:9])))
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    wait_s = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
    return min(RETRY_AFTER_MAX_S, max(0.0, wait_s))
