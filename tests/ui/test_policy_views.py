"""The policy's page without a browser: changes to a copy, what is shown of its effect, and hostile text."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fraudray.domain.errors import FieldProblem, InvalidTransaction, NotFound, PolicyError
from fraudray.policy.policy import Policy
from fraudray.policy.words import policy_words
from fraudray.ui.pages.policy_copy import condition_problem, copy_html, problem_html
from fraudray.ui.templates import render
from fraudray.ui.views.policy import impact_view, mark
from fraudray.ui.views.policy_copy import duplicated, entry_of, with_entry, with_lists, with_numbers, without

HOSTILE = "<img src=x onerror=alert(1)> {{7*7}} </textarea><script>"


@pytest.fixture
def document() -> dict[str, Any]:
    return Policy.load().document.model_dump(mode="json", by_alias=True, exclude_unset=True)


def fields(error: pytest.ExceptionInfo[InvalidTransaction]) -> list[str]:
    return [problem.field for problem in error.value.problems]


def test_numbers_are_put_where_they_belong_and_the_rest_stays(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    given = {
        "review": "50", "block": "75", "ceiling": "", "cap-place": "35", "freeze": "36.5", "version": "3",
        "family": "night", "family-cap": "10",
    }  # fmt: skip
    changed = with_numbers(document, given)
    assert document == before
    assert changed["thresholds"] == {"review": 50, "block": 75}
    assert (changed["ceiling"], changed["version"], changed["freeze"]["duration_h"]) == (95, "3", 36.5)
    assert changed["families"]["place"] == {"cap": 35}
    assert changed["families"]["night"] == {"cap": 10}
    assert changed["rules"] == before["rules"]


def test_numbers_that_are_none_are_named(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidTransaction) as caught:
        with_numbers(document, {"review": "many", "freeze": "long", "cap-place": "1.5", "family": "x"})
    assert sorted(fields(caught)) == ["cap-place", "family-cap", "freeze", "review"]


def test_lists_are_kept_added_and_removed(document: dict[str, Any]) -> None:
    given = {"list-high_risk_merchants": " gambling \n\n", "list": "nights", "list-members": "sat\nsun"}
    assert with_lists(document, given)["lists"] == {"high_risk_merchants": ["gambling"], "nights": ["sat", "sun"]}
    assert with_lists(document, {})["lists"] == document["lists"]
    assert with_lists(document, {"list-high_risk_merchants": " "})["lists"] == {}


ENTRY = {"code": "LARGE_AT_NIGHT", "family": "hour", "points": "12", "says": "Large, at night", "applies_to": "any"}


def test_a_new_rule_stands_at_the_end_with_an_id_of_its_own(document: dict[str, Any]) -> None:
    changed = with_entry(document, "rule", "", ENTRY, "amount_base > 5.0")
    assert changed["rules"][-1] == {
        "id": "large-at-night", "code": "LARGE_AT_NIGHT", "family": "hour", "weight": 12, "when": "amount_base > 5.0",
        "text": "Large, at night", "applies_to": "any",
    }  # fmt: skip
    again = with_entry(changed, "rule", "", ENTRY, "amount_base > 6.0")
    assert again["rules"][-1]["id"] == "large-at-night-2"


def test_a_changed_rule_keeps_its_place_and_id(document: dict[str, Any]) -> None:
    changed = with_entry(document, "rule", "impossible-travel", ENTRY | {"applies_to": "spending"}, "!travel_feasible")
    assert changed["rules"][1]["id"] == "impossible-travel"
    assert "applies_to" not in changed["rules"][1]
    assert len(changed["rules"]) == len(document["rules"])
    floor = with_entry(document, "floor", "currency-without-rate", ENTRY | {"points": "55"}, "!currency_rated")
    assert entry_of(floor, "floor", "currency-without-rate")["score"] == 55
    certain = with_entry(document, "rule", "account-frozen", ENTRY, "account_frozen")
    assert entry_of(certain, "rule", "account-frozen")["certain"] is False


def test_what_a_rule_lacks_is_named(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidTransaction) as caught:
        with_entry(document, "rule", "", {"points": "-1"}, "card_present")
    assert fields(caught) == ["code", "says", "points"]
    for act in (duplicated, without, entry_of):
        with pytest.raises(NotFound):
            act(document, "rule", "none")


def test_a_twin_stands_behind_its_rule_and_can_be_removed(document: dict[str, Any]) -> None:
    twice = duplicated(document, "floor", "currency-without-rate")
    ids = [floor["id"] for floor in twice["floors"]]
    assert ids[ids.index("currency-without-rate") + 1] == "currency-without-rate-2"
    assert without(twice, "floor", "currency-without-rate-2") == document


def found(**changes: Any) -> dict[str, Any]:
    sides = {"was": 3, "now": 1}
    zero = {"was": "0.00", "now": "0.00"}
    return {
        "alerts": sides, "alerts_per_day": {"was": 1.5, "now": 0.5}, "fraud": {"known": 0, "was": 0, "now": 0},
        "genuine": {"known": 4, "was": 2, "now": 2}, "left_out": 0, "changes": [],
        "money": {"currency": "USD", "fraud": {"was": "10.00", "now": "1000.50"}, "genuine": zero, "unlabelled": zero},
    } | changes  # fmt: skip


def test_the_effect_is_said_side_by_side() -> None:
    lines = {line.title: line for line in impact_view(found()).lines}
    assert lines["Alerts a day"].words == "1 fewer"
    assert lines["Genuine payments held, of those labelled"].was == "2 of 4"
    assert lines["Frauds caught, of those labelled"].now == "–"
    held = lines["Fraud held or stopped"]
    assert (held.was, held.now, held.words) == ("USD 10.00", "USD 1,000.50", "USD 990.50 more")


def test_changed_decisions_say_why_and_link_to_their_case() -> None:
    change = {
        "transaction_id": HOSTILE, "amount": "5.00", "currency": "USD", "merchant": HOSTILE, "case_id": "FRD 1/2",
        "fraud": True, "was": {"decision": "APPROVE", "score": 5}, "now": {"decision": "BLOCK", "score": 80},
        "gained": ["NEW"], "lost": ["OLD"],
    }  # fmt: skip
    shown = impact_view(found(changes=[change] * 60, left_out=3))
    assert (len(shown.changes), shown.left_out) == (50, 13)
    assert (shown.changes[0].why, shown.changes[0].label) == ("+NEW, −OLD", "fraud")
    assert shown.changes[0].href == "case?id=FRD%201/2"
    html = render(
        "policy/impact.html", view=shown, mark=mark(),
        found=found() | {
            "rows": 60, "changed": 60, "first": "2026-01-01", "last": "2026-01-02", "not_asked": [HOSTILE],
        },
    )  # fmt: skip
    assert "<img" not in html
    assert "<script" not in html


def test_hostile_text_of_a_policy_is_text() -> None:
    text = Policy.load().source.text.replace("The card was not present", HOSTILE.replace('"', ""))
    policy = Policy.parse(text)
    words = policy_words(policy)
    checked = {
        "usable": True, "text": text, "name": "card-payments", "version": HOSTILE, "words": words,
        "document": policy.document.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "differences": [{"text": HOSTILE}],
    }  # fmt: skip
    entry = {
        "kind": "customer", "value": HOSTILE, "reason": HOSTILE, "author": HOSTILE, "rule": HOSTILE, "expires_at": None,
    }  # fmt: skip
    pages = [
        render("policy/read.html", words=words, listed={"deny": [entry], "mutes": []}, most=1),
        copy_html(checked, "form", None), copy_html(checked, "text", 3),
        problem_html(HOSTILE, {"message": HOSTILE, "rule": HOSTILE, "line": 1, "column": 1}),
    ]  # fmt: skip
    for html in pages:
        assert "<img" not in html
        assert "<script" not in html
        assert "</textarea><" not in html.replace("</textarea></div>", "").replace("</textarea>\n", "")


def test_a_copy_that_cannot_be_used_is_shown_as_text() -> None:
    html = copy_html({"usable": False, "text": "name: ["}, "form", None)
    assert 'id="policy-text"' in html
    assert "name: [" in html


def test_what_is_wrong_names_the_comparison_that_it_is_in() -> None:
    problem = FieldProblem("parts.0.parts.1.value", "value", "is a number")
    assert "Comparison 1.2, value: is a number" in condition_problem(InvalidTransaction([problem]))
    assert "did you mean" in condition_problem(PolicyError("there is no fact x; did you mean y?", line=1, column=1))
