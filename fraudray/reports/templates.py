"""The packaged templates; HTML ones escape every value."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from fraudray.reports.page import Page, payload


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("fraudray.reports", "."), autoescape=select_autoescape(["html"]), trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def render(name: str, **values: Any) -> str:
    """A packaged template filled in."""
    return _templates().get_template(name).render(**values)


def page_html(page: Page) -> str:
    """The page as one self-contained HTML document: no scripts, nothing from elsewhere."""
    return render("page.html", page=payload(page))
