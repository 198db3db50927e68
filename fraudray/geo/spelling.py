"""How a written place name becomes a look-up key, and how a written line is cut into parts.

The same functions make the keys of the packaged index and of every question, so a change here needs a rebuild
(`python -m fraudray.data.build_places`). Everything is pure and bounded by `TEXT_MAX_CHARS`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

TEXT_MAX_CHARS = 200
PARTS_MAX = 6

# Letters that Unicode does not decompose, in the spelling that people type without them (after casefold).
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t", "ŀ": "l"}
)
# Marks on Latin, Greek and Cyrillic letters, Hebrew points and Arabic vowel signs. The vowel signs of Indic and
# Thai scripts and the voicing marks of kana are letters in effect and stay.
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u064b-\u065f\u0670\u0640]")
_DROPPED = re.compile("['’‘`´ʻʼʹʺ\"“”״׳\u00ad\u200b-\u200f\u2060\ufeff]")
_INITIALS = re.compile(r"\b(?:\w\.){2,}(?:\w\b)?")
_BETWEEN = re.compile(r"[\W_]+")
_SAME_WORD = {"saint": "st", "sankt": "st", "sainte": "ste", "mount": "mt", "fort": "ft"}

_SEPARATOR = re.compile("[,;\n，、،；]+")
_US_ZIP = re.compile(r"(?<=[A-Za-z.])\s+\d{5}(?:-\d{4})?\s*$")
_CA_POSTCODE = re.compile(r"(?<=[A-Za-z.])\s+[A-Za-z]\d[A-Za-z]\s?\d[A-Za-z]\d\s*$")
_LEADING_POSTCODE = re.compile(r"^\s*(?:[A-Z]{1,2}-)?\d{4,6}\s+(?=\D)")
_ONLY_POSTCODE = re.compile(r"^\s*\d{5}(?:-\d{4})?\s*$")

_NUMBER = r"([+-]?\d{1,3}(?:\.\d{1,12})?)\s*°?\s*"
_COORDINATES = re.compile(rf"^\s*\(?\s*{_NUMBER}([NSns]?)\s*[,;\s]\s*{_NUMBER}([EWew]?)\s*\)?\s*$")


class Coordinates(NamedTuple):
    """A point in decimal degrees, north and east positive."""

    latitude: float
    longitude: float


def key(text: str) -> str:
    """The look-up key of a name: no case, accents, punctuation or double spaces; "" if nothing is left.

    "St. John's" → "st johns", "São Paulo" → "sao paulo", "U.S.A." → "usa", "Łódź" → "lodz", "Москва" → "москва".
    """
    folded = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(_LETTERS)
    plain = unicodedata.normalize("NFC", _MARKS.sub("", folded))
    plain = _INITIALS.sub(lambda found: found.group().replace(".", ""), _DROPPED.sub("", plain))
    words = _split_words(plain)
    return " ".join([_SAME_WORD.get(word, word) for word in words])


def _split_words(plain: str) -> list[str]:
    """Cut at everything that is neither letter, digit nor a mark that belongs to a letter."""
    if plain.isascii():
        return _BETWEEN.sub(" ", plain).split()
    kept = [c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain]
    return "".join(kept).split()


def umlaut_spelling(name: str) -> str | None:
    """The German two-letter spelling of a name with umlauts ("München" → "Muenchen"); None without any."""
    written = name
    for letter, two in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue")):
        written = written.replace(letter, two)
    return written if written != name else None


def parts(text: str) -> list[str]:
    """The comma-separated parts of a written place without postcodes, at most `PARTS_MAX`, the city first.

    Returns [] for what cannot be a place: too long, too many parts, or nothing in it but signs.
    """
    if len(text) > TEXT_MAX_CHARS:
        return []
    pieces = [piece for piece in _SEPARATOR.split(text) if piece.strip()]
    if not pieces or len(pieces) > PARTS_MAX:
        return []
    if len(pieces) > 1:
        pieces = [pieces[0]] + [piece for piece in pieces[1:] if not _ONLY_POSTCODE.match(piece)]
    pieces[0] = _LEADING_POSTCODE.sub("", pieces[0])
    cut = [_CA_POSTCODE.sub("", _US_ZIP.sub("", piece)) for piece in pieces]
    return [piece for piece in cut if key(piece)]


def coordinates(text: str) -> Coordinates | None:
    """Read "47.61,-122.33" or "47.61 N, 122.33 W" (latitude first); None for anything else or out of range."""
    if len(text) > TEXT_MAX_CHARS:
        return None
    found = _COORDINATES.match(text)
    if found is None:
        return None
    latitude, longitude = float(found[1]), float(found[3])
    if found[2].upper() == "S":
        latitude = -abs(latitude)
    if found[4].upper() == "W":
        longitude = -abs(longitude)
    if not (set(text) & set(",;") or text.count(".") >= 2 or (found[2] and found[4])):
        return None  # "12 34" is a street, not a point
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Coordinates(latitude, longitude)
