"""Policies: in words, checked, tried; their versions, and which is in force."""

from __future__ import annotations

import re
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query
from starlette.responses import Response

from fraudray.deployments.bodies import json_response
from fraudray.deployments.routes.inputs import Author, Document, Limit, Offset, fields_of, json_body
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.policy_version import NUMBER_MAX
from fraudray.service import LocalService
from fraudray.service.policy_impact import ROWS_MAX

TEXT_KIB = 1024
"""A policy's text may have 256 Ki characters, of up to four bytes each."""
Whole = Annotated[Any, Depends(json_body(TEXT_KIB))]
Name = Annotated[str | None, Query(max_length=64, description="Of several policies; the default one otherwise.")]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX)]
_TAG = re.compile(r'(?:W/)?"([0-9]{1,9}-[0-9a-f]{1,64})"')


def _seen(if_match: Annotated[str | None, Header(max_length=200)] = None) -> str | None:
    """The tag of what the caller saw in force, where they say so."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        message = "is the ETag of /v1/policy/versions as you saw it, or *"
        raise InvalidTransaction([FieldProblem("If-Match", "etag", message)])
    return found[1]


Seen = Annotated[str | None, Depends(_seen)]


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()
    policies = service.policies

    @routes.get("/words")
    def words(name: Name = None) -> Response:
        """The policy in force in words, in the order in which its parts act; each condition as CEL and, where there
        is one, as a form."""
        return json_response(policies.words(name))

    @routes.get("/facts")
    def facts(name: Name = None) -> Response:
        """What conditions may name: facts with kind, meaning and the comparisons that fit; lists; families."""
        return json_response(policies.facts(name))

    @routes.post("/condition")
    def condition(body: Whole, name: Name = None) -> Response:
        """A condition read or written: `{"form": …}` or `{"cel": …}`; answers with both and its words. `form` is null
        for CEL that says more than a form can. It is of the policy in force or, with `text`, of that policy."""
        _only(body, "form", "cel", "text")
        return json_response(policies.condition(_with_floats(body, "form"), name=name))

    @routes.post("/check")
    def check(body: Whole) -> Response:
        """Whether a policy can be used: `{"text": …}` or `{"document": …}`. Answers 200 either way: `usable`, with its
        words and what it has otherwise than what is in force, or the `problem` with line and column. With `facts`
        true, also what its conditions may name."""
        _only(body, "text", "document", "facts")
        if not isinstance(body.get("facts", False), bool):
            raise InvalidTransaction([FieldProblem("facts", "bool_type", "is true or false")])
        if not isinstance(body.get("text", ""), str):
            raise InvalidTransaction([FieldProblem("text", "string_type", "is not text")])
        if not isinstance(body.get("document", {}), dict):
            raise InvalidTransaction([FieldProblem("document", "object_expected", "is a JSON object")])
        body = _with_floats(body, "document")
        return json_response(
            policies.check(text=body.get("text"), document=body.get("document"), facts=body.get("facts", False))
        )

    @routes.post("/impact")
    def impact(body: Whole) -> Response:
        """What a policy would have made of the newest decisions of this store: `{"text": …, "limit": 1000}`."""
        _only(body, "text", "limit")
        limit = body.pop("limit", 1000)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= ROWS_MAX:
            raise InvalidTransaction([FieldProblem("limit", "limit", f"is a number from 1 to {ROWS_MAX:,}")])
        return json_response(policies.impact(fields_of(body, "text")["text"], limit=limit))

    @routes.get("/versions")
    def versions(name: Name = None, limit: Limit = 50, offset: Offset = 0) -> Response:
        """Versions, newest first; what is in force since when (its tag is the ETag), and what a rollback brings
        back."""
        return _tagged(policies.versions(name, limit=limit, offset=offset))

    @routes.post("/versions", status_code=201)
    def save(body: Whole, author: Author) -> Response:
        """Keep a policy as a new version: `{"text": …, "reason": …}`, with `based_on` and `version` when wanted.
        Nothing decides by it yet. The same text again is 200 with the version that it is."""
        _only(body, "text", "reason", "based_on", "version")
        body = {"text": None, "reason": None} | body
        saved = policies.save(author=author, **body)
        headers = {"location": f"/v1/policy/versions/{saved['number']}"}
        return json_response(saved, 201 if saved["saved"] else 200, headers)

    @routes.get("/versions/{number}")
    def version(number: Number, name: Name = None) -> Response:
        """One version: its text, its words, and what it has otherwise than what is in force."""
        return json_response(policies.version(number, name=name))

    @routes.get("/versions/{number}/differences")
    def differences(number: Number, against: Annotated[int, Query(ge=1, le=NUMBER_MAX)], name: Name = None) -> Response:
        """What a version has otherwise than the version `against`, in words."""
        return json_response(policies.differences(against, number, name=name))

    @routes.post("/versions/{number}/promote")
    def promote(number: Number, body: Document, author: Author, seen: Seen) -> Response:
        """Put a version in force from the next transaction on: `{"reason": …}`, with `name` of several policies. With
        `If-Match` only where what is in force is what you saw (412 otherwise)."""
        fields = fields_of(body, "reason", optional=("name",))
        return _tagged(policies.promote(number, author=author, seen=seen, **fields))

    @routes.post("/rollback")
    def rollback(body: Document, author: Author, seen: Seen) -> Response:
        """Put in force what was before: `{"reason": …}`, with `name` of several policies; `If-Match` as above."""
        fields = fields_of(body, "reason", optional=("name",))
        return _tagged(policies.rollback(author=author, seen=seen, **fields))

    return routes


def _tagged(document: dict[str, Any]) -> Response:
    return json_response(document, headers={"etag": f'"{document["tag"]}"'})


def _with_floats(body: dict[str, Any], field: str) -> dict[str, Any]:
    """The body with the numbers of a field as a policy has them, which knows no decimals."""
    try:
        return {name: orjson.loads(orjson.dumps(value, default=float)) if name == field else value
                for name, value in body.items()}  # fmt: skip
    except (TypeError, ValueError, OverflowError):
        raise InvalidTransaction([FieldProblem(field, "too_deep", "is nested too deeply, or no JSON")]) from None


def _only(body: Any, *known: str) -> None:
    """Raise InvalidTransaction for what is no object, or has other fields."""
    fields_of({} if isinstance(body, dict) else body)
    unknown = [
        FieldProblem(str(name)[:200], "extra_forbidden", "is no field here") for name in body if name not in known
    ]
    if unknown:
        raise InvalidTransaction(unknown)
