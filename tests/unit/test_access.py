"""Scopes, principals, names of keys, and which addresses only this machine reaches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fraudray.domain.access import ANYONE, LOCAL, Principal, Scope, parse_scopes
from fraudray.domain.api_key import ApiKey, Ring, checked_name, digest_of, new_key
from fraudray.domain.errors import Forbidden, InvalidTransaction
from fraudray.gate import is_loopback

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def holder(*scopes: Scope) -> Principal:
    return Principal("checkout", frozenset(scopes), "k1")


def test_admin_holds_all_scopes_and_the_others_only_themselves() -> None:
    for held in Scope:
        for needed in Scope:
            assert holder(held).may(frozenset({needed})) is (held is needed or held is Scope.ADMIN)
    assert holder().may(frozenset())
    assert holder(Scope.ACT).may(frozenset({Scope.READ, Scope.ACT}))
    for everyone in (ANYONE, LOCAL):
        assert all(everyone.may(frozenset({scope})) for scope in Scope)


def test_a_missing_scope_is_named_with_what_needs_it() -> None:
    with pytest.raises(Forbidden, match="the key checkout lacks the scope act, which closing needs"):
        holder(Scope.READ).require(frozenset({Scope.ACT}), "closing")


def test_a_claimed_author_stands_behind_the_name_of_the_key() -> None:
    assert holder().author("") == "checkout"
    assert holder().author("Ana") == "checkout/Ana"
    assert len(holder().author("x" * 500)) == 128
    assert ANYONE.author("Ana") == LOCAL.author("Ana") == "Ana"
    assert (ANYONE.author(""), LOCAL.author("")) == ("http", "local")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "scopes"), (None, "scopes"), ("decide", "scopes"), (7, "scopes"), (["decide", "root"], "scopes.1"),
        ([["decide"]], "scopes.0"), ([None], "scopes.0"), (["DECIDE"], "scopes.0"),
    ],
)  # fmt: skip
def test_scopes_that_do_not_exist_are_named(given: Any, field: str) -> None:
    with pytest.raises(InvalidTransaction) as refused:
        parse_scopes(given)
    assert [problem.field for problem in refused.value.problems] == [field]
    assert "decide, read, act, admin" in refused.value.problems[0].message


@pytest.mark.parametrize(
    "name", ["", "  ", None, 5, "a/b", "x" * 65, "two\nlines", "\x1b[31m", "local", "LOCAL", "\u202e"]
)
def test_a_name_that_cannot_stand_on_the_audit_trail_is_refused(name: Any) -> None:
    with pytest.raises(InvalidTransaction) as refused:
        checked_name(name)
    assert refused.value.problems[0].field == "name"


def test_names_are_trimmed_and_may_be_in_any_script() -> None:
    assert checked_name("  支払い gateway-2 ") == "支払い gateway-2"


def test_every_key_is_another_and_its_secret_has_256_bits() -> None:
    keys = [new_key() for _ in range(100)]
    assert len({text for _, text in keys}) == 100
    for key_id, text in keys:
        assert text.startswith(f"frk_{key_id}_")
        assert len(text.split("_", 2)[2]) == 43


class _Incomparable(bytes):
    """A digest that must not be compared byte by byte, which would tell by its time how far a guess was right."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared with ==")

    __hash__ = bytes.__hash__


def test_digests_are_compared_in_constant_time() -> None:
    key_id, text = new_key()
    key = ApiKey(key_id, "checkout", _Incomparable(digest_of(text)), frozenset({Scope.READ}), NOW, "ana")
    ring = Ring({key_id: key})
    assert ring.authenticate(text, NOW) is not None
    assert ring.authenticate(text + "x", NOW) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True), ("127.8.9.10", True), ("::1", True), ("localhost", True), ("::ffff:127.0.0.1", True),
        ("127.1", True),
        ("0.0.0.0", False), ("::", False), ("", False), ("0", False), ("10.0.0.5", False), ("192.168.1.4", False),
        ("fe80::1", False), ("::ffff:10.0.0.5", False), ("no-such-host.invalid", False),
        ("127.0.0.1.evil.invalid", False),
    ],
)  # fmt: skip
def test_only_addresses_of_this_machine_alone_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
