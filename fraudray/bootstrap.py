"""The one place where adapters meet ports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from pydantic import TypeAdapter, ValidationError

from fraudray.actions.deliver import AlertRules, Deliverer
from fraudray.actions.publish import ReportPublisher
from fraudray.actions.worker import OutboxWorker
from fraudray.adapters.outlets import open_mailer, open_shelf, open_sms
from fraudray.adapters.sql.store import SqlStore
from fraudray.client import Client
from fraudray.desk import Desk
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Decision
from fraudray.domain.errors import FraudrayError, SettingsError, StoreInUse
from fraudray.domain.money import Rates
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.evidence.context import ReadTool, Reference
from fraudray.evidence.geolocation import GeolocationChecker
from fraudray.evidence.identity import IdentityVerifier
from fraudray.evidence.transaction_risk import TransactionRisk
from fraudray.geo.networks import AddressBook
from fraudray.geo.places import PlaceIndex
from fraudray.policy.policy import Policy
from fraudray.ports.clock import Clock, Ids, RandomIds, SystemClock
from fraudray.settings import Settings, load_settings

_PROFILES = TypeAdapter(list[CustomerProfile])


class App:
    """Everything that one process needs to decide and act, on the data folder that it owns. A context manager."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        tools: Iterable[ReadTool] | None = None,
        policy: Policy | None = None,
        reference: Reference | None = None,
        work: bool = True,
    ) -> None:
        """Open the store and build the engine. `work=False` leaves the outbox to another call or process; `policy` and
        `reference` may be handed over by a caller who has loaded them already.

        Raises SettingsError, PolicyError, StoreInUse, StoreFailed.
        """
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.ids: Ids = ids or RandomIds()
        self.policy = policy or Policy.load(settings.policy_file)
        self.reference = reference or load_reference(settings)
        self.store = SqlStore(settings.data_dir, url=settings.database_url, fsync=settings.fsync)
        try:
            self._build(tools, work)
        except BaseException:
            self.store.close()
            raise

    def _build(self, tools: Iterable[ReadTool] | None, work: bool) -> None:
        settings = self.settings
        self.engine = Engine(
            self.policy,
            self.store.ledger,
            self.reference,
            tools=default_tools() if tools is None else tools,
            clock=self.clock,
            ids=self.ids,
            report_url=report_url(settings),
            tools_limit_s=settings.tools_limit_ms / 1000,
        )
        rules = AlertRules(settings.alert_sender, tuple(settings.alert_recipients), tuple(settings.alert_domains))
        self.desk = Desk(self.engine, self.store, rules, self.clock, self.ids)
        self.publisher = ReportPublisher(open_shelf(settings), settings.reports_link_s, self.clock)
        deliverer = Deliverer(self.store, open_mailer(settings), open_sms(settings), rules, self.clock, self.publisher)
        self.worker = OutboxWorker(self.store.outbox, deliverer, self.clock)
        _load_customers(settings, self.store, self.clock)
        if work:
            self.worker.start()

    def close(self) -> None:
        """Finish what was begun and let go of the data folder."""
        self.worker.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Decider:
    """`Engine.from_settings()`: decides in this process or, where a server owns the data folder, through it."""

    def __init__(self, backend: App | Client) -> None:
        self._backend = backend

    def decide(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """See `Engine.decide`."""
        backend = self._backend
        return backend.engine.decide(tx) if isinstance(backend, App) else backend.decide(tx)

    async def decide_async(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """See `Engine.decide_async`."""
        backend = self._backend
        return await (backend.engine.decide_async(tx) if isinstance(backend, App) else backend.decide_async(tx))

    def decide_many(self, txs: Iterable[Transaction | Mapping[str, Any]]) -> list[Decision | FraudrayError]:
        """See `Engine.decide_many`."""
        backend = self._backend
        return backend.engine.decide_many(txs) if isinstance(backend, App) else backend.decide_many(txs)

    def decision(self, transaction_id: str) -> Decision:
        """The stored decision with its actions' outcomes as of now. Raises NotFound."""
        backend = self._backend
        if isinstance(backend, App):
            return backend.store.cases.decision(transaction_id)
        return Decision.model_validate(backend.decision(transaction_id))

    def close(self) -> None:
        """Finish what was begun and let go of the data folder or the connection."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_decider(**overrides: Any) -> Decider:
    """See `Engine.from_settings`; `overrides` are settings, and `clock`, `ids`, `tools` for this process."""
    parts = {name: overrides.pop(name) for name in ("clock", "ids", "tools") if name in overrides}
    return Decider(open_app(load_settings(**overrides), **parts))


def open_app(settings: Settings, **parts: Any) -> App | Client:
    """This process's own App or, beside a running server that owns the data folder, a client of it.

    Raises StoreInUse when another process owns the folder and serves no HTTP, or owns the database from elsewhere.
    """
    try:
        return App(settings, **parts)
    except StoreInUse as busy:
        if busy.elsewhere:
            raise
        address = running_server(settings.data_dir)
        if address is None:
            hint = "wait until it ends, or use `fraudray serve` and work beside it"
            raise StoreInUse(f"{busy}, and it serves no HTTP: {hint}") from None
        return Client(address)


def running_server(data_dir: Path) -> str | None:
    """The address of the server that owns this data folder, as it wrote it down; None when there is none."""
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads((data_dir / "server.json").read_text())["url"])
    return None


def default_tools() -> tuple[ReadTool, ...]:
    """The three read tools."""
    return (TransactionRisk(), IdentityVerifier(), GeolocationChecker())


def load_reference(settings: Settings) -> Reference:
    """Places, networks and rates, packaged or as set. Raises SettingsError naming the file."""
    try:
        return Reference(
            places=PlaceIndex(settings.places_file),
            addresses=AddressBook(settings.networks_file, settings.countries_file),
            rates=Rates.load(settings.rates_file),
        )
    except (OSError, ValueError) as error:
        raise SettingsError(f"reference data cannot be read: {error}") from None


def report_url(settings: Settings) -> str:
    """The address of a case's report, with `{case_id}` to fill in."""
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    return base.rstrip("/") + "/v1/reports/{case_id}"


def read_customers(path: Path) -> list[CustomerProfile]:
    """Customers from a YAML, JSON or NDJSON file. Raises SettingsError naming the record and field."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".ndjson", ".jsonl"):
            records = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            records = yaml.load(text, Loader=_TextTimestamps)  # noqa: S506 - a safe loader
        return _PROFILES.validate_python(records)
    except ValidationError as error:
        problems = [
            ".".join(str(part) for part in detail["loc"]) + ": " + detail["msg"]
            for detail in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError(f"{path}: record " + "; record ".join(problems[:20])) from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SettingsError(f"cannot read customers from {path}: {error}") from None


class _TextTimestamps(yaml.SafeLoader):
    """YAML whose timestamps stay text, so that they are checked like all others."""


_TextTimestamps.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _load_customers(settings: Settings, store: SqlStore, clock: Clock) -> None:
    path = settings.customers_file
    if path is None and settings.sample_customers:
        path = Path(__file__).parent / "data" / "sample_customers.yaml"
    if path is not None and store.customers.count() == 0:
        store.customers.put(read_customers(path), actor="settings", at=clock.now())
