"""Prose that gives away the prompt is not passed on."""

from __future__ import annotations

from fraudray.agent.prompt import INSTRUCTIONS
from fraudray.domain.investigation import Verdict

RUN = 40
"""So many characters of the instructions in a row are a repetition, not a coincidence."""
TAIL = 4 * RUN
"""Of a text that grows, so much before its new piece is looked at with it: spaces and signs count for nothing."""
WITHHELD = "(withheld: it repeats the investigator's instructions)"


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
            "customer_reason": "" if reveals(verdict.customer_reason, nonce) else verdict.customer_reason,
            "next_checks": [_or_withheld(check, nonce) for check in verdict.next_checks],
        }
    )


def _or_withheld(text: str, nonce: str) -> str:
    return WITHHELD if reveals(text, nonce) else text
