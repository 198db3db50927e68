"""Case reports as PDF: every script shows, nothing acts as markup, and the HTML page says the same."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from fraudray.bootstrap import App
from fraudray.reports.case_page import case_page, waterfall
from fraudray.reports.fonts import coverage, legible
from fraudray.reports.formats import rendered
from fraudray.reports.page import Facts, Heading, Paragraph, Table, Waterfall
from fraudray.service import LocalService

from .reading import bare, html_text, missing_glyphs, pdf_text

MERCHANTS = {
    "Latin": "Żabka Größe Đồng crypto", "Cyrillic": "Книжный магазин Ђорђе", "Greek": "Ελληνικό κατάστημα",
    "Arabic": "متجر الذهب", "Hebrew": "חנות הספרים", "Devanagari": "हिन्दी दुकान क्षत्रिय", "Bengali": "বাংলা দোকান",
    "Tamil": "தமிழ் கடை", "Telugu": "తెలుగు దుకాణం", "Thai": "ร้านค้าไทย", "Chinese": "中文商店", "Traditional": "臺灣書店",
    "Japanese": "日本語のお店", "Korean": "한국어 가게", "Georgian": "ქართული მაღაზია", "Armenian": "Հայերեն խանութ",
    "Ethiopic": "አማርኛ ሱቅ", "Khmer": "ខ្មែរ ហាង", "Lao": "ຮ້ານ", "Sinhala": "සිංහල", "Emoji": "🍕 ⚠ ★",
    "Cherokee": "ᏣᎳᎩ", "Tibetan": "བོད་", "Gothic": "𐌲𐌿𐍄",
}  # fmt: skip
RIGHT_TO_LEFT = ("Arabic", "Hebrew")
HOSTILE = '#panic("x") *b* _i_ $x$ \\ <lbl> @ref [c] {d} <img src=x> & "q" `raw` // no'


@pytest.fixture
def report(app: App, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A report with many decisions and notes in it."""
    first = app.engine.decide(samples[1] | {"merchant": HOSTILE + " bitcoin"})
    for number, name in enumerate(MERCHANTS.values()):
        app.engine.decide(samples[1] | {"transaction_id": f"S-{number}", "merchant": name})
    app.desk.note(str(first.case_id), text=f"Rang her.\n{HOSTILE}\n" + "x" * 300, author="Ana")
    return app.desk.make_report(str(first.case_id))


def test_every_script_has_its_glyphs_and_comes_back_as_text(report: dict[str, Any]) -> None:
    body = rendered(report, "pdf")
    text = bare(pdf_text(body))

    assert len(report["evidence"]) > 15
    assert missing_glyphs(body) == 0
    assert b"/FontFile" in body
    for script, name in MERCHANTS.items():
        if script in RIGHT_TO_LEFT:  # a PDF has them in the order of the eye
            assert not set(bare(name)) - set(text), script
        else:
            assert set(bare(name)) <= set(text), script
    for script in ("Latin", "Cyrillic", "Greek", "Chinese", "Japanese", "Korean", "Georgian", "Armenian", "Ethiopic"):
        assert bare(MERCHANTS[script]) in text, script


def test_the_check_for_missing_glyphs_finds_one() -> None:
    import typst

    from fraudray.reports.fonts import folders

    source = '#set text(font: "Noto Sans", fallback: false)\nA 中'.encode()
    body = typst.compile(source, font_paths=list(folders()), ignore_system_fonts=True)
    assert missing_glyphs(body) == 1


def test_pdf_and_page_have_the_same_content(report: dict[str, Any]) -> None:
    pdf = bare(pdf_text(rendered(report, "pdf")))
    page = bare(html_text(rendered(report, "html").decode()))
    ascii_texts = [text for text in _texts(report) if text.isascii() and text.strip()]

    assert len(ascii_texts) > 200
    for text in ascii_texts:
        assert bare(text) in page, text
        assert bare(text) in pdf or _broken_over_pages(text, pdf), text
    for reason in report["summary"]["reasons"]:
        assert bare(f"{reason['text']}+{reason['points']}") in page
        assert bare(f"{reason['text']}+{reason['points']}") in pdf
    assert report["recommendation"]["policy"]["hash"] in pdf
    assert bare(HOSTILE) in pdf


