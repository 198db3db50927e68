"""Formats that the texts of a time column may be in. Proposed to people; never chosen for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import product

from fraudray.batch.history.forms import EPOCHS, ISO

_DATES = ("%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y",
          "%d %b %Y", "%d-%b-%Y", "%b %d, %Y")  # fmt: skip
_TIMES = ("", " %H:%M:%S", " %H:%M", " %H:%M:%S.%f", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S")
_CANDIDATES = (*(day + time for day, time in product(_DATES, _TIMES)), "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d",
               "%Y-%m-%d %H:%M:%S %z", "%a %b %d %H:%M:%S %Y")  # fmt: skip
_YEARS = range(1990, 2100)
PROPOSED_MAX = 4


def propose(texts: Sequence[str]) -> list[str]:
    """The formats that fit all of these texts, at most four; where two fit, the data does not say which is meant."""
    if not texts:
        return []
    if all(text.lstrip("-").isdigit() for text in texts):
        for name, factor in EPOCHS.items():
            if all(_year(int(text) * factor) in _YEARS for text in texts):
                return [name]
    if _fits(texts, datetime.fromisoformat) and not all(text.isdigit() for text in texts):
        return [ISO]
    return [one for one in _CANDIDATES if fits(texts, one)][:PROPOSED_MAX]


def fits(texts: Sequence[str], form: str) -> bool:
    """Whether all texts can be read with a strptime format."""
    return _fits(texts, lambda text: datetime.strptime(text, form))  # noqa: DTZ007 - zones are not the question


def _fits(texts: Sequence[str], read: Callable[[str], datetime]) -> bool:
    try:
        return all(read(text).year in _YEARS for text in texts)
    except ValueError:
        return False


def _year(us: int) -> int:
    return 1970 + us // (365_2425 * 86_400 * 100)
