"""Text of others on a terminal: control characters become visible instead of acting."""

from __future__ import annotations

import re

# C0 and C1 controls save the line feed, and the marks that reorder what is read ("Trojan source").
_ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""`text` with every control character written as `\xNN` or `\uNNNN`; line feeds stay."""
    return _ACTING.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == 9:
        return "    "
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
