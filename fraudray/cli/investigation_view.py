"""An investigation in the terminal, event by event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fraudray.cli.live_view import LiveView

if TYPE_CHECKING:
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


class InvestigationView(LiveView):
    """Prints what happens."""

    def begin(self, decision: Document) -> None:
        """The decision that is looked at."""
        self.line(f"{decision['transaction_id']}  {decision['decision']} {decision['score']}", "bold")
        for reason in decision["reasons"]:
            self.line(f"  {reason['points']:>3}  {reason['text']}")

    def show(self, event: Document) -> None:
        """One event."""
        kind, body = event["kind"], event["body"]
        if kind == "reasoning":
            self.piece("thinking", body["text"], "dim")
            return
        self.end_pieces()
        match kind:
            case "tool_call":
                self.line(f"asks     {body['tool']} {json.dumps(body['arguments'])}", "cyan")
            case "tool_result":
                found = body.get("evidence") or body.get("error") or ""
                shown = json.dumps(body.get("items", {}), ensure_ascii=False)[:SHOWN_MAX]
                self.line(f"answer   {found} {shown}" if body["ok"] else f"answer   failed: {found}")
            case "tool_refused":
                self.line(f"refused  {body['tool']}: {body['why']}", "yellow")
            case "verdict_rejected":
                self.line(f"rejected {body['reason']}: {body.get('detail') or ''}", "yellow")
            case "verdict":
                cited = ", ".join(body["evidence"]) or "nothing"
                alone = ", without the payment's text too" if body.get("unswayed") else ""
                self.line(f"verdict  {body['decision']} {body['risk']}, citing {cited}{alone}", "bold")
            case "prose":
                self.line(f"analysis {body.get('analysis', '')}")
                for check in body.get("next_checks", []):
                    self.line(f"next     {check}")
                if body.get("customer_reason"):
                    self.line(f"customer {body['customer_reason']}")

    def end(self, investigation: Document, decision: Document) -> None:
        """How it ended, and what it made of the decision."""
        self.end_pieces()
        finding = investigation.get("finding") or {}
        state = decision["investigator"]
        if investigation["status"] != "done":
            why = finding.get("detail") or finding.get("failure") or state.get("detail") or investigation["status"]
            self.line(f"no verdict: {why}", "yellow")
        outcome = f"{decision['decision']} {decision['score']} (revision {decision['revision']}"
        effect = state.get("effect")
        self.line(f"stands   {outcome}{f', {effect}' if effect else ''})", "bold")
        usage, timing = finding.get("usage", {}), finding.get("timing", {})
        if usage:
            self.line(
                f"         {usage['round_trips']} round trips, {usage['prompt_tokens']} prompt tokens "
                f"({usage['cached_tokens']} cached), {usage['completion_tokens']} written, "
                f"{timing.get('total_ms') or 0:.0f} ms",
                "dim",
            )
