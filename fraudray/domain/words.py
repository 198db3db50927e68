"""What a text is found by: its words, however they are written, in any script.

Scripts that put no space between words (Chinese, Japanese, Thai, …) are found by pairs of neighbouring characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fraudray.domain.text import unmarked

WORD_MAX = 64
WORDS_MAX = 400
"""Of one text; what comes after them is not found."""
QUERY_MAX = 8
_JOINED = re.compile(r"\w[\w.@/-]*")
_SIGNS = re.compile(r"[_.@/-]+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)


def words_of(text: str) -> list[str]:
    """The words that a text is found by, each once. What is joined by signs (an id, an address) is there as a whole
    and in parts."""
    found: dict[str, None] = {}
    for whole, parts in _tokens(text):
        found |= dict.fromkeys([whole, *parts])
        if len(found) >= WORDS_MAX:
            break
    return list(found)[:WORDS_MAX]


def query_words(text: str) -> list[str]:
    """The words that must all be there, `QUERY_MAX` at most: an id, which is to say what holds a digit, as a whole."""
    found: dict[str, None] = {}
    for whole, parts in _tokens(text):
        is_id = len(parts) > 1 and any(char.isdigit() for char in whole) and not _UNSPACED.search(whole)
        found |= dict.fromkeys([whole] if is_id else parts)
    return list(found)[:QUERY_MAX]


def _tokens(text: str) -> Iterator[tuple[str, list[str]]]:
    for found in _JOINED.finditer(unmarked(text)):
        whole = found[0].strip("_.@/-")
        parts = [piece[:WORD_MAX] for part in _SIGNS.split(whole) if part for piece in _pieces(part)]
        if parts:
            yield whole[:WORD_MAX], parts


def _pieces(word: str) -> Iterator[str]:
    """A word; where its script has no spaces, the pairs in it."""
    end = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > end:
            yield word[end : run.start()]
        end, text = run.end(), run[0]
        yield from (text[index : index + 2] for index in range(max(1, len(text) - 1)))
    if end < len(word):
        yield word[end:]
