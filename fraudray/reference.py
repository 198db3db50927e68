"""The lists of the world as the engine uses them: loaded at the start, and again when one is updated."""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Protocol

from fraudray.adapters.sql.store import SqlStore
from fraudray.domain.errors import DataFileError, FraudrayError, SettingsError
from fraudray.domain.money import Rates
from fraudray.engine import Engine
from fraudray.evidence.context import Reference
from fraudray.geo.networks import AddressBook
from fraudray.geo.places import PlaceIndex
from fraudray.ports.clock import Clock
from fraudray.ports.ledger import AuditNote
from fraudray.settings import Settings
from fraudray.world.countries import HighRiskCountries
from fraudray.world.describing import Located, locate, status_of
from fraudray.world.folder import WorldFolder
from fraudray.world.kinds import KINDS
from fraudray.world.merchants import MerchantCategories

log = logging.getLogger(__name__)
_reloading = threading.Lock()  # whoever asks second finds it done, and noted once


class Holder(Protocol):
    """Whoever decides with the lists: an App."""

    settings: Settings
    reference: Reference
    engine: Engine
    store: SqlStore
    clock: Clock


def located(settings: Settings) -> dict[str, Located]:
    """The files in force, by kind. Raises SettingsError."""
    return locate(settings.data_dir, {kind.setting: getattr(settings, kind.setting) for kind in KINDS.values()})


def load_reference(settings: Settings, held: Reference | None = None) -> Reference:
    """The lists in force; what `held` has read from the same file is taken from there. Raises SettingsError naming the
    file."""
    if held is not None and not held.files:
        return held  # made by the caller, from no files
    files = {name: found.path for name, found in located(settings).items()}
    if held is not None and held.files == files:
        return held
    try:
        return _load(files, held)
    except (OSError, ValueError, DataFileError) as error:
        raise SettingsError(f"reference data cannot be read: {error}") from None


def _load(files: Mapping[str, Path], held: Reference | None) -> Reference:
    def same(*kinds: str) -> Reference | None:
        return held if held is not None and all(held.files[kind] == files[kind] for kind in kinds) else None

    kept = same("places"), same("networks", "ip-countries"), same("rates"), same("high-risk-countries"), same("mccs")
    places, addresses, rates, high_risk, mccs = kept
    return Reference(
        places=places.places if places else PlaceIndex(files["places"]),
        addresses=addresses.addresses if addresses else AddressBook(files["networks"], files["ip-countries"]),
        rates=rates.rates if rates else Rates.load(files["rates"]),
        high_risk=high_risk.high_risk if high_risk else HighRiskCountries.load(files["high-risk-countries"]),
        mccs=mccs.mccs if mccs else MerchantCategories.load(files["mccs"]),
        files=files,
    )


def world_version(data_dir: Path) -> Hashable:
    """Changes whenever `fraudray data update` or `revert` did something; costs one `stat`."""
    return WorldFolder(data_dir).version()


def reload_reference(app: Holder) -> bool:
    """Decide with the lists in force from now on; whether anything changed. Never raises: lists that cannot be read
    leave those before in use, and the log says so."""
    try:
        with _reloading:
            fresh = load_reference(app.settings, app.reference)
            if fresh is app.reference:
                return False
            # Decisions under way hold what they began with: the files before are closed when nobody uses them any more.
            app.reference = app.engine.reference = fresh
            note_lists(app)
    except FraudrayError as error:
        log.error("the lists before stay in use: %s", error)
        return False
    log.info("the lists of the world were read anew")
    return True


class ListsWatch:
    """Takes up lists that `fraudray data update` puts into the data folder."""

    def __init__(self, app: Holder) -> None:
        self._app = app
        self._seen: Hashable = None  # the first look finds what changed while they were read

    def look(self) -> None:
        """Read the lists anew when an update or a revert was made since the last look."""
        version = world_version(self._app.settings.data_dir)
        if version != self._seen:
            self._seen = version
            reload_reference(self._app)


def lists_status(app: Holder) -> dict[str, Any]:
    """The lists in force as a document: `lists`, and in `old` the kinds that are too old or undated.

    Raises SettingsError, DataFileError."""
    today = app.clock.now().date()
    try:
        lists = [status_of(found, today) for found in located(app.settings).values()]
    except (OSError, ValueError) as error:
        raise DataFileError(f"a list of the world cannot be read: {error}") from None
    return {"lists": lists, "old": [entry["kind"] for entry in lists if entry["state"] != "ok"]}


def note_lists(app: Holder) -> None:
    """Put on the audit trail which updated lists are in force, each once. Raises StoreFailed."""
    for name, slot in WorldFolder(app.settings.data_dir).manifest().kinds.items():
        edition = slot.current
        body: dict[str, Any] = (
            {"date": edition.date.isoformat(), "rows": edition.rows, "sha256": edition.sha256}
            if edition
            else {"packaged": True}
        )
        body["changed_at"] = slot.changed_at.isoformat()
        if app.store.last_audit_body(f"data/{name}") != body:
            app.store.note(AuditNote("data_in_force", f"data/{name}", slot.author, body), app.clock.now())
