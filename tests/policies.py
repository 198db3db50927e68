"""Small policies and books as files, for tests of choosing, changing and comparing them."""

from __future__ import annotations

from pathlib import Path

_TEXT = """\
name: {name}
version: "{version}"
base_currency: {base}
families:
  any: {{cap: 100}}
parameters:
  travel: {{air_speed_mph: {air_speed_mph}}}
  merchant_classes: {{kiosk: {{words: [{word}]}}}}
actions: {{APPROVE: [], REVIEW: [], BLOCK: []}}
recommendations: {{APPROVE: a, REVIEW: r, BLOCK: b}}
rules:
  - {{id: always, code: {code}, family: any, weight: {weight}, when: spending, text: "{version}"}}
  - {{id: kiosk, code: KIOSK, family: any, weight: 1, when: merchant_class == "kiosk", text: a kiosk}}
  - {{id: too-fast, code: TOO_FAST, family: any, weight: 2, when: "!travel_feasible", text: too fast}}
"""


def small(
    name: str = "cards", *, version: str = "1", weight: int = 10, code: str = "ALWAYS", word: str = "kiosk",
    base: str = "USD", air_speed_mph: int = 600,
) -> str:  # fmt: skip
    """A policy whose one reason `code` gives `weight` points and says the version."""
    return _TEXT.format(
        name=name, version=version, weight=weight, code=code, word=word, base=base, air_speed_mph=air_speed_mph
    )


BOOK = """\
policies: [cards.yaml, wallets.yaml]
choose:
  - {policy: wallets, channel: [ecommerce, mobile]}
  - {policy: wallets, transaction_type: [refund]}
default: cards
"""


def write_book(folder: Path, text: str = BOOK) -> Path:
    """A book of `cards` and `wallets` in a folder; wallets gives 50 points."""
    (folder / "cards.yaml").write_text(small())
    (folder / "wallets.yaml").write_text(small("wallets", weight=50, code="WALLET", word="stand", air_speed_mph=1))
    book = folder / "book.yaml"
    book.write_text(text)
    return book
