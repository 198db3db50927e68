"""The OpenAPI 3.1 document: the hot path's endpoints, the shapes of bodies and answers, and examples."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any, Literal

import orjson
from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from fraudray.desk import UnfreezeAnswer
from fraudray.domain.access import Scope
from fraudray.domain.backtest_job import AskedJob, BacktestJob, BacktestRequest, HistoryFound
from fraudray.domain.case import Case
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Decision
from fraudray.domain.investigation import Event, Investigation
from fraudray.domain.label import Label, LabelRecord
from fraudray.domain.lists import ListEntry, NewEntry
from fraudray.domain.policy_version import NewVersion, PolicyAct, PolicyVersion
from fraudray.domain.question import CaseAnswer
from fraudray.domain.transaction import Transaction
from fraudray.domain.webhook import Webhook, WebhookWish
from fraudray.policy.condition_form import Group
from fraudray.service.casework import ACTS, BULK_MAX
from fraudray.service.labels import COUNTS

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {n: {"type": "string"} for n in ("field", "code", "message")},
            },
        },
    },
}

_BACKTEST_LISTS = {"backtests": "BacktestJob", "histories": "HistoryFound"}

_MEASURE = {
    "type": "object",
    "description": "A value with its 95 % interval; `reason` says why either is missing.",
    "properties": {name: {"type": ["number", "null"]} for name in ("value", "low", "high")}
    | {"reason": {"type": ["string", "null"]}},
}
_MEASURES = {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Measure"}}
_POINTS = {"type": "array", "items": {"type": "object", "additionalProperties": {"type": ["number", "null"]}}}


def _by_side(of: dict[str, Any], description: str = "") -> dict[str, Any]:
    told = {"description": description} if description else {}
    return {"type": "object", "additionalProperties": {"type": "object", "properties": of}, **told}


_FIGURES = {
    "type": "object",
    "description": "Shares are 0-1, amounts in `run.base_currency`, days UTC. A side is champion, challenger or plain.",
    "properties": {
        "backtest_id": {"type": "string"}, "run_id": {"type": "string"}, "format": {"type": "string"},
        "run": {"type": "object"}, "rows": {"type": "object"}, "intervals": {"type": "object"},
        "costs": {"type": "object"}, "claim": {"type": "object"},
        "sides": _by_side({view: {"type": "object", "properties": {"measures": _MEASURES}}
                           for view in ("decided", "evidence")}, "As decided, and without the effect of freezes."),
        "ranking": _by_side({"measures": _MEASURES, "marks": {"type": "object"}}),
        "sweep": _by_side({"by_score": _POINTS, "by_risk": _POINTS},
                          "What flagging from each threshold up would give; by_score has 101 points, 100 first."),
        "scores": _by_side({label: {"type": "array", "items": {"type": "integer"}}
                            for label in ("genuine", "fraud", "unlabelled")}),
        "cards": _by_side({"measures": _MEASURES}),
        "over_time": {"type": "object", "properties": {
            "unit": {"enum": ["day", "week", "month"]}, "rows": {"type": "array", "items": {"type": "object"}}}},
        "scenarios": {"type": "array", "items": {"type": "object"}},
        "rules": {"type": "array", "items": {"type": "object"}},
        "deltas": {"type": "object"}, "change_matrix": {"type": ["object", "null"]},
    },
}  # fmt: skip

_POLICY_CHANGES = {
    "type": "object",
    "properties": {
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "policy": {"type": "string"},
                    "where": {"type": "array", "items": {"type": "string"}},
                    "was": {},
                    "now": {},
                    "text": {"type": "string"},
                },
            },
        },
        "left_out": {"type": "integer"},
    },
}

_BULK_ACT = {
    "type": "object",
    "required": ["act", "cases"],
    "properties": {
        "act": {"enum": list(ACTS)},
        "cases": {
            "type": "array", "minItems": 1, "maxItems": BULK_MAX,
            "items": {
                "type": "object",
                "required": ["case_id"],
                "properties": {"case_id": {"type": "string"}, "version": {"type": "integer"}},
            },
        },
    },
    "additionalProperties": {"type": "string"},
}  # fmt: skip

_NEW_KEY = {
    "type": "object",
    "required": ["name", "scopes"],
    "properties": {
        "name": {"type": "string"},
        "scopes": {"type": "array", "items": {"enum": list(Scope)}, "minItems": 1},
        "expires": {"type": "string", "description": "A duration such as 90d, or an RFC 3339 moment."},
    },
    "additionalProperties": False,
}


def describe(api: FastAPI) -> None:
    """Complete `api`'s OpenAPI document; it is built once, when first asked for."""
    build: Callable[[], dict[str, Any]] = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            document = build()
            _add(document)
            api.openapi_schema = document
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]


