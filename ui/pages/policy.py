"""Policy: what decides, in words; a changed copy of it; its versions, and which is in force."""

from __future__ import annotations

from fraudray.client import Client
from fraudray.ui.page import Page
from fraudray.ui.pages import policy_copy, policy_try, policy_versions
from fraudray.ui.room import Room
from fraudray.ui.templates import render
from fraudray.ui.visit import Visit

Shown = list[str | None]
LISTED_MAX = 50
LISTED_IN = {"deny": "deny", "allow": "allow", "block": "block", "mutes": "mute"}
"""The steps of a judgement at which list entries act, and of which level those are."""


def build(room: Room) -> None:
    """The head above, then one part: the policy in words, a copy of it, or its versions."""
    head = room.place("policy-head")
    said = room.place("policy-said", "", live=True)
    tried = room.place("policy-tried", "")
    history = room.place("policy-history", "")
    run = room.place("policy-run", "")
    version = room.place("policy-version", "")
    main = room.place("policy-main")
    rule = room.place("policy-rule", "")
    preview = room.place("policy-cel", "")
    room.on_open(opened, [head, main, version])
    room.action("policy-start", policy_copy.started, [main, said])
    room.action("policy-open", policy_copy.opened, [main, said])
    room.action("policy-check", policy_copy.checked, [main, said])
    room.action("policy-rule", policy_copy.rule, [rule, preview])
    room.action("policy-condition", policy_copy.condition, [preview], replaces=True)
    room.action("policy-edit", policy_copy.edited, [preview, main, rule, said])
    room.action("policy-save", policy_copy.saved, [said, main])
    room.action("policy-impact", policy_try.impact, [tried])
    room.action("policy-histories", policy_try.histories, [history])
    room.action("policy-backtest", policy_try.begun, [run])
    room.action("policy-job", policy_try.job, [run], replaces=True)
    room.action("policy-version", policy_versions.version, [version])
    room.action("policy-promote", policy_versions.promote, [said, head, main, version])
    room.action("policy-rollback", policy_versions.rollback, [said, head, main, version])


def opened(visit: Visit) -> Shown:
    """The part that the address names."""
    part = visit.query.get("part", "read")
    name = visit.query.get("name") or None
    with visit.client() as client:
        standing = client.policies.versions(name)
        head = policy_versions.head_html(standing, part)
        if part == "change":
            return [head, render("policy/start.html", standing=standing), ""]
        if part == "versions":
            number = visit.query.get("number", "")
            one = policy_versions.version_html(client, standing, int(number)) if _is_number(number) else ""
            return [head, policy_versions.versions_html(standing), one]
        return [head, words_html(client, name), ""]


def words_html(client: Client, name: str | None) -> str:
    """The policy in words, with the newest of the list entries that act beside it."""
    listed = {
        step: client.lists.list(level=level, state="active", limit=LISTED_MAX)["entries"]
        for step, level in LISTED_IN.items()
    }
    return render("policy/read.html", words=client.policies.words(name), listed=listed, most=LISTED_MAX)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 8


PAGE = Page("policy", "Policy", build)
