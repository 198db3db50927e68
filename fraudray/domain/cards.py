"""Card numbers (PANs): never stored, logged, shown or sent to a tool.

Issuer prefixes and lengths follow ISO/IEC 7812-1 and the networks' published ranges; the check digit is
Luhn's (ISO/IEC 7812-1 annex B). Free text is masked generously (any 12-19 digits behind a known prefix,
separators allowed); an id is refused only when it carries a whole, Luhn-valid number in contiguous digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_PREFIXES: tuple[tuple[range, int, frozenset[int]], ...] = tuple(
    (range(low, high + 1), len(str(low)), frozenset(lengths))
    for low, high, lengths in (
        (4, 4, (13, 16, 18, 19)),  # Visa
        (51, 55, (16,)),  # Mastercard
        (2221, 2720, (16,)),  # Mastercard, second range
        (34, 34, (15,)),  # American Express
        (37, 37, (15,)),
        (300, 305, (14, 16, 19)),  # Diners Club
        (309, 309, (14, 16, 19)),
        (36, 36, (14, 16, 19)),
        (38, 39, (14, 16, 19)),
        (6011, 6011, (16, 17, 18, 19)),  # Discover
        (644, 649, (16, 17, 18, 19)),
        (65, 65, (16, 17, 18, 19)),
        (3528, 3589, (16, 17, 18, 19)),  # JCB
        (62, 62, (16, 17, 18, 19)),  # UnionPay
        (81, 81, (16, 17, 18, 19)),
        (2200, 2205, (16, 17, 18, 19)),  # Mir
        (60, 60, (16,)),  # RuPay, Hipercard
        (508, 508, (16,)),
        (506, 507, (16, 18, 19)),  # Verve, Elo
        (9792, 9792, (16,)),  # Troy
        (50, 50, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
        (56, 59, (12, 13, 14, 15, 16, 17, 18, 19)),
        (61, 61, (12, 13, 14, 15, 16, 17, 18, 19)),
        (63, 64, (12, 13, 14, 15, 16, 17, 18, 19)),
        (66, 69, (12, 13, 14, 15, 16, 17, 18, 19)),
    )
)
# Up to five separators between digits: whatever is neither letter nor digit.
_SEPARATOR = r"[\W_]{0,5}"
_CHAIN = re.compile(rf"\d(?:{_SEPARATOR}\d){{11,}}")
_RUN = re.compile(r"\d{13,}")
_DIGEST = re.compile(r"[0-9a-f]{32}|[0-9A-F]{32}")
_POINT = re.compile(
    r"\s*\(?\s*([+-]?\d{1,2}\.\d{1,12})\s*°?\s*[NSns]?\s*[,;\s]\s*([+-]?\d{1,3}\.\d{1,12})\s*°?\s*[EWew]?\s*\)?\s*"
)


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the Luhn check digit of the others (ASCII digits)."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = ord(char) - 48
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _lengths(digits: str) -> frozenset[int]:
    """The lengths issued behind this prefix; empty when no network uses it."""
    found: set[int] = set()
    for prefixes, size, lengths in _PREFIXES:
        if int(digits[:size]) in prefixes:
            found |= lengths
    return frozenset(found)


def is_card_number(digits: str) -> bool:
    """Whether ASCII `digits` is a whole card number: issued prefix, issued length, Luhn-valid."""
    return 12 <= len(digits) <= 19 and len(digits) in _lengths(digits) and luhn_valid(digits)


def _ascii(text: str) -> str:
    return text if text.isascii() else "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text)


def contains_card_number(identifier: str) -> bool:
    """Whether an id carries a card number as a maximal run of 13 or more contiguous digits. A digest of 32 hexadecimal
    digits (MD5, a UUID without hyphens) is none: of random ones one in 2,000 would seem to."""
    if _DIGEST.fullmatch(identifier) and not identifier.isdecimal():
        return False
    return any(is_card_number(_ascii(run)) for run in _RUN.findall(identifier))


def mask(text: str) -> str:
    """`text` with every card-like number replaced by asterisks and its last four digits; a point's coordinates stay."""
    if len(text) < 12 or not _CHAIN.search(text) or _is_point(text):
        return text
    return _CHAIN.sub(lambda match: _mask_chain(match.group()), text)


def never_masked(make: Callable[[], str]) -> str:
    """What `make` gives, asked again until no text that quotes it will mask it: an id of ours must stay readable."""
    while True:
        made = make()
        if made[-1].isalpha() and mask(made) == made:  # a letter at its end: digits behind it add none to its own
            return made


def _is_point(text: str) -> bool:
    """Whether all of it is a latitude and a longitude in decimal degrees."""
    point = _POINT.fullmatch(text)
    return point is not None and abs(float(point[1])) <= 90 and abs(float(point[2])) <= 180


def _mask_chain(chain: str) -> str:
    positions = [i for i, char in enumerate(chain) if char.isdecimal()]
    digits = _ascii("".join(chain[i] for i in positions))
    out, start = list(chain), 0
    while len(digits) - start >= 12:
        at_group = start == 0 or positions[start] != positions[start - 1] + 1
        length = _masked_length(digits[start:], generous=at_group)
        if not length:
            start += 1
            continue
        for index in range(start, start + length - 4):
            out[positions[index]] = "*"
        start += length
    return "".join(out)


def _masked_length(digits: str, *, generous: bool) -> int:
    """How many leading digits to treat as one card number; 0 for none.

    At the start of a group of digits any 12-19 behind a known prefix count; inside a group only a Luhn-valid
    number of an issued length does, so that digits stuck to a card number do not hide it.
    """
    lengths = _lengths(digits)
    if not lengths:
        return 0
    for length in sorted(lengths, reverse=True):
        if length <= len(digits) and luhn_valid(digits[:length]):
            return length
    return min(len(digits), 19) if generous else 0