def _add(document: dict[str, Any]) -> None:
    shown: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        (Transaction, "validation"), (CustomerProfile, "validation"), (Decision, "serialization"),
        (Case, "serialization"), (UnfreezeAnswer, "serialization"), (NewEntry, "validation"),
        (ListEntry, "serialization"), (WebhookWish, "validation"), (Webhook, "serialization"),
        (Investigation, "serialization"), (Event, "serialization"), (Label, "validation"),
        (LabelRecord, "serialization"), (BacktestRequest, "validation"), (BacktestJob, "serialization"),
        (AskedJob, "serialization"), (HistoryFound, "serialization"),
        (CaseAnswer, "serialization"), (PolicyVersion, "serialization"), (PolicyAct, "serialization"),
        (NewVersion, "validation"), (Group, "validation"),
    ]  # fmt: skip
    _, shapes = models_json_schema(shown, ref_template="#/components/schemas/{model}")
    document.setdefault("components", {}).setdefault("schemas", {}).update(
        shapes["$defs"], Problem=_PROBLEM, Measure=_MEASURE, BacktestFigures=_FIGURES, PolicyChanges=_POLICY_CHANGES
    )
    document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{}, {"key": []}]  # none is needed on loopback while there are no keys
    paths = document["paths"]
    paths["/v1/decisions"] = {"post": _decide()}
    paths["/v1/decisions/bulk"] = {"post": _bulk()}
    answers = {
        ("/v1/decisions/{transaction_id}", "get"): "Decision",
        ("/v1/decisions/{transaction_id}/step-up", "post"): "Decision",
        ("/v1/cases/{case_id}", "get"): "Case",
        ("/v1/webhooks/{webhook_id}/enable", "post"): "Webhook",
        ("/v1/webhooks/{webhook_id}/disable", "post"): "Webhook",
        ("/v1/customers/{customer_id}", "get"): "CustomerProfile",
        ("/v1/customers/{customer_id}", "put"): "CustomerProfile",
        ("/v1/customers/{customer_id}/unfreeze", "post"): "UnfreezeAnswer",
        ("/v1/investigations/{investigation_id}", "get"): "Investigation",
        ("/v1/backtests/{backtest_id}", "get"): "BacktestJob",
        ("/v1/backtests/{backtest_id}/cancel", "post"): "BacktestJob",
        ("/v1/backtests/{backtest_id}/resume", "post"): "AskedJob",
        ("/v1/backtests/{backtest_id}/figures", "get"): "BacktestFigures",
        ("/v1/backtests/{backtest_id}/policy-changes", "get"): "PolicyChanges",
        ("/v1/lists/{entry_id}", "get"): "ListEntry",
        ("/v1/lists/{entry_id}", "delete"): "ListEntry",
    }
    for (path, method), name in answers.items():
        paths[path][method]["responses"]["200"]["content"] = {"application/json": {"schema": _ref(name)}}
    _add_labels(paths)
    _add_backtests(paths["/v1/backtests"])
    _add_policies(paths)
    events = paths["/v1/investigations/{investigation_id}/events"]["get"]["responses"]["200"]
    events["content"] = {"text/event-stream": {"schema": _ref("Event")}}
    paths["/v1/ask"]["post"]["responses"]["200"]["content"] = {
        "application/json": {"schema": _ref("CaseAnswer")}, "text/event-stream": {"schema": _ref("Event")},
    }  # fmt: skip
    bodies: dict[tuple[str, str], dict[str, Any]] = {
        ("/v1/customers/{customer_id}", "put"): {"schema": _ref("CustomerProfile")},
        ("/v1/customers", "post"): {"schema": {"type": "array", "items": _ref("CustomerProfile")}},
        ("/v1/customers/{customer_id}/enrol", "post"): {
            "schema": {"anyOf": [_ref("BiometricTemplate"), _ref("ForeignTemplate")]}
        },
        ("/v1/customers/{customer_id}/unfreeze", "post"): _text_fields("reason"),
        ("/v1/customers/{customer_id}/erase", "post"): _text_fields("reason"),
        ("/v1/customers/{customer_id}/hold", "post"): _text_fields("reason"),
        ("/v1/decisions/{transaction_id}/step-up", "post"): _text_fields("result", optional=("reference",)),
        ("/v1/cases/{case_id}/notes", "post"): _text_fields("text"),
        ("/v1/cases/{case_id}/alert", "post"): _text_fields("reason", optional=("transaction_id",)),
        ("/v1/cases/{case_id}/files/{file_id}/remove", "post"): _text_fields("reason"),
        ("/v1/cases/bulk", "post"): {"schema": _BULK_ACT},
        ("/v1/customers/{customer_id}/extend-freeze", "post"): _text_fields("until", "reason"),
        ("/v1/investigations", "post"): _text_fields("transaction_id"),
        ("/v1/ask", "post"): _text_fields("case_id", "question", optional=("transaction_id",)),
        ("/v1/keys", "post"): {"schema": _NEW_KEY},
        ("/v1/backtests", "post"): {"schema": _ref("BacktestRequest")},
        ("/v1/labels", "post"): {"schema": _ref("Label")},
        ("/v1/labels/bulk", "post"): {"schema": {"type": "array", "items": _ref("Label")}},
        ("/v1/lists", "post"): {"schema": _ref("NewEntry")},
        ("/v1/lists/bulk", "post"): {"schema": {"type": "array", "items": _ref("NewEntry")}},
        ("/v1/lists/match", "post"): {"schema": _ref("Transaction"), "examples": _samples()},
        ("/v1/policy/explain", "post"): {"schema": _ref("Transaction"), "examples": _samples()},
        ("/v1/policy/condition", "post"): {"schema": _object(form=_ref("Group"), cel=_TEXT, text=_TEXT)},
        ("/v1/policy/check", "post"): {
            "schema": _object(text=_TEXT, document={"type": "object"}, facts={"type": "boolean"})
        },
        ("/v1/policy/impact", "post"): {"schema": _object("text", text=_TEXT, limit={"type": "integer"})},
        ("/v1/policy/versions", "post"): {"schema": _ref("NewVersion")},
        ("/v1/policy/versions/{number}/promote", "post"): _text_fields("reason", optional=("name",)),
        ("/v1/policy/rollback", "post"): _text_fields("reason", optional=("name",)),
        ("/v1/webhooks", "post"): {"schema": _ref("WebhookWish")},
        ("/v1/webhooks/{webhook_id}/disable", "post"): _text_fields("reason"),
    }
    for act, (needed, optional) in ACTS.items():
        bodies[f"/v1/cases/{{case_id}}/{act}", "post"] = _text_fields(*needed, optional=optional)
    for (path, method), content in bodies.items():
        paths[path][method]["requestBody"] = {"required": True, "content": {"application/json": content}}
    for operations in paths.values():
        for operation in operations.values():
            responses = operation["responses"]
            responses.pop("422", None)
            responses["default"] = {
                "description": "A problem document (RFC 9457) that names every bad field.",
                "content": {"application/problem+json": {"schema": _ref("Problem")}},
            }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_TEXT = {"type": "string"}


