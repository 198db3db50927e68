"""An investigation in the terminal, event by event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.text import Text

from fraudray.agent.quoting import escaped

if TYPE_CHECKING:
    from rich.console import Console

    from fraudray.service import Service

Document = dict[str, Any]
SHOWN_MAX = 300
"""Characters of a tool's answer."""


def follow(service: Service, transaction_id: str, *, author: str, view: InvestigationView | None) -> Document:
    """Have a decision investigated and show what happens; the investigation at its end."""
    begun = service.investigations.begin(transaction_id, author=author)
    if view is not None:
        view.begin(service.decision(transaction_id))
    for event in service.investigations.events(begun["investigation_id"]):
        if view is not None:
            view.show(event)
    investigation = service.investigations.get(begun["investigation_id"])
    if view is not None:
        view.end(investigation, service.decision(transaction_id))
    return investigation


class InvestigationView:
    """Prints what happens. What a model or a transaction says goes out as plain text, without control characters."""

    def __init__(self, console: Console) -> None:
        self._console, self._thinking = console, False

    def begin(self, decision: Document) -> None:
        """The decision that is looked at."""
        self._line(f"{decision['transaction_id']}  {decision['decision']} {decision['score']}", "bold")
        for reason in decision["reasons"]:
            self._line(f"  {reason['points']:>3}  {reason['text']}")

    def show(self, event: Document) -> None:
        """One event."""
        kind, body = event["kind"], event["body"]
        if kind == "reasoning":
            if not self._thinking:
                self._thinking = True
                self._line("thinking", "cyan")
            self._console.print(_plain(body["text"]), style="dim", end="", soft_wrap=True)
            return
        self._end_thinking()
        match kind:
            case "tool_call":
                self._line(f"asks     {body['tool']} {json.dumps(body['arguments'])}", "cyan")
            case "tool_result":
                found = body.get("evidence") or body.get("error") or ""
                shown = json.dumps(body.get("items", {}), ensure_ascii=False)[:SHOWN_MAX]
                self._line(f"answer   {found} {shown}" if body["ok"] else f"answer   failed: {found}")
            case "tool_refused":
                self._line(f"refused  {body['tool']}: {body['why']}", "yellow")
            case "verdict_rejected":
                self._line(f"rejected {body['reason']}: {body.get('detail') or ''}", "yellow")
            case "verdict":
                cited = ", ".join(body["evidence"]) or "nothing"
                alone = ", without the payment's text too" if body.get("unswayed") else ""
                self._line(f"verdict  {body['decision']} {body['risk']}, citing {cited}{alone}", "bold")
            case "prose":
                self._line(f"analysis {body.get('analysis', '')}")
                for check in body.get("next_checks", []):
                    self._line(f"next     {check}")
                if body.get("customer_reason"):
                    self._line(f"customer {body['customer_reason']}")

    def end(self, investigation: Document, decision: Document) -> None:
        """How it ended, and what it made of the decision."""
        self._end_thinking()
        finding = investigation.get("finding") or {}
        state = decision["investigator"]
        if investigation["status"] != "done":
            why = finding.get("detail") or finding.get("failure") or state.get("detail") or investigation["status"]
            self._line(f"no verdict: {why}", "yellow")
        outcome = f"{decision['decision']} {decision['score']} (revision {decision['revision']}"
        effect = state.get("effect")
        self._line(f"stands   {outcome}{f', {effect}' if effect else ''})", "bold")
        usage, timing = finding.get("usage", {}), finding.get("timing", {})
        if usage:
            self._line(
                f"         {usage['round_trips']} round trips, {usage['prompt_tokens']} prompt tokens "
                f"({usage['cached_tokens']} cached), {usage['completion_tokens']} written, "
                f"{timing.get('total_ms') or 0:.0f} ms",
                "dim",
            )

    def _end_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            self._console.print()

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(_plain(text), style=style), soft_wrap=True)


def _plain(text: str) -> str:
    """What moves a cursor or hides text as an escape; line breaks stay."""
    return "\n".join(escaped(line) for line in text.split("\n"))
