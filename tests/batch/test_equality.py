"""What the batch decides is what the engine decides one by one: every feature, score, decision and reason."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from fraudray.agent.apart import next_request
from fraudray.batch.history.importing import import_history
from fraudray.batch.history.store import HistoryStore
from fraudray.batch.investigate.escalated import Escalated, escalated_rows
from fraudray.batch.investigate.plan import InvestigationPlan
from fraudray.batch.replay.job import Job
from fraudray.batch.replay.part import transactions
from fraudray.batch.replay.run import run_folder, run_passes
from fraudray.batch.synthetic.generate import generate_history
from fraudray.batch.synthetic.plan import Plan
from fraudray.bootstrap import read_customers
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Decision
from fraudray.domain.label import Label
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.features.state import moment
from fraudray.investigations.briefs import Decided, brief_of
from fraudray.llm.serving import LlmServing
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy
from fraudray.ports.llm import ChatRequest, ModelAbilities
from fraudray.reference import load_reference
from fraudray.rules.shelf import ToolShelf
from fraudray.settings import Settings
from fraudray.testing.clock import CountingIds, FixedClock
from fraudray.testing.memory_ledger import MemoryLedger

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROWS = 50_000
HANDBOOK = Path(os.environ.get("FRAUDRAY_HANDBOOK", "../shared/data/handbook.parquet"))
"""The Fraud Detection Handbook's transactions where they are at hand, else transactions of the same kind."""
PLAN = InvestigationPlan(LlmServing(model_id="m", model_source="m", accelerator="cpu", max_model_len=4096), None)
FURTHER = """
features:
  customer_count_3h: {key: customer, aggregate: count, window: 3 hours}
"""
EVERY_FEATURE = (
    "customer_count_15m", "customer_sum_1h", "customer_mean_1d", "customer_mean_7d", "customer_sum_30d",
    "terminal_count_1d", "terminal_fraud_count_7d", "terminal_fraud_rate_30d", "merchant_fraud_rate_7d",
    "amount_z", "amount_to_mean", "amount_robust_z", "habit_ratio", "terminal_new", "merchant_new", "hour_share",
    "minutes_since_last", "attempts_10m", "attempts_24h", "spent_24h_base", "local_hour", "customer_count_3h",
)  # fmt: skip
OF_WHOLE_SCHEMA = (
    *EVERY_FEATURE, "instrument_count_1h", "instrument_mean_30d", "device_fraud_rate_30d", "device_count_30d",
    "address_fraud_count_30d", "device_new", "country_new", "device_customers", "device_seen_days", "address_seen_days",
    "required_speed_mph", "distance_mi", "original_known", "exceeds_original", "address_kind", "mcc_group",
)  # fmt: skip


def test_a_history_with_amounts_customers_and_terminals(tmp_path: Path, ray_cluster: int) -> None:
    source = tmp_path / "handbook.parquet"
    parquet.write_table(_handbook_like(ROWS) if not HANDBOOK.is_file() else _of_some_customers(HANDBOOK, ROWS), source)
    policy = _policy_that_reads("handbook", EVERY_FEATURE, delay_days=2)

    compared = _compare(tmp_path, source, "handbook", policy, [])

    assert compared["rows"] >= 0.999 * ROWS  # amounts of nothing are refused
    assert compared["rows"] >= 50_000 or not HANDBOOK.is_file()
    assert compared["decisions"]["BLOCK"] > 10
    assert compared["decisions"]["REVIEW"] > 10
    assert compared["froze"] > 10
    assert compared["nonzero"] > {"terminal_fraud_rate_30d", "amount_z", "customer_mean_7d", "attempts_10m"}


def test_a_history_with_places_devices_refunds_and_registered_customers(tmp_path: Path, ray_cluster: int) -> None:
    plan = Plan.of(
        rows=12_000, seed=5, customers=300, days=60, start=date(2026, 1, 1), fraud_share=0.03, label_delay_days=5
    )
    generate_history(plan, tmp_path / "made")
    policy = _policy_that_reads("default", OF_WHOLE_SCHEMA, delay_days=7)
    customers = read_customers(tmp_path / "made" / "customers.ndjson")

    compared = _compare(tmp_path, tmp_path / "made" / "*.parquet", "fraudray", policy, customers, PLAN)

    assert compared["rows"] == 12_000
    assert compared["asked"] > 100
    assert min(compared["decisions"].values()) > 10
    assert compared["nonzero"] > {"device_customers", "required_speed_mph", "instrument_mean_30d", "country_new"}


