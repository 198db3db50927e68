"""IP addresses: kinds, countries, and a list file of one's own."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from fraudray.geo.networks import AddressBook, NetworkListError


@pytest.fixture(scope="module")
def book() -> Iterator[AddressBook]:
    opened = AddressBook()
    yield opened
    opened.close()


def listing(path: Path, *rows: str, head: str = "# date: 2026-11-01") -> Path:
    path.write_text("\n".join([head, "range,kind,provider", *rows, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("ip", "kind", "provider"),
    [
        ("185.220.101.5", "tor", "Tor"),
        ("8.8.8.8", "hosting", "Google"),
        (" 8.8.8.8 ", "hosting", "Google"),
        ("::ffff:8.8.8.8", "hosting", "Google"),
        ("2001:4860:4860::8888", "hosting", "Google"),
        ("104.16.0.1", "cdn", "Cloudflare"),
        ("192.168.1.100", "private", None),
        ("10.1.2.3", "private", None),
        ("172.16.0.1", "private", None),
        ("100.64.1.1", "private", None),
        ("127.0.0.1", "private", None),
        ("::1", "private", None),
        ("fe80::1%eth0", "private", None),
        ("fc00::1", "private", None),
        ("::ffff:192.168.1.100", "private", None),
        ("203.0.113.5", "reserved", None),
        ("2001:db8::1", "reserved", None),
        ("224.0.0.1", "reserved", None),
        ("240.0.0.1", "reserved", None),
        ("0.0.0.0", "reserved", None),
        ("91.198.174.192", "unlisted", None),
    ],
)
def test_kinds_of_addresses(book: AddressBook, ip: str, kind: str, provider: str | None) -> None:
    facts = book.look_up(ip)
    assert (facts.kind, facts.provider) == (kind, provider)
    assert facts.list_date == book.list_date


def test_a_private_relay_is_not_a_vpn(book: AddressBook) -> None:
    assert (book.look_up("104.28.33.0").kind, book.look_up("2.58.241.66").kind) == ("relay", "vpn")


@pytest.mark.parametrize(
    ("ip", "country"), [("185.220.101.5", "DE"), ("8.8.8.8", "US"), ("91.198.174.192", "NL"), ("192.168.1.100", None)]
)
def test_countries_of_addresses(book: AddressBook, ip: str, country: str | None) -> None:
    assert book.look_up(ip).country_code == country


@pytest.mark.parametrize(
    "ip", ["", "8.8.8", "8.8.8.8.8", "256.1.1.1", "localhost", "8.8.8.8/32", "1" * 1000, "١.٢.٣.٤"]
)
def test_what_is_not_an_address_is_refused(book: AddressBook, ip: str) -> None:
    with pytest.raises(ValueError, match="address"):
        book.look_up(ip)


def test_a_list_of_ones_own_replaces_the_packaged_one(tmp_path: Path) -> None:
    own = AddressBook(
        listing(
            tmp_path / "own.csv",
            "8.0.0.0/8,hosting,Wide",
            "8.8.8.0/24,vpn,Narrow",
            "8.8.8.8,proxy,Single",
            "9.0.0.5-9.0.0.9,satellite,",
            "2a00::/16,relay,Six",
        )
    )
    said = {
        ip: (own.look_up(ip).kind, own.look_up(ip).provider)
        for ip in ("8.1.1.1", "8.8.8.7", "8.8.8.8", "8.8.8.9", "8.255.255.255", "9.0.0.4", "9.0.0.9", "2a00:1::1")
    }
    assert said == {
        "8.1.1.1": ("hosting", "Wide"),
        "8.8.8.7": ("vpn", "Narrow"),
        "8.8.8.8": ("proxy", "Single"),
        "8.8.8.9": ("vpn", "Narrow"),
        "8.255.255.255": ("hosting", "Wide"),
        "9.0.0.4": ("unlisted", None),
        "9.0.0.9": ("satellite", None),
        "2a00:1::1": ("relay", "Six"),
    }
    assert own.list_date == date(2026, 11, 1)
    own.close()


def test_an_empty_list_knows_nothing(tmp_path: Path) -> None:
    empty = AddressBook(listing(tmp_path / "own.csv"))
    assert (len(empty), empty.look_up("185.220.101.5").kind) == (0, "unlisted")
    empty.close()


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("8.8.8.0/33,vpn,X", "line 3"),
        ("8.8.8.0/24,good,X", "not one of"),
        ("8.8.8.9-8.8.8.1,vpn,X", "not a range"),
        ("8.8.8.8-2a00::,vpn,X", "not a range"),
        ("8.8.8.8,vpn", "line 3"),
        ("nowhere,vpn,X", "not an address"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(NetworkListError, match=complaint):
        AddressBook(listing(tmp_path / "own.csv", row))


def test_a_list_needs_its_date_its_header_and_whole_content(tmp_path: Path) -> None:
    with pytest.raises(NetworkListError, match="date"):
        AddressBook(listing(tmp_path / "own.csv", head="# no day"))
    (tmp_path / "bare.csv").write_text("# date: 2026-11-01\n8.8.8.8,vpn,X\n", encoding="utf-8")
    with pytest.raises(NetworkListError, match="header"):
        AddressBook(tmp_path / "bare.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"# date: 2026-11-01\nrange,kind,provider\n")[:-9])
    with pytest.raises(NetworkListError, match=r"cut\.csv\.gz"):
        AddressBook(tmp_path / "cut.csv.gz")
    with pytest.raises(NetworkListError, match="country database"):
        AddressBook(countries_path=tmp_path / "bare.csv")
