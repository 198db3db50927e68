"""The form of a verdict: the JSON schema that a model is bound to, and reading what it wrote."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from fraudray.domain.decision import Outcome
from fraudray.domain.investigation import FallbackReason, Verdict
from fraudray.ports.llm import ToolSpec

CITED_MAX, ANALYSIS_MAX, CHECKS_MAX, CHECK_MAX, REASON_MAX = 8, 800, 3, 120, 200
CORE_MAX = 4096
_CORE = ("risk", "decision", "evidence")
_WRITTEN = frozenset({*_CORE, "analysis", "next_checks", "customer_reason"})
_CORE_TEXT = re.compile(
    r'\s*\{\s*"risk"\s*:[^,"\[\]{}]*,\s*"decision"\s*:\s*"[^"]*"\s*,\s*"evidence"\s*:\s*\[[^\[\]{}]*\]'
)
"""Looked for with each piece of an answer, whatever its length: it fails at once where an answer is something else."""
RAW = dict.fromkeys(range(32), " ")
"""Engines let raw control characters through into JSON strings, where they are no JSON."""


@dataclass(frozen=True, slots=True)
class Rejected(Exception):
    """An answer that is no verdict; `detail` is told to the model."""

    reason: FallbackReason
    detail: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A tool that the model asks for by a schema-bound action."""

    tool: str
    arguments: Mapping[str, Any]


def verdict_schema(ids: Sequence[str]) -> dict[str, Any]:
    """A verdict that cites some of `ids`. What decides comes first; everything has a bound."""
    properties = {
        "risk": {"type": "integer", "minimum": 0, "maximum": 100},
        "decision": {"type": "string", "enum": [outcome.value for outcome in Outcome]},
        "evidence": {"type": "array", "items": cited_items(ids), "maxItems": CITED_MAX if ids else 0},
        "analysis": {"type": "string", "maxLength": ANALYSIS_MAX},
        "next_checks": {
            "type": "array", "items": {"type": "string", "maxLength": CHECK_MAX}, "maxItems": CHECKS_MAX,
        },
        "customer_reason": {"type": "string", "maxLength": REASON_MAX},
    }  # fmt: skip
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def cited_items(ids: Sequence[str]) -> dict[str, Any]:
    """One citation."""
    return {"type": "string", "enum": list(ids)} if ids else {"type": "string", "maxLength": 0}


def action_schema(ids: Sequence[str], tools: Sequence[ToolSpec], calls_max: int) -> dict[str, Any]:
    """A verdict, or up to `calls_max` questions: for models without tool calls of their own."""
    wanted = []
    for tool in tools:
        properties = {"tool": {"type": "string", "enum": [tool.name]}, **tool.parameters.get("properties", {})}
        wanted.append(
            {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
        )
    asking = {"type": "array", "items": {"anyOf": wanted}, "minItems": 1, "maxItems": calls_max}
    ask = {"type": "object", "properties": {"ask": asking}, "required": ["ask"], "additionalProperties": False}
    return {"anyOf": [verdict_schema(ids), ask]}


def read_core(text: str, ids: Collection[str]) -> Verdict | None:
    """Risk, decision and citations as soon as they are whole, while the rest is still being written; None before, and
    where they are not as they should be."""
    found = _CORE_TEXT.match(text[:CORE_MAX].translate(RAW))
    if found is None:
        return None
    try:
        return _checked(from_json(found[0] + "}"), ids)
    except (ValueError, Rejected):
        return None


def read_answer(text: str, ids: Collection[str]) -> Verdict | list[Asked]:
    """A whole answer. Raises Rejected."""
    if not text.strip():
        raise Rejected(FallbackReason.EMPTY, "the answer is empty")
    try:
        document = from_json(text.translate(RAW))
    except ValueError:
        raise Rejected(FallbackReason.INVALID_JSON, "the answer is not one JSON object") from None
    if not isinstance(document, dict):
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "the answer is not one JSON object")
    if "ask" in document:
        return _asked(document["ask"])
    return _checked(document, ids)


def read_arguments(text: str) -> dict[str, Any]:
    """What a tool is called with. Raises Rejected."""
    try:
        arguments = from_json(text.translate(RAW))
    except ValueError:
        raise Rejected(FallbackReason.INVALID_JSON, "the arguments of a call are not JSON") from None
    if not isinstance(arguments, dict):
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "the arguments of a call are one JSON object")
    return arguments


def read_prose(text: str, core: Verdict) -> Verdict:
    """`core` with as much prose as there is in an answer that broke off."""
    try:
        document = from_json(text.translate(RAW), allow_partial="trailing-strings")
    except ValueError:
        return core
    prose = {name: document[name] for name in ("analysis", "next_checks", "customer_reason") if name in document}
    try:
        return _checked(core.model_dump(mode="json", include=set(_WRITTEN)) | prose, core.evidence)
    except Rejected:
        return core


def _checked(document: Mapping[str, Any], ids: Collection[str]) -> Verdict:
    wrong = [name for name in document if name not in _WRITTEN]
    risk, decision, cited = (document.get(name) for name in _CORE)
    if wrong or isinstance(risk, bool) or not isinstance(risk, int) or not 0 <= risk <= 100:
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "risk is an integer from 0 to 100, and there are no other members")
    if decision not in list(Outcome):
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "decision is APPROVE, REVIEW or BLOCK")
    if not isinstance(cited, list) or not all(isinstance(entry, str) for entry in cited):
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "evidence is a list of ids")
    unknown = [entry for entry in cited if entry not in ids]
    if unknown:
        raise Rejected(FallbackReason.UNKNOWN_EVIDENCE, f"{len(unknown)} of the cited ids do not exist")
    checks = document.get("next_checks", [])
    if not isinstance(checks, list):
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "next_checks is a list of texts")
    texts = (document.get("analysis", ""), document.get("customer_reason", ""), *checks)
    if not all(isinstance(text, str) for text in texts):
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "analysis, next_checks and customer_reason are texts")
    return Verdict(
        risk=risk, decision=Outcome(decision), evidence=list(dict.fromkeys(cited))[:CITED_MAX],
        analysis=texts[0][:ANALYSIS_MAX], customer_reason=texts[1][:REASON_MAX],
        next_checks=[text[:CHECK_MAX] for text in checks[:CHECKS_MAX]],
    )  # fmt: skip


def _asked(wanted: Any) -> list[Asked]:
    entries = wanted if isinstance(wanted, list) else [wanted]
    if not entries or not all(isinstance(entry, dict) and isinstance(entry.get("tool"), str) for entry in entries):
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "ask is a list of objects with a tool each")
    return [Asked(entry["tool"], {k: v for k, v in entry.items() if k != "tool"}) for entry in entries]