def _compare(
    folder: Path, source: Path, mapping: str, policy: Policy, customers: list[CustomerProfile],
    plan: InvestigationPlan | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Decide a history both ways and compare row by row; with a plan also what the model would be asked."""
    store = folder / "store"
    manifest = import_history([source], mapping, store)
    book = PolicyBook.of(policy)
    settings = Settings(data_dir=folder / "data")
    job = Job(
        store, folder / "run", manifest.fingerprint, manifest.partitions, (book,), settings, tuple(customers),
        investigation=plan,
    )  # fmt: skip
    with run_folder(job):
        run_passes(job, manifest.counts.kept, lambda *_: None)
    batch = {row["transaction_id"]: row for row in _decided(job)}
    escalated = _escalated(job)
    seen: dict[str, Any] = {"rows": 0, "decisions": {}, "froze": 0, "nonzero": set(), "asked": 0}
    for decision in _one_by_one(HistoryStore.open(store), policy, customers, settings, job.delay_us):
        row = batch[decision.transaction_id]
        assert _shown(decision) == {name: row[name] for name in _shown(decision)}, decision.transaction_id
        for fact in policy.reads:
            if fact.tool is None:
                continue
            online = decision.evidence[fact.tool].items.get(fact.item, {}).get(fact.key)
            assert row[fact.name] == online, (decision.transaction_id, fact.name)
            if online not in (None, 0, False, ""):
                seen["nonzero"].add(fact.name)
        if plan is not None:
            assert (decision.score >= 40) == (decision.transaction_id in escalated)
        if decision.transaction_id in escalated:
            case = escalated[decision.transaction_id]
            assert _told(policy, case.tx, case.decision) == _told(policy, case.tx, decision)
            seen["asked"] += 1
        seen["rows"] += 1
        seen["decisions"][row["decision"]] = seen["decisions"].get(row["decision"], 0) + 1
        seen["froze"] += row["froze"]
    assert seen["rows"] == len(batch) == manifest.counts.kept
    return seen


def _shown(decision: Decision) -> dict[str, Any]:
    reasons = [
        {"code": r.code, "family": r.family, "weight": r.weight, "points": r.points, "text": r.text}
        for r in decision.reasons
    ]
    froze = any(action.kind == "freeze_account" for action in decision.actions)
    return {
        "decision": decision.decision.value, "score": decision.score, "risk": decision.risk,
        "reasons": reasons or None, "froze": froze,
    }  # fmt: skip


def _escalated(job: Job) -> dict[str, Escalated]:
    if job.investigation is None:
        return {}
    return {
        case.tx.transaction_id: case for part in range(job.parts) for case in escalated_rows(job.part(part))
    }  # fmt: skip


def _told(policy: Policy, tx: Transaction, decision: Decision) -> list[str]:
    """What a model is told of a decision. An input that this history has nowhere is told as not recorded, and online as
    not given: neither is compared."""
    evidence = {
        tool: found.model_copy(
            update={
                "latency_ms": 0.0,
                "items": {
                    name: item for name, item in found.items.items()
                    if item.get("status") not in {"not_recorded", "not_given"}
                },
            }
        )
        for tool, found in decision.evidence.items()
    }  # fmt: skip
    decided = Decided(evidence, decision.reasons, decision.score, decision.decision, decision.adjustments)
    brief = brief_of(policy, "inv_1", tx, decided, left_s=1, waiting=False)
    abilities = ModelAbilities("m", tools="none")
    request = asyncio.run(next_request(brief, [], abilities, nonce="0" * 16, clock=FixedClock()))
    assert isinstance(request, ChatRequest)
    return [message.content for message in request.messages]


def _decided(job: Job) -> Iterator[dict[str, Any]]:
    for number in range(job.parts):
        facts = parquet.read_table(job.part(number) / "facts.parquet")
        files = sorted(job.decisions.glob(f"day=*/part-{number:05d}-*.parquet"))
        if not files:
            continue
        rows = pa.concat_tables([parquet.read_table(file, partitioning=None) for file in files])
        yield from _joined(rows, facts)


def _joined(rows: pa.Table, facts: pa.Table) -> list[dict[str, Any]]:
    by_row = {fact["row"]: fact for fact in facts.to_pylist()}
    return [row | by_row[row["row"]] for row in rows.to_pylist()]


def _one_by_one(
    store: HistoryStore, policy: Policy, customers: list[CustomerProfile], settings: Settings, delay_us: int
) -> Iterator[Decision]:
    """As online: each transaction when it arrives, each label when it becomes known."""
    table = pa.concat_tables([store.read_partition(part) for part in range(store.manifest.partitions)])
    table = table.take(pa.array(np.lexsort((table.column("row").to_numpy(), table.column("received_us").to_numpy()))))
    clock, ledger = FixedClock(), MemoryLedger(customers)
    rules = ToolShelf(settings).rules(PolicyBook.of(policy))
    engine = Engine(rules, ledger, load_reference(settings), clock=clock, ids=CountingIds(), tools_limit_s=60)
    labels = iter(_labels(table, delay_us))
    label = next(labels, None)
    for tx, received_at in transactions(table):
        while label is not None and label[0] <= received_at:
            clock.moment = label[0]
            engine.label([label[1]])
            label = next(labels, None)
        clock.moment = received_at
        checked = Transaction.model_validate_json(tx.stored_json)
        yield engine.decide(checked)


def _labels(table: pa.Table, delay_us: int) -> list[tuple[datetime, Label]]:
    columns = (table.column(name).to_pylist() for name in ("transaction_id", "fraud", "label_us", "occurred_us"))
    known = [
        (moment(occurred_us + delay_us if label_us is None else label_us), transaction_id)
        for transaction_id, fraud, label_us, occurred_us in zip(*columns, strict=True)
        if fraud
    ]
    return [(at, Label(transaction_id=name, label="fraud")) for at, name in sorted(known)]


def _policy_that_reads(name: str, facts: tuple[str, ...], *, delay_days: int) -> Policy:
    """A policy with a rule of weight 1 for each fact, so that all of them are read and most of them speak."""
    path = None if name == "default" else Path(f"fraudray/policy/{name}.yaml")
    text = Policy.load(path).source.text
    known = Policy.parse(text + FURTHER, file="further.yaml").catalogue
    rules = "\n".join(
        f"  - {{id: reads-{fact.replace('_', '-')}, code: {fact.upper()}, family: further, weight: 1, "
        f"applies_to: any, when: '{_speaks(known[fact].kind, fact)}', text: \"{{{fact}}}\"}}"
        for fact in facts
    )
    text = text.replace("\nrules:\n", f"{FURTHER}\nrules:\n{rules}\n")
    text = text.replace("\nfamilies:\n", "\nfamilies:\n  further: {cap: 5}\n")
    text = text.replace("parameters: {feedback_delay_days: 7}", f"parameters: {{feedback_delay_days: {delay_days}}}")
    return Policy.parse(text, file=f"{name}.yaml")


def _speaks(kind: str, fact: str) -> str:
    return {"bool": fact, "int": f"{fact} > 1", "double": f"{fact} > 0.2", "string": f'{fact} != ""'}[kind]


def _of_some_customers(file: Path, rows: int) -> pa.Table:
    """About so many rows, of whole customers over all days."""
    whole = parquet.read_table(file)
    customers = whole.column("CUSTOMER_ID").to_numpy().astype(np.int64)
    least = np.sort(customers)[rows + 2000]
    return whole.filter(pa.array(customers < least))


def _handbook_like(rows: int) -> pa.Table:
    random = np.random.default_rng(3)
    seconds = np.sort(random.integers(0, 12 * 86_400, rows))
    customers = random.integers(0, 800, rows)
    terminals = (customers * 7 + random.integers(0, 12, rows)) % 1500
    amounts = np.round(np.abs(random.normal(20 + customers % 60, 10 + customers % 25)) + 0.01, 2)
    taken = (terminals % 200 == 0) | (amounts > 220)
    spree = (customers % 100 == 0) & (random.random(rows) < 0.3)
    return pa.table(
        {
            "TRANSACTION_ID": np.arange(rows),
            "TX_DATETIME": (np.datetime64("2018-04-01") + seconds.astype("timedelta64[s]")).astype("datetime64[ns]"),
            "CUSTOMER_ID": customers, "TERMINAL_ID": terminals,
            "TX_AMOUNT": np.where(spree, amounts * 5, amounts).round(2),
            "TX_TIME_SECONDS": seconds, "TX_TIME_DAYS": seconds // 86_400, "TX_FRAUD": (taken | spree).astype(np.int64),
            "TX_FRAUD_SCENARIO": np.where(spree, 3, np.where(taken, 2, 0)),
        }
    )  # fmt: skip
