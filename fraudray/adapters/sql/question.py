"""One question of research: a connection for as long as it takes, and what it may open."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from fraudray.adapters.sql.unsealed import Unsealed
from fraudray.adapters.vault import Vault
from fraudray.domain.research import DAYS_MAX, ROWS_MAX

_DAY_US = 86_400 * 1_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked at a moment (UTC microseconds) about the `days` before it; `limit` rows are wanted."""

    connection: Connection
    vault: Vault
    unsealed: Unsealed
    now_us: int
    days: int = DAYS_MAX
    limit: int = ROWS_MAX

    def __post_init__(self) -> None:
        """Refuse what is beyond the bounds that `Research` promises. Raises ValueError."""
        if not 1 <= self.days <= DAYS_MAX:
            raise ValueError(f"days lie between 1 and {DAYS_MAX}")
        if not 1 <= self.limit <= ROWS_MAX:
            raise ValueError(f"limit lies between 1 and {ROWS_MAX}")

    @property
    def since_us(self) -> int:
        """Where the days begin."""
        return self.now_us - self.days * _DAY_US
