"""From a written line to the places it can mean. Which of them is meant is decided in `fraudray.geo.places`.

The first part is the place, the others are the country, the state or a bigger place around it. A written country or
state always holds: what contradicts it is not found, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from fraudray.geo.places_file import AreaRow, PlacesFile, Tier
from fraudray.geo.spelling import key, parts
from fraudray.geo.travel import great_circle_mi

# Same name, same country and this near: the same place for every purpose here.
SAME_PLACE_MI = 50.0
# From this size on a city is meant before a state of the same name ("Washington", "Victoria").
CITY_BEFORE_STATE_PEOPLE = 100_000
# A city is worth a mention beside a country or state of the same name from this share of its people on.
CITY_BESIDE_AREA_SHARE = 1 / 50
# An own name elsewhere leaves a choice from this share of the chosen one's people on; inside a written country or
# state from the second (Essen in Germany is the city); an alternate name only counts from the third on.
BARE_SHARE_MIN = 1 / 5000
WRITTEN_SHARE_MIN = 1 / 50
ALTERNATE_SHARE_MIN = 1 / 10
# GeoNames knows no number of people for an eighth of its places: they weigh as much as a village.
PEOPLE_MIN = 500
# A two-letter code after a city that is both a US state and a country: the state is this much likelier.
US_STATE_WEIGHT = 10
# A nickname such as "LA" is named beside the state and the country of that code only for big cities.
NICKNAME_PEOPLE = 1_000_000
_QUALIFIER_WORDS_MAX = 5
_SPLIT_DEPTH_MAX = 2
_ROUND_MAX = 64
_SOFT_SEPARATORS = str.maketrans("()[]/|", ",,,,,,")
_IGNORED_ENDINGS = ("county", "borough", "parish", "district", "raion", "rayon", "municipality", "metropolitan area")


class Found(NamedTuple):
    """One possible meaning: the number of a city, first-level area or country.

    The heaviest is meant unless a nearer one is known; beside the chosen one a meaning is a rival from `rival_share` of
    its weight on.
    """

    kind: Literal["city", "admin1", "country"]
    number: int
    weight: int
    rival_share: float = 0.0


class Search:
    """Finds the meanings of written places in one index file."""

    def __init__(self, file: PlacesFile) -> None:
        """Search this file."""
        self._file = file

    def meanings(self, text: str) -> tuple[Found, ...]:
        """All meanings worth considering, () if there is none. Any text is allowed."""
        printable = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
        found = self._read(printable)
        if not found and any(c in printable for c in "()[]/|"):
            found = self._read(printable.translate(_SOFT_SEPARATORS))
        return found

    def _read(self, text: str) -> tuple[Found, ...]:
        keys = [key(piece) for piece in parts(text)]
        if not keys:
            return ()
        if len(keys) == 1:
            return self._alone(keys[0])
        return self._qualified(keys[0], keys[1:]) or self._name_with_comma(keys)

    def _name_with_comma(self, keys: Sequence[str]) -> tuple[Found, ...]:
        """A place whose own name has a comma, alone or with its country."""
        for cut in range(2, len(keys)):
            areas = self._areas(" ".join(keys[cut:]))
            found = self._inside(" ".join(keys[:cut]), areas, alternates=False) if areas else ()
            if found:
                return found
        return tuple(self._cities(self._file.names(" ".join(keys)).exact))

    # Areas --------------------------------------------------------------------------------------------------------

    def _areas(self, written: str) -> tuple[AreaRow, ...]:
        """What a qualifier means; "wa usa" counts as "wa, usa"."""
        rows = self._file.areas(written)
        words = written.split()
        if rows or not 1 < len(words) <= _QUALIFIER_WORDS_MAX:
            return rows
        for cut in range(len(words) - 1, 0, -1):
            head, tail = self._file.areas(" ".join(words[:cut])), self._file.areas(" ".join(words[cut:]))
            both = _intersect(head, tail)
            if both:
                return both
        return ()

    def _holds(self, area: AreaRow, number: int) -> bool:
        """Whether an area contains a city."""
        if area.admin1 >= 0:
            return self._file.admin1_of[number] == area.admin1
        return self._file.country_of[number] == area.country

    def _area_found(self, area: AreaRow) -> Found:
        if area.admin1 >= 0:
            return Found("admin1", area.admin1, self._file.admin1[area.admin1].population)
        return Found("country", area.country, self._file.countries[area.country].population)

    # A place with its country or state ----------------------------------------------------------------------------

    def _qualified(self, place: str, qualifiers: Sequence[str]) -> tuple[Found, ...]:
        areas: tuple[AreaRow, ...] | None = None
        around: list[tuple[int, ...]] = []
        for qualifier in qualifiers:
            rows = self._areas(qualifier)
            if rows:
                areas = rows if areas is None else _intersect(areas, rows)
                if not areas:
                    return ()
            elif not qualifier.endswith(_IGNORED_ENDINGS):
                names = self._file.names(qualifier)
                if not names.exact and not names.alternate:
                    return ()
                around.append((names.exact or names.alternate)[:_ROUND_MAX])
        if areas is None and not around:
            return self._alone(place)
        return (
            self._inside(place, areas, around, alternates=False)
            or self._split(place, areas, around, alternates=False)
            or self._inside(place, areas, around, alternates=True)
            or self._split(place, areas, around, alternates=True)
        )

    def _inside(
        self,
        place: str,
        areas: tuple[AreaRow, ...] | None,
        around: Sequence[tuple[int, ...]] = (),
        *,
        alternates: bool,
    ) -> tuple[Found, ...]:
        """The places of that name inside the areas and near the places around; areas of other codes come last."""
        names = self._file.names(place)
        numbers = names.alternate if alternates else names.exact
        if areas is None:
            cities = self._cities((n for n in numbers if self._is_around(n, around)), WRITTEN_SHARE_MIN)
            return _common(cities) if alternates else tuple(cities)
        cities = []
        for wanted in (True, False):
            tier = tuple(area for area in areas if (area.tier != Tier.OTHER_CODE) is wanted)
            cities = [
                Found("city", number, self._weight(number) * self._preference(number, tier), WRITTEN_SHARE_MIN)
                for number in numbers
                if self._is_around(number, around) and any(self._holds(area, number) for area in tier)
            ]
            if cities:
                break
        if alternates:
            return _common(cities)
        states = [] if around else self._states_inside(place, areas)
        if not states:
            return tuple(cities)
        return self._city_or_area(cities or self._heads(names.alternate, states), states)

    def _states_inside(self, place: str, areas: tuple[AreaRow, ...]) -> list[Found]:
        """Areas of that name inside a written country ("Texas, USA")."""
        whole = {area.country for area in areas if area.admin1 < 0}
        return [
            self._area_found(row)
            for row in self._file.areas(place)
            if row.admin1 >= 0 and row.tier <= Tier.STATE_NAME and row.country in whole
        ]

    def _preference(self, number: int, areas: Iterable[AreaRow]) -> int:
        """The weight of a city found through a US state's code when that code can mean something else."""
        by_code = [area for area in areas if area.tier == Tier.STATE_CODE and self._holds(area, number)]
        american = any(self._file.countries[area.country].code == "US" for area in by_code)
        return US_STATE_WEIGHT if american else 1

    def _is_around(self, number: int, around: Sequence[tuple[int, ...]]) -> bool:
        """Whether a city lies within `SAME_PLACE_MI` of one of each group of places in its country."""
        here = self._file.position(number)
        country = self._file.country_of[number]
        return all(
            any(
                self._file.country_of[other] == country
                and great_circle_mi(*here, *self._file.position(other)) <= SAME_PLACE_MI
                for other in group
            )
            for group in around
        )

    # A line without commas ----------------------------------------------------------------------------------------

    def _alone(self, place: str) -> tuple[Found, ...]:
        """A single name, or a name and its state or country without a comma."""
        return (
            self._alone_exact(place)
            or self._split(place, None, (), alternates=False)
            or tuple(
                self._area_found(area) for area in self._areas(place) if " " in place or area.tier < Tier.OTHER_CODE
            )
            or _common(self._cities(self._file.names(place).alternate))
            or self._split(place, None, (), alternates=True)
        )

    def _alone_exact(self, place: str) -> tuple[Found, ...]:
        """A country, a state or a city by its own name."""
        rows = [row for row in self._file.areas(place) if row.tier != Tier.OTHER_CODE]
        countries = [self._area_found(row) for row in rows if row.tier == Tier.COUNTRY]
        others = [self._area_found(row) for row in rows if row.tier != Tier.COUNTRY]
        names = self._file.names(place)
        cities = self._cities(names.exact)
        if len(place) == 2 and rows:
            cities += self._cities(n for n in names.alternate if self._file.population[n] >= NICKNAME_PEOPLE)
        if countries:
            biggest = max(area.weight for area in countries)
            return (*countries, *others, *(c for c in cities if c.weight >= biggest * CITY_BESIDE_AREA_SHARE))
        if not others:
            return tuple(cities)
        return self._city_or_area(cities or self._heads(names.alternate, others), others)

    def _cities(self, numbers: Iterable[int], rival_share: float = BARE_SHARE_MIN) -> list[Found]:
        return [Found("city", number, self._weight(number), rival_share) for number in numbers]

    def _weight(self, number: int) -> int:
        return max(PEOPLE_MIN, self._file.population[number])

    def _heads(self, numbers: Iterable[int], areas: Iterable[Found]) -> list[Found]:
        """Big cities of an alternate name inside an area of that name: "Москва" is the city before its region."""
        inside = {area.number for area in areas if area.kind == "admin1"}
        big = (n for n in numbers if self._file.population[n] >= CITY_BEFORE_STATE_PEOPLE)
        return self._cities(n for n in big if self._file.admin1_of[n] in inside)

    def _city_or_area(self, cities: list[Found], areas: list[Found]) -> tuple[Found, ...]:
        """Cities and areas of one name: a big city or the area's own one first, else the area and what is not tiny."""
        biggest = max(area.weight for area in areas)
        inside = {area.number for area in areas if area.kind == "admin1"}
        mentioned = [c for c in cities if self._file.population[c.number] >= biggest * CITY_BESIDE_AREA_SHARE]
        first = [c for c in cities if self._file.population[c.number] >= CITY_BEFORE_STATE_PEOPLE]
        first += [c for c in mentioned if self._file.admin1_of[c.number] in inside]
        if not first:
            return (*areas, *mentioned)
        top = max(city.weight for city in first)
        return (*cities, *(area._replace(weight=min(area.weight, top - 1)) for area in areas))

    def _split(
        self,
        line: str,
        areas: tuple[AreaRow, ...] | None,
        around: Sequence[tuple[int, ...]],
        *,
        alternates: bool,
        depth: int = 0,
    ) -> tuple[Found, ...]:
        """Read the last words as a state or country: "paris texas usa" → Paris in Texas in the US."""
        words = line.split()
        for length in range(1, min(_QUALIFIER_WORDS_MAX, len(words) - 1) + 1):
            rows = self._file.areas(" ".join(words[-length:]))
            if areas is not None:
                rows = _intersect(areas, rows)
            if not rows:
                continue
            head = " ".join(words[:-length])
            found = self._inside(head, rows, around, alternates=alternates)
            if not found and depth < _SPLIT_DEPTH_MAX:
                found = self._split(head, rows, around, alternates=alternates, depth=depth + 1)
            if found:
                return found
        return ()


def _common(cities: list[Found]) -> tuple[Found, ...]:
    """Places of an alternate name without those that are small beside the biggest: obscure names are many."""
    least = max((city.weight for city in cities), default=0) * ALTERNATE_SHARE_MIN
    return tuple(city for city in cities if city.weight >= least)


def _intersect(these: tuple[AreaRow, ...], those: tuple[AreaRow, ...]) -> tuple[AreaRow, ...]:
    """The areas that both can mean: the state where one side names the state and the other its country."""
    both: dict[tuple[int, int], AreaRow] = {}
    for one in these:
        for other in those:
            if one.country == other.country and (one.admin1 == other.admin1 or min(one.admin1, other.admin1) < 0):
                narrow = one if one.admin1 >= other.admin1 else other
                both.setdefault((narrow.country, narrow.admin1), narrow)
    return tuple(both.values())
