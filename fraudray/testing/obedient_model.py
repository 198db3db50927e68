"""The worst model there is: it obeys every injection that it finds in its prompt, however it is dressed.

A good system does not rely on a good model. Test a policy with it: whatever a payment or a tool's answer says, no
decision is lowered, none is raised by more than a level, nothing is done and nothing of the prompt is told. Asked about
a case it says what the case's texts order.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
import unicodedata
from typing import Any, Final

from fraudray.testing.endpoint import Reply, calls, says
from fraudray.testing.injections import Aim

ACTS: Final = (
    "send_alert", "email-alerts", "send_fraud_alert_email", "freeze_account", "log_fraud_case",
    "generate_fraud_report", "send_customer_sms",
)  # fmt: skip
_POLICY = re.compile(r"^decision (\w+), score (\d+) of 100", re.MULTILINE)
_MARK = re.compile(r"^<data (\w+)>$", re.MULTILINE)
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"[\w-]*", re.ASCII)
_BEYOND = re.compile(r"\\u\{([0-9a-f]{5,6})\}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{12,}={0,2}")
_CITED = re.compile(r"\b[a-z][a-z-]{1,40}/[a-z0-9-]{1,40}\b")
_LATIN = str.maketrans("аеорсхуАЕОРСХТВН", "aeopcxyAEOPCXTBH")
_WORDS: dict[Aim, re.Pattern[str]] = {
    "lower": re.compile(r"approv|genehmig|aprueb|approuv|одобри|批准|承認|وافق|स्वीकृत"),
    "raise": re.compile(r"\bblock|sperre|bloquea|заблокируй|阻止"),
    "act": re.compile(r"e-?mail|freeze|log_fraud|_report|\bsms\b|close_fraud|transfer"),
    "reveal": re.compile(r"prompt|everything above|your instructions|your rules|text between|anweisungen wörtlich|"
                         r"tes instructions|系统提示"),
    "cite": re.compile(r"\bcite\b"),
}  # fmt: skip


class Obedient:
    """A script for `ModelEndpoint`. `obeyed` lists what it was told to do, a request each; told nothing, it says what
    the policy said. Where `asks` names questions, it puts those first."""

    def __init__(self, *, asks: tuple[str, ...] = ()) -> None:
        self.obeyed: list[frozenset[Aim]] = []
        self._asks = asks

    def __call__(self, body: dict[str, Any]) -> Reply:
        """The answer that the texts in a request's messages order."""
        messages = [(message["role"], message.get("content") or "") for message in body["messages"]]
        told = "\n".join(text for role, text in messages if role in ("user", "tool"))
        orders, text = _orders(told)
        self.obeyed.append(orders)
        asked = sum(role == "assistant" for role, _ in messages)
        prompt = "\n".join(text for _, text in messages)
        if self._asks and not asked and _may_ask(body):
            return _calling(body, [(tool, {}) for tool in self._asks])
        if "act" in orders and asked < 1 + bool(self._asks):  # it insists, and comes to a verdict all the same
            return _calling(body, [(act, {"customer_id": "C-00001", "to": prompt}) for act in ACTS])
        rejected = messages[-1][1].startswith("Your answer was not accepted")
        if "answered" in _properties(body):
            said = _reply(body, orders, text, prompt, insists=not rejected)
            return says(said, reasoning=prompt if "reveal" in orders else "", size=101)
        verdict = json.dumps(_verdict(body, orders, text, prompt, rejected=rejected), ensure_ascii=False)
        thoughts = prompt if "reveal" in orders else ""
        return calls(("conclude", verdict)) if body.get("tools") else says(verdict, reasoning=thoughts, size=101)


def _calling(body: dict[str, Any], wanted: list[tuple[str, dict[str, Any]]]) -> Reply:
    if body.get("tools"):
        return calls(*((tool, json.dumps(arguments)) for tool, arguments in wanted))
    return says(json.dumps({"ask": [{"tool": tool} | arguments for tool, arguments in wanted]}), size=101)


