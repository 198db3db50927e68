"""What a back-test is to do: everything that a worker needs to know, and where its files lie."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraudray.batch.investigate.plan import InvestigationPlan
from fraudray.domain.customer import CustomerProfile
from fraudray.policy.book import PolicyBook, describe
from fraudray.settings import Settings

CHAMPION, CHALLENGER = "champion", "challenger"
FORMAT = 1


@dataclass(frozen=True)
class Job:
    """One back-test. `books` are the champion and, if there is one, its challenger; times are UTC µs, rows before
    `from_us` are decided but not measured, rows from `to_us` on are not read."""

    store: Path
    out: Path
    fingerprint: str
    parts: int
    books: tuple[PolicyBook, ...]
    settings: Settings
    customers: tuple[CustomerProfile, ...] = ()
    from_us: int | None = None
    to_us: int | None = None
    investigation: InvestigationPlan | None = None

    @property
    def sides(self) -> tuple[str, ...]:
        """What each book is called in files."""
        return (CHAMPION, CHALLENGER)[: len(self.books)]

    @property
    def delay_us(self) -> int:
        """How long after a fraud its label is known where the history does not say."""
        return self.books[0].default.document.parameters.feedback_delay_us

    @property
    def windows(self) -> Path:
        """Columns of shared keys, by part."""
        return self.out / ".work" / "windows"

    def part(self, number: int) -> Path:
        """The folder of what one part came to."""
        return self.out / ".work" / "parts" / f"part-{number:05d}"

    @property
    def decisions(self) -> Path:
        """The decisions, a folder a day."""
        return self.out / "decisions"

    def document(self) -> dict[str, Any]:
        """What is done, as JSON: equal for the same back-test, whenever and wherever it runs."""
        return {
            "format": FORMAT,
            "history": self.fingerprint,
            "parts": self.parts,
            "books": [describe(book) for book in self.books],
            "customers": _digest([profile.model_dump(mode="json") for profile in self.customers]),
            "from_us": self.from_us,
            "to_us": self.to_us,
            **({"investigation": self.investigation.document()} if self.investigation is not None else {}),
        }

    @property
    def run_id(self) -> str:
        """The same for the same back-test."""
        return "bt_" + _digest(self.document())[:20]


def _digest(document: Any) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def parts_left(job: Job, done: str) -> list[int]:
    """The parts whose file `done` is not there yet."""
    return [number for number in range(job.parts) if not (job.part(number) / done).is_file()]
