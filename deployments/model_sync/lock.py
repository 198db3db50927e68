"""One copy at a time into a folder that several hosts mount.

A file system such as Lustre has `flock` between hosts only when it was mounted so; hence a lock file, made in one step,
with a sign of life. Its age is the difference of two times of that file system; hosts' clocks may disagree by less than
the minute that a sign of life is good for.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from fraudray.deployments.model_sync.errors import SyncFailed
from fraudray.domain.errors import Refused

NAME = ".lock"
BEAT_S = 10.0
STALE_S = 60.0
POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock; `token` is new for each run."""

    host: str
    pid: int
    token: str


class FolderLock:
    """Held while the context lasts. One whose process is gone, or gave no sign of life for a minute, is taken over."""

    def __init__(self, folder: Path, *, wait_s: float, say: Callable[[str], None], beat_s: float = BEAT_S) -> None:
        """`wait_s` is how long to wait for another holder; 0 refuses at once. `say` is told once of the waiting.

        Every `beat_s` the lock's time is set anew.
        """
        self._path = folder / NAME
        self._wait_s, self._say, self._beat_s = wait_s, say, beat_s
        self._own = Holder(socket.gethostname(), os.getpid(), secrets.token_hex(8))
        self._ended = threading.Event()
        self._beat = threading.Thread(target=self._keep_alive, daemon=True)

    def __enter__(self) -> Self:
        """Raises Refused when another holds it for longer than the wait."""
        give_up_at = time.monotonic() + self._wait_s
        told = False
        while not self._made():
            holder, age_s = self._holder(), self._age_s()
            if holder is None or age_s is None:
                continue  # released, or not yet written, just now
            if self._is_gone(holder, age_s):
                self._take_away(holder)
                continue
            who = f"process {holder.pid} on {holder.host}"
            if time.monotonic() >= give_up_at:
                raise Refused(
                    f"{who} is copying into {self._path.parent}, alive {age_s:.0f} s ago; "
                    "wait for it (--wait-s), or stop it"
                )
            if not told:
                self._say(f"waiting for {who}, which is copying into {self._path.parent}")
                told = True
            self._ended.wait(POLL_S)
        self._beat.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._beat.join()
        if self._holder() == self._own:
            self._path.unlink(missing_ok=True)

    def check(self) -> None:
        """Raises SyncFailed when another has taken the lock away, which ends a process that was asleep for a minute."""
        if self._holder() != self._own:
            raise SyncFailed(f"another process has taken over the copy into {self._path.parent}")

    def _made(self) -> bool:
        draft = self._path.with_name(f"{NAME}.{self._own.token}")
        draft.write_text(json.dumps(asdict(self._own)), encoding="utf-8")
        try:
            os.link(draft, self._path)  # whole from its first moment on, and fails where there is one
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def _holder(self, path: Path | None = None) -> Holder | None:
        try:
            return Holder(**json.loads((path or self._path).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            return Holder("an unknown host", 0, "")

    def _age_s(self) -> float | None:
        probe = self._path.with_name(f"{NAME}.{self._own.token}")
        try:
            probe.touch()
            return probe.stat().st_mtime - self._path.stat().st_mtime
        except FileNotFoundError:
            return None
        finally:
            probe.unlink(missing_ok=True)

    def _is_gone(self, holder: Holder, age_s: float) -> bool:
        if holder.host != self._own.host:
            return age_s > STALE_S
        # In a container that was started again, our own number may be the one that held it.
        return holder.pid == self._own.pid or not _runs(holder.pid) or age_s > STALE_S

    def _take_away(self, gone: Holder) -> None:
        aside = self._path.with_name(f"{NAME}.{self._own.token}")
        with suppress(FileNotFoundError):
            self._path.rename(aside)
            if self._holder(aside) != gone:  # another was quicker, and this is its new lock: give it back
                with suppress(FileExistsError):
                    os.link(aside, self._path)
            aside.unlink()

    def _keep_alive(self) -> None:
        while not self._ended.wait(self._beat_s):
            with suppress(FileNotFoundError):
                if self._holder() == self._own:
                    os.utime(self._path)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, as somebody else
    return True
