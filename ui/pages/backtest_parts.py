"""The parts of the page of one back-test, and of two beside one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fraudray.client import Client
from fraudray.domain.errors import Refused
from fraudray.ui.states import State, error_html, state_html
from fraudray.ui.templates import render
from fraudray.ui.views import backtest_bars as bars
from fraudray.ui.views import backtest_curves as curves
from fraudray.ui.views.backtest import currency_of, run_view, side_name, sides_of, thresholds_of
from fraudray.ui.views.backtest_compare import caveats, challenged, differences, rule_changes
from fraudray.ui.views.backtest_curves import Side
from fraudray.ui.views.backtest_list import Asked, run_line, runs_of
from fraudray.ui.views.charts import Chart
from fraudray.ui.views.thresholds import threshold_view
from fraudray.ui.words import capitalised

Document = Mapping[str, Any]
COMPARED_MAX = 100
"""So many of the last back-tests are offered to compare with."""


def run_html(client: Client, backtest_id: str) -> str:
    """One back-test: how far it is, or what it found. Raises NotFound."""
    job = client.backtests.show(backtest_id)
    others: list[Document] = []
    if job["state"] == "done":
        listed = client.backtests.list(limit=COMPARED_MAX)["backtests"]
        others = [one for one in listed if one["state"] == "done" and one["backtest_id"] != backtest_id]
    head = render(
        "backtests/run.html",
        run=run_line(job),
        others=runs_of(others),
        asked=Asked(backtest_id, "", 1),
        at=datetime.now(UTC).isoformat(),
    )
    if job["state"] != "done":
        return head
    try:
        return head + _found_html(client, client.backtests.figures(backtest_id))
    except Refused as error:
        return head + render("backtests/gone.html", why=capitalised(str(error)), backtest_id=backtest_id)


def compared_html(client: Client, first_id: str, second_id: str) -> str:
    """Two back-tests beside one another. Raises NotFound."""
    jobs = [client.backtests.show(one) for one in (first_id, second_id)]
    if first_id == second_id:
        return state_html(State("info", "These are one back-test", "Choose another one to compare it with."))
    try:
        first, second = (client.backtests.figures(one) for one in (first_id, second_id))
    except Refused as error:
        return render("backtests/compared.html", runs=runs_of(jobs)) + error_html(error)
    sides = [
        Side(f"{letter}: {side_name(figures, 'champion')}", look, figures, "champion")
        for letter, look, figures in (("A", "a", first), ("B", "b", second))
    ]
    shown = [
        render("backtests/compared.html", runs=runs_of(jobs)),
        render(
            "backtests/differences.html", title="B against A", caveats=caveats(first, second), names=_names(sides),
            rows=differences(first, second), text="Where the intervals of both overlap, the difference may be chance.",
        ),
        _curves(sides),
        _drawings("money", "Scores and money", [
            *(bars.scores(side, thresholds_of(side.figures, side.side)) for side in sides), *_money(sides),
        ]),
        render(
            "backtests/changes.html", policy=_policy_changes(client, second_id, first_id), names=_names(sides),
            rules=rule_changes(first, second),
        ),
    ]  # fmt: skip
    return "".join(shown)


def _found_html(client: Client, figures: Document) -> str:
    sides, view, currency = sides_of(figures), run_view(figures), currency_of(figures)
    if not figures["rows"]["fraud"] + figures["rows"]["genuine"]:
        text = "Without labels nothing can be said of what is caught or stopped by mistake."
        return state_html(State("info", "No payment of this history has a label", text)) + _figures(view)
    parts = [_figures(view), _thresholds(sides[0], figures, currency)]
    if len(sides) > 1:
        parts += [
            render(
                "backtests/differences.html", title="Challenger against champion", caveats=[], names=_names(sides),
                rows=challenged(figures), text=view.changed,
            ),
            render(
                "backtests/changes.html", policy=_policy_changes(client, figures["backtest_id"], None),
                names=_names(sides), rules=[],
            ),
        ]  # fmt: skip
    rates = (
        bars.over_time(sides, "recall", "Detection", "Detected, % of frauds"),
        bars.over_time(sides, "fpr", "False positives", "Of genuine payments, %"), bars.alerts(sides[0]),
    )  # fmt: skip
    parts += [
        _curves(sides),
        _drawings("time", "Over time", [one for one in rates if one is not None]),
        _drawings("money", "Scores and money", [
            *(bars.scores(side, thresholds_of(figures, side.side)) for side in sides), bars.money(sides, currency),
        ]),
        render("backtests/parts.html", view=view),
    ]  # fmt: skip
    return "".join(parts)


def _curves(sides: Sequence[Side]) -> str:
    found = [curves.roc(sides, zoomed=False), curves.roc(sides, zoomed=True), curves.precision_recall(sides)]
    text = (
        "How well the risk ranks frauds above genuine payments, whatever the thresholds, without the effect of freezes."
    )
    return _drawings("curves", "Curves", found, text)


def _figures(view: Any) -> str:
    return render("backtests/figures.html", view=view)


def _thresholds(side: Side, figures: Document, currency: str) -> str:
    found = threshold_view(figures["sweep"][side.side]["by_score"], thresholds_of(figures, side.side), currency)
    if found is None:
        return ""
    of = side.name if "challenger" in figures["sides"] else ""
    return render("backtests/thresholds.html", view=found, drawing=curves.sweep(side), of=of)


def _drawings(id_: str, title: str, charts: Sequence[Chart], text: str = "") -> str:
    return render("backtests/drawings.html", id=id_, title=title, charts=charts, text=text) if charts else ""


def _policy_changes(client: Client, backtest_id: str, against: str | None) -> Document | None:
    """What the policies have otherwise; None where that is not kept."""
    try:
        return client.backtests.policy_changes(backtest_id, against=against)
    except Refused:
        return None


def _names(sides: Sequence[Side]) -> list[str]:
    return [side.name for side in sides]


def _money(sides: Sequence[Side]) -> list[Chart]:
    """The money of several, where it is in one currency."""
    currencies = {currency_of(side.figures) for side in sides}
    return [bars.money(sides, currencies.pop())] if len(currencies) == 1 else []
