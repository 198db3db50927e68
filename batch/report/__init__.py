"""What a back-test found: figures, intervals and the HTML page.

found = figures(Tallies(outcomes, ...), Costs())       # JSON-ready: see `figures`
summary_lines(found)                                   # a few names and values for a terminal
render(found, run)                                     # one HTML file; plots need the extra `reports`
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fraudray.batch.report.costs import Costs, costs_schema, load_costs
    from fraudray.batch.report.document import figures
    from fraudray.batch.report.page import render
    from fraudray.batch.report.run import Run
    from fraudray.batch.report.summary import summary_lines
    from fraudray.batch.report.tallies import Tallies

__all__ = ["Costs", "Run", "Tallies", "costs_schema", "figures", "load_costs", "render", "summary_lines"]

_HOMES = {
    "Costs": "costs", "Run": "run", "Tallies": "tallies", "costs_schema": "costs", "figures": "document",
    "load_costs": "costs", "render": "page", "summary_lines": "summary",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """The public names, from their modules when they are asked for: figures do without what the page needs."""
    if name in _HOMES and name in __all__:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
