"""Journeys: distances that atlases give, and what the rules allow."""

from __future__ import annotations

import math

import pytest

from fraudray.geo.places import Place
from fraudray.geo.travel import KM_PER_MI, TravelRules, great_circle_km, great_circle_mi, judge_travel

NEW_YORK = (40.71427, -74.00597)
MOSCOW = (55.75204, 37.61781)
RULES = TravelRules()


def place(latitude: float, longitude: float, radius_mi: float = 0.0) -> Place:
    return Place("X", None, None, "US", "United States", latitude, longitude, 0, "UTC", None, radius_mi, "city")


@pytest.mark.parametrize(
    ("a", "b", "miles"),
    [
        (NEW_YORK, MOSCOW, 4667),
        (NEW_YORK, (40.71427, -74.00597), 0),
        ((0, 0), (0, 180), 12437),
        ((90, 0), (-90, 77), 12437),
        ((0, 179.5), (0, -179.5), 69),
    ],
)
def test_great_circle_distances(a: tuple[float, float], b: tuple[float, float], miles: float) -> None:
    assert great_circle_mi(*a, *b) == pytest.approx(miles, abs=4)
    assert great_circle_km(*a, *b) == pytest.approx(great_circle_mi(*a, *b) * KM_PER_MI)


@pytest.mark.parametrize(
    ("minutes", "mode"),
    [(0, "none"), (22, "none"), (9 * 60 + 30, "none"), (10 * 60, "air"), (80 * 60, "ground")],
)
def test_new_york_to_moscow(minutes: float, mode: str) -> None:
    travel = judge_travel(place(*NEW_YORK), place(*MOSCOW), minutes, RULES)
    assert travel.mode == mode
    assert travel.feasible == (mode != "none")
    assert travel.minimum_min == pytest.approx((travel.distance_mi / 600 + 2) * 60)
    assert math.isfinite(travel.required_speed_mph)


def test_the_speed_is_distance_over_time() -> None:
    travel = judge_travel(place(*NEW_YORK), place(*MOSCOW), 60, RULES)
    assert travel.required_speed_mph == pytest.approx(travel.distance_mi)
    assert travel.distance_km == pytest.approx(travel.distance_mi * KM_PER_MI)


def test_no_time_at_all_takes_the_margin() -> None:
    travel = judge_travel(place(*NEW_YORK), place(*MOSCOW), 0, RULES)
    assert travel.required_speed_mph == pytest.approx(travel.distance_mi * 12)
    without = judge_travel(place(*NEW_YORK), place(*MOSCOW), 0, TravelRules(clock_margin_min=0))
    assert math.isfinite(without.required_speed_mph)


def test_the_order_of_the_two_purchases_does_not_matter() -> None:
    forth = judge_travel(place(*NEW_YORK), place(*MOSCOW), -700, RULES)
    assert forth == judge_travel(place(*NEW_YORK), place(*MOSCOW), 700, RULES)


def test_neighbours_are_local_at_any_speed() -> None:
    travel = judge_travel(place(47.606, -122.332), place(47.610, -122.200), 0, RULES)
    assert (travel.mode, travel.feasible, travel.minimum_min) == ("local", True, 0.0)


def test_the_sizes_of_both_places_shorten_the_journey() -> None:
    far = judge_travel(place(40, -74), place(40, -73), 0, RULES)
    big = judge_travel(place(40, -74, 15), place(40, -73, 15), 0, RULES)
    assert (far.mode, big.mode) == ("none", "local")
    assert far.distance_mi == big.distance_mi


def test_the_clock_margin_counts_for_the_traveller() -> None:
    a, b = place(40, -74), place(41, -74)
    needed_min = judge_travel(a, b, 0, RULES).minimum_min
    assert judge_travel(a, b, needed_min - 4.9, RULES).mode == "ground"
    assert judge_travel(a, b, needed_min - 5.1, RULES).mode == "none"


@pytest.mark.parametrize("minutes", [math.inf, -math.inf, math.nan])
def test_time_must_be_a_number(minutes: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        judge_travel(place(0, 0), place(1, 1), minutes, RULES)


@pytest.mark.parametrize("wrong", [{"air_speed_mph": 0}, {"ground_speed_mph": -1}, {"clock_margin_min": math.nan}])
def test_rules_that_cannot_be_computed_with_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        TravelRules(**wrong)
