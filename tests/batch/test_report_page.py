"""The HTML report of a back-test: whole, safe whatever the data say, and readable without network or sight."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pytest

from fraudray.batch.report import Costs, Tallies, figures, render, summary_lines
from fraudray.batch.report.summary import headlines

from .backtests import CHANGED, FIRST_DAY, RUN, outcomes, rows, tallies
from .test_figures import DEGENERATE, table, whole

SVG = "{http://www.w3.org/2000/svg}"
INVESTIGATION = {
    "rows": 6000, "asked": 300, "answered": 290, "failed": 10, "raised": 4, "agreement": 0.93, "prompt_tokens": 400_000,
    "completion_tokens": 90_000, "cost_per_1000": 0.31, "cost_per_million": 310.0,
    "changes": [{"transaction_id": "T-<i>7</i>", "from": "APPROVE", "to": "REVIEW"}],
}  # fmt: skip
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
SECTIONS = [
    "summary", "curves", "thresholds", "time", "cards", "scores", "scenarios", "segments", "rules", "money", "freezes",
    "challenger", "investigation", "rejected", "method", "limits",
]  # fmt: skip
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Reader(HTMLParser):
    """Elements with their attributes, texts, and whether every element that opens also closes."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute is there twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return figures(replace(tallies(4000), investigation=INVESTIGATION), Costs())


@pytest.fixture(scope="module")
def page(document: dict[str, Any]) -> str:
    return render(document, RUN)


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    return Reader(page)