def _texts(report: dict[str, Any]) -> list[str]:
    texts: list[str] = []
    for block in case_page(report).blocks:
        match block:
            case Heading(text) | Paragraph(text):
                texts.append(text)
            case Facts(rows):
                texts += [cell for row in rows for cell in row]
            case Table(columns, rows):
                texts += [column.title for column in columns] + [cell for row in rows for cell in row]
            case Waterfall(bars):
                texts += [text for bar in bars for text in (bar.code, bar.text)]
    return texts


def _broken_over_pages(text: str, pdf: str) -> bool:
    """Whether a long text goes on after a page's footer and header."""
    whole = bare(text)
    return any(whole[:cut] in pdf and whole[cut:] in pdf for cut in range(1, len(whole)))


def test_points_add_up_in_the_waterfall(report: dict[str, Any]) -> None:
    *steps, total = waterfall(report["summary"]).bars

    assert sum(bar.points for bar in steps) == total.points == report["summary"]["score"]
    assert [bar.style for bar in steps].count("adjustment") == len(report["summary"]["adjustments"]) == 1
    assert all(bar.left >= 0 and bar.left + bar.width <= 100.01 for bar in (*steps, total))
    end = 0.0
    for bar in steps:
        assert end == pytest.approx(bar.left if bar.points >= 0 else bar.left + bar.width, abs=0.02)
        end = bar.left + bar.width if bar.points >= 0 else bar.left


def test_the_timeline_leaves_out_what_was_not_said(app: App, samples: list[dict[str, Any]]) -> None:
    decision = app.engine.decide(samples[1] | {"ip_address": None, "previous_location": None, "amount": 1000})
    assert decision.step_up is not None
    LocalService(app).step_up(decision.transaction_id, result="failed", author="ana")
    (answer,) = [e for e in app.desk.make_report(str(decision.case_id))["timeline"] if e["what"] == "step_up"]
    assert answer["details"] == [f"transaction_id: {decision.transaction_id}", "result: failed"]


def test_pages_are_numbered_and_carry_title_and_time(report: dict[str, Any]) -> None:
    text = pdf_text(rendered(report, "pdf"))

    pages = text.count("Confidential")
    assert pages > 2
    assert f"Page {pages} of {pages}" in text
    assert text.count("report made 2026-03-02 15:30:00 UTC") == pages


def test_what_reorders_or_has_no_glyph_is_shown_by_its_number() -> None:
    assert legible("a\ue000b") == "a‹U+E000›b"
    assert legible("👨‍👩‍👧 \u200fنص") == "👨‍👩‍👧 \u200fنص"
    assert len(coverage()) > 70_000
    document = {
        "report_id": "R", "case_id": "R\u202eexe\x07", "made_at": "2026-03-02T15:30:00+00:00",
        "recommendation": {"text": "\ue000", "policy": None, "actions": []},
    }  # fmt: skip
    page = rendered(document, "html").decode()
    assert "R‹U+202E›exe‹U+0007›" in page
    assert "‹U+E000›" in pdf_text(rendered(document, "pdf"))


def test_without_the_extra_pdf_is_refused_by_name_and_the_rest_works() -> None:
    code = (
        "import sys\n"
        "for name in ('typst', 'matplotlib', 'manimgx_fonts', 'fontTools'): sys.modules[name] = None\n"
        "from fraudray.reports.formats import rendered\n"
        "from fraudray.domain.errors import SettingsError\n"
        "report = {'case_id': 'R', 'made_at': '2026-03-02T15:30:00', 'timeline': []}\n"
        "assert rendered(report, 'json') and rendered(report, 'html')\n"
        "try: rendered(report, 'pdf')\n"
        "except SettingsError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert "pip install 'fraudray[reports]'" in done.stdout
