"""Carrying out what waits in the outbox. What a message says is read from the stored record, never from a caller."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fraudray.actions.publish import ReportPublisher
from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.cards import mask
from fraudray.domain.errors import DeliveryFailed, NotFound, Refused
from fraudray.ports.clock import Clock
from fraudray.ports.ledger import OutboxEntry
from fraudray.ports.messages import Mail, Mailer, Sms, SmsSender
from fraudray.reports.case_report import build_report, render

# One address and nothing else: "a@evil.org, b@example.com" must not pass for its last domain.
_PLAIN = re.compile(r"[^\s@,;:<>()\[\]\"\\]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class AlertRules:
    """Who may get alerts: the usual recipients, and the only domains that mail is sent to."""

    sender: str
    recipients: tuple[str, ...]
    domains: tuple[str, ...]

    def refused(self, recipients: tuple[str, ...]) -> list[str]:
        """Recipients that are no single plain address, or outside the allowed domains."""
        allowed = {domain.lower() for domain in self.domains}
        return [r for r in recipients if not _PLAIN.fullmatch(r) or r.rpartition("@")[2].lower() not in allowed]


class Deliverer:
    """One method per kind of action. Each returns what happened, in words, or raises DeliveryFailed."""

    def __init__(
        self, store: SqlStore, mailer: Mailer, sms: SmsSender, rules: AlertRules, clock: Clock,
        webhook: Callable[[OutboxEntry], str],
        publisher: ReportPublisher,
    ) -> None:  # fmt: skip
        self._store, self._mailer, self._sms, self._rules, self._clock = store, mailer, sms, rules, clock
        self._publisher = publisher
        self._handlers: dict[str, Callable[[OutboxEntry], str]] = {
            "email_alert": self._email_alert,
            "customer_sms": self._customer_sms,
            "report": self._report,
            "webhook": webhook,
        }

    def deliver(self, entry: OutboxEntry) -> str:
        """Carry out one entry. Raises DeliveryFailed."""
        handler = self._handlers.get(entry.kind)
        if handler is None:
            raise DeliveryFailed(f"there is no action {entry.kind}", permanent=True)
        try:
            return handler(entry)
        except (NotFound, Refused) as error:
            raise DeliveryFailed(str(error), permanent=True) from None

    def _email_alert(self, entry: OutboxEntry) -> str:
        recipients = tuple(entry.details.get("recipients") or self._rules.recipients)
        if not recipients:
            raise DeliveryFailed("no recipients are set (FRAUDRAY_ALERT_RECIPIENTS)", permanent=True)
        refused = self._rules.refused(recipients)
        if refused:
            raise DeliveryFailed(
                f"mail to {', '.join(refused)} is not allowed (FRAUDRAY_ALERT_DOMAINS)", permanent=True
            )
        transaction_id = entry.details["transaction_id"]
        values = {
            "decision": self._store.cases.decision(transaction_id),
            "tx": self._store.cases.transaction(transaction_id),
            "alert_type": entry.details.get("alert_type", "fraud alert"),
            "claim": entry.details.get("claim"),
            "author": entry.details.get("author"),
        }
        decision = values["decision"]
        mail = Mail(
            key=entry.idempotency_key,
            sender=self._rules.sender,
            recipients=recipients,
            subject=f"[fraudray] {decision.decision} {decision.score}: {transaction_id}",
            text=render("alert.txt", **values),
            html=render("alert.html", **values),
        )
        return self._mailer.send(mail)

    def _customer_sms(self, entry: OutboxEntry) -> str:
        profile = self._store.customers.get(entry.customer_id)
        if profile.phone is None:
            raise DeliveryFailed(f"no phone number is registered for {entry.customer_id}", permanent=True)
        tx = self._store.cases.transaction(entry.details["transaction_id"])
        text = (
            f"We stopped a payment of {tx.amount} {tx.currency} at {mask(tx.merchant)} and froze your account for your "
            "protection. If it was you, call the number on your card. We never ask for your PIN."
        )
        return self._sms.send(Sms(entry.idempotency_key, profile.phone, text))

    def _report(self, entry: OutboxEntry) -> str:
        if entry.case_id is None:
            raise DeliveryFailed("there is no case to report on", permanent=True)
        case = self._store.cases.case(entry.case_id)
        document = build_report(case, made_at=self._clock.now())
        self._store.reports.put(
            case.case_id, case_id=case.case_id, customer_id=case.customer_id, document=document, at=self._clock.now()
        )
        published = self._publisher.publish(document)
        return f"report {case.case_id} made" + (f"; {published.words}" if published else "")
