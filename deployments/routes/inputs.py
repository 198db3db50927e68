"""What routes take in: bodies, paging, authors; every bad field named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import Depends, Header, Query, Request
from fastapi.dependencies.utils import get_flat_dependant

from fraudray.deployments.bodies import decode, read_body
from fraudray.domain.access import ANYONE
from fraudray.domain.cards import mask
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.tools.bearer import principal_of

Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]


def json_body(limit_kib: int) -> Callable[[Request], Any]:
    async def read(request: Request) -> Any:
        return decode(await read_body(request, limit=limit_kib * 1024))

    return read


async def _maybe(request: Request) -> Any:
    """A body that may be left out: `{}` then."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    return decode(await read_body(request, limit=64 * 1024))


Document = Annotated[Any, Depends(json_body(64))]
MaybeDocument = Annotated[Any, Depends(_maybe)]
Records = Annotated[Any, Depends(json_body(16 * 1024))]


def _author(request: Request, x_actor: Annotated[str | None, Header(max_length=400)] = None) -> str:
    name = "".join(char for char in unquote(x_actor or "") if char.isprintable()).strip()
    return (principal_of(request) or ANYONE).author(mask(name))


Author = Annotated[str, Depends(_author)]


def known_query(request: Request) -> None:
    """For routes whose misspelt filter would answer with everything: names each query parameter that is not one."""
    known = {field.alias for field in get_flat_dependant(request.scope["route"].dependant).query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        message = f"is not a parameter here; there are {', '.join(sorted(known)) or 'none'}"
        raise InvalidTransaction([FieldProblem(mask(name)[:200], "extra_forbidden", message) for name in unknown])


def fields_of(document: Any, *required: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The text fields of a small body; every missing, unknown or mistyped one is named."""
    if not isinstance(document, dict):
        raise InvalidTransaction([FieldProblem("", "object_expected", "the body is a JSON object")])
    problems = [FieldProblem(n, "missing", "is needed") for n in required if document.get(n) in (None, "")]
    problems += [
        FieldProblem(mask(str(n))[:200], "extra_forbidden", "is not a field of this document")
        for n in document
        if n not in required and n not in optional
    ]
    problems += [
        FieldProblem(n, "string_type", "is not text")
        for n in (*required, *optional)
        if document.get(n) is not None and not isinstance(document[n], str)
    ]
    if problems:
        raise InvalidTransaction(problems)
    return document
