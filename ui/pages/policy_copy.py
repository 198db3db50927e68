"""A copy of a policy that is being changed. It is kept in the reader's browser, which sends it with everything."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fraudray.client import Client
from fraudray.domain.errors import FieldProblem, FraudrayError, InvalidTransaction, PolicyError
from fraudray.ui.states import State, error_html, state_html
from fraudray.ui.templates import render
from fraudray.ui.views import policy_copy as values
from fraudray.ui.views.policy import mark
from fraudray.ui.visit import Visit
from fraudray.ui.words import short

Message = Mapping[str, Any]
Shown = list[str | None]
VIEWS = ("form", "text")
_NUMBERED = "parts."


def started(visit: Visit, message: Message) -> Shown:
    """A copy of what is in force, or of a version."""
    name, number = _text(message, "name") or None, message.get("number")
    with visit.client() as client:
        if number:
            text = str(client.policies.version(int(number), name=name)["text"])
        else:
            text = str(client.policy(name)["source"])
        return [_copy_html(client, text, "form", number), ""]


def opened(visit: Visit, message: Message) -> Shown:
    """The copy as it is, as a form or as text. One that cannot be used is shown as text, with what is wrong."""
    text, view = _text(message, "text", strip=False), _text(message, "view")
    with visit.client() as client:
        found = client.policies.check(text=text)
        if found["usable"]:
            return [copy_html(found, view, message.get("based_on")), ""]
        problem = problem_html(text, found["problem"])
        if message.get("shown") == "text":
            return [None, problem]
        return [copy_html(found, "text", message.get("based_on")), problem]


def checked(visit: Visit, message: Message) -> Shown:
    """Whether the copy can be used, and what it has otherwise than what is in force."""
    text = _text(message, "text", strip=False)
    with visit.client() as client:
        found = client.policies.check(text=text)
        if not found["usable"]:
            return [None, problem_html(text, found["problem"])]
        view = _text(message, "view")
        said = render("policy/checked.html", found=found, mark=mark())
        return [copy_html(found, view, message.get("based_on")), said]


def rule(visit: Visit, message: Message) -> Shown:
    """The form of a rule or floor of the copy; an empty one for a new one."""
    kind, entry_id = _kind(message), _text(message, "id")
    with visit.client() as client:
        found = client.policies.check(text=_text(message, "text", strip=False), facts=True)
        if not found["usable"]:
            return ["", problem_html("", found["problem"])]
        entry = values.entry_of(found["document"], kind, entry_id) if entry_id else {}
        read = _condition(client, found, entry) if entry else {"cel": "", "form": _empty(), "words": ""}
        families = list(found["document"].get("families", {}))
        html = render(
            "policy/rule.html", kind=kind, entry=entry, points=entry.get(values.POINTS[kind], ""), condition=read,
            families=families, facts=found["facts"], lists=list(found["document"].get("lists", {})),
        )  # fmt: skip
        return [html, render("policy/cel.html", read=read) if entry else ""]


def condition(visit: Visit, message: Message) -> str:
    """A condition as it is being built: its CEL and its words, or what is wrong with it."""
    with visit.client() as client:
        try:
            return render("policy/cel.html", read=_read(client, message))
        except FraudrayError as error:
            return condition_problem(error)


def edited(visit: Visit, message: Message) -> Shown:
    """A change to the copy. What cannot be is said, and the copy and the form stay as they are."""
    with visit.client() as client:
        text = _text(message, "text", strip=False)
        try:
            before = client.policies.check(text=text)
            if not before["usable"]:
                return [problem_html(text, before["problem"]), None, None, None]
            changed = _changed(client, before["document"], message)
            after = client.policies.check(document=changed)
        except FraudrayError as error:
            problem = condition_problem(error)
            return [problem, None, None, problem]
        if not after["usable"]:
            problem = problem_html("", after["problem"])
            return [problem, None, None, problem]
        return ["", copy_html(after, "form", message.get("based_on")), "", render("policy/edited.html", mark=mark())]


def saved(visit: Visit, message: Message) -> Shown:
    """Keep the copy as a new version."""
    text, based_on = _text(message, "text", strip=False), message.get("based_on")
    with visit.client() as client:
        try:
            kept = client.policies.save(
                text, reason=_text(message, "reason"), author=visit.author, version=_text(message, "version") or None,
                based_on=int(based_on) if based_on else None,
            )  # fmt: skip
        except PolicyError as error:
            return [problem_html(text, error.members), None]
        except FraudrayError as error:
            return [error_html(error), None]
        text = str(client.policies.version(kept["number"], name=kept["name"])["text"])
        view = _text(message, "view")
        return [render("policy/saved.html", kept=kept), _copy_html(client, text, view, kept["number"])]


def copy_html(found: Mapping[str, Any], view: str, based_on: Any) -> str:
    """A checked copy as a form, or as text."""
    view = view if view in VIEWS and found["usable"] else "text"
    text = str(found["text"])
    serial = hashlib.sha256(f"{view}{based_on}{text}".encode()).hexdigest()[:16]
    return render("policy/copy.html", found=found, view=view, text=text, serial=serial, based_on=based_on or "")


def problem_html(text: str, problem: Mapping[str, Any]) -> str:
    """What is wrong with a policy, and the line that it is in."""
    line = int(problem.get("line") or 0)
    lines = text.splitlines()
    shown = short(lines[line - 1], 200) if 0 < line <= len(lines) else ""
    return render("policy/problem.html", problem=problem, line=line, shown=shown, mark=mark())


def condition_problem(error: FraudrayError) -> str:
    """What is wrong with what was entered."""
    match error:
        case PolicyError():
            return problem_html("", error.members | {"line": 0})
        case InvalidTransaction(problems=problems):
            lines = [f"{_where(p.field)}{p.message}" for p in problems[:20]]
            return state_html(State("error", "Not complete yet", short("; ".join(lines))))
        case _:
            return error_html(error)


def _where(field: str) -> str:
    """`parts.0.parts.1.value` → "Comparison 1.2, value: "."""
    if not field.startswith(_NUMBERED):
        return f"{field}: " if field else ""
    steps = field.split(".")
    numbers = ".".join(str(int(step) + 1) for step in steps if step.isdigit())
    last = "" if steps[-1].isdigit() else f", {steps[-1]}"
    return f"Comparison {numbers}{last}: "


def _changed(client: Client, document: dict[str, Any], message: Message) -> dict[str, Any]:
    entry_id = _text(message, "id")
    match _text(message, "op"):
        case "numbers":
            return values.with_numbers(document, message)
        case "lists":
            return values.with_lists(document, message)
        case "duplicate":
            return values.duplicated(document, _kind(message), entry_id)
        case "remove":
            return values.without(document, _kind(message), entry_id)
        case "entry":
            when = str(_read(client, message)["cel"])
            return values.with_entry(document, _kind(message), entry_id, message, when)
        case _:
            raise InvalidTransaction([FieldProblem("op", "enum", "is no change of this page")])


def _read(client: Client, message: Message) -> dict[str, Any]:
    """The condition that was built or written, as the copy understands it."""
    given = {"form": message.get("form")} if message.get("how") == "form" else {"cel": message.get("cel")}
    return client.policies.condition(given | {"text": _text(message, "text", strip=False)})


def _condition(client: Client, found: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    return client.policies.condition({"cel": entry["when"], "text": found["text"]})


def _copy_html(client: Client, text: str, view: str, based_on: Any) -> str:
    return copy_html(client.policies.check(text=text), view, based_on)


def _empty() -> dict[str, Any]:
    return {"match": "all", "parts": [{"fact": "", "is": "", "value": None}]}


def _kind(message: Message) -> str:
    return "floor" if message.get("kind") == "floor" else "rule"


def _text(message: Message, name: str, *, strip: bool = True) -> str:
    text = str(message.get(name, "") or "")
    return text.strip() if strip else text
