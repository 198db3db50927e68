"""`Backtests` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fraudray.client.wire import Wire, part


class RemoteBacktests:
    """Back-tests beside a running server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def start(self, request: Mapping[str, Any], *, author: str) -> dict[str, Any]:
        """See `Backtests.start`."""
        return self._wire.send("POST", "/v1/backtests", dict(request), author)

    def resume(self, backtest_id: str, *, author: str) -> dict[str, Any]:
        """See `Backtests.resume`."""
        return self._wire.send("POST", f"/v1/backtests/{part(backtest_id)}/resume", {}, author)

    def list(self, *, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """See `Backtests.list`."""
        return self._wire.get("/v1/backtests", limit=limit, offset=offset)

    def show(self, backtest_id: str) -> dict[str, Any]:
        """See `Backtests.show`."""
        return self._wire.get(f"/v1/backtests/{part(backtest_id)}")

    def cancel(self, backtest_id: str) -> dict[str, Any]:
        """See `Backtests.cancel`; waits for a minute, since the server may wait for processes to end."""
        path = f"/v1/backtests/{part(backtest_id)}/cancel"
        document: dict[str, Any] = self._wire.answer("POST", path, timeout=60).json()
        return document

    def report(self, backtest_id: str) -> str:
        """See `Backtests.report`."""
        return self._wire.answer("GET", f"/v1/backtests/{part(backtest_id)}/report").text

    def figures(self, backtest_id: str) -> dict[str, Any]:
        """See `Backtests.figures`."""
        return self._wire.get(f"/v1/backtests/{part(backtest_id)}/figures")

    def policy_changes(self, backtest_id: str, *, against: str | None = None) -> dict[str, Any]:
        """See `Backtests.policy_changes`."""
        return self._wire.get(f"/v1/backtests/{part(backtest_id)}/policy-changes", against=against)
