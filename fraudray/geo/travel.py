"""Could the card's holder have travelled between two places in the time? Pure functions, no data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from fraudray.geo.places import Place

# Mean radius R1 of the GRS 80 ellipsoid (Moritz, Geodetic Reference System 1980, IUGG): 6,371,008.8 m.
EARTH_RADIUS_KM = 6371.0088
# The international mile of 1959: exactly 1,609.344 m.
KM_PER_MI = 1.609344
HALF_CIRCUMFERENCE_MI = math.pi * EARTH_RADIUS_KM / KM_PER_MI


@dataclass(frozen=True, slots=True)
class TravelRules:
    """How fast people travel.

    Air: `air_speed_mph` plus `air_overhead_h` for both airports; ground: `ground_speed_mph` door to door. Up to
    `distance_floor_mi` two places count as the same neighbourhood. `clock_margin_min` is added to the time between
    two purchases, since the clocks of two terminals differ.
    """

    air_speed_mph: float = 600.0
    air_overhead_h: float = 2.0
    ground_speed_mph: float = 70.0
    distance_floor_mi: float = 30.0
    clock_margin_min: float = 5.0

    def __post_init__(self) -> None:
        """Refuse rules that cannot be computed with (ValueError)."""
        if not all(math.isfinite(v) and v > 0 for v in (self.air_speed_mph, self.ground_speed_mph)):
            raise ValueError("speeds must be above zero")
        others = (self.air_overhead_h, self.distance_floor_mi, self.clock_margin_min)
        if not all(math.isfinite(v) and v >= 0 for v in others):
            raise ValueError("overhead, floor and margin must be zero or more")


@dataclass(frozen=True, slots=True)
class Travel:
    """The judgement of one journey.

    `distance_*` is between the centres; `required_speed_mph` is that distance over the elapsed time and always
    finite; `minimum_min` is the shortest time the rules allow from edge to edge; `mode` is the slowest way that is in
    time, "none" if there is none. `elapsed_min` is as measured, without the margin.
    """

    distance_mi: float
    distance_km: float
    elapsed_min: float
    required_speed_mph: float
    feasible: bool
    mode: Literal["local", "ground", "air", "none"]
    minimum_min: float


def great_circle_km(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """The great-circle distance in kilometres between two points in decimal degrees (haversine, mean radius)."""
    a_phi, b_phi = math.radians(a_lat), math.radians(b_lat)
    half_lat = (b_phi - a_phi) / 2
    half_lon = math.radians(b_lon - a_lon) / 2
    chord = math.sin(half_lat) ** 2 + math.cos(a_phi) * math.cos(b_phi) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, max(0.0, chord))))


def great_circle_mi(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """The same distance in miles."""
    return great_circle_km(a_lat, a_lon, b_lat, b_lon) / KM_PER_MI


def judge_travel(a: Place, b: Place, minutes: float, rules: TravelRules) -> Travel:
    """Judge a journey between two places in `minutes` (the sign is ignored: order does not matter).

    The distance to cover is from edge to edge: the distance of the centres less both radii, never below zero. Raises
    ValueError if minutes is not a finite number.
    """
    if not math.isfinite(minutes):
        raise ValueError("minutes must be a finite number")
    elapsed_min = abs(minutes)
    allowed_min = elapsed_min + rules.clock_margin_min
    distance_km = great_circle_km(a.latitude, a.longitude, b.latitude, b.longitude)
    distance_mi = distance_km / KM_PER_MI
    effective_mi = max(0.0, distance_mi - a.radius_mi - b.radius_mi)

    ground_min = effective_mi / rules.ground_speed_mph * 60
    air_min = (effective_mi / rules.air_speed_mph + rules.air_overhead_h) * 60
    mode: Literal["local", "ground", "air", "none"]
    if effective_mi <= rules.distance_floor_mi:
        mode, minimum_min = "local", 0.0
    else:
        minimum_min = min(ground_min, air_min)
        mode = "ground" if ground_min <= allowed_min else "air" if air_min <= allowed_min else "none"
    # Never divide by (almost) nothing: below the margin the margin counts, and never less than a minute.
    measured_min = max(elapsed_min, rules.clock_margin_min if elapsed_min == 0 else 0.0, 1.0)
    return Travel(
        distance_mi=distance_mi,
        distance_km=distance_km,
        elapsed_min=elapsed_min,
        required_speed_mph=distance_mi / (measured_min / 60),
        feasible=mode != "none",
        mode=mode,
        minimum_min=minimum_min,
    )
