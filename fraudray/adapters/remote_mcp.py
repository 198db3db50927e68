"""Evidence from a tool of any MCP server, by its address.

Needs the `mcp` package (extra `serve`), imported when a policy first asks for a server.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from mcp.types import CallToolResult, TextContent

from fraudray.adapters.mcp_link import Link
from fraudray.domain.evidence import Item
from fraudray.domain.facts import Fact
from fraudray.domain.transaction import Transaction
from fraudray.evidence.context import Inquiry
from fraudray.evidence.own import BadAnswer, checked
from fraudray.policy.schema import McpCall


class RemoteEvidence:
    """A tool of a remote MCP server as a read tool. It gets the fields that the policy names and nothing else."""

    local = False

    def __init__(
        self, name: str, call: McpCall, facts: Iterable[Fact], *, url: str, token: str | None, limit_s: float
    ) -> None:
        """Begins to connect in the background; `limit_s` is what one answer may take."""
        self.name, self.limit_s = name, limit_s
        self._call, self._facts = call, tuple(facts)
        self._link = Link(name, url, token)

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """One item, named after the tool. Raises BadAnswer when the server fails, is late or answers otherwise."""
        tool = self._call.tool
        result = self._link.call(tool, partial(self._arguments, inquiry.tx), limit_s=self.limit_s)
        if result is None:
            return {tool: inquiry.absent(*self._call.arguments.values())}
        answer = _structured(result)
        return checked({tool: {fact.key: _value(answer, fact.key) for fact in self._facts}}, self._facts)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def _arguments(self, tx: Transaction, schema: Mapping[str, Any]) -> dict[str, Any] | None:
        """The arguments whose fields are given: the amount as the number that the server asks for, or exact as text.
        None where none is, or one that the server requires is not."""
        fields = json.loads(tx.stored_json)
        given = {argument: fields[f] for argument, f in self._call.arguments.items() if f in fields}
        if not given or not given.keys() >= set(schema.get("required", ())) & self._call.arguments.keys():
            return None
        for argument, field in self._call.arguments.items():
            if field == "amount" and _takes_number(schema.get("properties", {}).get(argument)):
                given[argument] = float(tx.amount)
        return given


def _takes_number(schema: Any) -> bool:
    """Whether a JSON Schema is of a number, or of one among others."""
    if not isinstance(schema, dict):
        return False
    types = schema.get("type")
    others = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return "number" in (types if isinstance(types, list) else [types]) or any(map(_takes_number, others))


def _structured(result: CallToolResult) -> dict[str, Any]:
    """The structured answer; a server without one may answer with JSON as its only text."""
    if result.is_error:
        raise BadAnswer("the tool answered with an error")
    if isinstance(result.structured_content, dict):
        return result.structured_content
    if len(result.content) == 1 and isinstance(result.content[0], TextContent):
        with suppress(ValueError, RecursionError):
            answer = json.loads(result.content[0].text)
            if isinstance(answer, dict):
                return answer
    raise BadAnswer("the tool answered nothing structured")


def _value(answer: Mapping[str, Any], key: str) -> Any:
    """What stands under `key`, or under a path `a.b`; null means not known."""
    found: Any = answer
    for part in [key] if key in answer else key.split("."):
        if not isinstance(found, dict) or part not in found:
            raise BadAnswer(f"the answer says nothing of {key}")
        found = found[part]
    return found
