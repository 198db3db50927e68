"""Erasing a customer while others read: what is gone is gone, in this process too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.domain.errors import FraudrayError, NotFound


def test_a_customer_erased_while_somebody_reads_can_be_read_no_more(
    app: App, plain: Callable[..., dict[str, Any]]
) -> None:
    for number in range(20):
        tx = plain(customer_id=f"C-{number}")
        app.engine.decide(tx)
        over = threading.Event()

        def read(name: str = tx["transaction_id"], over: threading.Event = over) -> None:
            while not over.is_set():
                with suppress(FraudrayError):
                    app.store.cases.transaction(name)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        app.store.customers.erase(f"C-{number}", reason="asked for it", actor="ana", at=app.clock.now())
        over.set()
        for reader in readers:
            reader.join()
        with pytest.raises(NotFound):
            app.store.cases.transaction(tx["transaction_id"])
        # Whoever comes again begins anew, under a key that is kept.
        again = plain(customer_id=f"C-{number}")
        app.engine.decide(again)
        assert app.store.cases.transaction(again["transaction_id"]).customer_id == f"C-{number}"
