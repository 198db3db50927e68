"""Prose that gives away the prompt is not passed on, nor a reason for the customer that sends them elsewhere."""

from __future__ import annotations

import re
import unicodedata

from fraudray.agent.prompt import INSTRUCTIONS
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


_TOLD = _folded(INSTRUCTIONS)
_RUNS = frozenset(_TOLD[start : start + RUN] for start in range(len(_TOLD) - RUN + 1))


def reveals(text: str, nonce: str) -> bool:
    """Whether `text` repeats the instructions or the nonce, however spaced or written in capitals."""
    folded = _folded(text)
    if _folded(nonce) in folded:
        return True
    return any(folded[start : start + RUN] in _RUNS for start in range(len(folded) - RUN + 1))


def discreet(verdict: Verdict, nonce: str) -> Verdict:
    """The verdict without prose that gives the prompt away."""
    return verdict.model_copy(
        update={
            "analysis": _or_withheld(verdict.analysis, nonce),
            "customer_reason": _for_customer(verdict.customer_reason, nonce),
            "next_checks": [_or_withheld(check, nonce) for check in verdict.next_checks],
        }
    )


def _for_customer(reason: str, nonce: str) -> str:
    plain = unicodedata.normalize("NFKC", reason)
    return "" if reveals(reason, nonce) or _CONTACT.search(plain) else reason


def _or_withheld(text: str, nonce: str) -> str:
    return WITHHELD if reveals(text, nonce) else text
