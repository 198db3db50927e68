"""Everything beside the hot path: decisions as stored, cases, reports, customers, policy, outbox, audit, health."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Body, Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from fraudray import __version__
from fraudray.deployments.bodies import (
    HttpProblem,
    decode,
    error_response,
    json_response,
    problem_response,
    read_body,
)
from fraudray.deployments.metrics import Metrics
from fraudray.deployments.openapi import describe
from fraudray.domain.cards import mask
from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction, StoreFailed
from fraudray.problems import problem
from fraudray.reports.case_report import render_html
from fraudray.service import LocalService

Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


def build_api(service: LocalService, metrics: Metrics) -> FastAPI:
    """The API as an ASGI app with its own OpenAPI document."""
    api = FastAPIOffline(
        title="fraudray",
        version=__version__,
        summary="Decides, explains and investigates payment fraud.",
        redirect_slashes=False,
    )
    _handle_errors(api, metrics)
    api.include_router(_stored(service), prefix="/v1")
    api.include_router(_customers(service), prefix="/v1/customers", tags=["customers"])
    api.include_router(_operations(service), prefix="/v1")
    api.include_router(_health(service, metrics), tags=["health"])
    describe(api)
    return api


def _handle_errors(api: FastAPI, metrics: Metrics) -> None:
    async def refuse(document: dict[str, Any], headers: Any = None) -> Response:
        metrics.refused(document["status"])
        return problem_response(document, headers)

    @api.exception_handler(FraudrayError)
    async def expected(_request: Request, error: FraudrayError) -> Response:
        response = error_response(error)
        metrics.refused(response.status_code)
        return response

    @api.exception_handler(HttpProblem)
    async def refused(_request: Request, error: HttpProblem) -> Response:
        return await refuse(dict(error.document), error.headers)

    @api.exception_handler(HTTPException)
    async def routing(_request: Request, error: HTTPException) -> Response:
        return await refuse(problem(error.status_code, str(error.detail)), error.headers)

    @api.exception_handler(Exception)
    async def unexpected(_request: Request, _error: Exception) -> Response:
        return await refuse(problem(500, "an unexpected error; the server's log says which"))

    @api.exception_handler(RequestValidationError)
    async def parameters(_request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"field": ".".join(str(p) for p in d["loc"][1:]), "code": d["type"], "message": mask(d["msg"])}
            for d in error.errors()
        ]
        return await refuse(problem(422, "; ".join(f"{e['field']}: {e['message']}" for e in errors), errors=errors))


def _json_body(limit_kib: int) -> Callable[[Request], Any]:
    async def read(request: Request) -> Any:
        return decode(await read_body(request, limit=limit_kib * 1024))

    return read


Document = Annotated[Any, Depends(_json_body(64))]
Records = Annotated[Any, Depends(_json_body(16 * 1024))]


def _author(x_actor: Annotated[str | None, Header(max_length=400)] = None) -> str:
    name = "".join(char for char in unquote(x_actor or "") if char.isprintable()).strip()
    return mask(name)[:128] or "http"


Author = Annotated[str, Depends(_author)]


def _fields(document: Any, *required: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
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


def _stored(service: LocalService) -> APIRouter:
    router = APIRouter()

    @router.get("/decisions/{transaction_id:path}", tags=["decisions"])
    def decision(transaction_id: str) -> Response:
        """The current revision of a decision, with its actions' outcomes."""
        return json_response(service.decision(transaction_id))

    @router.get("/cases", tags=["cases"])
    def cases(
        status: Annotated[str | None, Query(pattern="^(open|closed)$")] = None,
        customer_id: str | None = None,
        q: Annotated[str | None, Query(max_length=200)] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """Cases, newest alert first; `q` finds ids, merchants and reason codes."""
        found = service.cases(status=status, customer_id=customer_id, q=q, limit=limit, offset=offset)
        return json_response(found)

    @router.get("/cases/{case_id}", tags=["cases"])
    def case(case_id: str) -> Response:
        """A case with its decisions and notes."""
        return json_response(service.case(case_id))

    @router.post("/cases/{case_id}/notes", status_code=201, tags=["cases"])
    def note(case_id: str, body: Document, author: Author) -> Response:
        """Add a note: `{"text": …}`."""
        fields = _fields(body, "text")
        return json_response(service.note(case_id, text=fields["text"], author=author), 201)

    @router.post("/cases/{case_id}/close", tags=["cases"])
    def close(case_id: str, body: Document, author: Author) -> Response:
        """Close a case: `{"disposition": …, "reason": …}`."""
        fields = _fields(body, "disposition", "reason")
        return json_response(service.close_case(case_id, author=author, **fields))

    @router.get("/reports/{report_id}", tags=["cases"])
    def report(
        report_id: str,
        request: Request,
        wanted: Annotated[str | None, Query(alias="format", pattern="^(html|json)$")] = None,
    ) -> Response:
        """A case's report: a page, or JSON with `?format=json` or by the Accept header."""
        document = service.report(report_id)
        accept = request.headers.get("accept", "")
        as_json = wanted == "json" or (wanted is None and "application/json" in accept and "text/html" not in accept)
        if as_json:
            return json_response(document)
        headers = {"content-security-policy": _PAGE_POLICY, "x-content-type-options": "nosniff"}
        return HTMLResponse(render_html(document), headers=headers)

    return router


def _customers(service: LocalService) -> APIRouter:
    router = APIRouter()

    @router.get("")
    def listing(limit: Limit = 50, offset: Offset = 0) -> Response:
        """Ids of registered customers."""
        return json_response(service.customers(limit=limit, offset=offset))

    @router.post("")
    def register(body: Records, author: Author) -> Response:
        """Register or replace many customers (a JSON array), all or none."""
        return json_response(service.put_customers(body, author=author))

    @router.get("/{customer_id:path}/account")
    def account(customer_id: str) -> Response:
        """Whether the account is frozen, and until when."""
        return json_response(service.account(customer_id))

    @router.post("/{customer_id:path}/unfreeze")
    def unfreeze(customer_id: str, body: Document, author: Author) -> Response:
        """Lift a freeze: `{"reason": …}`; says whether the customer's last transaction would pass now."""
        return json_response(service.unfreeze(customer_id, reason=_fields(body, "reason")["reason"], author=author))

    @router.post("/{customer_id:path}/hold")
    def hold(customer_id: str, body: Document, author: Author) -> Response:
        """Set a legal hold: `{"reason": …}`, or lift it: `{"reason": null}`."""
        reason = _fields(body, optional=("reason",)).get("reason")
        return json_response(service.hold(customer_id, reason=reason, author=author))

    @router.post("/{customer_id:path}/erase")
    def erase(customer_id: str, body: Document, author: Author) -> Response:
        """Destroy the customer's personal data for good: `{"reason": …}`. Refused under a legal hold."""
        return json_response(service.erase(customer_id, reason=_fields(body, "reason")["reason"], author=author))

    @router.get("/{customer_id:path}")
    def get(customer_id: str) -> Response:
        """A registered customer."""
        return json_response(service.customer(customer_id))

    @router.put("/{customer_id:path}")
    def put(customer_id: str, body: Document, author: Author) -> Response:
        """Register or replace one customer; the id in the body may be left out."""
        if not isinstance(body, dict):
            raise InvalidTransaction([FieldProblem("", "object_expected", "a customer is a JSON object")])
        if body.setdefault("customer_id", customer_id) != customer_id:
            raise InvalidTransaction([FieldProblem("customer_id", "mismatch", "differs from the one in the address")])
        service.put_customers([body], author=author)
        return json_response(service.customer(customer_id))

    return router


def _operations(service: LocalService) -> APIRouter:
    router = APIRouter()

    @router.get("/policy", tags=["policy"])
    def policy() -> Response:
        """The policy in force: name, version, hash, document and source."""
        return json_response(service.policy())

    @router.get("/policy/explain", tags=["policy"])
    def explain_stored(transaction_id: Annotated[str, Query(min_length=1, max_length=128)]) -> Response:
        """How each rule comes out now for a stored transaction."""
        return json_response(service.explain(transaction_id))

    @router.post("/policy/explain", tags=["policy"])
    def explain_given(body: Document) -> Response:
        """How each rule would come out for a transaction; nothing is stored."""
        if not isinstance(body, dict):
            raise InvalidTransaction([FieldProblem("", "object_expected", "a transaction is a JSON object")])
        return json_response(service.explain(body))

    @router.get("/outbox", tags=["operations"])
    def outbox(
        status: Annotated[str | None, Query(pattern="^(pending|done|dead)$")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> Response:
        """Actions that left, wait or were given up."""
        return json_response(service.outbox(status=status, limit=limit, offset=offset))

    @router.post("/outbox/{entry_id}/retry", tags=["operations"])
    def retry(entry_id: str, author: Author, _body: Annotated[dict[str, Any] | None, Body()] = None) -> Response:
        """Send a dead entry once more."""
        return json_response(service.retry(entry_id, author=author))

    @router.get("/audit", tags=["operations"])
    def audit(
        subject: Annotated[str | None, Query(max_length=128)] = None, limit: Limit = 100, offset: Offset = 0
    ) -> Response:
        """The audit trail, newest first."""
        return json_response(service.audit(subject=subject, limit=limit, offset=offset))

    @router.get("/audit/verify", tags=["operations"])
    def verify() -> Response:
        """Check the whole audit trail."""
        return json_response(service.verify_audit())

    return router


def _health(service: LocalService, metrics: Metrics) -> APIRouter:
    router = APIRouter()

    @router.get("/healthz")
    async def alive() -> Response:
        """The process answers."""
        return json_response(b'{"status":"ok"}')

    @router.get("/readyz")
    def ready() -> Response:
        """It can decide: the store answers and a policy is loaded."""
        try:
            service.app.store.ping()
        except StoreFailed as error:
            return error_response(error)
        policy = service.app.policy.ref.model_dump()
        return json_response({"status": "ready", "version": __version__, "policy": policy})

    @router.get("/metrics")
    def prometheus() -> Response:
        """Prometheus metrics."""
        return Response(metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router
