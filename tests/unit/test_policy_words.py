"""A policy in words: its parts in the order in which they act, every condition a sentence where it can be one."""

from __future__ import annotations

from typing import Any

import pytest

from fraudray.domain.facts import CATALOGUE
from fraudray.policy.condition_form import kinds_of
from fraudray.policy.condition_reading import form_of
from fraudray.policy.condition_words import condition_words
from fraudray.policy.fact_words import NAMES, YES_NO
from fraudray.policy.order import NAMES as STEPS
from fraudray.policy.packaged import packaged_policy
from fraudray.policy.policy import Policy
from fraudray.policy.words import policy_words
from tests.policies import small


@pytest.fixture(scope="module")
def words() -> dict[str, Any]:
    return policy_words(Policy.load())


def step(words: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in words["steps"] if one["name"] == name)
    return found


def said(cel: str, policy: Policy | None = None) -> str | None:
    policy = policy or Policy.load()
    form = form_of(cel, kinds_of(policy.catalogue), policy.document.lists)
    return form and condition_words(form.document(), policy.catalogue, policy.document.lists)


def test_every_fact_of_the_catalogue_has_a_name_for_people() -> None:
    assert {name for name, fact in CATALOGUE.items() if fact.kind == "bool"} == set(YES_NO)
    assert {name for name, fact in CATALOGUE.items() if fact.kind != "bool"} == set(NAMES) - {"score"}


def test_steps_come_in_the_order_in_which_they_act(words: dict[str, Any]) -> None:
    names = [one["name"] for one in words["steps"]]
    assert names == [*STEPS, "outcome", "step_up", "actions", "escalate"]
    assert [one["step"] for one in words["steps"]] == list(range(1, 15))
    levels = [name for name in names if name in ("deny", "certainty", "allow", "block", "mutes")]
    assert levels == ["deny", "certainty", "allow", "block", "mutes"]


def test_every_rule_and_floor_is_there_once_with_its_sentence(words: dict[str, Any]) -> None:
    document = Policy.load().document
    rules = [*step(words, "certainty")["rules"]]
    rules += [rule for family in step(words, "rules")["families"] for rule in family["rules"]]
    assert sorted(rule["id"] for rule in rules) == sorted(rule.id for rule in document.rules)
    floors = step(words, "floors")["rules"]
    assert [floor["id"] for floor in floors] == [floor.id for floor in document.floors]
    for one in rules + floors:
        assert one["form"] is not None
        assert one["words"] != one["when"] or one["when"] in CATALOGUE
        assert "_" not in one["words"].replace("high_risk_merchants", "").replace("money_transfer", "").replace(
            "gift_cards", ""
        )
    families = {family["name"]: family["cap"] for family in step(words, "rules")["families"]}
    assert families == {name: family.cap for name, family in document.families.items()}


@pytest.mark.parametrize(
    ("cel", "words"),
    [
        ("!travel_feasible", "the journey is not possible in the time"),
        ("attempts_10m >= 8 && attempts_10m < 20", "the number of attempts in 10 minutes is at least 8 and below 20"),
        ("amount_base > 1000.5 || amount_base < 5.0", "the amount is above 1,000.5, or the amount is below 5"),
        ('!(channel in ["atm", "moto"])', "the channel is none of “atm”, “moto”"),
        ("1000 < amount_base", "the amount is above 1,000"),
        ("card_present == false", "the card is not present"),
        (
            'profile_known && (merchant.startsWith("Kiosk") || channel != "atm")',
            "the customer is registered, and (the merchant begins with “Kiosk” or the channel is not “atm”)",
        ),
    ],
)  # fmt: skip
def test_conditions_are_said(cel: str, words: str) -> None:
    assert said(cel) == words


@pytest.mark.parametrize(
    "cel",
    [
        "amount_base > typical_high_base", "amount_base * 2.0 > 5.0", "size(merchant) > 3", "nobody", "amount_base >",
        'merchant.matches("a+")', "!(card_present && profile_known)", "card_present ? true : false",
        "card_present && (profile_known || (place_known && (device_known || device_shared)))", "x" * 20_000, "(" * 3000,
        "amount_base > 1e400", r'merchant == "\x41"',
    ],
)  # fmt: skip
def test_what_a_form_cannot_say_stays_as_it_is_written(cel: str) -> None:
    assert said(cel) is None


def test_a_rule_that_is_no_form_is_shown_as_cel() -> None:
    policy = Policy.parse(small().replace("when: spending,", 'when: "spending ? true : false",'))
    (family,) = step(policy_words(policy), "rules")["families"]
    rule = next(rule for rule in family["rules"] if rule["id"] == "always")
    assert (rule["words"], rule["form"]) == ("spending ? true : false", None)


def test_actions_thresholds_and_step_ups_are_said(words: dict[str, Any]) -> None:
    assert step(words, "outcome")["lines"] == ["Below 40: approve", "From 40 to 74: review", "From 75: block"]
    block = next(line for line in step(words, "actions")["lines"] if line.startswith("Block"))
    assert "freeze the account" in block
    first = step(words, "step_up")["lines"][0]
    assert first == "a 3-D Secure challenge within 15 minutes, where money is asked for, and the card is not present"
    assert "the score is at least 40" in step(words, "escalate")["text"]


def test_the_handbooks_policy_has_words_too() -> None:
    policy = packaged_policy("handbook")
    assert policy is not None
    assert len(policy_words(policy)["steps"]) == 14
