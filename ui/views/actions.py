"""What was done, or is to be done, because of a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fraudray.ui.words import capitalised, short

ACTIONS_MAX = 30
_STATUS = {
    "done": ("done", "✓"), "pending": ("waiting", "…"), "failed": ("failed", "✗"), "recommended": ("recommended", "→"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActionView:
    """One action."""

    title: str
    status: str
    word: str
    mark: str
    detail: str


def actions_view(decision: Mapping[str, Any]) -> list[ActionView]:
    """A decision's actions in words."""
    shown = []
    for action in decision.get("actions", [])[:ACTIONS_MAX]:
        word, mark = _STATUS.get(action["status"], (action["status"], "•"))
        title = capitalised(str(action["kind"]).replace("_", " ").replace("-", " "))
        shown.append(ActionView(title, action["status"], word, mark, short(action.get("detail") or "")))
    return shown


def are_pending(decision: Mapping[str, Any]) -> bool:
    """Whether something is still to leave."""
    return any(action["status"] == "pending" for action in decision.get("actions", []))
