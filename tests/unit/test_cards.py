"""Card numbers are found however they are written, and nothing else is refused."""

from __future__ import annotations

import pytest

from fraudray.domain.cards import contains_card_number, is_card_number, luhn_valid, mask, never_masked
from fraudray.ports.clock import RandomIds

# Test numbers that the networks publish.
NUMBERS = [
    "4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100", "2223003122003222",
    "378282246310005", "371449635398431", "6011111111111117", "6011000990139424", "30569309025904", "38520000023237",
    "3530111333300000", "6200000000000005", "6759649826438453",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_published_test_numbers_are_card_numbers(number: str) -> None:
    assert luhn_valid(number)
    assert is_card_number(number)
    assert contains_card_number(number)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("separator", ["", " ", "-", ".", "\u00a0", "\u200b", " - ", "\u2013"])
def test_free_text_is_masked_whatever_separates_the_digits(number: str, separator: str) -> None:
    written = separator.join(number[i : i + 4] for i in range(0, len(number), 4))
    masked = mask(f"card {written}, thanks")
    digits = "".join(c for c in masked if c.isdigit())
    assert digits == number[-4:]
    assert masked.startswith("card ")
    assert masked.endswith(", thanks")


def test_a_number_hidden_among_other_digits_is_masked() -> None:
    assert "4111111111111111" not in mask("ref 0004111111111111111")
    assert "1111 1111 1111" not in mask("12/27 4111 1111 1111 1111 123")
    assert "1111111111111" not in mask("4111111111111111 12/27 123")


def test_digits_of_any_script_are_masked() -> None:
    assert mask("٤١١١١١١١١١١١١١١١").count("*") == 12


def test_a_known_prefix_is_masked_even_with_a_wrong_check_digit() -> None:
    assert mask("4111 1111 1111 1112").count("*") == 12


@pytest.mark.parametrize("text", ["Room 101", "2025-12-01 19:13:54", "+1 206 555 0142", "Invoice 20251201-191354", ""])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "identifier",
    ["TXN-20251201-100000", "1764633600000", "4111-1111-1111-1111", "4111111111111112", "dev-abc123",
     "6f9619ff-8b86-d011-b42d-00c04fc964ff", "4111111111111111".rjust(32, "a"), "4111111111111111".rjust(32, "F")],
)  # fmt: skip
def test_ids_that_are_no_card_number_are_not_refused(identifier: str) -> None:
    assert not contains_card_number(identifier)


@pytest.mark.parametrize("identifier", ["4111111111111111".rjust(31, "a"), "4111111111111111".rjust(32, "g"),
                                        "4111111111111111".rjust(32, "-")])  # fmt: skip
def test_only_a_digest_of_32_hexadecimal_digits_may_look_like_one(identifier: str) -> None:
    assert contains_card_number(identifier)


def test_an_id_of_ours_stays_readable_in_any_text() -> None:
    for ids in [RandomIds() for _ in range(200)]:
        for _ in range(100):
            text = f"{ids.new('lst')}, 2026-11-25 4111"
            assert mask(text) == text


def test_what_would_be_masked_is_made_again() -> None:
    made = iter(["4111111111111111", "a4111111111111111b", "12ab34", "12ab3c"])
    assert never_masked(lambda: next(made)) == "12ab3c"
