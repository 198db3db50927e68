"""Customers and their accounts."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Document, Limit, Offset, Records, fields_of
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.service import LocalService


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()

    @routes.get("")
    def listing(limit: Limit = 50, offset: Offset = 0) -> Response:
        """Ids of registered customers."""
        return json_response(service.customers(limit=limit, offset=offset))

    @routes.post("")
    def register(body: Records, author: Author) -> Response:
        """Register or replace many customers (a JSON array), all or none."""
        return json_response(service.put_customers(body, author=author))

    @routes.get("/{customer_id:path}/account")
    def account(customer_id: str) -> Response:
        """Whether the account is frozen, and until when."""
        return json_response(service.account(customer_id))

    @routes.get("/{customer_id:path}/transactions")
    def transactions(customer_id: str, before: datetime | None = None, limit: Limit = 100) -> Response:
        """The customer's decided transactions, newest first: amounts, places, outcomes; those before a moment."""
        if before is not None and before.tzinfo is None:
            raise InvalidTransaction([FieldProblem("before", "timezone", "needs its zone: 2026-11-29T12:00:00Z")])
        return json_response(service.casework.transactions(customer_id, before=before, limit=limit))

    @routes.post("/{customer_id:path}/enrol")
    def enrol(customer_id: str, body: Document, author: Author) -> Response:
        """Register a biometric template: `{"salt": …, "sha256": …}` or `{"matcher": …, "template": …}`."""
        return json_response(service.enrol(customer_id, body, author=author))

    @routes.post("/{customer_id:path}/unfreeze")
    def unfreeze(customer_id: str, body: Document, author: Author) -> Response:
        """Lift a freeze: `{"reason": …}`; says whether the customer's last transaction would pass now."""
        return json_response(service.unfreeze(customer_id, reason=fields_of(body, "reason")["reason"], author=author))

    @routes.post("/{customer_id:path}/extend-freeze")
    def extend_freeze(customer_id: str, body: Document, author: Author) -> Response:
        """Let a freeze hold longer: `{"until": "24h" | a date | a moment, "reason": …}`."""
        return json_response(service.extend_freeze(customer_id, author=author, **fields_of(body, "until", "reason")))

    @routes.post("/{customer_id:path}/hold")
    def hold(customer_id: str, body: Document, author: Author) -> Response:
        """Set a legal hold: `{"reason": …}`, or lift it: `{"reason": null}`."""
        reason = fields_of(body, optional=("reason",)).get("reason")
        return json_response(service.hold(customer_id, reason=reason, author=author))

    @routes.post("/{customer_id:path}/erase")
    def erase(customer_id: str, body: Document, author: Author) -> Response:
        """Destroy the customer's personal data for good: `{"reason": …}`. Refused under a legal hold."""
        return json_response(service.erase(customer_id, reason=fields_of(body, "reason")["reason"], author=author))

    @routes.get("/{customer_id:path}")
    def get(customer_id: str) -> Response:
        """A registered customer."""
        return json_response(service.customer(customer_id))

    @routes.put("/{customer_id:path}")
    def put(customer_id: str, body: Document, author: Author) -> Response:
        """Register or replace one customer; the id in the body may be left out."""
        if not isinstance(body, dict):
            raise InvalidTransaction([FieldProblem("", "object_expected", "a customer is a JSON object")])
        if body.setdefault("customer_id", customer_id) != customer_id:
            raise InvalidTransaction([FieldProblem("customer_id", "mismatch", "differs from the one in the address")])
        service.put_customers([body], author=author)
        return json_response(service.customer(customer_id))

    return routes
