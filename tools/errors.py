"""Failures in words that tell an agent what to send instead."""

from __future__ import annotations

from collections.abc import Iterable

from fraudray.domain.cards import mask
from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction, NotFound, StoreInUse

_HINTS = {
    "decision on transaction": "decide the transaction first (POST /v1/decisions, `fraudray decide`) or correct the id",
    "transaction": "decide the transaction first (POST /v1/decisions, `fraudray decide`) or correct the id",
    "case": "search_fraud_cases of fraud-logger lists the cases there are",
}


class ToolUnavailableError(FraudrayError):
    """The tool could not find its evidence; that is no evidence either way."""


def tell(error: FraudrayError) -> str:
    """What went wrong and what to do about it. No card number is repeated."""
    text = str(error)
    if isinstance(error, InvalidTransaction):
        return tell_problems(error.problems)
    if isinstance(error, NotFound) and error.kind in _HINTS:
        text = f"{text}: {_HINTS[error.kind]}"
    elif isinstance(error, StoreInUse):
        text = f"{text}; try again in a moment"
    return mask(text)


def tell_problems(problems: Iterable[FieldProblem]) -> str:
    """Every bad argument on a line of its own, so that one correction mends all."""
    lines = [mask(f"- {problem.field or 'arguments'}: {problem.message}") for problem in problems]
    return "Correct these arguments and call again:\n" + "\n".join(lines)
