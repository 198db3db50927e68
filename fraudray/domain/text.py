"""The kinds of text a transaction carries, and what is refused or masked in each before anything sees it."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, EmailStr, StringConstraints
from pydantic_core import PydanticCustomError

from fraudray.domain.cards import contains_card_number, is_card_number, mask

# C0, DEL and C1 controls. Format characters (joiners, direction marks) belong to real names and stay.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LINE_BREAK = re.compile(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")


def _identifier(value: str) -> str:
    _no_control(value)
    if value != value.strip():
        raise PydanticCustomError("id_whitespace", "an id does not begin or end with white space")
    if value in (".", ".."):
        raise PydanticCustomError("id_dots", "cannot be part of an address")
    if contains_card_number(value):
        raise PydanticCustomError("card_number", "is a card number; send a token or a hash instead")
    return value


def has_control_characters(text: str) -> bool:
    """Whether text holds control characters other than tabs and line breaks."""
    return _CONTROL.search(_LINE_BREAK.sub(" ", text).replace("\t", " ")) is not None


def is_unicode(text: str) -> bool:
    """Whether text is free of halves of surrogate pairs, which cannot be encoded."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _no_control(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("control_character", "contains a control character")
    return value


def _free_text(value: str) -> str:
    return mask(_no_control(value))


def _lines(value: str) -> str:
    return _free_text(_LINE_BREAK.sub(" ", value))


def no_card_number(value: str) -> str:
    """`value` of a field where a phone number may stand but no card number. Raises PydanticCustomError."""
    digits = "".join(char for char in value if char.isdigit())
    if contains_card_number(value) or (len(digits) > 12 and not value.startswith("+") and is_card_number(digits)):
        raise PydanticCustomError("card_number", "is a card number")
    return value


def unmarked(text: str) -> str:
    """Case, accents and compatibility forms removed."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if not unicodedata.combining(c))


def fold(text: str) -> str:
    """`unmarked`, with dashes and underscores as spaces."""
    return re.sub(r"[\s_\-\u2010-\u2015]+", " ", unmarked(text))


Identifier = Annotated[str, StringConstraints(min_length=1, max_length=128, strict=True), AfterValidator(_identifier)]
"""An id, stored exactly as sent: 1-128 characters, no control characters, not a card number."""

FreeText = Annotated[str, StringConstraints(min_length=1, max_length=200, strict=True), AfterValidator(_free_text)]
"""One line of text in any script, up to 200 characters; card numbers in it are masked."""

Memo = Annotated[str, StringConstraints(max_length=1000, strict=True), AfterValidator(_lines)]
"""Up to 1,000 characters; line breaks become spaces, card numbers are masked."""

Email = Annotated[EmailStr, AfterValidator(no_card_number)]
"""An e-mail address; its domain in lower case."""


def shown_text(text: str, length_max: int) -> str:
    """Text that others' code answered, fit to be kept and shown: at most so many characters, one line, encodable,
    card numbers masked."""
    cut = text[: 4 * length_max]  # masked before the last cut, which may go through a number
    if not cut.isascii():
        cut = cut.encode("utf-8", "replace").decode()
    return mask(_CONTROL.sub(" ", _LINE_BREAK.sub(" ", cut)))[:length_max]
