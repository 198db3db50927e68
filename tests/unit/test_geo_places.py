"""Written places: what each spelling means, what is ambiguous, what is unknown."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraudray.geo.places import ALTERNATIVES_MAX, Place, PlaceIndex, PlacesFileError, city_radius_mi


@pytest.fixture(scope="module")
def index() -> Iterator[PlaceIndex]:
    opened = PlaceIndex()
    yield opened
    opened.close()


def found(index: PlaceIndex, text: str, near: str | None = None) -> Place:
    place = index.resolve(text, near=found(index, near) if near else None).place
    assert place is not None
    return place


CLEAR = [
    ("Seattle, WA", "Seattle, WA"),
    ("seattle wa", "Seattle, WA"),
    ("SEATTLE", "Seattle, WA"),
    ("  Seattle ,  WA  ", "Seattle, WA"),
    ("Seattle, Washington", "Seattle, WA"),
    ("Seattle, USA", "Seattle, WA"),
    ("Seattle, U.S.", "Seattle, WA"),
    ("Seattle, WA, USA", "Seattle, WA"),
    ("Seattle, WA USA", "Seattle, WA"),
    ("Seattle WA, United States", "Seattle, WA"),
    ("Seattle, WA 98101", "Seattle, WA"),
    ("Seattle WA 98101-1234", "Seattle, WA"),
    ("Seattle, WA, 98101, USA", "Seattle, WA"),
    ("Seattle, King County, WA", "Seattle, WA"),
    ("Seattle (WA)", "Seattle, WA"),
    ("Seattle, US-WA", "Seattle, WA"),
    ("Vancouver, BC", "Vancouver, BC, CA"),
    ("Vancouver, British Columbia, Canada", "Vancouver, BC, CA"),
    ("Vancouver, WA", "Vancouver, WA"),
    ("Toronto, ON", "Toronto, ON, CA"),
    ("Toronto, CA", "Toronto, ON, CA"),
    ("Toronto, ON M5V 2T6", "Toronto, ON, CA"),
    ("Montreal, Quebec, Canada", "Montréal, QC, CA"),
    ("St. John's, NL", "St. John's, NL, CA"),
    ("Los Angeles, CA", "Los Angeles, CA"),
    ("San Jose, CA", "San Jose, CA"),
    ("Sydney, NSW", "Sydney, NSW, AU"),
    ("Sydney, NS", "Sydney, NS, CA"),
    ("Perth, WA", "Perth, WA, AU"),
    ("Adelaide, SA", "Adelaide, SA, AU"),
    ("Riyadh, SA", "Riyadh, Saudi Arabia"),
    ("Paris, TX", "Paris, TX"),
    ("Paris Texas USA", "Paris, TX"),
    ("Paris, France", "Paris, France"),
    ("Paris France", "Paris, France"),
    ("Paris, FR", "Paris, France"),
    ("Paris, FRA", "Paris, France"),
    ("Paris (France)", "Paris, France"),
    ("Munich, BY", "Munich, Germany"),
    ("Munich, Bayern", "Munich, Germany"),
    ("München", "Munich, Germany"),
    ("Muenchen", "Munich, Germany"),
    ("munchen", "Munich, Germany"),
    ("10115 Berlin, Germany", "Berlin, Germany"),
    ("Berlin, DE", "Berlin, Germany"),
    ("Frankfurt", "Frankfurt am Main, Germany"),
    ("Moskau", "Moscow, Russia"),
    ("Moskva", "Moscow, Russia"),
    ("Москва", "Moscow, Russia"),
    ("МОСКВА, Россия", "Moscow, Russia"),
    ("Moscow, Russia", "Moscow, Russia"),
    ("Moscow Russia", "Moscow, Russia"),
    ("Moscow, ID", "Moscow, ID"),
    ("St. Petersburg, Russia", "Saint Petersburg, Russia"),
    ("Saint Petersburg, RU", "Saint Petersburg, Russia"),
    ("St Petersburg, FL", "St. Petersburg, FL"),
    ("New York", "New York City, NY"),
    ("New York NY", "New York City, NY"),
    ("New York, New York", "New York City, NY"),
    ("New York City", "New York City, NY"),
    ("NYC", "New York City, NY"),
    ("Brooklyn, New York City", "Brooklyn, NY"),
    ("Washington, D.C.", "Washington, DC"),
    ("Washington DC", "Washington, DC"),
    ("Atlanta, Georgia", "Atlanta, GA"),
    ("Tbilisi, Georgia", "Tbilisi, Georgia"),
    ("London, UK", "London, United Kingdom"),
    ("London, England", "London, United Kingdom"),
    ("London, ON", "London, ON, CA"),
    ("Edinburgh, Scotland", "Edinburgh, United Kingdom"),
    ("Cardiff, Wales", "Cardiff, United Kingdom"),
    ("Belfast, Northern Ireland", "Belfast, United Kingdom"),
    ("Amsterdam, Holland", "Amsterdam, Netherlands"),
    ("Dubai, UAE", "Dubai, United Arab Emirates"),
    ("Seoul, South Korea", "Seoul, South Korea"),
    ("서울", "Seoul, South Korea"),
    ("東京", "Tokyo, Japan"),
    ("東京、日本", "Tokyo, Japan"),
    ("北京", "Beijing, China"),
    ("القاهرة", "Cairo, Egypt"),
    ("Αθήνα", "Athens, Greece"),
    ("Prague, Czechia", "Prague, Czechia"),
    ("Abidjan, Ivory Coast", "Abidjan, Ivory Coast"),
    ("Yangon, Burma", "Yangon, Myanmar"),
    ("Saigon, Vietnam", "Ho Chi Minh City, Vietnam"),
    ("Łódź", "Łódź, Poland"),
    ("Lodz, Poland", "Łódź, Poland"),
    ("København", "Copenhagen, Denmark"),
    ("Zurich, Switzerland", "Zürich, Switzerland"),
    ("SAO PAULO SP", "São Paulo, Brazil"),
    ("Guadalajara, Jalisco", "Guadalajara, Mexico"),
    ("Coeur d'Alene, ID", "Coeur d'Alene, ID"),
    ("Winston-Salem NC", "Winston-Salem, NC"),
    ("Biel/Bienne", "Biel/Bienne, Switzerland"),
    ("Milan, MI", "Milan, MI"),
    ("Tirana, AL", "Tirana, Albania"),
    ("Birmingham, AL", "Birmingham, AL"),
    ("Brgy. Nalook, kalibo, Philippines", "Brgy. Nalook, kalibo, Philippines"),
    ("Oranjestad, Caribbean Netherlands", "Oranjestad, Caribbean Netherlands"),
    ("Essen, Germany", "Essen, Germany"),
    ("Yokohama, Japan", "Yokohama, Japan"),
    ("Tashkent, Uzbekistan", "Tashkent, Uzbekistan"),
    ("Mafraq, Jordan", "Mafraq, Jordan"),
]


@pytest.mark.parametrize(("written", "label"), CLEAR)
def test_a_clear_spelling_means_one_place(index: PlaceIndex, written: str, label: str) -> None:
    resolution = index.resolve(written)
    assert (resolution.status, resolution.alternatives) == ("ok", ())
    assert resolution.place is not None
    assert resolution.place.label == label
    assert resolution.place.precision == "city"


@pytest.mark.parametrize(
    ("written", "label", "other"),
    [
        ("Paris", "Paris, France", "Paris, TX"),
        ("London", "London, United Kingdom", "London, ON, CA"),
        ("Moscow", "Moscow, Russia", "Moscow, ID"),
        ("Vancouver", "Vancouver, BC, CA", "Vancouver, WA"),
        ("Springfield", "Springfield, MO", "Springfield, IL"),
        ("Springfield, USA", "Springfield, MO", "Springfield, MA"),
        ("St. Petersburg", "Saint Petersburg, Russia", "St. Petersburg, FL"),
        ("Portland", "Portland, OR", "Portland, ME"),
        ("London, CA", "London, ON, CA", "London, CA"),
        ("Richmond, CA", "Richmond, CA", "Richmond, BC, CA"),
        ("Washington", "Washington, DC", "Washington, United States"),
        ("Georgia", "Georgia, United States", "Georgia"),
        ("CA", "Canada", "California, United States"),
        ("LA", "Los Angeles, CA", "Laos"),
        ("Punjab", "Punjab, Pakistan", "Punjab, India"),
        ("Cologne", "Köln, Germany", "Cologne, Italy"),
    ],
)
def test_a_name_that_nothing_written_decides_is_ambiguous(
    index: PlaceIndex, written: str, label: str, other: str
) -> None:
    resolution = index.resolve(written)
    assert resolution.status == "ambiguous"
    assert resolution.place is not None
    assert resolution.place.label == label
    assert other in [alternative.label for alternative in resolution.alternatives]
    assert resolution.place not in resolution.alternatives
    assert len(resolution.alternatives) <= ALTERNATIVES_MAX
    populations = [alternative.population for alternative in resolution.alternatives]
    assert populations == sorted(populations, reverse=True)


@pytest.mark.parametrize(
    ("written", "near", "label"),
    [
        ("Paris", "Dallas, TX", "Paris, TX"),
        ("Paris", "Brussels, Belgium", "Paris, France"),
        ("London", "Toronto, ON", "London, ON, CA"),
        ("Springfield", "Boston, MA", "Springfield, MA"),
        ("Moscow", "Spokane, WA", "Moscow, ID"),
        ("Georgia", "Yerevan, Armenia", "Georgia"),
        ("Paris, France", "Dallas, TX", "Paris, France"),
        ("Moskva", "Dushanbe, Tajikistan", "Moscow, Russia"),  # a namesake 5,000 times smaller is not meant
    ],
)
def test_the_previous_place_chooses_only_where_nothing_is_written(
    index: PlaceIndex, written: str, near: str, label: str
) -> None:
    assert found(index, written, near).label == label


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        ",,,",
        "Atlantisburg",
        "Seattle, Germany",
        "Paris, Germany",
        "Seattle, WA, Canada",
        "Moscow, Seattle",
        "Munich, TX, USA, France",
        "'; DROP TABLE place; --",
        "\x00\x01\x02",
        "\ud800",
        "𝕏" * 50,
        "a" * 200,
        "a," * 100,
        "Paris " * 100,
        "12 34",
        "91.0, 12.0",
        "Robert'); DROP TABLE name;--",
        "‮‮‮",
        "%s%s%n",
        "null",
        "x",
    ],
)
def test_what_is_no_place_or_contradicts_itself_is_unknown(index: PlaceIndex, written: str) -> None:
    resolution = index.resolve(written)
    assert (resolution.status, resolution.place, resolution.alternatives) == ("unknown", None, ())


@pytest.mark.parametrize(
    ("written", "label", "precision", "radius_min_mi"),
    [
        ("Russia", "Russia", "country", 1000),
        ("Россия", "Russia", "country", 1000),
        ("Russland", "Russia", "country", 1000),
        ("U.S.A.", "United States", "country", 1000),
        ("Singapore", "Singapore", "country", 10),
        ("Mexico", "Mexico", "country", 500),
        ("Texas", "Texas, United States", "admin1", 200),
        ("Texas, USA", "Texas, United States", "admin1", 200),
        ("US-TX", "Texas, United States", "admin1", 200),
        ("Bavaria", "Bavaria, Germany", "admin1", 50),
        ("Ontario, Canada", "Ontario, Canada", "admin1", 100),
    ],
)
def test_a_bare_country_or_state_is_a_large_place(
    index: PlaceIndex, written: str, label: str, precision: str, radius_min_mi: float
) -> None:
    resolution = index.resolve(written)
    assert resolution.status == "ok"
    assert resolution.place is not None
    assert (resolution.place.label, resolution.place.precision) == (label, precision)
    assert resolution.place.radius_mi >= radius_min_mi
    assert resolution.place.geoname_id is None


@pytest.mark.parametrize("written", ["47.61,-122.33", "47.61 N, 122.33 W", "(47.61, -122.33)", "47.61° N; 122.33° W"])
def test_coordinates_are_a_point_without_size(index: PlaceIndex, written: str) -> None:
    place = found(index, written)
    assert (place.latitude, place.longitude, place.radius_mi) == (47.61, -122.33, 0.0)
    assert (place.precision, place.country_code, place.admin1_code) == ("coordinates", "US", "WA")
    assert place.time_zone == "America/Los_Angeles"


@pytest.mark.parametrize(
    ("latitude", "longitude", "country"),
    [(-90, 0, "CL"), (89.9, 0, "SJ"), (-17, 179.99, "FJ"), (-17, -179.99, "FJ"), (-48.87, -123.39, "CL")],
)
def test_the_nearest_city_is_found_at_the_poles_the_date_line_and_far_out(
    index: PlaceIndex, latitude: float, longitude: float, country: str
) -> None:
    assert index.at(latitude, longitude).country_code == country


@pytest.mark.parametrize(("latitude", "longitude"), [(91, 0), (0, 181), (float("nan"), 0)])
def test_coordinates_off_the_globe_are_refused(index: PlaceIndex, latitude: float, longitude: float) -> None:
    with pytest.raises(ValueError, match="within"):
        index.at(latitude, longitude)


def test_a_city_carries_all_that_is_known(index: PlaceIndex) -> None:
    place = found(index, "Seattle, WA")
    assert (place.admin1_code, place.admin1_name, place.country_code) == ("WA", "Washington", "US")
    assert (place.country_name, place.time_zone, place.geoname_id) == (
        "United States",
        "America/Los_Angeles",
        5809844,
    )
    assert place.population > 700_000
    assert place.radius_mi == city_radius_mi(place.population)


def test_the_radius_grows_with_the_people_within_bounds() -> None:
    sizes = [city_radius_mi(people) for people in (0, 500, 100_000, 1_000_000, 30_000_000)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (1.0, 40.0)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE meta (name TEXT, value TEXT)")
    db.close()
    with pytest.raises(PlacesFileError, match="format"):
        PlaceIndex(other)
    with pytest.raises(PlacesFileError, match="cannot be read"):
        PlaceIndex(tmp_path / "missing.sqlite")


def test_threads_share_one_index(index: PlaceIndex) -> None:
    fresh = PlaceIndex()
    wrong: list[str] = []

    def ask() -> None:
        for written, label in CLEAR:
            place = fresh.resolve(written).place
            if place is None or place.label != label:
                wrong.append(written)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh.close()
    assert wrong == []
