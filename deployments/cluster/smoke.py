"""A deployment tried from outside, as its users come: each check asks one thing and says what was answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import httpx

from fraudray.client.wire import key_header
from fraudray.tools.catalogue import TOOLS

Document = dict[str, Any]
TIMEOUT_S = 30.0
CUSTOMER = "smoke-test"
"""Whose payments the test's are: rates and habits of real customers stay as they are."""
_MCP = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"}
Verdict = Literal["ok", "failed", "not asked"]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check."""

    check: str
    verdict: Verdict
    found: str

    def document(self) -> Document:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Target:
    """What is tried. `run` makes the test's ids its own; `page_url`: the analysts' page, where it is to be tried."""

    url: str
    run: str
    key: str | None = None
    page_url: str | None = None

    def payment(self, number: int) -> Document:
        """An unremarkable payment of the test, which says so."""
        return {
            "transaction_id": f"SMOKE-{self.run}-{number}", "customer_id": CUSTOMER, "amount": "1.00",
            "merchant": "Smoke test, no payment", "location": "Seattle, WA", "card_present": True,
            "device_id": "smoke-test",
        }  # fmt: skip


class _Unexpected(Exception):
    """An answer that is not as it should be."""


def smoke_test(target: Target) -> Iterator[Result]:
    """All checks, one after another. Raises SettingsError for what cannot be a key."""
    headers = key_header(target.key)
    with httpx.Client(base_url=target.url.rstrip("/"), headers=headers, timeout=TIMEOUT_S) as http:
        ready: Document = {}

        def readiness() -> str:
            ready.update(_json(http.get("/readyz"), 200))
            return f"version {ready.get('version')}, policy {(ready.get('policy') or {}).get('version')}"

        yield _tried("GET /readyz", readiness)
        first = target.payment(1)
        yield _tried("a payment is decided: 201", lambda: _decided(http, first, 201))
        yield _tried("the same once more: 200, the same decision", lambda: _decided_again(http, first))
        yield _tried("a bad payment: 422, a problem document", lambda: _refused(http, first))
        yield _tried("two in bulk", lambda: _bulk(http, [target.payment(2), target.payment(3)]))
        yield _tried("MCP tools are listed", lambda: _tools(http))
        if not ready:
            yield Result("GET /readyz/investigator", "not asked", "without readiness")
        elif ready.get("investigates"):
            yield _tried("GET /readyz/investigator", lambda: _investigator(http))
        else:
            yield Result("GET /readyz/investigator", "not asked", "no model is set: the policy decides alone")
        yield _tried("GET /metrics", lambda: _metrics(http))
    if target.page_url is not None:
        page = target.page_url.rstrip("/")
        yield _tried("the page answers", lambda: _page(page))
    else:
        yield Result("the page answers", "not asked", "--page-url names it")


def _tried(check: str, ask: Callable[[], str]) -> Result:
    try:
        return Result(check, "ok", ask())
    except _Unexpected as error:
        return Result(check, "failed", str(error))
    except httpx.InvalidURL as error:
        return Result(check, "failed", f"not an address: {error}")
    except httpx.HTTPError as error:
        return Result(check, "failed", f"no answer: {type(error).__name__}: {error}")


def _json(response: httpx.Response, *expected: int) -> Document:
    try:
        document = response.json()
    except ValueError:
        document = None
    if response.status_code not in expected:
        detail = (document.get("detail") or document.get("title")) if isinstance(document, dict) else ""
        words = f"{response.status_code} instead of {' or '.join(map(str, expected))}"
        raise _Unexpected(words + (f": {detail}" if detail else ""))
    if not isinstance(document, dict):
        raise _Unexpected(f"{response.status_code} without a JSON object: does fraudray answer there?")
    return document


def _post(http: httpx.Client, path: str, body: Any) -> httpx.Response:
    return http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})


def _decided(http: httpx.Client, payment: Document, *expected: int) -> str:
    decision = _json(_post(http, "/v1/decisions", payment), *expected)
    if decision.get("transaction_id") != payment["transaction_id"]:
        raise _Unexpected(f"the decision is about {decision.get('transaction_id')}")
    return f"{decision.get('decision')}, {decision.get('score')} of 100, {payment['transaction_id']}"


def _decided_again(http: httpx.Client, payment: Document) -> str:
    stored = _json(http.get(f"/v1/decisions/{payment['transaction_id']}"), 200, 403)
    again = _json(_post(http, "/v1/decisions", payment), 200)
    if "decided_at" in stored and stored["decided_at"] != again.get("decided_at"):
        raise _Unexpected(f"decided anew at {again.get('decided_at')}, first at {stored['decided_at']}")
    return f"{again.get('decision')}, decided at {again.get('decided_at')}"


def _refused(http: httpx.Client, payment: Document) -> str:
    response = _post(http, "/v1/decisions", payment | {"transaction_id": "", "amount": "a lot"})
    problem = _json(response, 422)
    kind = response.headers.get("content-type", "").partition(";")[0]
    fields = [str(one.get("field")) for one in problem.get("errors") or []]
    if kind != "application/problem+json" or "amount" not in fields:
        raise _Unexpected(f"{kind} that names {', '.join(fields) or 'no field'}")
    return f"names {', '.join(fields)}"


def _bulk(http: httpx.Client, payments: list[Document]) -> str:
    results = _json(_post(http, "/v1/decisions/bulk", payments), 200).get("results") or []
    decided = [one for one in results if "decision" in one]
    if len(decided) != len(payments):
        raise _Unexpected(f"{len(decided)} of {len(payments)} decided: {json.dumps(results)[:200]}")
    return f"{len(decided)} decided"


def _tools(http: httpx.Client) -> str:
    count = 0
    for entry in TOOLS:
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        answer = _json(http.post(entry.path, json=asked, headers=_MCP), 200, 403)
        if "detail" in answer and "result" not in answer:
            raise _Unexpected(f"{entry.name}: {answer['detail']}")
        tools = (answer.get("result") or {}).get("tools") or []
        if not tools:
            raise _Unexpected(f"{entry.name} lists no tool: {json.dumps(answer)[:200]}")
        count += len(tools)
    return f"{count} tools of {len(TOOLS)} servers"


def _investigator(http: httpx.Client) -> str:
    _json(http.get("/readyz/investigator"), 200)
    return "the model answers"


def _metrics(http: httpx.Client) -> str:
    response = http.get("/metrics")
    if response.status_code in (401, 403):
        raise _Unexpected(f"{response.status_code}: the key needs the scope read")
    if response.status_code != 200 or "fraudray_" not in response.text:
        raise _Unexpected(f"{response.status_code} without fraudray's metrics")
    return f"{response.text.count('# TYPE fraudray_')} of fraudray's metrics"


def _page(url: str) -> str:
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=False) as http:
        response = http.get(url + "/")
    where = response.headers.get("location", "")
    if response.status_code in (302, 303) and where:
        return f"sends to sign in at {where.partition('?')[0]}"
    if response.status_code != 200 or "text/html" not in response.headers.get("content-type", ""):
        raise _Unexpected(f"{response.status_code} {response.headers.get('content-type', '')}")
    return "200, HTML"
