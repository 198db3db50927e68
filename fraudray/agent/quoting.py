"""Hostile text as data: what a payer, a merchant or a tool wrote, quoted so that it cannot pass for anything else.

Text is one JSON string, cut to a length; what is invisible, turns direction or moves a cursor is shown as an escape.
A block of data stands between marks with a random part that its author cannot know.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

TEXT_MAX = 200
"""Characters of one text."""
DEPTH_MAX = 6
ITEMS_MAX = 40
# Control, format (bidi, zero width, tags), surrogate, private, unassigned, separators of lines.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Of other categories and yet invisible: variation selectors, fillers, joiners, blanks (Unicode's Default_Ignorable).
_INVISIBLE = frozenset(map(chr, (
    *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), *range(0x180B, 0x1810), 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5,
    0x2800, 0x3164, 0xFFA0,
)))  # fmt: skip


def shown(text: str, *, length_max: int = TEXT_MAX) -> str:
    """`text` with everything invisible as `\\uXXXX`, cut to `length_max` characters."""
    out = escaped(text[:length_max])
    return out if len(text) <= length_max else out + f"… ({len(text) - length_max} more characters)"


def escaped(text: str) -> str:
    """`text` with everything invisible as `\\uXXXX`, line breaks too."""
    return "".join(char if _harmless(char) else _escape(char) for char in text)


def quoted(value: Any, *, depth: int = 0, length_max: int = TEXT_MAX) -> str:
    """`value` as one line of JSON whose every text is `shown`; what is too deep or too long is left out."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Mapping):
        if depth >= DEPTH_MAX:
            return '"…"'
        pairs = list(value.items())[:ITEMS_MAX]
        parts = [f"{quoted(str(k))}:{quoted(v, depth=depth + 1, length_max=length_max)}" for k, v in pairs]
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list | tuple):
        if depth >= DEPTH_MAX:
            return '"…"'
        return (
            "[" + ",".join(quoted(entry, depth=depth + 1, length_max=length_max) for entry in value[:ITEMS_MAX]) + "]"
        )
    # The escapes of `shown` are plain characters by now, which JSON would escape once more.
    return json.dumps(shown(str(value), length_max=length_max), ensure_ascii=False).replace("\\\\u", "\\u")


def block(name: str, lines: list[str], nonce: str) -> str:
    """Lines of data between marks that carry the nonce."""
    return "\n".join([f"<{name} {nonce}>", *lines, f"</{name} {nonce}>"])


def _harmless(char: str) -> bool:
    return " " <= char <= "~" or (unicodedata.category(char) not in _ESCAPED and char not in _INVISIBLE)


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}"