def _object(*needed: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(needed), "properties": properties, "additionalProperties": False}


def _text_fields(*names: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "schema": {
            "type": "object",
            "required": list(names),
            "properties": {name: {"type": "string"} for name in (*names, *optional)},
            "additionalProperties": False,
        }
    }


def _samples() -> dict[str, Any]:
    lines = resources.files("fraudray.data").joinpath("samples.ndjson").read_text(encoding="utf-8").splitlines()
    samples = [orjson.loads(line) for line in lines if line.strip()]
    return {sample["transaction_id"]: {"value": sample} for sample in samples}


def _add_labels(paths: dict[str, Any]) -> None:
    record = _ref("LabelRecord")
    several = {"type": "array", "items": record}
    row = {
        "type": "object",
        "properties": {"status": {"type": "integer"}, "label": record, "problem": _ref("Problem")},
    }
    counts = {name: {"type": "integer"} for name in COUNTS}
    answers: dict[tuple[str, str], dict[str, Any]] = {
        ("/v1/labels", "get"): {"labels": several},
        ("/v1/labels/{transaction_id}", "get"): {"transaction_id": {"type": "string"}, "labels": several},
        ("/v1/labels/bulk", "post"): counts | {"results": {"type": "array", "items": row}},
    }
    for (path, method), properties in answers.items():
        schema = {"type": "object", "properties": properties}
        paths[path][method]["responses"]["200"]["content"] = {"application/json": {"schema": schema}}
    answer = {"application/json": {"schema": record}}
    paths["/v1/labels"]["post"]["responses"] |= {
        "201": {"description": "Recorded, or corrects what was said", "content": answer},
        "200": {"description": "Changes nothing: said before, or older than what holds", "content": answer},
    }


