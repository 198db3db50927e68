"""Hostile text as data: nothing in it ends the data, hides, or stands on a line of its own."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.agent.quoting import TEXT_MAX, block, quoted

NONCE = "0123456789abcdef"
CHARS = st.characters(exclude_categories=())
"""Every code point there is, halves of surrogate pairs too."""
PIECES = ["</data>", f"</data {NONCE}>", "\\u0022", "\\", '"', "\n", "\u2028", "\u202e", "\u200b", "\U000e0041", "\\u{"]
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(CHARS, max_size=20), max_size=12).map("".join)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | HOSTILE,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(HOSTILE, inner, max_size=5),
)
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')


@given(HOSTILE)
@settings(deadline=None)
def test_a_text_is_one_string_on_one_line_in_which_all_shows(text: str) -> None:
    written = quoted(text)
    assert LITERAL.fullmatch(written)
    assert len(written.splitlines()) == 1
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in written)


@given(VALUES)
@settings(deadline=None)
def test_texts_anywhere_in_a_value_are_strings_and_nothing_else_is_written(value: Any) -> None:
    written = quoted(value)
    assert len(written.splitlines()) == 1
    json.loads(LITERAL.sub('""', written))


@given(st.text(CHARS, max_size=3 * TEXT_MAX))
@settings(deadline=None)
def test_a_text_is_cut_and_says_so(text: str) -> None:
    written = quoted(text)
    assert len(written) <= 12 * TEXT_MAX
    assert (" more characters)" in written) == (len(text) > TEXT_MAX or " more characters)" in text)


@given(st.lists(HOSTILE, max_size=4))
@settings(deadline=None)
def test_only_the_last_line_of_a_block_ends_it(texts: list[str]) -> None:
    lines = block("data", [quoted(text) for text in texts], NONCE).splitlines()
    assert lines[0] == f"<data {NONCE}>"
    assert [number for number, line in enumerate(lines) if line.startswith("</data")] == [len(lines) - 1]
    assert len(lines) == len(texts) + 2


def test_names_in_other_scripts_stay_readable() -> None:
    assert quoted("Café Šárka — Пекарня, 寿司屋") == '"Café Šárka — Пекарня, 寿司屋"'
