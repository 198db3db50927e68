"""A page as PDF, typeset by Typst (Apache-2.0), with its fonts embedded and its structure tagged."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fraudray.reports.fonts import FIRST, LAST, folders, legible, needs
from fraudray.reports.page import Page, payload

if TYPE_CHECKING:
    from typst import Fonts

_TEMPLATE = Path(__file__).with_name("page.typ")


def page_pdf(page: Page) -> bytes:
    """The page as PDF. Raises SettingsError without the `reports` extra."""
    try:
        import typst
    except ModuleNotFoundError as error:
        raise needs(error.name) from None
    fonts = _fonts()
    others = [name for name in fonts.families() if name not in (*FIRST, *LAST)]
    return typst.compile(
        _TEMPLATE.read_bytes(),
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs={
            "page": json.dumps(_legible(payload(page)), ensure_ascii=False),
            "fonts": json.dumps([*FIRST[:1], *others, *FIRST[1:], *LAST]),
        },
    )


@lru_cache(maxsize=1)
def _fonts() -> Fonts:
    from typst import Fonts

    return Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders()))


def _legible(value: Any) -> Any:
    if isinstance(value, str):
        return legible(value)
    if isinstance(value, dict):
        return {name: one if name == "svg" else _legible(one) for name, one in value.items()}
    return [_legible(one) for one in value] if isinstance(value, list) else value
