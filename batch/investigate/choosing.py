"""Which escalated rows are asked about, where not all are: those whose ids have the least hashes."""

from __future__ import annotations

import hashlib
import heapq
import secrets
from dataclasses import dataclass

from pyarrow import parquet

from fraudray.batch.investigate.escalated import FILE
from fraudray.batch.investigate.plan import Workshop
from fraudray.batch.replay.job import Job

_BOUND_MAX = 2**64 - 1


@dataclass(frozen=True)
class Chosen:
    """Those whose hash is at most `bound`, of so many that are escalated; `secret` is that of the marks in prompts."""

    bound: int
    escalated: int
    secret: str

    def has(self, transaction_id: str) -> bool:
        """Whether it is asked about."""
        return _hash_of(transaction_id) <= self.bound

    def nonce(self, row: int) -> str:
        """The mark around others' words about a row, the same in every prompt."""
        return hashlib.sha256(f"{self.secret}/{row}".encode()).hexdigest()[:16]


def choose(job: Job, rows_max: int | None) -> Chosen:
    """The rows to ask about, the same each time."""
    least: list[int] = []  # negated, so that the greatest of them is at the top
    count = 0
    for part in range(job.parts):
        for name in parquet.read_table(job.part(part) / FILE, columns=["transaction_id"]).column(0).to_pylist():
            count += 1
            if rows_max is None:
                continue
            heapq.heappush(least, -_hash_of(name))
            if len(least) > rows_max:
                heapq.heappop(least)
    bound = -least[0] if rows_max is not None and count > rows_max else _BOUND_MAX
    return Chosen(bound, count, _secret(Workshop(job.out)))


def _hash_of(transaction_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(transaction_id.encode(), digest_size=8).digest(), "big")


def _secret(workshop: Workshop) -> str:
    """Made once: what was asked before a stop is to be asked in the same words after it."""
    if not workshop.secret.is_file():
        workshop.folder.mkdir(parents=True, exist_ok=True)
        draft = workshop.secret.with_suffix(".new")
        draft.write_text(secrets.token_hex(16), encoding="utf-8")
        draft.replace(workshop.secret)
    return workshop.secret.read_text(encoding="utf-8")
