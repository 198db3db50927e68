"""Which scope each request needs. What is not listed needs `admin`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.types import ASGIApp

from fraudray.deployments.metrics import Metrics
from fraudray.domain.access import Scope
from fraudray.gate import Gate
from fraudray.tools.bearer import READS_OR_ACTS, Bearer, Needs

_DECIDE, _READ, _ACT, _ADMIN = (frozenset({scope}) for scope in Scope)
_READS = ("GET", "HEAD")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table: the whole path must match; `scopes` None asks for no key at all."""

    methods: tuple[str, ...]
    path: re.Pattern[str]
    scopes: Needs | None


def _entry(methods: tuple[str, ...], path: str, scopes: Needs | None) -> Entry:
    # A decoded path may hold line breaks, which `.` must match: an entry that asks for more must not be slipped past.
    return Entry(methods, re.compile(path, re.DOTALL), scopes)


# The first that matches counts. An `.+` before a word takes ids with slashes, as the routes do.
TABLE = (
    _entry(_READS, "/healthz|/readyz(/investigator)?", None),
    _entry(("POST",), "/v1/decisions(/bulk)?|/v1/_baseline|/v1/decisions/.+/step-up", _DECIDE),
    _entry((*_READS, *_WRITES), "/v1/(keys|webhooks).*", _ADMIN),
    _entry(_READS, "/v1/whoami", frozenset(Scope)),
    _entry(_READS, "/v1/.*", _READ),
    _entry(("POST",), "/v1/policy/(explain|check|condition|impact)|/v1/lists/match", _READ),
    _entry(_READS, "/metrics|/openapi.json|/docs.*|/redoc|/static-offline-docs.*", _READ),
    _entry(
        ("POST",),
        "/v1/investigations|/v1/ask|/v1/backtests(/[^/]+/(cancel|resume))?|/v1/cases/.+|/v1/customers/.+/(unfreeze|extend-freeze)|/v1/outbox/[^/]+/retry",
        _ACT,
    ),
    _entry(("POST",), "/v1/reports.*", _ACT),
    _entry(_WRITES, "/v1/(labels|lists).*", _ACT),
    _entry(_WRITES, "/v1/(customers|policy).*", _ADMIN),
    _entry((*_READS, *_WRITES), "/mcp/.*", READS_OR_ACTS),
)


def entry_for(method: str, path: str) -> Entry | None:
    """The line of the table that a request falls under."""
    return next((entry for entry in TABLE if method in entry.methods and entry.path.fullmatch(path)), None)


def needed(method: str, path: str) -> Needs | None:
    """The scopes of which a request needs one; None where it needs no key."""
    entry = entry_for(method, path)
    return _ADMIN if entry is None else entry.scopes


def guard(app: ASGIApp, gate: Gate, metrics: Metrics) -> Bearer:
    """`app` behind the gate; what is refused is counted."""
    return Bearer(app, gate, needed, metrics.refused)
