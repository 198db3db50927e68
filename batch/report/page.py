"""The report of a back-test as one HTML file: no scripts, nothing from elsewhere, every text of the data escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from fraudray.batch.report import method_sections, part_sections, quality_sections, side_sections
from fraudray.batch.report.blocks import Section
from fraudray.batch.report.first_screen import first_screen, policy_name
from fraudray.reports.page import shown

DEFAULT_CURRENCY = "USD"  # as in a policy that does not say


def render(figures: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The page of `figures`; `run`: see `Run`. Raises SettingsError without the extra `reports`."""
    history = run.get("history", {}).get("name", "a history")
    page = _templates().get_template("report.html")
    return page.render(
        title=f"Back-test of {policy_name(run, 'champion')} on {history}",
        made_at=run.get("made_at", ""),
        sections=sections(figures, run),
    ).encode("utf-8", "replace").decode()  # a lone surrogate cannot be written to a file  # fmt: skip


def sections(figures: Mapping[str, Any], run: Mapping[str, Any]) -> list[Section]:
    """All parts of the page in order."""
    currency = str(run.get("base_currency") or figures["costs"].get("currency") or DEFAULT_CURRENCY)
    every = [
        first_screen(figures, run, currency),
        quality_sections.curves(figures),
        quality_sections.sweeps(figures, run, currency),
        quality_sections.times(figures),
        quality_sections.cards(figures),
        quality_sections.scores(figures, run),
        part_sections.scenarios(figures, currency),
        part_sections.segments(figures, currency),
        part_sections.rules(figures),
        side_sections.money(figures, currency),
        side_sections.freezes(figures),
        side_sections.challenger(figures, currency),
        side_sections.investigation(figures, currency),
        method_sections.rejected(run),
        method_sections.method(figures, run),
        method_sections.limits(figures, run),
    ]
    return [one for one in every if one is not None]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("fraudray.batch.report", "."), autoescape=select_autoescape(["html"]), trim_blocks=True,
        lstrip_blocks=True, finalize=_legible,
    )  # fmt: skip


def _legible(value: Any) -> Any:
    """Texts with characters that act written by their number; our own markup as it is."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value
