"""What a changed policy would have made of the newest decisions, as lines of a table."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from fraudray.domain.figure_words import NONE
from fraudray.ui.words import money, number

CHANGES_SHOWN = 50


def mark() -> str:
    """Makes an answer another one than the same answer before: it is read out again, and what waits for it ends."""
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of both sides."""

    title: str
    was: str
    now: str
    words: str


@dataclass(frozen=True, slots=True)
class ChangedDecision:
    """A decision that comes out differently."""

    transaction_id: str
    href: str | None
    amount: str
    merchant: str
    was: Mapping[str, Any]
    now: Mapping[str, Any]
    why: str
    label: str


@dataclass(frozen=True, slots=True)
class ImpactView:
    """What the page shows of it."""

    lines: tuple[Line, ...]
    changes: tuple[ChangedDecision, ...]
    left_out: int


def impact_view(found: Mapping[str, Any]) -> ImpactView:
    """Alerts, detection and money of both, and the decisions that change."""
    alerts, per_day, fraud, genuine = (found[name] for name in ("alerts", "alerts_per_day", "fraud", "genuine"))
    lines = [
        Line("Alerts (review or block)", number(alerts["was"]), number(alerts["now"]), _by(alerts)),
        Line("Alerts a day", number(per_day["was"]), number(per_day["now"]), _by(per_day)),
        Line("Frauds caught, of those labelled", *_shares(fraud), _by(fraud)),
        Line("Genuine payments held, of those labelled", *_shares(genuine), _by(genuine)),
        *_money(found["money"]),
    ]
    changes = found["changes"]
    shown = tuple(_change(change) for change in changes[:CHANGES_SHOWN])
    return ImpactView(tuple(lines), shown, found["left_out"] + len(changes) - len(shown))


def _by(sides: Mapping[str, Any]) -> str:
    difference = sides["now"] - sides["was"]
    return "the same" if not difference else f"{number(abs(difference))} {'more' if difference > 0 else 'fewer'}"


def _shares(sides: Mapping[str, Any]) -> tuple[str, str]:
    known = sides["known"]
    if not known:
        return NONE, NONE
    first, second = (f"{number(sides[side])} of {number(known)}" for side in ("was", "now"))
    return first, second


def _money(found: Mapping[str, Any]) -> Sequence[Line]:
    titles = {
        "fraud": "Fraud held or stopped", "genuine": "Genuine amounts held",
        "unlabelled": "Amounts without a label held",
    }  # fmt: skip
    lines = []
    for name, title in titles.items():
        was, now = (money(found[name][side], found["currency"]) for side in ("was", "now"))
        lines.append(Line(title, was, now, _money_by(found[name], found["currency"])))
    return lines


def _money_by(sides: Mapping[str, str], currency: str) -> str:
    difference = Decimal(sides["now"]) - Decimal(sides["was"])
    return f"{money(abs(difference), currency)} {'more' if difference > 0 else 'less'}" if difference else "the same"


def _change(change: Mapping[str, Any]) -> ChangedDecision:
    codes = [*(f"+{code}" for code in change["gained"]), *(f"−{code}" for code in change["lost"])]
    case_id = change["case_id"]
    return ChangedDecision(
        transaction_id=change["transaction_id"], href=f"case?id={quote(case_id)}" if case_id else None,
        amount=money(change["amount"], change["currency"]), merchant=change["merchant"] or "", was=change["was"],
        now=change["now"], why=", ".join(codes) or "other points or thresholds",
        label={True: "fraud", False: "genuine"}.get(change["fraud"], ""),
    )  # fmt: skip
