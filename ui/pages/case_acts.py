"""Carrying out what a dialogue of the case page asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fraudray.client import Client

Fields = Mapping[str, Any]
_STATUS = {
    "claim": "The case is yours.", "take-over": "The case is yours now.", "release": "The case is back in the queue.",
    "wait": "The case is put off.", "escalate": "The case is escalated.", "due": "The due time is changed.",
    "close": "The case is closed.", "reopen": "The case is open again.", "merge": "The case goes on in the other one.",
    "undo": "The last change is taken back.",
}  # fmt: skip


def carry_out(client: Client, author: str, name: str, case_id: str, version: int | None, fields: Fields) -> str:
    """Do it; what to say of it. Raises the library's own errors."""
    return ACTS[name](client, author, name, case_id, version, fields)


def _status(client: Client, author: str, name: str, case_id: str, version: int | None, fields: Fields) -> str:
    given = {field: str(fields[field]).strip() for field in _FIELDS[name] if str(fields.get(field, "")).strip()}
    more: dict[str, Any] = {"take_over": True} if name == "take-over" else {}
    act = "claim" if name == "take-over" else name
    client.casework.act(case_id, act, author=author, version=version, **given, **more)
    return _STATUS[name]


def _unfreeze(client: Client, author: str, _name: str, case_id: str, _version: int | None, fields: Fields) -> str:
    customer_id = client.case(case_id)["customer_id"]
    answer = client.unfreeze(customer_id, reason=str(fields.get("reason", "")), author=author)
    _note(client, case_id, f"Lifted the freeze: {fields.get('reason', '')}", author)
    passes = answer.get("would_pass_now")
    if passes is None:
        return "The freeze is lifted."
    if passes:
        return "The freeze is lifted; the customer’s last payment would pass now."
    why = ", ".join(refusal["code"] for refusal in answer.get("refused_by", [])[:5])
    return f"The freeze is lifted; the customer’s last payment would still not pass ({why})."


def _extend(client: Client, author: str, _name: str, case_id: str, _version: int | None, fields: Fields) -> str:
    customer_id = client.case(case_id)["customer_id"]
    until, reason = str(fields.get("until", "")), str(fields.get("reason", ""))
    freeze = client.extend_freeze(customer_id, until=until, reason=reason, author=author)
    _note(client, case_id, f"Extended the freeze to {freeze['ends_at']}: {reason}", author)
    return "The freeze holds longer."


def _list(client: Client, author: str, _name: str, case_id: str, _version: int | None, fields: Fields) -> str:
    wanted = ("level", "kind", "value", "expires", "reason")
    entry = {name: str(fields[name]).strip() for name in wanted if str(fields.get(name, "")).strip()}
    kept = client.lists.add(entry, author=author)
    said = f"Put {kept['kind']} {kept['value']} on the {kept['level']} list"
    _note(client, case_id, f"{said} ({kept['entry_id']}): {entry.get('reason', '')}", author)
    return f"{said}."


def _unlist(client: Client, author: str, _name: str, case_id: str, _version: int | None, fields: Fields) -> str:
    entry_id, reason = str(fields.get("entry_id", "")), str(fields.get("reason", ""))
    gone = client.lists.remove(entry_id, reason=reason, author=author)
    _note(client, case_id, f"Took {gone['kind']} {gone['value']} off ({gone['level']}, {entry_id}): {reason}", author)
    return f"{gone['value']} is off the list."


def _mute(client: Client, author: str, _name: str, case_id: str, _version: int | None, fields: Fields) -> str:
    customer_id = client.case(case_id)["customer_id"]
    entry = {"level": "mute", "value": customer_id} | {
        name: str(fields[name]).strip() for name in ("rule", "expires", "reason") if str(fields.get(name, "")).strip()
    }
    kept = client.lists.add(entry, author=author)
    _note(client, case_id, f"Muted the rule {kept['rule']} ({kept['entry_id']}): {entry.get('reason', '')}", author)
    return f"The rule {kept['rule']} is mute for this customer."


def _alert(client: Client, author: str, _name: str, case_id: str, _version: int | None, fields: Fields) -> str:
    sent = client.casework.resend_alert(case_id, reason=str(fields.get("reason", "")), author=author)
    return f"The alert leaves again for {', '.join(sent['recipients'])}."


def _note(client: Client, case_id: str, text: str, author: str) -> None:
    """What was done beside the case stands on the case too."""
    client.note(case_id, text=text[:4000], author=author)


_FIELDS: dict[str, tuple[str, ...]] = {
    "claim": (), "take-over": (), "release": ("reason",), "wait": ("until", "reason"), "escalate": ("to", "reason"),
    "due": ("due", "reason"), "close": ("disposition", "reason"), "reopen": ("reason",), "merge": ("into", "reason"),
    "undo": ("reason",),
}  # fmt: skip
ACTS: dict[str, Callable[[Client, str, str, str, int | None, Fields], str]] = dict.fromkeys(_FIELDS, _status) | {
    "unfreeze": _unfreeze, "extend-freeze": _extend, "list": _list, "unlist": _unlist, "mute": _mute, "alert": _alert,
}  # fmt: skip
