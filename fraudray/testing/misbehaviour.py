"""How an endpoint can fail: each as a script for `ModelEndpoint`, with the reason that fraudray gives for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

from fraudray.domain.investigation import FallbackReason
from fraudray.testing.endpoint import CUT, HOLD, MODEL, ModelEndpoint, Reply, chunk, says, usage
from fraudray.testing.scripted_model import verdict

_THOUGHT = "The amount is high and the place is new. "


class Misbehaviour(Enum):
    """A way to fail. The value is the reason for which the policy's decision then stands."""

    REFUSED = FallbackReason.REFUSED_CONNECTION
    UNAUTHORIZED = FallbackReason.UNAUTHORIZED
    RATE_LIMITED = FallbackReason.RATE_LIMITED
    SERVER_ERROR = FallbackReason.SERVER_ERROR
    ERROR_IN_STREAM = "error_in_stream"
    WRONG_MODEL = FallbackReason.WRONG_MODEL
    SLOW_FIRST_TOKEN = FallbackReason.SLOW_FIRST_TOKEN
    STALLED = FallbackReason.STALLED
    CUT = FallbackReason.CUT
    NOT_JSON_IN_STREAM = "not_json_in_stream"
    EMPTY = FallbackReason.EMPTY
    ENDLESS_REASONING = FallbackReason.ENDLESS_REASONING
    INVALID_JSON = FallbackReason.INVALID_JSON
    BEYOND_SCHEMA = FallbackReason.BEYOND_SCHEMA
    UNKNOWN_EVIDENCE = FallbackReason.UNKNOWN_EVIDENCE

    @property
    def reason(self) -> FallbackReason:
        """What a finding says of it."""
        match self:
            case Misbehaviour.ERROR_IN_STREAM:
                return FallbackReason.SERVER_ERROR
            case Misbehaviour.NOT_JSON_IN_STREAM:
                return FallbackReason.CUT
            case _:
                return FallbackReason(self.value)


def reply_of(kind: Misbehaviour) -> Reply:
    """What a request gets."""
    match kind:
        case Misbehaviour.UNAUTHORIZED:
            return Reply(status=401, error="Unauthorized")
        case Misbehaviour.RATE_LIMITED:
            return Reply(status=429, error="Too many requests", headers={"retry-after": "7"})
        case Misbehaviour.SERVER_ERROR:
            return Reply(status=500, error="EngineCore encountered an issue")
        case Misbehaviour.ERROR_IN_STREAM:
            return Reply([chunk({"content": "{"}), {"error": {"message": "EngineDeadError", "code": 500}}])
        case Misbehaviour.SLOW_FIRST_TOKEN:
            return Reply([HOLD])
        case Misbehaviour.STALLED:
            return Reply([chunk({"content": '{"risk"'}), HOLD])
        case Misbehaviour.CUT:
            return Reply([chunk({"content": '{"risk": 4'}), CUT])
        case Misbehaviour.NOT_JSON_IN_STREAM:
            return Reply([chunk({"content": "{"}), "<html>502 Bad Gateway</html>"])
        case Misbehaviour.EMPTY:
            return Reply([chunk({"content": None}), chunk({}, "stop"), usage(100, 0)])
        case Misbehaviour.ENDLESS_REASONING:
            return Reply([chunk({"reasoning": _THOUGHT}) for _ in range(3000)] + [HOLD])
        case Misbehaviour.INVALID_JSON:
            return says('{"risk": 40, "decision": REVIEW')
        case Misbehaviour.BEYOND_SCHEMA:
            return says(verdict("FREEZE", 400))
        case Misbehaviour.UNKNOWN_EVIDENCE:
            return says(verdict("BLOCK", 99, ["transaction-risk/invented"]))
        case _:
            return says(verdict())


@contextmanager
def misbehaving(kind: Misbehaviour) -> Iterator[str]:
    """The address of an endpoint that fails in this way."""

    def answer(_body: dict[str, Any]) -> Reply:
        return reply_of(kind)

    with ModelEndpoint(answer, model="another" if kind is Misbehaviour.WRONG_MODEL else MODEL) as endpoint:
        url = endpoint.url
        if kind is not Misbehaviour.REFUSED:
            yield url
            return
    yield url  # nothing listens there any more
