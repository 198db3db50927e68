"""Files that people attach to cases: which are taken, and how it is known what they are."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fraudray.domain.cards import mask
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.text import has_control_characters, is_unicode

SIZE_MAX = 10 * 1024 * 1024
FILES_MAX = 50
NAME_MAX = 120
_MAGIC: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"%PDF-", "application/pdf", ("pdf",)),
    (b"\x89PNG\r\n\x1a\n", "image/png", ("png",)),
    (b"\xff\xd8\xff", "image/jpeg", ("jpg", "jpeg")),
)
_TEXT = {"txt": "text/plain", "log": "text/plain", "csv": "text/csv", "eml": "message/rfc822"}
TYPES = tuple(ending for _, _, endings in _MAGIC for ending in endings) + tuple(_TEXT)
_UNSAFE = re.compile(r'[\\/:*?"<>|]+')


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that may be kept: its bytes are of the type that its name says."""

    name: str
    media_type: str
    content: bytes


def check_attachment(name: str, content: bytes) -> Attachment:
    """A file by its name and bytes. Raises InvalidTransaction saying what is wrong with which."""
    name = _UNSAFE.sub("_", name.strip()).lstrip(".")
    if not name or len(name) > NAME_MAX or has_control_characters(name) or not is_unicode(name):
        raise _wrong("name", "name", f"is a file's name of 1 to {NAME_MAX} characters")
    if not content:
        raise _wrong("", "empty", "the file is empty")
    if len(content) > SIZE_MAX:
        raise _wrong("", "too_large", f"a file may have {SIZE_MAX // 2**20} MiB at most")
    return Attachment(mask(name), _media_type(name, content), content)


def _media_type(name: str, content: bytes) -> str:
    ending = name.rpartition(".")[2].lower()
    for magic, media_type, endings in _MAGIC:
        if content.startswith(magic):
            if ending in endings:
                return media_type
            raise _wrong("name", "type", f"ends in .{ending}, but the file is {media_type}")
    if ending in _TEXT:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise _wrong("", "type", "the file is no text in UTF-8") from None
        if "\0" not in text:
            return _TEXT[ending]
    if ending in TYPES:
        raise _wrong("name", "type", f"ends in .{ending}, but the file is none")
    raise _wrong("name", "type", f"is of a type that is not taken; taken are {', '.join(TYPES)}")


def _wrong(field: str, code: str, message: str) -> InvalidTransaction:
    return InvalidTransaction([FieldProblem(field, code, message)])
