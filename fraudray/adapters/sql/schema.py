"""Tables. Nothing here that SQLite or PostgreSQL lacks; times are UTC microseconds, money is minor units.

Columns named `*_sealed` hold encrypted personal data (see `fraudray.adapters.vault`); all others are searchable.
A column that `keeps` the least or greatest value, or the sum, does so when its row is written again.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from fraudray.features.state import microseconds as to_us
from fraudray.features.state import moment as from_us

metadata = MetaData()

customers = Table(
    "customers",
    metadata,
    Column("customer_id", String(128), primary_key=True),
    Column("profile_sealed", LargeBinary, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
)
customer_links = Table(
    "customer_links",
    metadata,
    Column("blind", LargeBinary(32), nullable=False),
    Column("customer_id", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    PrimaryKeyConstraint("blind", "customer_id"),
    Index("customer_links_by_customer", "customer_id"),
)
customer_keys = Table(
    "customer_keys",
    metadata,
    Column("customer_id", String(128), primary_key=True),
    Column("wrapped", LargeBinary, nullable=True),  # NULL once erased
    Column("legal_hold", String(4000), nullable=True),
)
customer_states = Table(
    "customer_states",
    metadata,
    Column("customer_id", String(128), primary_key=True),
    Column("state_sealed", LargeBinary, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
)
decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("transaction_id", String(128), nullable=False),
    Column("customer_id", String(128), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("decision", String(8), nullable=False),
    Column("score", Integer, nullable=False),
    Column("risk", Float, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("merchant", String(200), nullable=False),
    Column("reason_codes", Text, nullable=False),
    Column("policy_hash", String(80), nullable=False),
    Column("case_id", String(64), nullable=True),
    Column("mcc", String(4), nullable=True),
    Column("channel", String(16), nullable=True),
    Column("transaction_type", String(32), nullable=True),
    Column("policy_name", String(64), nullable=True),
    Column("occurred_us", BigInteger, nullable=False),
    Column("decided_us", BigInteger, nullable=False),
    Column("document_sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("transaction_id", "revision"),
    Index("decisions_by_customer", "customer_id", "decided_us"),
    Index("decisions_by_case", "case_id"),
    Index("decisions_by_time", "decided_us"),
    Index("decisions_by_merchant", "merchant", "decided_us"),
)
cases = Table(
    "cases",
    metadata,
    Column("case_id", String(64), primary_key=True),
    Column("customer_id", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("active", Integer, nullable=False),  # 0 once closed
    Column("score", Integer, nullable=False),
    Column("urgency", Integer, nullable=False),  # 100 - score, so that one index has the worst first, then the oldest
    Column("decision", String(8), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("last_alert_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("assignee", String(128), nullable=True),
    Column("locked_us", BigInteger, nullable=True),
    Column("waiting_us", BigInteger, nullable=True),
    Column("due_us", BigInteger, nullable=True),
    Column("disposition", String(16), nullable=True),  # what it means: fraud, genuine, ...
    Column("merged_into", String(64), nullable=True),
    # Of the alert with the highest score.
    Column("amount_minor", BigInteger, nullable=True),
    Column("currency", String(3), nullable=True),
    Column("amount_base_minor", BigInteger, nullable=True),
    Column("base_currency", String(3), nullable=True),
    Column("merchant", String(200), nullable=True),
    Column("reason_codes", Text, nullable=False),
    Index("cases_by_customer", "customer_id", "status"),
    Index("cases_by_status", "status", "score"),
    Index("cases_by_alert", "last_alert_us"),
    Index("cases_queue", "active", "urgency", "opened_us", "case_id"),
    Index("cases_by_age", "active", "opened_us"),
    Index("cases_by_due", "active", "due_us"),
    Index("cases_by_amount", "active", "amount_base_minor"),
    Index("cases_by_assignee", "assignee", "active"),
    Index("cases_merged", "merged_into"),
)
case_reasons = Table(
    "case_reasons",
    metadata,
    Column("code", String(64), nullable=False),
    Column("case_id", String(64), nullable=False),
    PrimaryKeyConstraint("code", "case_id"),
)
# What a case is found by: words that are plain in other tables too, and keyed digests of words that are personal.
case_words = Table(
    "case_words",
    metadata,
    Column("word", String(64).with_variant(String(64, collation="C"), "postgresql"), nullable=False),
    Column("case_id", String(64), nullable=False),
    PrimaryKeyConstraint("word", "case_id"),
)
case_blind_words = Table(
    "case_blind_words",
    metadata,
    Column("blind", LargeBinary(32), nullable=False),
    Column("case_id", String(64), nullable=False),
    PrimaryKeyConstraint("blind", "case_id"),
    Index("case_blind_words_by_case", "case_id"),
)
# Devices, network addresses, instruments and e-mail addresses of its alerts, as keyed digests.
case_keys = Table(
    "case_keys",
    metadata,
    Column("blind", LargeBinary(32), nullable=False),
    Column("case_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    PrimaryKeyConstraint("blind", "case_id"),
    Index("case_keys_by_case", "case_id"),
)
case_files = Table(
    "case_files",
    metadata,
    Column("file_id", String(64), primary_key=True),
    Column("case_id", String(64), nullable=False),
    Column("customer_id", String(128), nullable=False),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("body_sealed", LargeBinary, nullable=True),  # NULL once removed
    Column("at_us", BigInteger, nullable=False),
    Column("author", String(128), nullable=False),
    Index("case_files_by_case", "case_id", "at_us"),
)
case_entries = Table(
    "case_entries",
    metadata,
    Column("entry_id", String(64), primary_key=True),
    Column("case_id", String(64), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("author", String(128), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Index("case_entries_by_case", "case_id", "at_us"),
    Index("case_entries_by_kind", "kind", "at_us"),
)
freezes = Table(
    "freezes",
    metadata,
    Column("freeze_id", String(64), primary_key=True),
    Column("customer_id", String(128), nullable=False),
    Column("starts_us", BigInteger, nullable=False),
    Column("ends_us", BigInteger, nullable=False),
    Column("decision_id", String(64), nullable=False),
    Column("transaction_id", String(128), nullable=False),
    Column("lifted_us", BigInteger, nullable=True),
    Column("lifted_by", String(128), nullable=True),
    Column("lift_reason", String(4000), nullable=True),
    Index("freezes_by_customer", "customer_id", "ends_us"),
)
outbox = Table(
    "outbox",
    metadata,
    Column("entry_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("idempotency_key", String(200), nullable=False),
    Column("decision_id", String(64), nullable=False),
    Column("case_id", String(64), nullable=True),
    Column("customer_id", String(128), nullable=False),
    Column("webhook_id", String(64), nullable=True),  # where to, for what goes to a webhook
    Column("details_sealed", LargeBinary, nullable=False),
    Column("status", String(16), nullable=False),  # pending, done, dead
    Column("attempts", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("leased_until_us", BigInteger, nullable=False),
    Column("finished_us", BigInteger, nullable=True),
    Column("outcome", Text, nullable=True),
    UniqueConstraint("idempotency_key", name="outbox_once"),
    Index("outbox_due", "status", "webhook_id", "due_us"),
    Index("outbox_by_decision", "decision_id"),
)
reports = Table(
    "reports",
    metadata,
    Column("report_id", String(64), primary_key=True),
    Column("case_id", String(64), nullable=False),
    Column("customer_id", String(128), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("document_sealed", LargeBinary, nullable=False),
)
audit = Table(
    "audit",
    metadata,
    Column("writer", String(32), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", String(48), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    PrimaryKeyConstraint("writer", "seq"),
    Index("audit_by_subject", "subject"),
)
seals = Table(
    "seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("heads", Text, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
sightings = Table(
    "sightings",
    metadata,
    Column("blind", LargeBinary(32), nullable=False),
    Column("customer_id", String(128), nullable=False),
    Column("first_us", BigInteger, nullable=False, info={"keeps": "least"}),
    Column("last_us", BigInteger, nullable=False, info={"keeps": "greatest"}),
    PrimaryKeyConstraint("blind", "customer_id"),
    Index("sightings_by_customer", "customer_id"),
)
key_hours = Table(
    "key_hours",
    metadata,
    Column("blind", LargeBinary(32), nullable=False),
    Column("hour", Integer, nullable=False),  # since 1970, UTC
    Column("attempts", Integer, nullable=False, info={"keeps": "sum"}),
    Column("frauds", Integer, nullable=False, info={"keeps": "sum"}),
    PrimaryKeyConstraint("blind", "hour"),
)
labels = Table(
    "labels",
    metadata,
    Column("transaction_id", String(128), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("label", String(8), nullable=False),  # fraud, genuine
    Column("source", String(16), nullable=False),
    Column("scenario", String(64), nullable=True),
    Column("labelled_us", BigInteger, nullable=False),
    Column("recorded_us", BigInteger, nullable=False),
    Column("author", String(128), nullable=False),
    Column("waiting", Integer, nullable=False),  # 1 until its transaction is decided
    PrimaryKeyConstraint("transaction_id", "revision"),
    Index("labels_by_time", "recorded_us"),
    Index("labels_waiting", "waiting"),
)
list_entries = Table(
    "list_entries",
    metadata,
    Column("entry_id", String(64), primary_key=True),
    Column("level", String(16), nullable=False),  # deny, allow, block, mute
    Column("kind", String(24), nullable=False),
    Column("blind", LargeBinary(32), nullable=False),
    Column("value_sealed", LargeBinary, nullable=False),
    Column("rule_id", String(64), nullable=True),
    Column("reason_sealed", LargeBinary, nullable=False),
    Column("author", String(128), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=True),
    Column("removed_us", BigInteger, nullable=True),
    Column("removed_by", String(128), nullable=True),
    Column("removal_sealed", LargeBinary, nullable=True),  # the reason
    Index("list_entries_by_value", "blind", "level"),
    Index("list_entries_by_kind", "level", "kind"),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("scopes", String(200), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("expires_us", BigInteger, nullable=True),
    Column("last_used_us", BigInteger, nullable=True),
    Column("revoked_us", BigInteger, nullable=True),
    Column("revoked_by", String(128), nullable=True),
)
webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", String(64), primary_key=True),
    Column("url", String(2000), nullable=False),
    Column("secret_sealed", LargeBinary, nullable=False),
    Column("events", Text, nullable=False),
    Column("outcomes", Text, nullable=False),
    Column("status", String(16), nullable=False),  # on, off
    Column("status_reason", String(500), nullable=True),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("removed_us", BigInteger, nullable=True),
    Column("removed_by", String(128), nullable=True),
)
investigations = Table(
    "investigations",
    metadata,
    Column("investigation_id", String(64), primary_key=True),
    Column("transaction_id", String(128), nullable=False),
    Column("decision_id", String(64), nullable=False),
    Column("customer_id", String(128), nullable=False),
    Column("mode", String(8), nullable=False),  # wait, later
    Column("status", String(16), nullable=False),  # pending, running, done, failed
    Column("requested_by", String(128), nullable=False),
    Column("requested_us", BigInteger, nullable=False),
    Column("deadline_us", BigInteger, nullable=False),
    Column("begun_at", Integer, nullable=False),  # the revision that is looked at
    Column("traceparent", String(64), nullable=True),
    Column("started_us", BigInteger, nullable=True),
    Column("ended_us", BigInteger, nullable=True),
    Column("revision", Integer, nullable=True),
    Column("finding_sealed", LargeBinary, nullable=True),
    Index("investigations_by_transaction", "transaction_id", "requested_us"),
    Index("investigations_by_status", "status"),
    Index("investigations_by_end", "ended_us"),
)
investigation_events = Table(
    "investigation_events",
    metadata,
    Column("investigation_id", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("investigation_id", "seq"),
)
policy_versions = Table(
    "policy_versions",
    metadata,
    Column("name", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("version", String(64), nullable=False),
    Column("hash", String(80), nullable=False),
    Column("text", Text, nullable=False),
    Column("author", String(128), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("reason", String(4000), nullable=False),
    Column("based_on", Integer, nullable=True),
    PrimaryKeyConstraint("name", "number"),
    UniqueConstraint("name", "hash", name="policy_versions_once"),
)
policy_acts = Table(
    "policy_acts",
    metadata,
    Column("name", String(64), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # promoted, rolled_back, file
    Column("number", Integer, nullable=True),
    Column("over", String(80), nullable=False),
    Column("author", String(128), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("reason", String(4000), nullable=False),
    PrimaryKeyConstraint("name", "seq"),
)


__all__ = [
    "api_keys",
    "audit",
    "case_blind_words",
    "case_entries",
    "case_files",
    "case_keys",
    "case_reasons",
    "case_words",
    "cases",
    "customer_keys",
    "customer_links",
    "customer_states",
    "customers",
    "decisions",
    "freezes",
    "from_us",
    "investigation_events",
    "investigations",
    "key_hours",
    "labels",
    "list_entries",
    "metadata",
    "outbox",
    "policy_acts",
    "policy_versions",
    "reports",
    "seals",
    "sightings",
    "to_us",
    "webhooks",
]
