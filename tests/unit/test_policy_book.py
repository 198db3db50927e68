"""Several policies: which one decides, and what a book may not say."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.bootstrap import App
from fraudray.domain.errors import PolicyError
from fraudray.domain.transaction import Channel, Transaction, TransactionType
from fraudray.policy.book import Choice, PolicyBook, describe
from fraudray.policy.located import locate_yaml
from fraudray.policy.policy import Policy
from fraudray.service import LocalService
from tests.policies import BOOK, small, write_book

Make = Callable[..., dict[str, Any]]


def tx(channel: Channel | None = None, kind: TransactionType = TransactionType.AUTHORIZATION) -> Transaction:
    more = {"original_transaction_id": "o"} if kind.follows else {}
    return Transaction(
        transaction_id="t", customer_id="c", amount=1, merchant="m", channel=channel, transaction_type=kind, **more
    )  # type: ignore[arg-type]


@pytest.fixture
def book(tmp_path: Path) -> PolicyBook:
    return PolicyBook.load(write_book(tmp_path))


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        (tx(), "cards"), (tx(Channel.POS), "cards"),
        (tx(Channel.ECOMMERCE), "wallets"), (tx(Channel.MOBILE), "wallets"),
        (tx(kind=TransactionType.REFUND), "wallets"), (tx(Channel.POS, TransactionType.REFUND), "wallets"),
        (tx(kind=TransactionType.REVERSAL), "cards"),
    ],
)  # fmt: skip
def test_channel_and_type_choose(book: PolicyBook, given: Transaction, chosen: str) -> None:
    assert book.choose(given).document.name == chosen


NAMES = ("p0", "p1", "p2")
POLICIES = {name: Policy.parse(small(name)) for name in NAMES}
CHOICES = st.lists(
    st.builds(
        Choice,
        policy=st.sampled_from(NAMES),
        channel=st.none() | st.lists(st.sampled_from(Channel), min_size=1),
        transaction_type=st.none() | st.lists(st.sampled_from(TransactionType), min_size=1),
    ),
    max_size=8,
)


@given(CHOICES, st.none() | st.sampled_from(Channel), st.sampled_from(TransactionType))
def test_the_first_choice_that_fits_decides(
    choices: list[Choice], channel: Channel | None, kind: TransactionType
) -> None:
    book = PolicyBook(POLICIES, POLICIES["p0"], tuple((choice, POLICIES[choice.policy]) for choice in choices))
    given_ = tx(channel, kind)
    fitting = [
        choice
        for choice in choices
        if (choice.channel is None or channel in choice.channel)
        and (choice.transaction_type is None or kind in choice.transaction_type)
    ]
    assert book.choose(given_).document.name == (fitting[0].policy if fitting else "p0")
    assert book.why(given_) == (fitting[0] if fitting else None)


@given(CHOICES, st.sampled_from(Channel), st.sampled_from(TransactionType))
def test_what_a_choice_covers_it_takes(choices: list[Choice], channel: Channel, kind: TransactionType) -> None:
    given_ = tx(channel, kind)
    for wide in choices:
        for narrow in choices:
            if wide.covers(narrow) and narrow.takes(given_):
                assert wide.takes(given_)


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "says"),
    [
        ("wallets.yaml]", "wallet.yaml]", 1, 24, "wallet.yaml is no file"),
        ("wallets.yaml]", "cards.yaml]", 1, 24, "second policy of the name cards"),
        ("wallets.yaml]", "book.yaml]", 1, 24, "is a book itself"),
        ("wallets.yaml]", "'']", 1, 24, "is no file"),
        ("[cards.yaml, wallets.yaml]", "cards.yaml", 1, 11, "valid list"),
        ("[cards.yaml, wallets.yaml]", "[]", 1, 11, "at least 1"),
        ("{policy: wallets, ch", "{policy: wallet, ch", 3, 14, "did you mean wallets"),
        ("default: cards", "default: everything", 5, 10, "there are cards, wallets"),
        ("default: cards\n", "", 1, 1, "default: Field required"),
        ("ecommerce, mobile", "ecommerce, shop", 3, 44, "choose.0.channel.1"),
        ("[ecommerce, mobile]", "[]", 3, 32, "at least 1"),
        ("transaction_type: [refund]", "transaction_types: [refund]", 4, 42, "not a field of a book"),
        (", transaction_type: [refund]", "", 4, 5, "names no channel and no transaction_type"),
        ("transaction_type: [refund]", "channel: [mobile]", 4, 5, "never reached: choice 1"),
        ("default: cards", "default: cards\ndefault: wallets", 6, 1, "given twice"),
        ("default: cards", "default: [", 6, 1, "is not YAML"),
    ],
)
def test_a_bad_book_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, line: int, column: int, says: str
) -> None:
    assert old in BOOK
    path = write_book(tmp_path, BOOK.replace(old, new, 1))
    with pytest.raises(PolicyError) as caught:
        PolicyBook.load(path)
    assert says in str(caught.value)
    assert str(caught.value.file) == str(path)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.rule is None


def test_a_bad_policy_of_a_book_points_into_its_own_file(tmp_path: Path) -> None:
    path = write_book(tmp_path)
    (tmp_path / "wallets.yaml").write_text(small("wallets").replace("when: spending", "when: spendign"))
    with pytest.raises(PolicyError) as caught:
        PolicyBook.load(path)
    assert str(caught.value.file) == str(tmp_path / "wallets.yaml")
    assert (caught.value.rule, caught.value.line) == ("always", 12)


def test_base_currencies_of_one_book_are_one(tmp_path: Path) -> None:
    path = write_book(tmp_path)
    (tmp_path / "wallets.yaml").write_text(small("wallets", base="EUR"))
    with pytest.raises(PolicyError, match=r"base currencies differ \(EUR, USD\)"):
        PolicyBook.load(path)


def test_paths_are_relative_to_the_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policies").mkdir()
    write_book(tmp_path / "policies")
    monkeypatch.chdir(tmp_path)
    book = PolicyBook.load(Path("policies/book.yaml"))
    assert list(book.policies) == ["cards", "wallets"]
    assert list(book.files) == [Path("policies") / name for name in ("book.yaml", "cards.yaml", "wallets.yaml")]


def test_a_policy_file_is_a_book_of_one(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("\ufeff" + small(), encoding="utf-8")
    book = PolicyBook.load(file)
    assert book.choose(tx()) is book.default
    assert (list(book.policies), list(book.files)) == (["cards"], [file])
    assert PolicyBook.load().files == {}


_BOMB = "l0: &l0 [x, x]\n" + "".join(f"l{n}: &l{n} [*l{n - 1}, *l{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("policies: &a [*a]\ndefault: x\n", "contains itself"),
        (_BOMB, "more than 100,000"),
        ("x: " + "[" * 3000, "YAML"),
    ],
    ids=["itself", "bomb", "deep"],
)  # fmt: skip
def test_a_small_file_that_stands_for_an_endless_one_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        locate_yaml(text, file="p.yaml")


def test_a_folder_or_nothing_is_no_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="is no file"):
        PolicyBook.load(tmp_path)
    with pytest.raises(PolicyError, match="cannot be read"):
        PolicyBook.load(tmp_path / "none.yaml")


def test_a_book_travels_between_processes_and_comes_back_from_its_description(book: PolicyBook) -> None:
    copies = [
        pickle.loads(pickle.dumps(book)),  # noqa: S301 - our own bytes
        PolicyBook.restore(book, describe(book)),
    ]
    for copy in copies:
        assert describe(copy) == describe(book)
        assert copy.choose(tx(Channel.MOBILE)).document.name == "wallets"
        assert copy.choose(tx()) is copy.default


def test_a_decision_names_its_policy_and_rests_on_that_policys_parameters(
    make_app: Callable[..., App], tmp_path: Path, plain: Make
) -> None:
    app = make_app(policy_file=write_book(tmp_path))
    journey = {"previous_location": "Tacoma, WA", "time_since_last_transaction": "5 hours ago"}
    in_person = app.engine.decide(plain(channel="pos", merchant="Kiosk", **journey))
    online = app.engine.decide(plain(channel="ecommerce", merchant="Stand", **journey))
    other = app.engine.decide(plain(channel="ecommerce", merchant="Kiosk"))
    assert (in_person.policy.name, [r.code for r in in_person.reasons]) == ("cards", ["ALWAYS", "KIOSK"])
    assert (online.policy.name, [r.code for r in online.reasons]) == ("wallets", ["WALLET", "KIOSK"])
    assert [r.code for r in other.reasons] == ["WALLET"]
    stored = app.store.cases.decision(online.transaction_id)
    assert stored.policy == app.engine.book.policies["wallets"].ref


def test_travel_is_judged_by_the_chosen_policys_speeds(
    make_app: Callable[..., App], tmp_path: Path, plain: Make
) -> None:
    app = make_app(policy_file=write_book(tmp_path))
    journey = {
        "location": "Portland, OR", "previous_location": "Miami, FL", "time_since_last_transaction": "20 hours ago",
    }  # fmt: skip
    slow = app.engine.decide(plain(channel="mobile", **journey))
    usual = app.engine.decide(plain(channel="pos", **journey))
    assert "TOO_FAST" in {reason.code for reason in slow.reasons}
    assert "TOO_FAST" not in {reason.code for reason in usual.reasons}


def test_explain_says_which_policy_and_why(make_app: Callable[..., App], tmp_path: Path, plain: Make) -> None:
    service = LocalService(make_app(policy_file=write_book(tmp_path)))
    by_choice = service.explain(plain(channel="mobile"))
    by_default = service.explain(plain(channel="pos"))
    assert (by_choice["policy"]["name"], by_choice["chosen_by"]) == (
        "wallets", {"policy": "wallets", "channel": ["ecommerce", "mobile"]},
    )  # fmt: skip
    assert (by_default["policy"]["name"], by_default["chosen_by"]) == ("cards", "default")
    assert service.policy("wallets")["book"]["default"] == "cards"
