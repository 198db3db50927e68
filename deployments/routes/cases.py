"""Cases: looking for them, and working on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from fraudray.deployments.bodies import json_response, read_body
from fraudray.deployments.routes.inputs import Author, Document, Limit, MaybeDocument, Offset, fields_of
from fraudray.domain.attachment import SIZE_MAX
from fraudray.domain.cards import mask
from fraudray.domain.case_query import QUERY_LENGTH_MAX, Sort, Wanted
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.service import LocalService
from fraudray.service.casework import ACTS, EXPORT_MAX

_TAG = re.compile(r'(?:W/)?"(\d{1,9})"')
_Text = Annotated[str | None, Query(max_length=QUERY_LENGTH_MAX)]


def _query(
    status: Wanted | None = None,
    customer_id: _Text = None,
    q: Annotated[
        _Text, Query(description="Words of ids, merchants and reasons (their beginnings), or of notes (whole).")
    ] = None,
    reason: _Text = None,
    assignee: _Text = None,
    decision: Outcome | None = None,
    disposition: _Text = None,
    score_min: Annotated[int | None, Query(ge=0, le=100)] = None,
    amount_min: Annotated[Decimal | None, Query(ge=0, description="In the policy's base currency.")] = None,
    amount_max: Annotated[Decimal | None, Query(ge=0)] = None,
    opened_from: datetime | None = None,
    opened_to: datetime | None = None,
    overdue: bool | None = None,
    sort: Sort | None = None,
) -> dict[str, Any]:
    """The parts of a CaseQuery that were given."""
    return {name: value for name, value in locals().items() if value is not None}


Wish = Annotated[dict[str, Any], Depends(_query)]


def _version(if_match: Annotated[str | None, Header()] = None) -> int | None:
    """The version that the caller saw, where they say so."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    if found is None:
        message = 'is the ETag of the case as you saw it, such as "7", or *'
        raise InvalidTransaction([FieldProblem("If-Match", "etag", message)])
    return int(found[1])


Version = Annotated[int | None, Depends(_version)]


def router(service: LocalService) -> APIRouter:
    routes = APIRouter()

    @routes.get("")
    def listing(
        wish: Wish,
        count: Annotated[bool, Query(description="Say in `total` how many there are in all.")] = False,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """Cases that are as every given filter says, newest alert first where `sort` says nothing else."""
        return json_response(service.cases(**wish, count=count, limit=limit, offset=offset))

    @routes.get("/export", responses={200: {"content": {"text/csv": {}, "application/vnd.apache.parquet": {}}}})
    def export(
        wish: Wish,
        wanted: Annotated[Literal["csv", "parquet"], Query(alias="format")] = "csv",
        limit: Annotated[int, Query(ge=1, le=EXPORT_MAX)] = EXPORT_MAX,
    ) -> Response:
        """The same as a table: CSV, or Parquet with types."""
        pieces = service.casework.export(wanted=wanted, limit=limit, **wish)
        kind = "text/csv; charset=utf-8" if wanted == "csv" else "application/vnd.apache.parquet"
        headers = {"content-disposition": f'attachment; filename="cases.{wanted}"', "x-content-type-options": "nosniff"}
        return StreamingResponse(_begun(pieces), media_type=kind, headers=headers)

    @routes.get("/counts")
    def counts(author: Author) -> Response:
        """How many cases are in each status, `active`, `ready`, `overdue`, and claimed by who asks (`mine`)."""
        return json_response(service.casework.counts(author=author))

    @routes.post("/next")
    def next_case(author: Author, wish: Wish, body: MaybeDocument) -> Response:
        """Take the best case that is ready, and lock it for a while: the highest score, then the oldest, unless `sort`
        says otherwise. `{"case": null}` where there is none. Filters are query parameters; the body is `{}` or none."""
        if body != {}:
            message = "is not taken in the body: filters are query parameters, as of GET /v1/cases"
            names = [mask(str(name))[:200] for name in body] if isinstance(body, dict) else [""]
            raise InvalidTransaction([FieldProblem(name, "extra_forbidden", message) for name in names])
        return json_response(service.casework.next(author=author, **wish))

    @routes.post("/bulk")
    def bulk(body: Document, author: Author) -> Response:
        """Do the same with many cases: `{"act": …, "cases": [{"case_id": …, "version": …}], …}` with the act's own
        fields; one result per case."""
        act, cases, fields = _wanted(body)
        return json_response(service.casework.many(act, cases, author=author, **fields))

    @routes.get("/{case_id}")
    def case(case_id: str) -> Response:
        """A case with its decisions, notes and files; its version is the ETag."""
        found = service.case(case_id)
        return json_response(found, headers=_tag(found))

    @routes.post("/{case_id}/notes", status_code=201)
    def note(case_id: str, body: Document, author: Author) -> Response:
        """Add a note: `{"text": …}`."""
        fields = fields_of(body, "text")
        return json_response(service.note(case_id, text=fields["text"], author=author), 201)

    @routes.get("/{case_id}/links")
    def links(case_id: str) -> Response:
        """Other cases of the same customer, or with the same device, network address, instrument or e-mail address."""
        return json_response(service.casework.links(case_id))

    @routes.post("/{case_id}/alert", status_code=201)
    def alert(case_id: str, body: Document, author: Author) -> Response:
        """Send the alert of a case again: `{"reason": …}`, with `transaction_id` of one decision of it."""
        fields = fields_of(body, "reason", optional=("transaction_id",))
        return json_response(service.casework.resend_alert(case_id, author=author, **fields), 201)

    @routes.post("/{case_id}/files", status_code=201)
    async def attach(
        case_id: str,
        request: Request,
        author: Author,
        name: Annotated[str, Query(max_length=400, description="The file's name; its ending says what it is.")],
    ) -> Response:
        """Attach a file: its bytes are the body. PDF, PNG, JPEG, text, CSV or a mail, 10 MiB at most."""
        content = await read_body(request, limit=SIZE_MAX, types=None)
        kept = await run_in_threadpool(service.casework.attach, case_id, name=name, content=content, author=author)
        return json_response(kept, 201)

    @routes.get("/{case_id}/files/{file_id}")
    def file(case_id: str, file_id: str) -> Response:
        """A file of a case, to be saved: browsers open nothing of it here."""
        found, content = service.casework.file(case_id, file_id)
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{quote(found['name'], safe='')}",
            "x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'",
            "cache-control": "private, no-store",
        }  # fmt: skip
        return Response(content, headers=headers, media_type=found["media_type"])

    @routes.post("/{case_id}/files/{file_id}/remove")
    def detach(case_id: str, file_id: str, body: Document, author: Author) -> Response:
        """Destroy a file of a case: `{"reason": …}`. It stays on record that it was there."""
        reason = fields_of(body, "reason")["reason"]
        return json_response(service.casework.detach(case_id, file_id, reason=reason, author=author))

    def acting(act: str, needed: tuple[str, ...], optional: tuple[str, ...]) -> None:
        @routes.post(f"/{{case_id}}/{act}", name=act, description=_DESCRIBED[act])
        def act_on(case_id: str, author: Author, version: Version, body: Document) -> Response:
            texts = tuple(name for name in optional if name != "take_over")
            take_over = isinstance(body, dict) and "take_over" in optional and body.pop("take_over", False)
            if take_over not in (True, False):
                raise InvalidTransaction([FieldProblem("take_over", "bool_type", "is true or false")])
            fields = fields_of(body, *needed, optional=texts) | ({"take_over": True} if take_over else {})
            done = service.casework.act(case_id, act, author=author, version=version, **fields)
            whole = service.case(case_id) if act == "close" else done
            return json_response(whole, headers=_tag(whole))

    for act, (needed, optional) in ACTS.items():
        acting(act, needed, optional)
    return routes


