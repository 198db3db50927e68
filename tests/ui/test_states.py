"""What is shown in place of content, and that no text of others is ever markup."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError

import fraudray.ui
from fraudray.client.wire import Unreachable
from fraudray.domain.errors import (
    Forbidden,
    FraudrayError,
    InvalidTransaction,
    NotFound,
    Refused,
    StoreFailed,
    Unauthenticated,
)
from fraudray.ui.pages.try_out import actions_html, decision_html
from fraudray.ui.states import Link, State, error_html, of_error, state_html
from fraudray.ui.templates import render
from fraudray.ui.views.investigation import InvestigationView, Step, Verdict
from tests.ui.test_views import decision, reason

HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}${7*7}</script><script>"
TEMPLATES = Path(fraudray.ui.__path__[0]) / "templates"


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (Unreachable("no"), "The API does not answer"), (Unreachable("no", late=True), "The API takes too long"),
        (Unauthenticated("a key is needed"), "Sign in"), (Forbidden("needs act"), "Your key does not open this"),
        (NotFound("case", "FRD-1"), "There is no case FRD-1"), (Refused("closed"), "Not possible now"),
        (InvalidTransaction([]), "This cannot be accepted"), (StoreFailed("full"), "The server could not do this"),
    ],
)  # fmt: skip
def test_every_failure_says_what_happened_and_what_to_do(error: FraudrayError, title: str) -> None:
    state = of_error(error)
    assert state.title == title
    html = error_html(error)
    assert title in html
    assert state.next or state.kind == "sign-in"


def test_errors_are_told_to_a_screen_reader_and_can_be_tried_again() -> None:
    html = error_html(Unreachable("no"))
    assert 'role="alert"' in html
    assert "data-reload" in html


def test_a_state_may_lead_on() -> None:
    html = state_html(State("empty", "No cases", "All done.", link=Link("Try one", "try")))
    assert '<a href="try">Try one</a>' in html
    assert 'role="alert"' not in html


def test_text_of_others_is_never_markup() -> None:
    evidence = {"transaction-risk": {"status": "ok", "error": HOSTILE, "items": {HOSTILE: {HOSTILE: HOSTILE}}}}
    made = decision(
        transaction_id=HOSTILE, customer_id=HOSTILE, recommendation=HOSTILE, case_id=HOSTILE, evidence=evidence,
        reasons=[reason(HOSTILE, 5)], actions=[{"kind": HOSTILE, "status": "done", "detail": HOSTILE}],
        step_up={"method": HOSTILE, "status": HOSTILE},
    )  # fmt: skip
    steps = tuple(Step(kind, HOSTILE, HOSTILE) for kind in ("ask", "answer", "refused", "rejected"))
    view = InvestigationView(
        thinking=HOSTILE, steps=steps, verdict=Verdict("BLOCK", 90, (HOSTILE,)), analysis=HOSTILE,
        next_checks=(HOSTILE,), failure=HOSTILE, model=HOSTILE, stage=HOSTILE,
    )  # fmt: skip
    shown = [
        decision_html(made, None), actions_html(made),
        error_html(StoreFailed(HOSTILE)), error_html(NotFound("x", HOSTILE)),
        render("try/reasoning.html", view=view, offer=False, has_model=True, transaction_id=HOSTILE),
        render("try/reasoning.html", view=None, offer=True, has_model=True, transaction_id=HOSTILE),
    ]  # fmt: skip
    for html in shown:
        assert "<img" not in html
        assert "<script" not in html
        assert "{{7*7}}" in html or "%7B%7B7" in html
        assert "&lt;img" in html or "\\u003cimg" in html


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("state.html")


def test_no_template_turns_escaping_off_or_runs_a_script_of_its_own() -> None:
    for file in TEMPLATES.rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert "|safe" not in text, file
        assert "autoescape" not in text, file
        assert not re.search(r"\son[a-z]+=", text), file
        if file.name != "head.html":
            assert "<script" not in text, file


def test_links_are_relative_to_the_pages_root() -> None:
    for file in TEMPLATES.rglob("*.html"):
        found = re.findall(r"(?:href|src|action)=\"(/[^\"]*)\"", file.read_text(encoding="utf-8"))
        assert found == [], f"{file} would leave a sub-path"
