"""The parts of the case page, each from what the API says of the case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from fraudray.client import Client
from fraudray.domain.errors import Forbidden
from fraudray.ui.assets import address_of
from fraudray.ui.following import views_of
from fraudray.ui.templates import render
from fraudray.ui.views.acts import acts_of
from fraudray.ui.views.case import Entry, entries_of, head_of, trail_of
from fraudray.ui.views.connections import connections_view
from fraudray.ui.views.decision import DecisionView, cited_ids, decision_view
from fraudray.ui.views.evidence import evidence_view
from fraudray.ui.views.investigation import InvestigationView, follow
from fraudray.ui.views.map import map_view
from fraudray.ui.views.timeline import timeline_view
from fraudray.ui.visit import Visit
from fraudray.ui.words import money

HISTORY_ROWS = 200
LINKED_MAX = 12
Document = Mapping[str, Any]


class CaseParts:
    """One case as one visitor sees it. What several parts need is asked for once."""

    def __init__(self, client: Client, visit: Visit, case_id: str, transaction_id: str | None = None) -> None:
        """Raises NotFound, and whatever else keeps the case from being read."""
        self._client, self._visit = client, visit
        self.case = client.case(case_id)
        self._now = datetime.now(UTC)
        decisions = sorted(self.case["decisions"], key=lambda decision: -decision["score"])
        named = [decision for decision in decisions if decision["transaction_id"] == transaction_id]
        self._decisions = decisions
        self._decision: Document | None = next(iter(named or decisions), None)

    def head(self) -> str:
        """What it is, and what can be done."""
        frozen_until = (self._account.get("freeze") or {}).get("ends_at")
        author = self._client.whoami(self._visit.author)["author"]
        return render(
            "case/head.html", head=head_of(self.case, self._now), frozen_until=frozen_until, rules=self._rules(),
            acts=acts_of(self.case, author, frozen_until, self._now),
        )  # fmt: skip

    def decision(self) -> str:
        """The chosen decision: gauge and waterfall."""
        decision = self._decision
        view = decision_view(decision, self._policy) if decision is not None else None
        return render(
            "case/decision.html", case_id=self.case["case_id"], view=view, payment=_payment(decision),
            views=[decision_view(one, None) for one in self._decisions[:20]],
            reasons_text=_reasons_text(view) if view else "",
        )  # fmt: skip

    def map(self) -> str:
        """Where the payment was made, and where the one before it."""
        view = map_view(self._decision["evidence"]) if self._decision is not None else None
        return render("case/map.html", map=view, land=address_of("world.svg"))

    def evidence(self) -> str:
        """What the tools found; what weighed is marked."""
        if self._decision is None:
            return ""
        tools = evidence_view(self._decision["evidence"], cited_ids(self._decision))
        return render("case/evidence.html", tools=tools)

    def history(self) -> str:
        """The customer's payments on a line of time."""
        found = self._client.casework.transactions(self.case["customer_id"], limit=HISTORY_ROWS)["transactions"]
        own = frozenset(decision["transaction_id"] for decision in self._decisions)
        habit = (_items(self._decision, "transaction-risk").get("habit") or {}).get("typical_high_base")
        return render("case/history.html", timeline=timeline_view(found, own, usual_high=habit))

    def links(self) -> str:
        """What it shares with others."""
        links = self._client.casework.links(self.case["case_id"])
        graph = connections_view(links, self.case["customer_id"])
        return render("case/links.html", graph=graph, linked=links["linked"][:LINKED_MAX])

    def lists(self) -> str:
        """The list entries and mutes in force that its payment matches."""
        if self._decision is None or self.case.get("erased"):
            return ""
        found = self._client.lists.match(self._decision["transaction_id"])["matches"]
        return render("case/lists.html", entries=found)

    def notes(self) -> str:
        """What was noted, and its files."""
        return render(
            "case/notes.html", entries=entries_of(self.case), files=self.case["files"], case_id=self.case["case_id"]
        )

    def trail(self) -> str:
        """Revisions of the chosen decision, and the audit trail."""
        revisions: list[Document] = []
        transaction_id = ""
        if self._decision is not None:
            transaction_id = self._decision["transaction_id"]
            revisions = self._client.casework.revisions(transaction_id)["revisions"]
        entries = self._client.audit(subject=self.case["case_id"], limit=200)["entries"]
        return render("case/trail.html", revisions=revisions, transaction_id=transaction_id, trail=trail_of(entries))

    def reasoning(self) -> str:
        """The newest investigation of the chosen decision, or why there is none."""
        begun = self._investigation
        view = None
        if begun is not None and begun["status"] in ("done", "failed"):
            view = follow(self._client.investigations.events(begun["investigation_id"]))
        elif begun is not None:
            view = InvestigationView()
        return self._reasoning(view)

    def running_investigation(self) -> Iterator[str]:
        """The reasoning as it goes on, where an investigation is under way."""
        begun = self._investigation
        if begun is None or begun["status"] in ("done", "failed"):
            return
        for view in views_of(self._client.investigations.events(begun["investigation_id"])):
            yield self._reasoning(view)

    def newest_entry(self) -> Entry | None:
        """What was done last."""
        return next(iter(entries_of(self.case)), None)

    def _reasoning(self, view: InvestigationView | None) -> str:
        cited = list(view.verdict.evidence) if view is not None and view.verdict is not None else []
        offer = bool(self._client.ready().get("investigates")) and self._decision is not None
        transaction_id = self._decision["transaction_id"] if self._decision is not None else ""
        return render("case/reasoning.html", view=view, cited=cited, offer=offer, transaction_id=transaction_id)

    @cached_property
    def _investigation(self) -> Document | None:
        if self._decision is None:
            return None
        found = self._client.investigations.of(self._decision["transaction_id"])["investigations"]
        return next(iter(found), None)

    @cached_property
    def _account(self) -> Document:
        return self._client.account(self.case["customer_id"])

    @cached_property
    def _policy(self) -> Document | None:
        try:
            return self._client.policy()
        except Forbidden:
            return None

    def _rules(self) -> list[tuple[str, str]]:
        """The rules that gave the case its reasons, as they are muted: by their ids."""
        codes = {reason["code"] for decision in self._decisions for reason in decision["reasons"]}
        document = (self._policy or {}).get("document", {})
        parts = (*document.get("rules", []), *document.get("floors", []), *document.get("scoring", []))
        return [(part["id"], f"{part['code']} ({part['id']})") for part in parts if part.get("code") in codes]


def _items(decision: Document | None, tool: str) -> Document:
    found: Document = ((decision or {}).get("evidence", {}).get(tool) or {}).get("items") or {}
    return found


def _payment(decision: Document | None) -> dict[str, str]:
    items = _items(decision, "transaction-risk")
    amount, merchant = items.get("amount") or {}, items.get("merchant") or {}
    place = _items(decision, "geolocation-checker").get("place") or {}
    shown = money(amount["amount"], amount["currency"]) if amount.get("amount") else ""
    return {"amount": shown, "merchant": merchant.get("name") or "", "place": place.get("label") or ""}


def _reasons_text(view: DecisionView) -> str:
    """The reasons as they are copied: a line each, with its points."""
    lines = [f"{view.transaction_id}: {view.outcome} {view.score}"]
    return "\n".join([*lines, *(f"{bar.points:+d} {bar.text} ({bar.code})" for bar in view.bars)])