_DESCRIBED = {
    "claim": 'Take a case: nobody else may act on it for a while. `{}`, or `{"take_over": true}` from whoever has it.',
    "release": 'Give a claimed case back to the queue: `{}`, or `{"reason": …}`.',
    "wait": 'Put a case off: `{"until": "2d" | a date | a moment, "reason": …}`; a further alert ends it.',
    "escalate": 'Hand a case on: `{"reason": …}`, with `to`: a person or team.',
    "due": 'Set by when it should be closed: `{"due": "8h" | a date | a moment, "reason": …}`.',
    "close": 'Close a case: `{"disposition": …, "reason": …}`. One that means fraud or genuine labels its payments.',
    "reopen": 'Open a closed case again: `{"reason": …}`.',
    "merge": 'Let a case go on in another: `{"into": its id, "reason": …}`; answers with that one.',
    "undo": 'Take back the last act on the case\'s status, labels included: `{}`, or `{"reason": …}`.',
}
"""With `If-Match`, each is done only where the case is still as its caller saw it (412 otherwise)."""


def _tag(case: dict[str, Any]) -> dict[str, str]:
    return {"etag": f'"{case["version"]}"'}


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same pieces, the first of them made before the answer begins: what is wrong is a problem document then."""
    first = next(pieces)

    def all_of_them() -> Iterator[bytes]:
        yield first
        yield from pieces

    return all_of_them()


def _wanted(body: Any) -> tuple[str, list[tuple[str, int | None]], dict[str, Any]]:
    """A bulk act. Raises InvalidTransaction naming what is wrong."""
    if not isinstance(body, dict):
        raise InvalidTransaction([FieldProblem("", "object_expected", "the body is a JSON object")])
    given, act = body.pop("cases", None), body.pop("act", None)
    if not isinstance(act, str):
        raise InvalidTransaction([FieldProblem("act", "missing", f"is needed: one of {', '.join(ACTS)}")])
    if not isinstance(given, list):
        raise InvalidTransaction([FieldProblem("cases", "list_type", "is a list of cases")])
    cases: list[tuple[str, int | None]] = []
    problems = []
    for index, entry in enumerate(given):
        case_id, version = (entry.get("case_id"), entry.get("version")) if isinstance(entry, dict) else (None, None)
        if not isinstance(case_id, str) or not (version is None or (isinstance(version, int) and version is not True)):
            problems.append(FieldProblem(f"cases.{index}", "case", 'is {"case_id": text, "version": number}'))
        else:
            cases.append((case_id, version))
    if problems:
        raise InvalidTransaction(problems[:20])
    return act, cases, fields_of(body, optional=tuple(body))
