"""`fraudray policy test --history RUN`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from fraudray.batch.retest import Retested, retest
from fraudray.cli.exits import InputError
from fraudray.cli.session import Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.policy.book import PolicyBook


def judge_history(run: Path, book: PolicyBook, session: Session) -> None:
    """Judge a back-test's stored facts by a policy and print what would have come out differently."""
    if len(book.policies) > 1:
        raise InputError("--history takes one policy, not a book of several: back-test the book instead")
    began = time.perf_counter()
    found = retest(run, book.default)
    took_s = time.perf_counter() - began
    document = {"run": str(run), "policy": book.default.ref.model_dump(), "took_s": round(took_s, 2)} | found.document()
    session.show(document, _view(found, took_s))


def _view(found: Retested, took_s: float) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import decision_word, listing, plain
    from fraudray.domain.decision import Outcome

    document = found.document()
    share = f"{found.changed / found.rows:.2%}" if found.rows else "none"
    lines = [
        plain(f"{found.changed:,} of {found.rows:,} decisions change ({share}), in {took_s:.1f} s", "bold"),
        *(
            plain(f"{words}: {_percent(document[name]['was'])} → {_percent(document[name]['now'])}")
            for name, words in (("detection_rate", "Detected"), ("false_positive_rate", "False positives"))
        ),
    ]
    matrix = [
        (
            decision_word(was.value),
            *(f"{sum(found.outcomes[was, now, label] for label in (True, False, None)):,}" for now in Outcome),
            f"{sum(found.outcomes[was, now, True] for now in Outcome if now is not was):,}",
        )
        for was in Outcome
    ]
    headings = ("Was, then now →", *(outcome.value for outcome in Outcome), "Frauds that move")
    moved = [(code, one["was"], one["now"]) for code, one in document["reasons"].items() if one["was"] != one["now"]]
    rows = [(code, f"{was:,}", f"{now:,}", f"{now - was:+,}") for code, was, now in moved]
    return Group(
        *lines,
        listing(headings, matrix, empty=""),
        listing(("Reason", "Was", "Now", "Change"), rows, empty="No reason speaks more or less often."),
        plain("Freezes are left out; habits, known devices and places are those of the back-test.", "dim"),
    )


def _percent(share: float | None) -> str:
    return "no label" if share is None else f"{share:.2%}"
