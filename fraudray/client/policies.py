"""`Policies` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.client.wire import Wire

IMPACT_S = 60
Document = dict[str, Any]


class RemotePolicies:
    """Policies of a running server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def words(self, name: str | None = None) -> Document:
        """See `Policies.words`."""
        return self._wire.get("/v1/policy/words", name=name)

    def facts(self, name: str | None = None) -> Document:
        """See `Policies.facts`."""
        return self._wire.get("/v1/policy/facts", name=name)

    def condition(self, condition: Mapping[str, Any], *, name: str | None = None) -> Document:
        """See `Policies.condition`."""
        return self._wire.send("POST", "/v1/policy/condition", dict(condition), params=_named(name))

    def check(
        self, *, text: str | None = None, document: Mapping[str, Any] | None = None, facts: bool = False
    ) -> Document:
        """See `Policies.check`."""
        given = {"text": text, "document": document, "facts": facts or None}
        return self._wire.send("POST", "/v1/policy/check", {k: v for k, v in given.items() if v is not None})

    def impact(self, text: str, *, limit: int = 1000) -> Document:
        """See `Policies.impact`."""
        return self._wire.send("POST", "/v1/policy/impact", {"text": text, "limit": limit})

    def versions(self, name: str | None = None, *, limit: int = 50, offset: int = 0) -> Document:
        """See `Policies.versions`."""
        return self._wire.get("/v1/policy/versions", name=name, limit=limit, offset=offset)

    def version(self, number: int, *, name: str | None = None) -> Document:
        """See `Policies.version`."""
        return self._wire.get(f"/v1/policy/versions/{number}", name=name)

    def differences(self, a: int, b: int, *, name: str | None = None) -> Document:
        """See `Policies.differences`."""
        return self._wire.get(f"/v1/policy/versions/{b}/differences", against=a, name=name)

    def save(
        self, text: str, *, reason: str, author: str, based_on: int | None = None, version: str | None = None
    ) -> Document:
        """See `Policies.save`."""
        given = {"text": text, "reason": reason, "based_on": based_on, "version": version}
        body = {name: value for name, value in given.items() if value is not None}
        return self._wire.send("POST", "/v1/policy/versions", body, author)

    def promote(
        self, number: int, *, reason: str, author: str, name: str | None = None, seen: str | None = None
    ) -> Document:
        """See `Policies.promote`."""
        path = f"/v1/policy/versions/{number}/promote"
        return self._wire.send("POST", path, _act(reason, name), author, headers=_seen(seen))

    def rollback(self, *, reason: str, author: str, name: str | None = None, seen: str | None = None) -> Document:
        """See `Policies.rollback`."""
        return self._wire.send("POST", "/v1/policy/rollback", _act(reason, name), author, headers=_seen(seen))


def _named(name: str | None) -> dict[str, str]:
    return {} if name is None else {"name": name}


def _act(reason: str, name: str | None) -> dict[str, str]:
    return {"reason": reason} | _named(name)


def _seen(tag: str | None) -> dict[str, str]:
    return {} if tag is None else {"if-match": f'"{tag}"'}
