"""Deciding the rows of a history: the engine's own steps, on memory, with window features made before in columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fraudray.batch.replay.columns_of import ColumnWindows
from fraudray.composing import judge
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.evidence import Evidence
from fraudray.domain.listing import NOTHING_LISTED
from fraudray.domain.transaction import Transaction
from fraudray.effects import Effects, plan_effects
from fraudray.evidence.context import Inquiry, Reference
from fraudray.evidence.needs import items_read, keeps_for
from fraudray.facts import collect_facts
from fraudray.features.state import KEEPS_ALL, Keeps, microseconds
from fraudray.in_force import InForce, Rules
from fraudray.policy.policy import Judgement, Policy
from fraudray.ports.ledger import CustomerRecord
from fraudray.remembering import remember
from fraudray.testing.clock import CountingIds

PROFILE = "profile"
"""Stands among the fields that are not recorded for a history without registered customers."""


@dataclass(frozen=True, slots=True)
class Registered:
    """Who is registered with the bank: customers by id, and the owners of each device."""

    profiles: Mapping[str, CustomerProfile]
    owners: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, profiles: Iterable[CustomerProfile]) -> Registered:
        """Look-ups over customers."""
        owners: dict[str, set[str]] = {}
        by_id = {}
        for profile in profiles:
            by_id[profile.customer_id] = profile
            for device in profile.devices:
                owners.setdefault(device.device_id, set()).add(profile.customer_id)
        return cls(by_id, {device_id: frozenset(customers) for device_id, customers in owners.items()})

    def owners_of(self, device_id: str) -> frozenset[str]:
        """The customers to whom a device is registered."""
        return self.owners.get(device_id, frozenset())


@dataclass(frozen=True, slots=True)
class Replayed:
    """One row, decided: by which policy, on which facts, and what followed."""

    policy: Policy
    facts: Mapping[str, Any]
    evidence: Evidence
    judgement: Judgement
    effects: Effects


class Replayer:
    """Decides rows by one book, each customer's in order of arrival, and remembers as the engine does.

    Nothing is stored or sent. Tools outside this process are not asked: their evidence counts as not recorded.
    """

    def __init__(
        self, rules: Rules, reference: Reference, registered: Registered, not_recorded: Iterable[str],
        windows: ColumnWindows, *, whole: bool = False,
    ) -> None:  # fmt: skip
        """`not_recorded` names the transaction's fields that this history lacks; each row is decided with the window
        features at `windows.place`. `whole`: all evidence is gathered, as online, not what the policies read alone."""
        self._in_force = InForce(rules, limit_s=float("inf"))
        self._reference, self._registered, self._windows = reference, registered, windows
        lacking = frozenset(not_recorded)
        self._not_recorded = lacking if registered.profiles else lacking | {PROFILE}
        self._customers: dict[str, CustomerRecord] = {}
        self._wanted = {policy.document.name: items_read(policy) for policy in rules.book}
        # One customer's state serves all policies of the book.
        read = Keeps(*map(any, zip(*(keeps_for(items, lacking) for items in self._wanted.values()), strict=True)))
        self._whole, self._keeps = whole, KEEPS_ALL._replace(track=False) if whole else read
        self._ids = CountingIds()
        self._cases = 0

    def decide(self, tx: Transaction, received_at: datetime) -> Replayed:
        """Decide one row that arrived at this moment (UTC)."""
        policy, gatherer = self._in_force.choose(tx)
        document = policy.document
        at_us = microseconds(tx.occurred_at(received_at))

        def sharing(_device_id: str, since_us: int) -> int:
            return self._windows.sharing(at_us - since_us)

        customer = self._customer(tx.customer_id)
        inquiry = Inquiry(
            tx, received_at, customer.profile, customer.state, self._registered.owners_of, self._reference,
            document.parameters, document.base_currency, self._not_recorded, features=policy.windows,
            windows=self._windows, wanted=None if self._whole else self._wanted[document.name],
            customers_of_device=sharing, keeps=self._keeps,
        )  # fmt: skip
        evidence = Evidence(gatherer.local(inquiry))
        facts = collect_facts(inquiry, evidence, customer.freeze, policy)
        judgement = judge(policy, facts, evidence, NOTHING_LISTED)
        effects = plan_effects(
            document, judgement, tx, customer, received_at, ids=self._ids, next_case_id=self._next_case_id
        )
        remember(inquiry, customer, judgement, effects)
        return Replayed(policy, facts, evidence, judgement, effects)

    def close(self) -> None:
        """Let go of what the policies' tools hold."""
        self._in_force.close()

    def _customer(self, customer_id: str) -> CustomerRecord:
        record = self._customers.get(customer_id)
        if record is None:
            profile = self._registered.profiles.get(customer_id)
            record = self._customers[customer_id] = CustomerRecord(customer_id, profile=profile)
        return record

    def _next_case_id(self, year: int) -> str:
        self._cases += 1
        return f"FRD-{year:04d}-{self._cases:04d}"
