"""Policies written as text: what is read again is what was meant."""

from __future__ import annotations

import pytest

from fraudray.domain.errors import PolicyError
from fraudray.policy.packaged import NAMES, packaged_policy
from fraudray.policy.policy import Policy
from fraudray.policy.source import default_policy_text
from fraudray.policy.writing import text_of, with_version
from tests.policies import small


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_that_was_written_is_the_same_policy(name: str) -> None:
    policy = packaged_policy(name)
    assert policy is not None
    values = policy.document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    written = Policy.parse(text_of(values))
    assert written.document == policy.document
    assert [line.cel for line in written.lines] == [line.cel for line in policy.lines]


def test_text_that_looks_like_yaml_stays_text() -> None:
    policy = Policy.parse(small())
    values = policy.document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    hostile = 'no: "yes" # 1e3\n- &a *b {x: y} \u2028 加密'
    values["description"], values["rules"][0]["text"] = hostile, "null"
    again = Policy.parse(text_of(values)).document
    assert (again.description, again.rules[0].text) == (hostile, "null")


def test_what_yaml_cannot_hold_is_refused() -> None:
    with pytest.raises(PolicyError, match="cannot be written"):
        text_of({"name": object()})


@pytest.mark.parametrize("version", ["3", "2026-11-29", 'a "quoted" one: #', "é"])
def test_a_new_version_changes_nothing_else(version: str) -> None:
    text = default_policy_text()
    changed = with_version(text, version)
    assert Policy.parse(changed).document.version == version
    was, now = text.splitlines(), changed.splitlines()
    assert [line for line, other in zip(was, now, strict=True) if line != other] == ['version: "2"']


@pytest.mark.parametrize("text", ["name: [", "- a", "", "name: x\n", "version: [1]\n"])
def test_a_text_without_a_version_is_left_alone(text: str) -> None:
    assert with_version(text, "3") == text
