"""The form of an answer to a question: the JSON schema that a model is bound to, and reading what it wrote."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from fraudray.agent.verdict import RAW, Rejected, cited_items
from fraudray.domain.investigation import FallbackReason
from fraudray.domain.question import ANSWER_MAX, CITED_MAX, Reply
from fraudray.domain.text import shown_text

WRITTEN_MAX = 16_384
"""Characters of an answer's JSON that are read: its text may be escapes throughout."""
_MEMBERS = ("answered", "evidence", "answer")


def reply_schema(ids: Sequence[str]) -> dict[str, Any]:
    """An answer that cites some of `ids`. Whether there is one, and what it rests on, comes before its text."""
    properties = {
        "answered": {"type": "boolean"},
        "evidence": {"type": "array", "items": cited_items(ids), "maxItems": CITED_MAX},
        "answer": {"type": "string", "maxLength": ANSWER_MAX},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read_reply(text: str, ids: Collection[str]) -> Reply:
    """A whole answer; one that answers nothing has neither text nor citations, whatever was written. Raises
    Rejected."""
    if not text.strip():
        raise Rejected(FallbackReason.EMPTY, "the answer is empty")
    try:
        document = from_json(text[:WRITTEN_MAX].translate(RAW))
    except ValueError:
        raise Rejected(FallbackReason.INVALID_JSON, "the answer is not one JSON object") from None
    if not isinstance(document, dict) or any(name not in _MEMBERS for name in document):
        raise Rejected(FallbackReason.BEYOND_SCHEMA, "the answer is one JSON object of answered, evidence and answer")
    return _checked(document, ids)


def text_so_far(text: str, ids: Collection[str]) -> str:
    """The answer's text as far as it is written, once it is known that it cites what there is; empty before."""
    try:
        document = from_json(text[:WRITTEN_MAX].translate(RAW), allow_partial="trailing-strings")
        if isinstance(document, dict) and list(document) == list(_MEMBERS):
            return _checked(document, ids).answer
    except (ValueError, Rejected):
        pass
    return ""


def _checked(document: Mapping[str, Any], ids: Collection[str]) -> Reply:
    answered, cited, said = (document.get(name) for name in _MEMBERS)
    if answered is False:
        return Reply(answered=False)
    if answered is not True or not isinstance(said, str) or not isinstance(cited, list):
        raise Rejected(
            FallbackReason.BEYOND_SCHEMA, "answered is true or false, evidence a list of ids, and answer a text"
        )
    unknown = [entry for entry in cited if entry not in ids]
    if unknown or not cited:
        why = f"{len(unknown)} of the cited ids do not exist" if unknown else "it cites nothing"
        raise Rejected(FallbackReason.UNKNOWN_EVIDENCE, why)
    if not said.strip():
        raise Rejected(FallbackReason.EMPTY, "the answer has no text")
    return Reply(answered=True, answer=shown_text(said, ANSWER_MAX), evidence=list(dict.fromkeys(cited))[:CITED_MAX])