def test_all_sections_are_there_and_the_contents_lead_to_them(read: Reader) -> None:
    assert [one["id"] for one in read.all("section")] == SECTIONS
    assert [one["href"] for one in read.all("a")] == [f"#{name}" for name in SECTIONS[1:]]


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(page: str, read: Reader) -> None:
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & {
        name for name, _ in read.elements
    }
    for _, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action", "data")]
        assert (attributes.get("href") or "#").startswith("#")
    assert set(re.findall(r"https?://[^\"' <)]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    (policy,) = (one for one in read.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def drawings(page: str) -> list[ElementTree.Element]:
    """Each drawing, read as XML on its own."""
    return [ElementTree.fromstring(one) for one in re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL)]  # noqa: S314


def test_every_drawing_is_valid_and_tells_in_words_what_it_shows(page: str, read: Reader) -> None:
    found = drawings(page)
    assert len(found) == len(read.all("figure")) == len(read.all("figcaption")) >= 18
    for svg in found:
        assert svg.tag == f"{SVG}svg"
        assert svg.get("role") == "img"
        title, text = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
        assert title is not None
        assert text is not None
        assert svg.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"
        assert title.text
        assert len(text.text or "") > 10
        words = " ".join("".join(one.itertext()) for one in svg.iter(f"{SVG}text"))
        assert re.search(r"%|, EUR|Transactions a|percentage points", words), "an axis says its unit"


def test_ids_are_there_once_and_what_drawings_refer_to_exists(page: str, read: Reader) -> None:
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', page))
    assert referred
    assert referred <= set(ids)


def test_drawings_take_their_colours_from_the_page_and_keep_their_text(page: str) -> None:
    found = re.findall(r"<svg .*?</svg>", page, flags=re.DOTALL)
    assert not re.search(r"(?:fill|stroke): #", "".join(found))
    assert all("<text" in one for one in found)
    used = set(re.findall(r"var\((--[a-z]+)\)", "".join(found)))
    assert used == {"--ink", "--grid", "--blue", "--orange", "--green", "--red", "--grey"}
    for name in used:
        assert len(re.findall(rf"{name}: #", page)) == 3, "light, dark and printed"
    assert len(page) < 1_500_000


def test_the_first_screen_says_what_was_tested_and_what_came_out(document: dict[str, Any], read: Reader) -> None:
    words = " ".join(read.texts)
    assert "card-payments 2 (champion) and card-payments 3-draft (challenger)" in words
    assert "4,000 transactions of synthetic from 2024-10-04 to 2024-11-02" in words
    recall = document["sides"]["champion"]["decided"]["measures"]["recall"]
    shown = f"{100 * recall['value']:.1f} % ({100 * recall['low']:.1f}–{100 * recall['high']:.1f})"
    assert f"The champion caught {shown} of frauds" in words
    assert document["claim"]["sentence"] in words
    assert words.index(shown) < words.index("How well the risk")
    assert "nan" not in words.lower().split()
    assert "None" not in words.replace("None.", "")


def test_every_table_has_as_many_cells_as_columns(page: str) -> None:
    tables = re.findall(r"<table>.*?</table>", page, flags=re.DOTALL)
    assert len(tables) > 12
    for one in tables:
        columns = one.count('<th scope="col"')
        for row in re.findall(r"<tr>(.*?)</tr>", one.partition("<tbody>")[2], flags=re.DOTALL):
            assert len(re.findall(r"<t[hd] ", row)) == columns


def test_the_same_figures_give_the_same_page(document: dict[str, Any], page: str) -> None:
    assert render(document, RUN) == page


def test_texts_of_the_data_are_shown_and_never_act() -> None:
    evil = HOSTILE + "\u202e$x^2$\x00\x1b[31m\ufffe"
    found = tallies(600)
    changed = CHANGED | {"transaction_id": evil, "customer_id": evil, "gained": [evil], "amount": evil}
    base = [whole({"day": FIRST_DAY + day, "fraud": day % 2, "decision": day % 2}) for day in range(8)]
    hostile = Tallies(
        table([row | {"scenario": evil if row["fraud"] else None} for row in base]),
        segments=pa.table(
            {
                "segment": [evil, evil], "value": [evil, None], "fraud": [1, 0], "evidence_decision": [1, 0],
                "count": [3, 4], "amount": [1.0, 2.0],
            }
        ),
        rules=pa.Table.from_pylist([row | {"code": evil, "family": evil} for row in found.rules.to_pylist()[:3]]),
        changes=[changed],
        investigation={"rows": 1, "changes": [{evil: evil}]},
    )  # fmt: skip
    challenged = replace(hostile, outcomes=outcomes(rows(600), challenger=True))
    run = {
        "policies": {"champion": {"name": evil, "version": evil, "hash": evil}}, "plain": evil, "base_currency": evil,
        "history": {"name": evil, "sources": [evil], "labels": evil}, "notes": [evil], "made_at": evil,
        "rejected": [{"reason": evil, "count": 1, "example": evil}], "settings": {evil: evil}, "wall_s": {evil: 1.0},
    }  # fmt: skip
    for one in (hostile, challenged):
        page = render(figures(one, Costs()), run)
        read = Reader(page)
        assert not {"script", "img"} & {name for name, _ in read.elements}
        assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
        assert not set("\u202e\x00\x1b") & set(page)
        assert HOSTILE in unescape(page), "it is shown as it is"
        assert "‹U+202E›" in page
        assert drawings(page)
        page.encode()


@pytest.mark.parametrize("case", DEGENERATE)
def test_a_history_with_little_in_it_still_has_a_whole_page(case: str) -> None:
    document = figures(Tallies(table(DEGENERATE[case][0])), Costs())
    page = render(document, {})
    read = Reader(page)
    assert [one["id"] for one in read.all("section")] == [name for name in SECTIONS if name != "investigation"]
    words = " ".join(read.texts)
    assert not re.search(r"\bnan\b|\bNone\b(?!\.)", words, flags=re.IGNORECASE)
    assert len(drawings(page)) == len(read.all("figure"))
    assert headlines(document, "USD")[0].rstrip(".") in words


def test_why_a_figure_is_missing_stands_below_its_table() -> None:
    document = figures(tallies(700, challenger=False, days=3), Costs())
    words = " ".join(Reader(render(document, RUN)).texts)
    assert "No interval: 3 days with labels; 5 at least." in words
    assert "There are no intervals: 3 days with labels; 5 at least." in words
    assert "No second policy was tested." in words
    assert "The plain rules only flag: each flag counts as a REVIEW." in words


def test_the_terminal_gets_the_headline_figures(document: dict[str, Any]) -> None:
    found = dict(summary_lines(document))
    assert found["Transactions"] == "4,000"
    assert re.fullmatch(r"\d\d\.\d % \(\d\d\.\d–\d\d\.\d\)", found["Detected"])
    assert re.fullmatch(r"0\.\d{3} \(0\.\d{3}–0\.\d{3}\)", found["AUC ROC"])
    assert {"Challenger: detected", "Plain rules: false positives", "Promise", "Card precision@100"} <= found.keys()


def test_without_matplotlib_the_page_says_what_to_install_and_figures_need_none() -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
from tests.batch.backtests import tallies
from fraudray.batch.report import Costs, figures, render
from fraudray.domain.errors import SettingsError
found = figures(tallies(300), Costs())
try:
    render(found, {})
except SettingsError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "matplotlib, which is not installed: pip install 'fraudray[reports]'" in ran.stdout
