"""Reading PDFs and pages back."""

from __future__ import annotations

import io
import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream, TextStringObject


def pdf_text(body: bytes) -> str:
    """The text of a PDF, its pages' headers and footers included."""
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(body)).pages)


def missing_glyphs(body: bytes) -> int:
    """How often a PDF shows glyph 0, the empty box: its fonts are Identity-H, two bytes a glyph."""
    reader = PdfReader(io.BytesIO(body))
    return sum(
        code == b"\0\0"
        for page in reader.pages
        for string in _strings(ContentStream(page.get_contents(), reader))
        for code in (string[i : i + 2] for i in range(0, len(string), 2))
    )


def _strings(stream: ContentStream) -> list[bytes]:
    found: list[bytes] = []
    for operands, operator in stream.operations:
        if operator in (b"Tj", b"TJ"):
            parts: list[Any] = operands[0] if operator == b"TJ" else operands
            found += [
                part.original_bytes if isinstance(part, TextStringObject) else bytes(part)
                for part in parts
                if isinstance(part, str | bytes)
            ]
    return found


def html_text(page: str) -> str:
    """The text that a page shows."""

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.shown = 0, list[str]()

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.hidden += tag in ("style", "svg", "head")

        def handle_endtag(self, tag: str) -> None:
            self.hidden -= tag in ("style", "svg", "head")

        def handle_data(self, data: str) -> None:
            if not self.hidden:
                self.shown.append(data)

    reader = Reader()
    reader.feed(page)
    return " ".join(reader.shown)


def bare(text: str) -> str:
    """Text without white space and in compatibility form: a PDF keeps no spaces of its own."""
    return re.sub(r"[\s\u200b\u00ad]+", "", unicodedata.normalize("NFKC", text)).replace("−", "-")
