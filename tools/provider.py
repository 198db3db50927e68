"""Where a tool finds the library: in the server that mounts it, or on a data folder opened for one call."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from fraudray.bootstrap import App, open_research, report_url, running_server, server_key
from fraudray.domain.errors import FraudrayError, Refused, StoreInUse
from fraudray.evidence.context import Reference
from fraudray.policy.book import PolicyBook
from fraudray.ports.clock import Clock
from fraudray.ports.research import Research
from fraudray.settings import Settings
from fraudray.tools.turn import pause, refuse_owned, taking_turns

WAIT_FOR_FOLDER_S = 5.0
WAIT_FOR_TURN_S = 20.0


class ServedElsewhereError(FraudrayError):
    """A running server owns the data folder; the call is to be passed on to it."""

    def __init__(self, address: str, key: str | None = None) -> None:
        self.address, self.key = address, key
        super().__init__(f"a server at {address} owns the data folder")


class AppProvider(Protocol):
    """Opens the library for one call."""

    def app(self, *, delivers: bool = False) -> AbstractContextManager[App]:
        """The library for the length of one call; with `delivers`, its outbox is worked on meanwhile.

        Raises StoreInUse, ServedElsewhereError, or what opening the library raises.
        """
        ...

    def research(self) -> AbstractContextManager[Research]:
        """What is known beyond one transaction, for the length of one call. Raises SettingsError, StoreFailed."""
        ...

    def publish(self, app: App, case_id: str, page: Callable[[], bytes], form: str) -> str:
        """An address at which the case's report, rendered by `page` in that form, opens for the caller."""
        ...


class MountedProvider:
    """Inside a server: one library for all calls, which the server closes."""

    def __init__(self, app: App) -> None:
        self._app = app

    @contextmanager
    def app(self, *, delivers: bool = False) -> Iterator[App]:
        """See `AppProvider.app`; the server's own worker empties the outbox."""
        yield self._app

    @contextmanager
    def research(self) -> Iterator[Research]:
        """See `AppProvider.research`."""
        yield self._app.research

    def publish(self, app: App, case_id: str, page: Callable[[], bytes], form: str) -> str:
        """The report's address on this server, which renders it itself."""
        address = report_url(app.settings).format(case_id=quote(case_id, safe=""))
        return address + ("?format=pdf" if form == "pdf" else "")


class StandaloneProvider:
    """A process of its own: the data folder is held only while a call needs it, so that six can share one."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, wait_s: float = WAIT_FOR_FOLDER_S) -> None:
        self._settings, self._clock, self._wait_s = settings, clock, wait_s
        self._loaded: tuple[PolicyBook, Reference] | None = None  # most of the time that opening takes

    @contextmanager
    def app(self, *, delivers: bool = False) -> Iterator[App]:
        """See `AppProvider.app`. Waits for other tools' calls, then up to `wait_s` for any other owner."""
        with (
            taking_turns(self._settings.data_dir, give_up_at=time.monotonic() + WAIT_FOR_TURN_S),
            self._open(work=delivers) as app,
        ):
            yield app

    def research(self) -> AbstractContextManager[Research]:
        """See `AppProvider.research`. The folder is only read, so that whoever owns it is in nobody's way."""
        return open_research(self._settings, self._clock)

    def publish(self, app: App, case_id: str, page: Callable[[], bytes], form: str) -> str:
        """A private file in the data folder: nothing serves HTTP here."""
        return _write_private(app.settings.data_dir / "reports", f"{case_id}.{form}", page()).resolve().as_uri()

    def _open(self, *, work: bool) -> App:
        give_up_at = time.monotonic() + self._wait_s
        while True:
            try:
                refuse_owned(self._settings.data_dir)
                book, reference = self._loaded or (None, None)
                app = App(self._settings, clock=self._clock, book=book, reference=reference, work=work)
                self._loaded = (app.watch.files, app.reference)
                return app
            except StoreInUse:
                address = running_server(self._settings.data_dir)
                if address is not None:
                    raise ServedElsewhereError(address, server_key(self._settings)) from None
                if time.monotonic() >= give_up_at:
                    raise
            pause()


def _write_private(folder: Path, name: str, content: bytes) -> Path:
    """Write a file that only its owner may read, whole or not at all. Raises Refused."""
    path, draft = folder / name, folder / f".{name}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        draft.replace(path)
    except OSError as error:
        raise Refused(f"the report cannot be written into {folder}: {error.strerror}") from None
    return path
