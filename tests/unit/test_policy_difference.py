"""What differs between two policies, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudray.policy.book import PolicyBook
from fraudray.policy.difference import differences
from fraudray.policy.policy import Policy
from fraudray.policy.source import default_policy_text
from tests.policies import BOOK, small, write_book

DEFAULT = default_policy_text()
AIR = 'travel_feasible && travel_mode == "air" && required_speed_mph'
FASTER = f"rule fast-travel: when `{AIR} > 250.0` → `{AIR} > 300.0`"


def book(text: str) -> PolicyBook:
    return PolicyBook.of(Policy.parse(text, file="p.yaml"))


def said(a: str, b: str) -> list[str]:
    return [difference.text for difference in differences(book(a), book(b))]


@pytest.mark.parametrize(
    ("old", "new", "there", "back"),
    [
        ("block: 75}", "block: 80}", "threshold block 75 → 80", "threshold block 80 → 75"),
        ("ceiling: 95", "ceiling: 90", "ceiling 95 → 90", "ceiling 90 → 95"),
        ("place: {cap: 40}", "place: {cap: 30}", "family place: cap 40 → 30", "family place: cap 30 → 40"),
        ("  hour: {cap: 5}\n", "  hour: {cap: 5}\n  spare: {cap: 3}\n", 'family spare added: {"cap": 3}',
         "family spare removed"),
        ("money_transfer, gift_cards]", "gift_cards, resalable]",
         "list high_risk_merchants: added resalable; removed money_transfer",
         "list high_risk_merchants: added money_transfer; removed resalable"),
        ('mcc: ["6051"]', 'mcc: ["6051", "6050"]', "merchant class cryptocurrency: mcc added 6050",
         "merchant class cryptocurrency: mcc removed 6050"),
        ("air_speed_mph: 600", "air_speed_mph: 500", "travel: air_speed_mph 600.0 → 500.0",
         "travel: air_speed_mph 500.0 → 600.0"),
        ('    weight: 15\n    when: "!place_known"', '    weight: 20\n    when: "!place_known"',
         "rule unknown-place: weight 15 → 20", "rule unknown-place: weight 20 → 15"),
        ("required_speed_mph > 250.0", "required_speed_mph > 300.0", FASTER, None),
        ("\nfloors:\n", "\nfloors:\n  - {id: extra, code: EXTRA, score: 50, when: account_frozen, text: t}\n",
         "floor extra added: at least 50, EXTRA, when account_frozen", "floor extra removed"),
        ("REVIEW: [open_case, manual_review]", "REVIEW: [open_case]", "actions of REVIEW: removed manual_review",
         "actions of REVIEW: added manual_review"),
        ("escalate: score >= 40\n", "", 'escalate "score >= 40" → none', 'escalate none → "score >= 40"'),
        ("midpoint: 57.5", "midpoint: 50", "risk midpoint 57.5 → 50.0", None),
        ("duration_h: 24", "duration_h: 48", "freeze duration_h 24.0 → 48.0", None),
    ],
)  # fmt: skip
def test_a_change_is_said_in_words_both_ways(old: str, new: str, there: str | None, back: str | None) -> None:
    assert old in DEFAULT
    changed = DEFAULT.replace(old, new, 1)
    assert len(said(DEFAULT, changed)) == 1
    if there is not None:
        assert said(DEFAULT, changed) == [there]
    if back is not None:
        assert said(changed, DEFAULT) == [back]


def test_comments_and_layout_are_no_difference() -> None:
    assert said(DEFAULT, "# another comment\n" + DEFAULT.replace("[KP, IR,", "[KP,  IR,")) == []


def test_order_is_told_apart_from_content() -> None:
    lines = small().splitlines(keepends=True)
    lines[-1], lines[-2] = lines[-2], lines[-1]
    assert said(small(), "".join(lines)) == ["rules: in another order"]


def test_a_difference_says_where_and_both_values() -> None:
    (difference,) = differences(book(small(weight=10)), book(small(weight=25)))
    assert difference.document() == {
        "policy": "cards", "where": ("rules", "always", "weight"), "was": 10, "now": 25,
        "text": "rule always: weight 10 → 25",
    }  # fmt: skip


def test_single_policies_are_compared_whatever_their_names() -> None:
    assert said(small("cards"), small("mine", weight=25)) == ['name "cards" → "mine"', "rule always: weight 10 → 25"]


def test_books_are_compared_policy_by_policy(tmp_path: Path) -> None:
    first = PolicyBook.load(write_book(tmp_path))
    (tmp_path / "wallets.yaml").write_text(small("wallets", weight=60, code="WALLET", word="stand", air_speed_mph=1))
    changed = BOOK.replace("ecommerce, mobile", "ecommerce").replace("default: cards", "default: wallets")
    (tmp_path / "book.yaml").write_text(changed)
    second = PolicyBook.load(tmp_path / "book.yaml")
    assert [(d.policy, d.text.split(":")[0]) for d in differences(first, second)] == [
        ("wallets", "rule always"), ("", "default"), ("", "choose"),
    ]  # fmt: skip
    single = book(small())
    assert [d.text for d in differences(first, single)][:1] == ["policy wallets removed"]
    assert [d.text for d in differences(single, first)][:1] == ["policy wallets added"]
    assert differences(first, first) == []