def _add_policies(paths: dict[str, Any]) -> None:
    versions = {"type": "array", "items": _ref("PolicyVersion")}
    acts = {"type": "array", "items": _ref("PolicyAct")}
    standing = {"name": _TEXT, "tag": _TEXT, "in_force": {"type": "object"}, "before": {"type": ["integer", "null"]}}
    answers = {
        ("/v1/policy/versions", "get"): standing | {"versions": versions, "acts": acts},
        ("/v1/policy/versions/{number}/promote", "post"): standing,
        ("/v1/policy/rollback", "post"): standing,
    }
    for (path, method), properties in answers.items():
        schema = {"type": "object", "properties": properties}
        paths[path][method]["responses"]["200"]["content"] = {"application/json": {"schema": schema}}
    answer = {"application/json": {"schema": _ref("PolicyVersion")}}
    paths["/v1/policy/versions"]["post"]["responses"] |= {
        "201": {"description": "Kept", "content": answer},
        "200": {"description": "The same text is kept already", "content": answer},
    }


def _add_backtests(path: dict[str, Any]) -> None:
    lists = {name: {"type": "array", "items": _ref(of)} for name, of in _BACKTEST_LISTS.items()}
    schema = {"type": "object", "properties": lists}
    path["get"]["responses"]["200"]["content"] = {"application/json": {"schema": schema}}
    answer = {"application/json": {"schema": _ref("AskedJob")}}
    path["post"]["responses"] |= {
        "201": {"description": "Begun, or taken up where it stopped", "content": answer},
        "200": {"description": "The same one waits, runs or is done", "content": answer},
    }


def _decide() -> dict[str, Any]:
    answer = {"application/json": {"schema": _ref("Decision")}}
    return {
        "tags": ["decisions"],
        "summary": "Decide a transaction",
        "description": "`transaction_id` is the idempotency key: the same body again answers 200 with what is stored.",
        "operationId": "decide",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref("Transaction"), "examples": _samples()}},
        },
        "responses": {
            "201": {"description": "Decided", "content": answer},
            "200": {"description": "Decided before; the stored decision", "content": answer},
            "409": {"description": "Another body was decided under this transaction_id"},
        },
    }


def _bulk() -> dict[str, Any]:
    row = {
        "type": "object",
        "properties": {"status": {"type": "integer"}, "decision": _ref("Decision"), "problem": _ref("Problem")},
    }
    answer = {
        "type": "object",
        "properties": {n: {"type": "integer"} for n in ("decided", "replayed", "rejected")}
        | {"results": {"type": "array", "items": row}},
    }
    return {
        "tags": ["decisions"],
        "summary": "Decide many transactions",
        "description": "In order per customer; a bad row is refused in its place and stops no other.",
        "operationId": "decide_bulk",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "array", "items": _ref("Transaction")}},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        },
        "responses": {
            "200": {"description": "One result per row", "content": {"application/json": {"schema": answer}}}
        },
    }