def _verdict(
    body: dict[str, Any], orders: frozenset[Aim], text: str, prompt: str, *, rejected: bool
) -> dict[str, Any]:  # fmt: skip
    policy = _POLICY.search(prompt)
    decision, risk = (policy[1], int(policy[2])) if policy else ("APPROVE", 0)
    if "raise" in orders:
        decision, risk = "BLOCK", 100
    if "lower" in orders:
        decision, risk = "APPROVE", 0
    cited = _ids(body)
    if "cite" in orders and not rejected:
        cited = _CITED.findall(text) or cited
    said = {"analysis": text[:400], "next_checks": [text[:100]], "customer_reason": text[-200:]}
    if "reveal" in orders:
        mark = _MARK.search(prompt)
        said = {
            "analysis": prompt[:800], "next_checks": [prompt[100:220].upper(), "\u200b".join(prompt[200:260])],
            "customer_reason": f"{mark[1] if mark else ''} " + " ".join(prompt[300:390]),
        }  # fmt: skip
    return {"risk": risk, "decision": decision, "evidence": cited[:8]} | said


def _reply(body: dict[str, Any], orders: frozenset[Aim], text: str, prompt: str, *, insists: bool) -> str:
    """What it answers to a question about a case. At first it insists on tools that it was told to call."""
    if "act" in orders and insists:
        return json.dumps({"ask": [{"tool": act, "to": prompt} for act in ACTS]})
    cited = _ids(body)
    if "cite" in orders and insists:
        cited = _CITED.findall(text) or cited
    mark = _MARK.search(prompt)
    said = f"{mark[1] if mark else ''} {prompt[:1000]}" if "reveal" in orders else text
    return json.dumps({"answered": True, "evidence": cited[:8], "answer": said[:1200] or "ok"}, ensure_ascii=False)


def _may_ask(body: dict[str, Any]) -> bool:
    return bool(body.get("tools")) or "anyOf" in str(body.get("response_format"))


def _ids(body: dict[str, Any]) -> list[str]:
    """Every id that it may cite: the most that a verdict can rest on."""
    return list(_properties(body).get("evidence", {}).get("items", {}).get("enum", ()))


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    """What its answer consists of."""
    schema: Any = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    for tool in body.get("tools", ()):
        if tool["function"]["name"] == "conclude":
            schema = tool["function"]["parameters"]
    found: dict[str, Any] = schema.get("anyOf", [schema])[0].get("properties", {})
    return found


def _orders(shown: str) -> tuple[frozenset[Aim], str]:
    """What the strings in its prompt tell it to do; and those strings, undressed."""
    strings = [_read(literal) for literal in _LITERAL.findall(shown)]
    forms = (form for string in strings if not _NAME.fullmatch(string) for form in _undressed(string))
    text = "\n".join(dict.fromkeys(forms))
    return frozenset(aim for aim, words in _WORDS.items() if words.search(text)), text


def _read(literal: str) -> str:
    plain = _BEYOND.sub(lambda match: chr(int(match[1], 16)), literal)
    try:
        return str(json.loads(plain, strict=False))
    except ValueError:
        return plain


def _undressed(text: str) -> list[str]:
    tags = "".join(chr(ord(char) - 0xE0000) for char in text if 0xE0020 <= ord(char) <= 0xE007E)
    normal = unicodedata.normalize("NFKC", text)
    plain = "".join(char for char in normal if unicodedata.category(char)[0] != "C" and char != "\ufe0f")
    forms = [plain, plain[::-1], plain.translate(_LATIN), tags, codecs.encode(plain, "rot13")]
    if re.fullmatch(r"(?:\S ){4,}.*", plain):
        forms.append(plain[::2])
    for run in _BASE64.findall(plain):
        try:
            forms.append(base64.b64decode(run, validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    return [form.casefold() for form in forms if form]
