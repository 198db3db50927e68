"""The one place where adapters meet ports."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from pydantic import TypeAdapter, ValidationError

from fraudray.actions.deliver import AlertRules, Deliverer
from fraudray.actions.lane import WebhookLane
from fraudray.actions.publish import ReportPublisher
from fraudray.actions.webhook import WebhookDelivery
from fraudray.actions.worker import OutboxWorker
from fraudray.adapters.jobs import open_jobs
from fraudray.adapters.local_token import read_local_token
from fraudray.adapters.otlp import open_tracer
from fraudray.adapters.outlets import open_mailer, open_shelf, open_sms
from fraudray.adapters.sql.beside import open_beside
from fraudray.adapters.sql.keyring import StoredKeys
from fraudray.adapters.sql.research import SqlResearch
from fraudray.adapters.sql.store import SqlStore
from fraudray.adapters.webhook_http import WebhookHttp
from fraudray.adapters.webhook_rules import HostRules, WebhookRules
from fraudray.case_desk import CaseDesk
from fraudray.client import Client
from fraudray.desk import Desk
from fraudray.domain.customer import CustomerProfile
from fraudray.domain.decision import Decision
from fraudray.domain.errors import FraudrayError, InvalidTransaction, SettingsError, StoreInUse
from fraudray.domain.transaction import Transaction
from fraudray.engine import Engine
from fraudray.evidence.biometrics import check_templates, find_matcher
from fraudray.evidence.context import ReadTool, Reference
from fraudray.gate import is_loopback
from fraudray.investigations import Investigations
from fraudray.investigations.opening import open_investigator
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy
from fraudray.ports.biometrics import BiometricMatcher
from fraudray.ports.clock import Clock, Ids, RandomIds, SystemClock
from fraudray.ports.investigator import Investigator
from fraudray.ports.jobs import JobRunner
from fraudray.ports.research import Research
from fraudray.ports.tracing import NoTracer, Tracer
from fraudray.reference import ListsWatch, load_reference, note_lists
from fraudray.rules.looking import Looker
from fraudray.rules.shelf import ToolShelf
from fraudray.rules.standing import Standing
from fraudray.rules.watch import PolicyWatch
from fraudray.settings import Settings, address_of, load_settings

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
        book: PolicyBook | None = None,
        reference: Reference | None = None,
        investigator: Investigator | None = None,
        jobs: JobRunner | None = None,
        work: bool = True,
    ) -> None:
        """Open the store and build the engine. `work=False` leaves the outbox, and looking for changed policies and
        lists, to another call or process; `book` and `reference` may be handed over by a caller who has loaded them.

        Raises SettingsError, PolicyError, StoreInUse, StoreFailed.
        """
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.ids: Ids = ids or RandomIds()
        self._jobs, self._jobs_lock = jobs, threading.Lock()
        book = book or PolicyBook.load(settings.policy_file)
        self.reference = load_reference(settings, reference)
        self.matcher = find_matcher(settings.biometric_matcher)
        self.store = SqlStore(
            settings.data_dir, url=settings.database_url, fsync=settings.fsync, ids=self.ids,
            case_times=settings.case_times,
        )  # fmt: skip
        self._shelf = ToolShelf(settings, tools, self.matcher)
        self.tracer: Tracer = NoTracer()
        try:
            self.tracer = open_tracer(settings)
            self._build(book, investigator, work)
        except BaseException:
            self.tracer.close()
            self._shelf.close()
            self.store.close()
            raise

    @property
    def policy(self) -> Policy:
        """The policy that decides where no other is chosen, as of now."""
        return self.engine.policy

    @property
    def jobs(self) -> JobRunner:
        """What runs back-tests beside this process; found when it is first needed."""
        with self._jobs_lock:
            if self._jobs is None:
                self._jobs = open_jobs(self.settings, self.clock)
            return self._jobs

    def _build(self, book: PolicyBook, investigator: Investigator | None, work: bool) -> None:
        settings = self.settings
        standing = Standing(self.store.policies, packaged=settings.policy_file is None)
        rules = self._shelf.rules(standing.over(book))
        self.research: Research = SqlResearch(self.store.engine, self.store.vault, self.clock)
        self.engine = Engine(
            rules,
            self.store.ledger,
            self.reference,
            clock=self.clock,
            ids=self.ids,
            report_url=report_url(settings),
            tools_limit_s=settings.tools_limit_ms / 1000,
            lists=self.store.lists.current,
            notices=self.store.notices,
        )
        self.watch = PolicyWatch(
            settings.policy_file, self.engine, self._shelf, rules, files=book, standing=standing, note=self.store.note,
            clock=self.clock,
        )  # fmt: skip
        looks = {"the policy": self.watch.look, "the lists of the world": ListsWatch(self).look}
        self._looker = Looker(looks, every_s=settings.reload_s)
        alert_rules = AlertRules(settings.alert_sender, tuple(settings.alert_recipients), tuple(settings.alert_domains))
        self.desk = Desk(self.engine, self.store, alert_rules, self.clock, self.ids)
        self.case_desk = CaseDesk(self.engine, self.store, self.clock, self.ids)
        self.publisher = ReportPublisher(open_shelf(settings), settings.reports_link_s, self.clock)
        self.webhook_http = _webhook_http(settings)
        self.webhooks = WebhookDelivery(self.store, self.webhook_http, self.clock, self.ids)
        deliverer = Deliverer(
            self.store, open_mailer(settings), open_sms(settings), alert_rules, self.clock, self.webhooks.deliver,
            self.publisher,
        )  # fmt: skip
        timeout_s = settings.webhook_timeout_s
        lane = WebhookLane(self.store.outbox, deliverer, self.webhook_http, self.clock, timeout_s=timeout_s)
        self.worker = OutboxWorker(self.store.outbox, deliverer, self.clock, lane)
        _load_customers(settings, self.store, self.clock, self.matcher)
        note_lists(self)
        if investigator is None:
            investigator = open_investigator(settings, self.clock, self.tracer, self)
        self.investigations = Investigations(
            self.engine, self.store, investigator, clock=self.clock, ids=self.ids,
            concurrent_max=settings.llm_concurrent_max,
        )  # fmt: skip
        if work:
            self.worker.start()
            self._looker.start()
            self.investigations.start()

    def close(self) -> None:
        """Finish what was begun and let go of the data folder."""
        with self._jobs_lock:
            if self._jobs is not None:
                self._jobs.close()
        self.watch.close()
        self._looker.close()
        self.investigations.close()
        self.worker.close()
        self.engine.close()
        self._shelf.close()
        self.store.close()
        self.tracer.close()

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
        if isinstance(backend, App):
            return backend.investigations.decide_now(tx).decision
        return backend.decide(tx)

    async def decide_async(self, tx: Transaction | Mapping[str, Any]) -> Decision:
        """See `Engine.decide_async`."""
        backend = self._backend
        if isinstance(backend, App):
            return (await backend.investigations.decide(tx)).decision
        return await backend.decide_async(tx)

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
        return Client(address, key=server_key(settings))


@contextmanager
def open_research(settings: Settings, clock: Clock | None = None) -> Iterator[Research]:
    """Research on a store that another process may own: nothing is locked or written.

    Raises SettingsError, StoreFailed.
    """
    with open_beside(settings.data_dir, settings.database_url) as (engine, vault):
        yield SqlResearch(engine, vault, clock or SystemClock())


def running_server(data_dir: Path) -> str | None:
    """The address of the server that owns this data folder, as it wrote it down; None when there is none."""
    with suppress(OSError, ValueError, KeyError):
        return str(json.loads((data_dir / "server.json").read_text())["url"])
    return None


def server_key(settings: Settings, address: str | None = None) -> str | None:
    """What opens the server on the data folder: the key that is set, else the server's own token. A server at another
    `address` gets no token, which is not its own."""
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    if address is not None and address.rstrip("/") != (running_server(settings.data_dir) or "").rstrip("/"):
        return None
    return read_local_token(settings.data_dir)


def stored_keys(settings: Settings) -> StoredKeys:
    """The API keys of the store that is set, which another process may own."""
    return StoredKeys(settings.database_url or f"sqlite:///{settings.data_dir / 'fraudray.sqlite'}")


def refuse_open_host(settings: Settings, host: str) -> None:
    """Raise SettingsError when others than this machine could reach a server on `host`, and no key is in force."""
    if is_loopback(host) or stored_keys(settings).ring().usable(SystemClock().now()):
        return
    raise SettingsError(
        f"host: {host or '(empty)'} is not a loopback address, and no API key is in force; make one first "
        "(`fraudray keys create NAME --scope admin`), or listen on 127.0.0.1"
    )


def report_url(settings: Settings) -> str:
    """The address of a case's report, with `{case_id}` to fill in."""
    base = settings.public_url or address_of(settings.host, settings.port)
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


def _load_customers(settings: Settings, store: SqlStore, clock: Clock, matcher: BiometricMatcher) -> None:
    path = settings.customers_file
    if path is None and settings.sample_customers:
        path = Path(__file__).parent / "data" / "sample_customers.yaml"
    if path is not None and store.customers.count() == 0:
        profiles = read_customers(path)
        try:
            check_templates(matcher, profiles)
        except InvalidTransaction as error:
            raise SettingsError(f"{path}: record {error}") from None
        store.customers.put(profiles, actor="settings", at=clock.now())


def _webhook_http(settings: Settings) -> WebhookHttp:
    rules = WebhookRules(HostRules(settings.webhook_hosts), settings.webhook_private, settings.webhook_insecure)
    return WebhookHttp(rules, timeout_s=settings.webhook_timeout_s, ca_file=settings.webhook_ca_file)
