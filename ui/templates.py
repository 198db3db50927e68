"""HTML from Jinja2 templates. Everything is escaped: text of a transaction or a model is never markup."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from fraudray.ui.words import at, capitalised, money, number


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("fraudray.ui", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"money": money, "at": at, "number": number, "capitalised": capitalised}
    return environment


def render(template: str, values: Mapping[str, Any] | None = None, **more: Any) -> str:
    """The template with these values. A value that a template names and is not given is an error."""
    return _environment().get_template(template).render(**(values or {}), **more)
