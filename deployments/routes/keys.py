"""API keys."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Document, Limit, Offset
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.service.keys import Keys

_FIELDS = ("name", "scopes", "expires")


def router(keys: Keys) -> APIRouter:
    routes = APIRouter()

    @routes.get("")
    def listing(limit: Limit = 50, offset: Offset = 0) -> Response:
        """Keys, newest first, expired and revoked ones too; never the keys themselves."""
        return json_response(keys.list(limit=limit, offset=offset))

    @routes.post("", status_code=201)
    def create(body: Document, author: Author) -> Response:
        """Make a key: `{"name": …, "scopes": ["decide", …], "expires": "90d"}`. Only this answer shows it."""
        given = _fields(body)
        made = keys.create(given.get("name"), scopes=given.get("scopes"), expires=given.get("expires"), author=author)
        return json_response(made, 201, {"cache-control": "no-store"})

    @routes.post("/{key_id}/revoke")
    def revoke(key_id: str, author: Author) -> Response:
        """Make a key useless, at once and for good."""
        return json_response(keys.revoke(key_id, author=author))

    return routes


def _fields(body: Any) -> Any:
    if not isinstance(body, dict):
        raise InvalidTransaction([FieldProblem("", "object_expected", "the body is a JSON object")])
    unknown = [name for name in body if name not in _FIELDS]
    if unknown:
        raise InvalidTransaction(
            [FieldProblem(str(n)[:200], "extra_forbidden", "is not a field of this document") for n in unknown[:20]]
        )
    return body
