"""What holds for all places, all texts and all journeys."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.geo.places import ALTERNATIVES_MAX, Place, PlaceIndex
from fraudray.geo.travel import HALF_CIRCUMFERENCE_MI, TravelRules, great_circle_mi, judge_travel

CITIES = 234_908
SAME_PLACE_MI = 50.0
quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
points = st.tuples(latitudes, longitudes)
places = st.builds(
    lambda point, radius: Place("X", None, None, "US", "US", point[0], point[1], 0, "UTC", None, radius, "city"),
    points,
    st.floats(0, 4000),
)
written = st.text(max_size=200) | st.lists(
    st.sampled_from(
        ["Paris", "Москва", "CA", "TX", "USA", "St.", ",", "(", "/", "\x00", "'; DROP", "98101", "12.5", "N", "県", "-"]
    ),
    max_size=12,
).map(" ".join)


@cache
def index() -> PlaceIndex:
    return PlaceIndex()


def distance_mi(a: Place, b: Place) -> float:
    return great_circle_mi(a.latitude, a.longitude, b.latitude, b.longitude)


@quick
@given(points, points)
def test_distance_is_symmetric_and_bounded(a: tuple[float, float], b: tuple[float, float]) -> None:
    there = great_circle_mi(*a, *b)
    assert 0 <= there <= HALF_CIRCUMFERENCE_MI * (1 + 1e-12)
    assert abs(there - great_circle_mi(*b, *a)) < 1e-6
    assert great_circle_mi(*a, *a) == 0


@quick
@given(points, points, points)
def test_a_detour_is_never_shorter(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
    assert great_circle_mi(*a, *c) <= great_circle_mi(*a, *b) + great_circle_mi(*b, *c) + 1e-3


@quick
@given(places, places, st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_time_never_makes_a_journey_impossible(a: Place, b: Place, minutes: float, more: float) -> None:
    rules = TravelRules()
    short, long = judge_travel(a, b, minutes, rules), judge_travel(a, b, minutes + more, rules)
    assert long.feasible or not short.feasible
    assert long.required_speed_mph <= short.required_speed_mph or minutes < 5
    assert 0 <= long.required_speed_mph < float("inf")
    assert long.minimum_min == short.minimum_min


@quick
@given(written)
def test_any_text_has_an_answer(text: str) -> None:
    resolution = index().resolve(text)
    assert (resolution.place is None) == (resolution.status == "unknown")
    assert bool(resolution.alternatives) == (resolution.status == "ambiguous")
    nearer = index().resolve(text, near=index().city(0))
    assert (nearer.place is None) == (resolution.place is None)


@quick
@given(st.integers(0, CITIES - 1))
def test_the_label_of_a_city_leads_back_to_it(number: int) -> None:
    """Or to a namesake fifty times as big, or to so many that not all are listed; a name with commas may be lost."""
    city = index().city(number)
    resolution = index().resolve(city.label)
    place = resolution.place
    if place is None:
        assert "," in city.name
        return
    listed = any(distance_mi(one, city) <= SAME_PLACE_MI for one in (place, *resolution.alternatives))
    negligible = max(500, city.population) < place.population / 50
    assert listed or negligible or len(resolution.alternatives) == ALTERNATIVES_MAX, (city.label, resolution)


@quick
@given(st.integers(0, CITIES - 1))
def test_the_previous_place_finds_the_city_of_that_name_around_it(number: int) -> None:
    city = index().city(number)
    place = index().resolve(city.label, near=city).place
    if place is None:
        assert "," in city.name
        return
    assert distance_mi(place, city) <= SAME_PLACE_MI or place.precision == "admin1"


@quick
@given(latitudes, longitudes)
def test_the_nearest_city_is_nearest(latitude: float, longitude: float) -> None:
    nearest = index().at(latitude, longitude)
    named = index().resolve(nearest.label, near=nearest).place
    if named is None or named.precision != "city":
        return
    away = great_circle_mi(latitude, longitude, named.latitude, named.longitude)
    for number in range(400):
        other = index().city(number)
        assert great_circle_mi(latitude, longitude, other.latitude, other.longitude) >= away - SAME_PLACE_MI
