"""Keys and parts of written places."""

from __future__ import annotations

import pytest

from fraudray.geo.spelling import coordinates, key, parts, umlaut_spelling


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("São Paulo", "sao paulo"),
        ("ŁÓDŹ", "lodz"),
        ("Straße", "strasse"),
        ("Tromsø", "tromso"),
        ("İstanbul", "istanbul"),
        ("U.S.A.", "usa"),
        ("D.C.", "dc"),
        ("St.Petersburg", "st petersburg"),
        ("Saint-Denis", "st denis"),
        ("Xi’an", "xian"),
        ("O'Fallon", "ofallon"),
        ("Йошкар-Ола", "иошкар ола"),
        ("ＴＯＫＹＯ", "tokyo"),
        ("서울", "서울"),
        ("मुंबई", "मुंबई"),
        ("Zürich", "zurich"),  # u with a combining mark
        ("  a \t b  ", "a b"),
        ("…!?", ""),
    ],
)
def test_keys_ignore_case_accents_and_signs(written: str, expected: str) -> None:
    assert key(written) == expected
    assert key(expected) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Seattle, WA 98101", ["Seattle", "WA"]),
        ("Seattle, WA, 98101", ["Seattle", "WA"]),
        ("75001 Paris; France", ["Paris", "France"]),
        ("Toronto, ON M5V2T6", ["Toronto", "ON"]),
        ("東京、日本", ["東京", "日本"]),
        ("a,b,c,d,e,f,g", []),
        ("x" * 201, []),
    ],
)
def test_parts_are_cut_at_commas_and_lose_postcodes(written: str, expected: list[str]) -> None:
    assert [part.strip() for part in parts(written)] == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("47.61,-122.33", (47.61, -122.33)),
        ("33.9 S, 151.2 E", (-33.9, 151.2)),
        ("47.61 -122.33", (47.61, -122.33)),
        ("0,0", (0.0, 0.0)),
        ("12 34", None),
        ("90.1,0", None),
        ("0,180.5", None),
        ("47.61", None),
        ("Seattle, 5", None),
    ],
)
def test_coordinates_are_read_latitude_first(written: str, expected: tuple[float, float] | None) -> None:
    assert coordinates(written) == expected


def test_umlauts_have_a_two_letter_spelling() -> None:
    assert (umlaut_spelling("Düsseldorf"), umlaut_spelling("Berlin")) == ("Duesseldorf", None)
