"""The decision pipeline: state, evidence, policy, effects, one durable write. Knows no Ray, HTTP, SQL or AWS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec

from fraudray.answer import Answer, InFlight, Outlook, outcome_of, replay_of
from fraudray.composing import decision_of, encode_state, judge, unit_of
from fraudray.domain.case import CaseEntry
from fraudray.domain.decision import Decision, Latency, StepUpResult
from fraudray.domain.errors import ConflictingTransaction, FieldProblem, FraudrayError, InvalidTransaction, NotFound
from fraudray.domain.evidence import Evidence, ToolEvidence
from fraudray.domain.investigation import Investigation, Mode
from fraudray.domain.label import Label, Labelled
from fraudray.domain.listing import ListMatches, Lists
from fraudray.domain.transaction import CLOCK_SKEW, Transaction
from fraudray.effects import Effects, plan_effects
from fraudray.escalating import investigation_of, pending
from fraudray.evidence.context import Inquiry, Reference
from fraudray.evidence.gather import Gatherer
from fraudray.evidence.kept_windows import KeptWindows
from fraudray.evidence.transaction_risk import habit_hour
from fraudray.facts import collect_facts
from fraudray.features.state import CustomerState, forget_trusted, microseconds
from fraudray.in_force import InForce, Rules
from fraudray.labelling import Labelling
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Facts, Policy
from fraudray.ports.clock import Clock, Ids
from fraudray.ports.ledger import CustomerRecord, DecisionUnit, Ledger
from fraudray.ports.notices import NoNotices, Notices
from fraudray.remembering import remember, remember_effects
from fraudray.revising import Change, Standing
from fraudray.step_up import ask_step_up, step_up

if TYPE_CHECKING:
    from fraudray.bootstrap import Decider

_decode_state = msgspec.msgpack.Decoder(CustomerState).decode


class Engine:
    """Decides transactions, each customer's in order of arrival. Thread-safe."""

    def __init__(
        self,
        rules: Rules,
        ledger: Ledger,
        reference: Reference,
        *,
        clock: Clock,
        ids: Ids,
        report_url: str = "/v1/reports/{case_id}",
        tools_limit_s: float = 0.15,
        lists: Callable[[], Lists] = Lists,
        notices: Notices | None = None,
    ) -> None:
        self.reference, self.clock = reference, clock
        self.escalated: Callable[[Investigation], None] | None = None
        """Who investigates decisions that the policy escalates, told of each once it is durable; nobody when None."""
        self._ledger, self._ids, self._report_url, self._lists = ledger, ids, report_url, lists
        self._notices: Notices = notices or NoNotices()
        self._tools_limit_s = tools_limit_s
        self._in_force = InForce(rules, limit_s=tools_limit_s)
        self._windows = KeptWindows(ledger.histories)
        self._lock = threading.RLock()
        self._in_flight: dict[str, InFlight] = {}
        self._labelling = Labelling(ledger.labels, self._decided, clock, self._lock)

    @classmethod
    def from_settings(cls, **overrides: Any) -> Decider:
        """An engine as the settings say (environment `FRAUDRAY_…`, one TOML file, `overrides`).

        Beside a running server that owns the data folder it decides through that server. Use it as a context
        manager, or `close()` it. Raises SettingsError, PolicyError, StoreInUse, StoreFailed.
        """
        from fraudray.bootstrap import open_decider

        return open_decider(**overrides)

    @property
    def book(self) -> PolicyBook:
        """The policies in force."""
        return self._in_force.book

    @property
    def policy(self) -> Policy:
        """The policy that decides where no other is chosen."""
        return self._in_force.book.default

    def policy_of(self, decision: Decision) -> Policy:
        """The policy in force under the name of the one that decided; the default one where it is gone."""
        book = self._in_force.book
        return book.policies.get(decision.policy.name, book.default)

    def use(self, rules: Rules) -> None:
        """Decide by these rules from the next transaction on; decisions under way end by the old ones."""
        self._in_force = InForce(rules, limit_s=self._tools_limit_s)

    def close(self) -> None:
        """Ask no tool outside this process any more. Only threads are ended: the ledger belongs to the caller."""
        self._in_force.close()

    def decide(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """The decision on one transaction, durable when this returns.

        Raises:
            InvalidTransaction: naming every bad field.
            ConflictingTransaction: the id was decided with other content.
            StoreFailed: nothing was decided; send it again.
        """
        return self.submit(tx).result().decision

    async def decide_async(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """`decide` without blocking the event loop on the durable write."""
        return (await self.answer_async(tx)).decision

    async def answer_async(self, tx: Transaction | Mapping[str, Any]) -> Answer:
        """`decide_async`, saying also whether the answer was replayed."""
        return await asyncio.wrap_future(await self.submit_async(tx))

    async def submit_async(self, tx: Transaction | Mapping[str, Any]) -> Future[Answer]:
        """`submit` without blocking the event loop on tools that wait for something."""
        return await asyncio.to_thread(self.submit, tx) if self._in_force.waits else self.submit(tx)

    def decide_many(self, txs: Iterable[Transaction | Mapping[str, Any]]) -> list[Decision | FraudrayError]:
        """Decide in order; a bad transaction gives its error in its place and stops no other."""
        submitted: list[Future[Answer] | FraudrayError] = []
        for tx in txs:
            try:
                submitted.append(self.submit(tx))
            except FraudrayError as error:
                submitted.append(error)
        return [outcome_of(entry) for entry in submitted]

    def submit(self, tx: Transaction | Mapping[str, Any]) -> Future[Answer]:
        """Decide now, return when it will be durable. Raises as `decide` does."""
        started = perf_counter()
        now = self.clock.now()
        tx = _checked(tx, now)
        policy, gatherer = self._in_force.choose(tx)
        if gatherer.waits:  # a retry is not worth asking for
            with self._lock:
                earlier = self._earlier(tx)
            if earlier is not None:
                return earlier
        remote = self._ask_remote(tx, policy, gatherer, now)
        asked = perf_counter()
        with self._lock:
            earlier = self._earlier(tx)
            if earlier is not None:
                return earlier
            customer = self._ledger.customer(tx.customer_id)
            inquiry = self._inquiry(tx, policy, customer, now)
            stated = perf_counter()
            evidence = Evidence(gatherer.local(inquiry) | remote)
            gathered = perf_counter()
            facts = collect_facts(inquiry, evidence, customer.freeze, policy)
            judgement = judge(policy, facts, evidence, self._lists().look_up(tx, customer.profile, now))
            judged = perf_counter()
            effects = plan_effects(
                policy.document, judgement, tx, customer, now,
                ids=self._ids, next_case_id=self._ledger.next_case_id,
            )  # fmt: skip
            latency = Latency(
                total=_ms(judged - started), state=_ms(stated - asked),
                tools=_ms(asked - started + gathered - stated),
                policy=_ms(judged - gathered),
            )  # fmt: skip
            decision = decision_of(
                tx, policy, judgement, evidence, effects, now, latency,
                report_url=self._report_link(effects), step_up=ask_step_up(policy, judgement, facts, now),
            )  # fmt: skip
            investigation = None if self.escalated is None else self._escalate(policy, facts, decision)
            if investigation is not None:
                decision = pending(decision, investigation)
            effects.outbox += self._notices.entries_for("decision.created", decision)
            remember(inquiry, customer, judgement, effects)
            notes = effects.audit_notes(decision, tx)
            unit = unit_of(
                tx, tx.content_hash, customer, decision, effects, inquiry.at, notes, investigation=investigation
            )
            return self._store(unit, started, judged)

    def answer_step_up(
        self, transaction_id: str, result: StepUpResult, *, reference: str | None = None, author: str = "caller"
    ) -> Answer:
        """What the caller's check with the customer makes of a REVIEW: a new revision, durable when this returns.

        The same answer again is answered from the record. Raises NotFound, Refused, StoreFailed.
        """
        return self.revise(transaction_id, lambda standing: step_up(standing, result, reference, author))

    def revise(self, transaction_id: str, change: Change) -> Answer:
        """The decision as `change` revises it, durable when this returns. Raises NotFound, StoreFailed, or what it
        raises."""
        while True:
            with self._lock:
                flying = self._in_flight.get(transaction_id)
                if flying is None:
                    answer = self._revise(transaction_id, change)
                    break
            flying.future.exception()  # wait until it is written
        return answer.result() if isinstance(answer, Future) else answer

    def _revise(self, transaction_id: str, change: Change) -> Answer | Future[Answer]:
        started, now = perf_counter(), self.clock.now()
        stored = self._ledger.find(transaction_id)
        if stored is None:
            raise NotFound("decision on transaction", transaction_id)
        decided = stored.decision
        policy = self.policy_of(decided)
        tx = Transaction.model_validate_json(stored.transaction_json)
        customer = self._ledger.customer(tx.customer_id)

        def known(evidence: Evidence) -> tuple[Facts, ListMatches]:
            inquiry = self._inquiry(tx, policy, customer, now)
            facts = collect_facts(inquiry, evidence, customer.freeze, policy)
            return facts, self._lists().look_up(tx, customer.profile, now)

        revision = change(Standing(tx, decided, policy, now, known))
        if revision is None:
            return Answer(decided, replayed=True)
        effects = plan_effects(
            policy.document, revision.judgement, tx, customer, now, ids=self._ids,
            next_case_id=self._ledger.next_case_id, revises=decided, withheld=revision.withheld,
        )  # fmt: skip
        decision = revision.decision.model_copy(
            update={
                "case_id": effects.case_id,
                "actions": [*decided.actions, *effects.actions],
                "report_url": self._report_link(effects) or decided.report_url,
            }
        )
        at = stored.occurred_at
        if revision.teaches_nothing:
            hour = habit_hour(self._inquiry(tx, policy, customer, now), at)
            forget_trusted(customer.state, tx, microseconds(at), local_hour=hour)
        remember_effects(customer, effects)
        entry = CaseEntry(
            entry_id=self._ids.new("ent"), at=now, author=revision.author, kind=revision.kind, body=revision.body
        )
        notes = effects.audit_notes(decision, tx, revision.author)
        effects.outbox += self._notices.entries_for("decision.revised", decision)
        judged = perf_counter()
        latency = Latency(total=_ms(judged - started), state=0, tools=0, policy=_ms(judged - started))
        decision = decision.model_copy(update={"latency_ms": latency})
        unit = unit_of(
            tx, stored.content_hash, customer, decision, effects, at, notes, case_entry=entry, alerts=revision.alerts
        )
        return self._store(unit, started, judged)

    def label(
        self, labels: Iterable[Label | Mapping[str, Any]], *, author: str = "caller"
    ) -> list[Labelled | FraudrayError]:
        """Learn what became known of transactions, durable when this returns. One that was not decided yet is waited
        for; a bad label gives its error in its place. Raises StoreFailed: none was kept."""
        return self._labelling.take(labels, author=author)

    def _decided(self, transaction_id: str) -> tuple[Transaction, datetime] | None:
        flying = self._in_flight.get(transaction_id)
        if flying is not None:
            flying.future.exception()  # wait until it is written
        stored = self._ledger.find(transaction_id)
        if stored is None:
            return None
        return Transaction.model_validate_json(stored.transaction_json), stored.occurred_at

    def preview(self, tx: Transaction, *, only: str | None = None) -> Outlook:
        """What this transaction would get now, without deciding, storing or remembering anything.

        With `only`, on one read tool's evidence alone: what the tool's own face answers with.
        """
        now = self.clock.now()
        in_force = self._in_force
        policy, gatherer = in_force.choose(tx)
        remote = self._ask_remote(tx, policy, gatherer, now, only=only)
        with self._lock:
            customer = self._ledger.customer(tx.customer_id)
            inquiry = self._inquiry(tx, policy, customer, now)
            evidence = Evidence(gatherer.local(inquiry, only=only) | remote)
            facts = collect_facts(inquiry, evidence, customer.freeze, policy)
            if only is not None:
                return Outlook(policy, policy.judge(facts, tool=only), facts, evidence, in_force.book)
            lists = self._lists().look_up(tx, customer.profile, now)
            return Outlook(policy, judge(policy, facts, evidence, lists), facts, evidence, in_force.book, lists)

    def _escalate(self, policy: Policy, facts: Facts, decision: Decision) -> Investigation | None:
        """The investigation of a decision that the policy wants one of."""
        if policy.escalates is None or not policy.escalates.holds(facts, decision.score):
            return None
        mode: Mode = "wait" if policy.waits.holds(facts, decision.score) else "later"
        return investigation_of(policy, decision, self._ids.new("inv"), mode=mode, requested_by="policy")

    def _inquiry(self, tx: Transaction, policy: Policy, customer: CustomerRecord, now: datetime) -> Inquiry:
        document, ledger = policy.document, self._ledger

        def sharing(device_id: str, since_us: int) -> int:
            return len(ledger.customers_of_device(device_id, since_us) | {tx.customer_id})

        return Inquiry(
            tx, now, customer.profile, customer.state, ledger.owners_of_device, self.reference,
            document.parameters, document.base_currency, customers_of_device=sharing,
            features=policy.windows, windows=self._windows,
        )  # fmt: skip

    def _ask_remote(
        self, tx: Transaction, policy: Policy, gatherer: Gatherer, now: datetime, *, only: str | None = None
    ) -> dict[str, ToolEvidence]:
        """What tools outside this process say, asked without holding anyone up, on a copy of what is known."""
        if not gatherer.waits:
            return {}
        with self._lock:
            known = self._ledger.customer(tx.customer_id)
            copy = replace(known, state=_decode_state(encode_state(known.state)))
        return gatherer.remote(self._inquiry(tx, policy, copy, now), only=only)

    def _earlier(self, tx: Transaction) -> Future[Answer] | None:
        """The decision already made, or being written, under this id."""
        flying = self._in_flight.get(tx.transaction_id)
        if flying is not None:
            if flying.content_hash != tx.content_hash:
                raise ConflictingTransaction(tx.transaction_id)
            return replay_of(flying.future)
        stored = self._ledger.find(tx.transaction_id)
        if stored is None:
            return None
        if stored.content_hash != tx.content_hash:
            raise ConflictingTransaction(tx.transaction_id)
        done: Future[Answer] = Future()
        done.set_result(Answer(stored.decision, replayed=True))
        return done

    def _report_link(self, effects: Effects) -> str | None:
        return self._report_url.format(case_id=effects.case_id) if effects.makes_report else None

    def _store(self, unit: DecisionUnit, started: float, judged: float) -> Future[Answer]:
        tx, decision, written = unit.transaction, unit.decision, unit.written
        answer: Future[Answer] = Future()
        answer.set_running_or_notify_cancel()  # who waits no longer takes it from nobody else who asked for it
        self._in_flight[tx.transaction_id] = InFlight(unit.content_hash, answer)

        def durable(commit: Future[None]) -> None:
            # No lock: it is durable before it leaves `_in_flight`, so whoever misses it there finds it stored.
            del self._in_flight[tx.transaction_id]
            error = commit.exception()
            if error is not None:
                self._ledger.forget(tx.customer_id)
                answer.set_exception(error)
                return
            ended = perf_counter()
            latency = decision.latency_ms.model_copy(
                update={"total": _ms(ended - started), "store": _ms(ended - judged)}
            )
            final = decision.model_copy(update={"latency_ms": latency})
            if unit.investigation is not None and self.escalated is not None:
                self.escalated(unit.investigation)
            document = written.with_latency(latency)
            answer.set_result(Answer(final, document=document, investigation=unit.investigation))

        try:
            commit = self._ledger.commit(unit)
        except FraudrayError:
            del self._in_flight[tx.transaction_id]
            self._ledger.forget(tx.customer_id)
            raise
        commit.add_done_callback(durable)
        return answer


def _checked(tx: Transaction | Mapping[str, Any], now: datetime) -> Transaction:
    if not isinstance(tx, Transaction):
        return Transaction.parse(tx, now=now)
    late = [
        FieldProblem(name, "timestamp_future", "lies more than five minutes in the future")
        for name, moment in (("timestamp", tx.timestamp), ("previous_timestamp", tx.previous_timestamp))
        if moment is not None and moment > now + CLOCK_SKEW
    ]
    if late:
        raise InvalidTransaction(late)
    return tx


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
