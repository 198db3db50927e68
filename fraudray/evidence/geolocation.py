"""geolocation-checker: where was it, where was the customer before, and can one get from there to here in time?"""

from __future__ import annotations

from dataclasses import dataclass

from fraudray.domain.duration import spell_duration
from fraudray.domain.evidence import GEOLOCATION_CHECKER, Item
from fraudray.evidence.context import Inquiry
from fraudray.geo.places import Place, Resolution
from fraudray.geo.travel import judge_travel

_MINUTE_US = 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Previous:
    """The place before this one, and how many minutes earlier; `source` says who knows it."""

    place: Place
    minutes: float
    source: str  # "given" or "seen"


class GeolocationChecker:
    """Resolves places offline and judges travel per instrument where one is given."""

    name = GEOLOCATION_CHECKER
    local = True
    limit_s = None

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """Items `place`, `previous`, `travel`, `consistency`, `ip_country`."""
        given = resolve_previous(inquiry)
        seen = _seen(inquiry)
        previous = _previous(inquiry, given, seen)
        current = resolve_current(inquiry, near=previous.place if previous else given.place if given else None)
        return {
            "place": _place(inquiry, current),
            "previous": _previous_item(inquiry, given, previous),
            "travel": _travel(inquiry, previous, current),
            "consistency": _consistency(inquiry, given, seen),
            "ip_country": _ip_country(inquiry, current),
        }


def resolve_current(inquiry: Inquiry, near: Place | None = None) -> Resolution | None:
    """The transaction's own place; None when it gives none."""
    tx = inquiry.tx
    if tx.latitude is not None and tx.longitude is not None:
        return Resolution("ok", inquiry.reference.places.at(tx.latitude, tx.longitude), ())
    return inquiry.reference.places.resolve(tx.location, near=near) if tx.location else None


def resolve_previous(inquiry: Inquiry) -> Resolution | None:
    """The previous place as the transaction gives it; None when it gives none."""
    tx = inquiry.tx
    if tx.previous_latitude is not None and tx.previous_longitude is not None:
        return Resolution("ok", inquiry.reference.places.at(tx.previous_latitude, tx.previous_longitude), ())
    return inquiry.reference.places.resolve(tx.previous_location) if tx.previous_location else None


def is_weak(inquiry: Inquiry) -> bool:
    """Whether the place may only be what a VPN, relay, satellite or Tor address pretends."""
    tx = inquiry.tx
    if tx.card_present or tx.ip_address is None:
        return False
    return inquiry.reference.addresses.look_up(tx.ip_address).kind in inquiry.parameters.weak_place_networks


def trusted_place(inquiry: Inquiry) -> Place | None:
    """The place that may become the customer's "previous place"; None when unknown, unclear or weak."""
    current = resolve_current(inquiry)
    if current is None or current.place is None or is_weak(inquiry):
        return None
    if current.status == "ambiguous":
        previous = _previous(inquiry, resolve_previous(inquiry), _seen(inquiry))
        if previous is None:
            return current.place
        current = resolve_current(inquiry, near=previous.place)
    return current.place if current else None


def _seen(inquiry: Inquiry) -> Previous | None:
    sighting = inquiry.state.last_sighting(inquiry.tx.instrument_key)
    if sighting is None:
        return None
    return Previous(sighting.place, abs(inquiry.at_us - sighting.at_us) / _MINUTE_US, "seen")


def _given_minutes(inquiry: Inquiry) -> float | None:
    before = inquiry.tx.previous_at(inquiry.now)
    return None if before is None else max(0.0, (inquiry.at - before).total_seconds() / 60)


def _previous(inquiry: Inquiry, given: Resolution | None, seen: Previous | None) -> Previous | None:
    """What the transaction says comes first; what it leaves out is what the system saw."""
    minutes = _given_minutes(inquiry)
    if given is None:
        return seen
    if given.place is None:
        return None
    if minutes is None:
        return Previous(given.place, seen.minutes, "given") if seen else None
    return Previous(given.place, minutes, "given")


def _describe(place: Place) -> Item:
    return {
        "label": place.label,
        "country_code": place.country_code,
        "latitude": round(place.latitude, 4),
        "longitude": round(place.longitude, 4),
        "time_zone": place.time_zone,
        "precision": place.precision,
    }


def _place(inquiry: Inquiry, current: Resolution | None) -> Item:
    if current is None:
        return inquiry.absent("location")
    if current.place is None:
        return {"known": False, "written": inquiry.tx.location}
    item: Item = {"known": True, "ambiguous": current.status == "ambiguous", "weak": is_weak(inquiry)}
    item |= _describe(current.place)
    if current.alternatives:
        item["alternatives"] = [place.label for place in current.alternatives]
    return item


def _previous_item(inquiry: Inquiry, given: Resolution | None, previous: Previous | None) -> Item:
    if previous is not None:
        return {
            "known": True, "source": previous.source, "minutes_before": round(previous.minutes, 2),
        } | _describe(previous.place)  # fmt: skip
    if given is not None and given.place is None:
        return {"known": False, "written": inquiry.tx.previous_location}
    if given is not None and given.place is not None:
        return {"known": True, "source": "given", "time": "not_given"} | _describe(given.place)
    return inquiry.absent("previous_location")


def _travel(inquiry: Inquiry, previous: Previous | None, current: Resolution | None) -> Item:
    if previous is None or current is None:
        return inquiry.absent("location", "previous_location")
    if current.place is None:
        return {"status": "unknown_place"}
    travel = judge_travel(previous.place, current.place, previous.minutes, inquiry.parameters.travel)
    return {
        "from": previous.place.label,
        "to": current.place.label,
        "distance_mi": round(travel.distance_mi, 1),
        "distance_km": round(travel.distance_km, 1),
        "elapsed_min": round(travel.elapsed_min, 2),
        "elapsed": spell_duration(travel.elapsed_min),
        "required_speed_mph": round(travel.required_speed_mph, 1),
        "minimum_min": round(travel.minimum_min, 1),
        "mode": travel.mode,
        "feasible": travel.feasible,
    }


def _consistency(inquiry: Inquiry, given: Resolution | None, seen: Previous | None) -> Item:
    """Does the previous place as given agree with what the system saw? Both must be reachable from one another."""
    minutes = _given_minutes(inquiry)
    if given is None or given.place is None:
        return inquiry.absent("previous_location")
    if seen is None:
        return {"status": "nothing_seen"}
    if minutes is None:
        minutes = seen.minutes
    rules = inquiry.parameters.travel
    between = judge_travel(seen.place, given.place, abs(seen.minutes - minutes), rules)
    # A customer seen elsewhere after the moment given was not last at the place given, however far apart they are.
    outdated = minutes > seen.minutes + rules.clock_margin_min and between.mode != "local"
    return {
        "contradicted": outdated or not between.feasible,
        "given": given.place.label,
        "seen": seen.place.label,
        "apart": spell_duration(abs(seen.minutes - minutes)),
        "distance_mi": round(between.distance_mi, 1),
    }


def _ip_country(inquiry: Inquiry, current: Resolution | None) -> Item:
    address = inquiry.tx.ip_address
    if address is None:
        return inquiry.absent("ip_address")
    country = inquiry.reference.addresses.look_up(address).country_code
    if country is None:
        return {"status": "no_country"}
    item: Item = {"country_code": country}
    if current is not None and current.place is not None:
        item["place_country_code"] = current.place.country_code
        item["differs"] = country != current.place.country_code
    return item
