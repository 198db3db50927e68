"""An event of a page as Gradio's own client sends it."""

from __future__ import annotations

import json
import secrets
from typing import Any

import httpx


def config_of(document: str) -> dict[str, Any]:
    """What a document tells Gradio's client."""
    found: dict[str, Any] = json.loads(document.split("window.gradio_config = ", 1)[1].split(";</script>", 1)[0])
    return found


def do(web: httpx.Client, path: str, action: str, values: dict[str, Any]) -> list[list[Any]]:
    """Do what a form or button of the page does; what each place is filled with, update by update."""
    config = config_of(web.get(path).raise_for_status().text)
    (field,) = [one["id"] for one in config["components"] if one["props"].get("elem_id") == f"fr-do-{action}"]
    wanted = [one for one in config["dependencies"] if one["inputs"] == [field] and one["backend_fn"]]
    session = secrets.token_hex(6)
    message = json.dumps({"n": session, "values": values})
    body = {"data": [message], "fn_index": wanted[0]["id"], "session_hash": session}
    web.post("gradio_api/queue/join", json=body).raise_for_status()
    shown: list[list[Any]] = []
    with web.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as stream:
        for line in stream.iter_lines():
            if not line.startswith("data: "):
                continue
            event = json.loads(line[6:])
            if event["msg"] == "process_generating":
                shown.append(event["output"]["data"])
            if event["msg"] == "process_completed":
                assert event["success"], event
                break
    return shown


def texts(shown: list[list[Any]]) -> str:
    """All that was shown, as one text. The first update of a generator is whole, later ones are changes."""
    return json.dumps(shown, ensure_ascii=False)
