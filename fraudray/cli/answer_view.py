"""A question about a case in the terminal: thinking and answer as they come, then what the answer rests on."""

from __future__ import annotations

from typing import Any

from fraudray.cli.live_view import LiveView

Document = dict[str, Any]


class AnswerView(LiveView):
    """Prints what happens."""

    def show(self, event: Document) -> None:
        """One event, but for the last."""
        kind, body = event["kind"], event["body"]
        match kind:
            case "reasoning":
                self.piece("thinking", body["text"], "dim")
            case "answer":
                self.piece("answer", body["text"])
            case "answer_rejected":
                self.end_pieces()
                self.line(f"rejected {body['reason']}: {body.get('detail') or ''}; asked again", "yellow")

    def end(self, answer: Document, *, told: bool) -> None:
        """What came of it; `told` says whether the answer's text was shown already."""
        self.end_pieces()
        if not answer["answered"]:
            self.line(f"no answer: {answer['why']}: {answer.get('detail') or ''}", "yellow")
        elif not told:
            self.line(f"answer\n{answer['answer']}")
        for cited in answer["citations"]:
            about = cited.get("transaction_id") or cited.get("entry_id") or "the case itself"
            self.line(f"cites    {cited['id']}  {about}")
        seen = answer["material"]
        if seen["decisions"] < seen["decisions_in_case"] or seen["entries"] < seen["entries_in_case"]:
            self.line(
                f"         it saw the newest {seen['decisions']} of {seen['decisions_in_case']} decisions and "
                f"{seen['entries']} of {seen['entries_in_case']} notes",
                "yellow",
            )
        usage, timing = answer["usage"], answer["timing"]
        if usage["round_trips"]:
            self.line(
                f"         {answer['author']} {answer.get('model') or ''}, {usage['round_trips']} round trips, "
                f"{usage['prompt_tokens']} prompt tokens, {usage['completion_tokens']} written, "
                f"{timing.get('total_ms') or 0:.0f} ms",
                "dim",
            )
