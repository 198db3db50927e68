"""What an investigation may ask further, as the model sees it: six questions about the transaction it looks into.

The model chooses how far back and how many; which customer, device, address or merchant is meant follows from the
transaction. What each becomes as a call of a read-only MCP tool is said here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fraudray.domain.evidence import IDENTITY_VERIFIER, TRANSACTION_RISK
from fraudray.domain.research import DAYS_MAX, ROWS_MAX, Subject
from fraudray.ports.llm import ToolSpec

Arguments = dict[str, Any]


class CannotAsk(ValueError):
    """The question cannot be asked like this; the text says why, in words for the model."""


@dataclass(frozen=True, slots=True)
class McpQuestion:
    """A question as a call of an MCP server's tool."""

    server: str
    tool: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Bound:
    """An argument that the model may choose: a whole number with its limits and what stands for it when left out."""

    most: int
    default: int
    description: str

    def schema(self) -> dict[str, Any]:
        """It in JSON Schema."""
        return {
            "type": "integer", "minimum": 1, "maximum": self.most, "default": self.default,
            "description": self.description,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `about` gives what the transaction says; empty where it says nothing to ask with."""

    name: str
    description: str
    server: str
    bounds: Mapping[str, Bound]
    about: Callable[[Subject], Arguments]
    missing: str
    """What a transaction lacks of which `about` is empty."""

    def spec(self) -> ToolSpec:
        """It as the model sees it."""
        parameters = {
            "type": "object",
            "properties": {name: bound.schema() for name, bound in self.bounds.items()},
            "additionalProperties": False,
        }
        return ToolSpec(self.name, self.description, parameters)

    def ask(self, subject: Subject, arguments: Mapping[str, Any]) -> McpQuestion:
        """The call that answers it for `subject`. Raises CannotAsk."""
        chosen = {name: bound.default for name, bound in self.bounds.items()} | _checked(self, arguments)
        about = self.about(subject)
        if not about:
            raise CannotAsk(f"the transaction names no {self.missing}")
        return McpQuestion(self.server, self.name, about | chosen)


def _checked(question: Question, arguments: Mapping[str, Any]) -> Arguments:
    unknown = [name for name in arguments if name not in question.bounds]
    if unknown:
        raise CannotAsk(
            f"{question.name} takes {' and '.join(question.bounds)} only: whom or what it asks about follows from the "
            "transaction"
        )
    for name, value in arguments.items():
        most = question.bounds[name].most
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise CannotAsk(f"{name} is a whole number from 1 to {most}")
    return dict(arguments)


def _given(**arguments: Any) -> Arguments:
    return {name: value for name, value in arguments.items() if value not in (None, [])}


def _with(first: str, value: str | None, **more: Any) -> Arguments:
    return {} if value is None else _given(**{first: value}, **more)


def _similar(subject: Subject) -> Arguments:
    compared = _given(
        reasons=subject.reasons[:50], merchant=subject.merchant, device_id=subject.device_id, place=subject.place
    )
    return compared and compared | _given(customer_id=subject.customer_id, leave_out_case_id=subject.case_id)


_DAYS = Bound(DAYS_MAX, 90, "How many days back to look.")
_LIMIT = Bound(ROWS_MAX, 10, "How many to list.")

QUESTIONS: tuple[Question, ...] = (
    Question(
        "customer_history",
        "The customer's latest decided transactions (time, amount, merchant, place, decision, score, reason codes), "
        "the outcomes of all of these days, and how the customer's cases ended.",
        TRANSACTION_RISK,
        {"days": _DAYS, "limit": _LIMIT},
        lambda s: _with("customer_id", s.customer_id, leave_out_transaction_id=s.transaction_id),
        "customer",
    ),
    Question(
        "customer_devices",
        "The devices that the customer registered, used or only tried with: since when, until when, how many trusted "
        "uses, and with how many other customers each was seen.",
        IDENTITY_VERIFIER,
        {"limit": _LIMIT},
        lambda s: _with("customer_id", s.customer_id),
        "customer",
    ),
    Question(
        "customers_of_device",
        "Other customers with whom the transaction's device was seen or to whom it is registered: times, last "
        "decision, how their cases ended.",
        IDENTITY_VERIFIER,
        {"days": _DAYS, "limit": _LIMIT},
        lambda s: _with("device_id", s.device_id, leave_out_customer_id=s.customer_id),
        "device",
    ),
    Question(
        "customers_of_address",
        "Other customers who were seen at the transaction's IP address or to whom it is registered: times, last "
        "decision, how their cases ended. Many share an address for good reasons.",
        IDENTITY_VERIFIER,
        {"days": _DAYS, "limit": _LIMIT},
        lambda s: _with("ip_address", s.ip_address, leave_out_customer_id=s.customer_id),
        "IP address",
    ),
    Question(
        "merchant_history",
        "What became of the merchant's transactions: attempts, different customers, decisions by outcome, blocked "
        "share, how the cases ended.",
        TRANSACTION_RISK,
        {"days": _DAYS},
        lambda s: _with("merchant", s.merchant),
        "merchant",
    ),
    Question(
        "similar_cases",
        "Past cases with the same reason codes, device, merchant or place, the most similar first: what they share and "
        "how they ended.",
        TRANSACTION_RISK,
        {"days": Bound(DAYS_MAX, DAYS_MAX, _DAYS.description), "limit": _LIMIT},
        _similar,
        "reason, device, merchant or place",
    ),
)


def find_question(name: str) -> Question:
    """The question of that name. Raises CannotAsk naming those there are."""
    for question in QUESTIONS:
        if question.name == name:
            return question
    raise CannotAsk(f"there is no such tool; there are {', '.join(question.name for question in QUESTIONS)}")
