"""Prose that gives away the prompt is not passed on, nor a reason for the customer that sends them elsewhere."""

from __future__ import annotations

import re
import unicodedata

from fraudray.agent import prompt, question_prompt
from fraudray.domain.investigation import Verdict

RUN = 40
"""So many characters of the instructions in a row are a repetition, not a coincidence."""
TAIL = 4 * RUN
"""Of a text that grows, so much before its new piece is looked at with it: spaces and signs count for nothing."""
WITHHELD = "(withheld: it repeats the investigator's instructions)"

_CONTACT = re.compile(r"https?:|\bwww\b|\b[\w-]{2,}\.[a-z]{2,}\b|@|\+?\d[\d\s().-]{6,}\d", re.IGNORECASE)
"""A site, an address or a number to call: a payer's text could put them into the bank's mouth."""


def _folded(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


_TOLD = tuple(map(_folded, (prompt.INSTRUCTIONS, question_prompt.INSTRUCTIONS)))
_RUNS = frozenset(told[start : start + RUN] for told in _TOLD for start in range(len(told) - RUN + 1))


def reveals(text: str, nonce: str) -> bool:
    """Whether `text` repeats the instructions or the nonce, however spaced or written in capitals."""
    folded = _folded(text)
    if _folded(nonce) in folded:
        return True
    return any(folded[start : start + RUN] in _RUNS for start in range(len(folded) - RUN + 1))


def settled(text: str) -> int:
    """How much of a text that grows can become part of no repetition any more, whatever comes behind it."""
    behind = 0
    for at in range(len(text) - 1, -1, -1):
        behind += text[at].isalnum()
        if behind == RUN:
            return at
    return 0


def discreet(verdict: Verdict, nonce: str) -> Verdict:
    """The verdict without prose that gives the prompt away."""
    return verdict.model_copy(
        update={
            "analysis": or_withheld(verdict.analysis, nonce),
            "customer_reason": _for_customer(verdict.customer_reason, nonce),
            "next_checks": [or_withheld(check, nonce) for check in verdict.next_checks],
        }
    )


def _for_customer(reason: str, nonce: str) -> str:
    plain = unicodedata.normalize("NFKC", reason)
    return "" if reveals(reason, nonce) or _CONTACT.search(plain) else reason


def or_withheld(text: str, nonce: str) -> str:
    """The text, unless it gives the prompt away."""
    return WITHHELD if reveals(text, nonce) else text
