"""Kubernetes quantities: `500m`, `5120Mi`, `1.5`, `2e3`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_FORM = re.compile(r"([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:([eE][+-]?[0-9]+)|([KMGTPE]i|[numkMGTPE]))?")
_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9),
    "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30),
    "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip
MIB = 2**20


def quantity(value: Any) -> Decimal:
    """The number that a quantity stands for, in its base unit (cores, bytes, pieces). Raises ValueError."""
    found = _FORM.fullmatch(str(value))
    if found is None:
        raise ValueError(f"{value!r} is no quantity of Kubernetes")
    number, exponent, suffix = found.groups()
    if suffix:
        return Decimal(number) * _SUFFIXES[suffix]
    return Decimal(number + (exponent or ""))


def mib(amount: Decimal) -> str:
    """Bytes, as people read them: `5,120 MiB`."""
    return f"{amount / MIB:,.0f} MiB"
