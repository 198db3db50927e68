"""The fonts of PDF reports: Noto for the scripts in use today, GNU Unifont for the rest of what Unicode has.

Noto comes with the `reports` extra; `fonts/` holds the glyphs of Unifont that Noto lacks (see README.md).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from pathlib import Path

from fraudray.domain.errors import SettingsError
from fraudray.reports.page import marked

FIRST = ("Noto Sans", "Noto Sans CJK SC")
LAST = ("Noto Emoji", "Unifont", "Unifont Upper")
_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")


def needs(module: str | None) -> SettingsError:
    """The error for a library of the `reports` extra that is not installed."""
    return SettingsError(f"this report needs {module}, which is not installed: pip install 'fraudray[reports]'")


@lru_cache(maxsize=1)
def folders() -> tuple[Path, ...]:
    """Where the fonts are. Raises SettingsError without the `reports` extra."""
    try:
        packaged = [Path(str(resources.files(name))) for name in _PACKAGES]
    except ModuleNotFoundError as error:
        raise needs(error.name) from None
    return (*packaged, Path(__file__).parent / "fonts")


@lru_cache(maxsize=1)
def coverage() -> frozenset[int]:
    """The characters that some font has. Raises SettingsError without the `reports` extra."""
    return covered_by(folders())


def covered_by(places: Iterable[Path]) -> frozenset[int]:
    """The characters that the fonts in these folders have. Raises SettingsError without the `reports` extra."""
    try:
        from fontTools.ttLib import TTFont
    except ModuleNotFoundError as error:
        raise needs(error.name) from None
    covered: set[int] = set()
    for path in sorted(path for place in places for path in place.glob("*.[ot]t[fc]")):
        with TTFont(path, fontNumber=0, lazy=True) as font:
            covered |= font.getBestCmap().keys()
    return frozenset(covered)


def legible(text: str) -> str:
    """`text` with every character that no font has by its number: ‹U+E000›, never an empty box."""
    if text.isascii():
        return text
    covered = coverage()
    return "".join(c if ord(c) in covered or _invisible(c) else marked(c) for c in text)


def _invisible(character: str) -> bool:
    """Joiners, variation selectors and spaces: they shape what is beside them and need no glyph."""
    return character.isspace() or unicodedata.category(character) == "Cf" or 0xFE00 <= ord(character) <= 0xFE0F
