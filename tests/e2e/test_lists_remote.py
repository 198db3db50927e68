"""Lists through a running server: the same answers and errors as in its own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.client import Client
from fraudray.deployments.gateway import build_gateway
from fraudray.domain.decision import Outcome
from fraudray.domain.errors import InvalidTransaction, NotFound, Refused
from tests.tools.serving import serving

Make = Callable[..., dict[str, Any]]


def test_lists_beside_a_running_server(app: App, plain: Make) -> None:
    with serving(build_gateway(app)) as url, Client(url) as client:
        lists, row = client.lists, plain()
        entry = lists.add(
            {"level": "deny", "kind": "customer", "value": "C-12345", "reason": "Überprüft"}, author="Ana Ö"
        )
        assert (entry["author"], entry["reason"]) == ("Ana Ö", "Überprüft")
        assert lists.show(entry["entry_id"]) == entry
        assert lists.match(row)["matches"][0]["effect"] == "blocks; nothing lifts it"
        assert client.decide(row).decision is Outcome.BLOCK
        assert lists.match(row["transaction_id"])["decision"] == "BLOCK"
        again = {"level": "deny", "kind": "customer", "value": "C-12345", "reason": "x"}
        with pytest.raises(Refused, match=entry["entry_id"]):
            lists.add(again, author="Ana")
        answer = lists.add_many([again, again | {"level": "no"}, again | {"value": "C-2"}], author="Ana", replace=True)
        assert [result["status"] for result in answer["results"]] == [201, 422, 201]
        kept = lists.mute("night-hour", "C-2", until="30d", reason="x", author="Ana")
        assert [found["entry_id"] for found in lists.list(level="mute", q="C-2")["entries"]] == [kept["entry_id"]]
        with pytest.raises(InvalidTransaction, match="did you mean night-hour"):
            lists.mute("night-hou", "C-2", until="30d", reason="x", author="Ana")
        assert lists.remove(kept["entry_id"], reason="done", author="Ana")["removal_reason"] == "done"
        with pytest.raises(NotFound):
            lists.show("lst_none")
