"""An endpoint that is told of decisions and cases, and what it wants to hear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraudray.domain.decision import Moment, Outcome
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.transaction import field_problems

Event = Literal["decision.created", "decision.revised", "case.opened", "case.updated", "case.closed"]
TEST_EVENT = "webhook.test"
URL_MAX = 2000
_DEFAULT_OUTCOMES = (Outcome.REVIEW, Outcome.BLOCK)


class WebhookWish(BaseModel):
    """What somebody asks for: where to send which events."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=1, max_length=URL_MAX, strict=True)
    events: frozenset[Event] = Field(min_length=1, description="At least one of " + ", ".join(get_args(Event)) + ".")
    outcomes: frozenset[Outcome] = Field(
        frozenset(_DEFAULT_OUTCOMES), min_length=1, description="Of decision events, only those that came out so."
    )


class Webhook(BaseModel):
    """An endpoint as stored, without its secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook_id: str
    url: str
    events: list[Event]
    outcomes: list[Outcome]
    status: Literal["on", "off"]
    status_reason: str | None = None
    created_at: Moment
    created_by: str

    def wants(self, event: Event, outcome: Outcome | None = None) -> bool:
        """Whether it is to be told of `event`; new decisions are chosen by outcome too, but who was told of a REVIEW is
        told of its end."""
        return event in self.events and (event != "decision.created" or outcome in self.outcomes)


def parse_wish(wish: Mapping[str, Any]) -> WebhookWish:
    """A checked wish. Raises InvalidTransaction naming every bad field."""
    if not isinstance(wish, Mapping):
        raise InvalidTransaction([FieldProblem("", "object_expected", "a webhook is a JSON object")])
    try:
        parsed = WebhookWish.model_validate(dict(wish))
    except ValidationError as error:
        raise InvalidTransaction(field_problems(error)) from None
    if "outcomes" in parsed.model_fields_set and not any(event.startswith("decision.") for event in parsed.events):
        raise InvalidTransaction(
            [FieldProblem("outcomes", "outcomes_without_decisions", "choose among decision events; none is asked for")]
        )
    return parsed
