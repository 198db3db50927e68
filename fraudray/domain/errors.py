"""Every failure a caller should expect.

    FraudrayError
    ├── InvalidTransaction        a transaction that cannot be decided: every bad field, named
    ├── ConflictingTransaction    another body was already decided under this transaction_id
    ├── NotFound                  no such transaction, case, customer, report or outbox entry
    ├── Refused                   understood, but not allowed in this state (a closed case, a legal hold)
    │   └── Changed               what was to be changed is no longer as the caller saw it
    ├── Unauthenticated           a key is needed, or the one sent is not valid
    ├── Forbidden                 the key is valid but lacks the scope that this needs
    ├── PolicyError               a policy file that cannot be used: file, rule, line, column
    ├── DataFileError             a list of the world that cannot be used: file, line, reason
    ├── SettingsError             a setting that cannot be used
    ├── StoreInUse                another process owns this data folder or database
    ├── StoreFailed               the database did not take a write; nothing was decided
    ├── ModelFailed               the model that investigates gave no usable answer (`fraudray.ports.llm`)
    ├── NotInstalled              an optional part of fraudray is not installed; says which extra brings it
    └── DeliveryFailed            an e-mail, SMS or report did not leave; `permanent` says whether to try again

Anything else is a bug and propagates as itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class FraudrayError(Exception):
    """Base of every expected failure."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One bad field: where it is, a stable code, and a sentence that never repeats the value."""

    field: str
    code: str
    message: str


class InvalidTransaction(FraudrayError):
    """The transaction breaks the contract; `problems` names every bad field."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems))

    def __reduce__(self) -> tuple[type[InvalidTransaction], tuple[list[FieldProblem]]]:
        return type(self), (self.problems,)


class ConflictingTransaction(FraudrayError):
    """The transaction_id was already decided with different content."""

    def __init__(self, transaction_id: str) -> None:
        self.transaction_id = transaction_id
        super().__init__(f"{transaction_id} was already decided with different content; use a new transaction_id")

    def __reduce__(self) -> tuple[type[ConflictingTransaction], tuple[str]]:
        return type(self), (self.transaction_id,)


class NotFound(FraudrayError):
    """Nothing is stored under that id."""

    def __init__(self, kind: str, key: str) -> None:
        self.kind, self.key = kind, key
        super().__init__(f"no {kind} {key}")

    def __reduce__(self) -> tuple[type[NotFound], tuple[str, str]]:
        return type(self), (self.kind, self.key)


class Refused(FraudrayError):
    """The request is well formed but this state does not allow it."""


class Changed(Refused):
    """What was to be changed is no longer as the caller saw it; nothing was overwritten. `version` is the one now."""

    def __init__(self, message: str, version: int) -> None:
        self.version = version
        super().__init__(message)

    def __reduce__(self) -> tuple[type[Changed], tuple[str, int]]:
        return type(self), (str(self), self.version)


class Unauthenticated(FraudrayError):
    """A key is needed and none, or none that is valid, was sent."""


class Forbidden(FraudrayError):
    """The key is valid, but lacks the scope that this needs; says which."""


class PolicyError(FraudrayError):
    """A policy that cannot be used, with the place in the file (1-based line and column)."""

    def __init__(
        self, message: str, *, file: Path | str | None = None, rule: str | None = None, line: int = 0, column: int = 0
    ) -> None:
        self.message, self.file, self.rule, self.line, self.column = message, file, rule, line, column
        where = f"{file or 'policy'}" + (f":{line}:{column}" if line else "")
        super().__init__(f"{where}: " + (f"rule {rule}: " if rule else "") + message)

    @property
    def members(self) -> dict[str, str | int | None]:
        """What is wrong and where, as JSON-ready values; line and column are 0 where the whole file is meant."""
        file = None if self.file is None else str(self.file)
        return {
            "message": self.message, "file": file, "rule": self.rule, "line": self.line, "column": self.column,
        }  # fmt: skip


class DataFileError(FraudrayError):
    """A list of the world (places, networks, rates, …) that cannot be used; says which, where and why."""


class SettingsError(FraudrayError):
    """A setting that cannot be used; says which, and what to do."""


class StoreInUse(FraudrayError):
    """Another process owns this data folder or, `elsewhere`, the database from a folder of its own (one writer)."""

    def __init__(self, message: str, *, elsewhere: bool = False) -> None:
        self.elsewhere = elsewhere
        super().__init__(message)


class StoreFailed(FraudrayError):
    """The database refused or lost a write; the decision was not made and may be sent again."""


class NotInstalled(FraudrayError):
    """What was asked for needs an optional part of fraudray; says how to install it."""


class DeliveryFailed(FraudrayError):
    """A message or report did not leave. `permanent` says that trying again is no use, `retry_after_s` how long the
    receiver asks us to wait."""

    def __init__(self, message: str, *, permanent: bool = False, retry_after_s: float | None = None) -> None:
        self.permanent, self.retry_after_s = permanent, retry_after_s
        super().__init__(message)
