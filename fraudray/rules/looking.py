"""The thread that looks whether something on disk changed: policy files, lists of the world."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from fraudray.domain.errors import FraudrayError

log = logging.getLogger(__name__)


class Looker:
    """Calls each look in turn, every `every_s` seconds; 0 never. A look that fails is said and tried again."""

    def __init__(self, looks: Mapping[str, Callable[[], object]], *, every_s: float) -> None:
        """`looks` by what they look at, in words."""
        self._looks, self._every_s = looks, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="fraudray-looker", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        if self._every_s:
            self._thread.start()

    def close(self) -> None:
        """Stop looking; waits for the look under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _loop(self) -> None:
        while not self._stop.wait(self._every_s):
            for name, look in self._looks.items():
                try:
                    look()
                except (FraudrayError, OSError) as error:
                    log.error("%s cannot be looked at: %s", name, error)
