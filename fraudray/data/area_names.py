"""What a written country or state can mean: the names and codes that `build_places` puts into the index.

Country names in every language come from Unicode CLDR (babel), codes of states and provinces from ISO 3166-2
(pycountry) matched by name to GeoNames' first-level areas, everyday names from the small tables here.
"""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fraudray.geo.places_file import Tier
from fraudray.geo.spelling import key, umlaut_spelling

# Countries whose state codes people write without the country.
STATE_CODE_COUNTRIES = ("US", "CA", "AU")
SHOWN_NAMES = {
    "NL": "Netherlands",
    "BQ": "Caribbean Netherlands",
    "GS": "South Georgia",
    "CD": "DR Congo",
    "CG": "Republic of the Congo",
}
COUNTRY_ALIASES: dict[str, tuple[str, ...]] = {
    "GB": ("UK", "U.K.", "Great Britain", "Britain"),
    "US": ("U.S.", "USA", "U.S.A.", "United States of America", "America", "The United States", "Estados Unidos"),
    "NL": ("Holland", "The Netherlands"),
    "AE": ("UAE", "U.A.E.", "Emirates"),
    "KR": ("South Korea", "Korea", "Republic of Korea", "S. Korea"),
    "KP": ("North Korea", "DPRK", "N. Korea"),
    "CZ": ("Czechia", "Czech Republic"),
    "CI": ("Ivory Coast", "Côte d'Ivoire"),
    "MM": ("Burma",),
    "RU": ("Russia", "Russian Federation"),
    "CN": ("PRC", "Mainland China", "People's Republic of China"),
    "TW": ("Taiwan", "Taiwan, ROC", "Chinese Taipei"),
    "HK": ("Hong Kong", "Hong Kong SAR", "HKSAR"),
    "MO": ("Macau", "Macao", "Macau SAR"),
    "VN": ("Vietnam", "Viet Nam"),
    "LA": ("Laos", "Lao PDR"),
    "IR": ("Iran", "Islamic Republic of Iran"),
    "SY": ("Syria", "Syrian Arab Republic"),
    "TR": ("Turkey", "Türkiye"),
    "CD": ("DRC", "Democratic Republic of the Congo", "DR Congo", "Zaire"),
    "CG": ("Congo", "Republic of the Congo", "Congo-Brazzaville"),
    "SZ": ("Swaziland", "Eswatini"),
    "MK": ("Macedonia", "North Macedonia", "FYROM"),
    "CV": ("Cape Verde", "Cabo Verde"),
    "TL": ("East Timor",),
    "VA": ("Vatican", "Vatican City", "Holy See"),
    "PS": ("Palestine", "State of Palestine"),
    "BA": ("Bosnia", "Bosnia and Herzegovina", "Bosnia & Herzegovina"),
    "TT": ("Trinidad",),
    "IE": ("Ireland", "Republic of Ireland", "Eire"),
    "MD": ("Moldova", "Republic of Moldova"),
    "TZ": ("Tanzania", "United Republic of Tanzania"),
    "VE": ("Venezuela", "Bolivarian Republic of Venezuela"),
    "BO": ("Bolivia", "Plurinational State of Bolivia"),
    "BN": ("Brunei", "Brunei Darussalam"),
    "XK": ("Kosovo",),
    "SA": ("KSA",),
    "ZA": ("RSA",),
    "NZ": ("N.Z.", "Aotearoa"),
    "CH": ("Suisse", "Schweiz", "Svizzera"),
    "LK": ("Ceylon",),
    "BY": ("Belorussia", "Byelorussia"),
}
# By GeoNames code. Abbreviations that newspapers and card records still carry, and the usual English names.
STATE_ALIASES: dict[str, tuple[str, ...]] = {
    "US.AZ": ("Ariz",),
    "US.CA": ("Calif", "Cali"),
    "US.CO": ("Colo",),
    "US.CT": ("Conn",),
    "US.DC": ("Washington DC", "District of Columbia", "D.C."),
    "US.FL": ("Fla",),
    "US.IL": ("Ill",),
    "US.KS": ("Kans",),
    "US.MA": ("Mass",),
    "US.MI": ("Mich",),
    "US.MN": ("Minn",),
    "US.NY": ("New York State",),
    "US.OK": ("Okla",),
    "US.OR": ("Ore",),
    "US.PA": ("Penn", "Penna"),
    "US.TN": ("Tenn",),
    "US.TX": ("Tex",),
    "US.WA": ("Wash", "Washington State"),
    "US.WI": ("Wis", "Wisc"),
    "CA.02": ("B.C.",),
    "CA.08": ("Ont",),
    "CA.10": ("Que", "Québec", "PQ"),
    "CA.05": ("Newfoundland", "Labrador", "Newfoundland & Labrador"),
    "CA.09": ("PEI",),
    "GB.ENG": ("England",),
    "GB.SCT": ("Scotland",),
    "GB.WLS": ("Wales", "Cymru"),
    "GB.NIR": ("Northern Ireland", "Ulster", "N. Ireland"),
    "DE.02": ("Bavaria", "Bayern"),
    "DE.13": ("Saxony",),
    "RU.48": ("Moskva", "Москва"),
    "RU.47": ("Московская область", "Moskovskaya oblast"),
    "RU.66": ("Saint Petersburg", "Sankt-Peterburg", "Санкт-Петербург"),
    "RU.42": ("Leningrad Oblast", "Ленинградская область"),
    "MX.09": ("CDMX", "D.F.", "Distrito Federal", "Ciudad de México"),
    "MX.15": ("Estado de México", "State of Mexico"),
}
# ISO 3166-2 codes of areas whose English name in GeoNames is too unlike the name in ISO.
_ISO_CODES = """
DE.02:BY DE.06:NI DE.07:NW DE.13:SN DE.14:ST DE.15:TH FR.53:BRE FR.75:NAQ FR.94:20R IT.14:88 IT.15:82 IT.16:52 IT.19:23
ES.07:IB ES.53:CN ES.56:CT ES.58:GA ES.59:PV BR.07:DF MX.07:COA MX.09:CMX MX.16:MIC MX.30:VER RU.15:CHU RU.25:KLU
RU.29:KEM RU.32:KHM RU.41:KRS RU.47:MOS RU.48:MOW RU.50:NEN AT.02:2 AT.03:3 AT.04:4 AT.06:6 AT.09:9 NL.02:FR NL.11:ZH
IN.01:AN
"""
ISO_CODES = dict(pair.split(":") for pair in _ISO_CODES.split())
_GENERIC_WORDS = """
province provincia provincie provinsi region regiao oblast oblasti krai kray republic respublika state estado
department departement departamento district distrikt governorate prefecture county comte canton emirate autonomous
okrug of the de du del la le el and y et city municipality parish division territory community sheng shi zizhiqu capital
federal national ad al as ash ar az oblys oblysy voivodeship wojewodztwo lan fylke gorod
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
# Below this likeness (difflib ratio of the two names) ISO and GeoNames names are not taken for the same area.
LIKENESS_MIN = 0.8
_TRAILING = re.compile(r"(skaya|skiy|skii|aya|iy)\b")


@dataclass(frozen=True, slots=True)
class Subdivision:
    """A first-level area: its GeoNames code, the code to show (ISO 3166-2 if matched) and its names."""

    geonames_code: str
    code: str
    is_iso: bool
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AreaName:
    """One key with one meaning; admin1 is a GeoNames code, None for the whole country."""

    key: str
    country: str
    admin1: str | None
    tier: Tier


def country_name(code: str, countries: dict[str, dict[str, Any]]) -> str:
    """The English name to show."""
    return SHOWN_NAMES.get(code) or str(countries.get(code, {}).get("name", code))


def _stem(name: str) -> str:
    words = [word for word in _TRAILING.sub("", key(name)).split() if word not in _GENERIC]
    return " ".join(words) or key(name)


def subdivisions(admin1: dict[str, str]) -> dict[str, Subdivision]:
    """Match GeoNames' first-level areas (code → name) to ISO 3166-2 by equal code in the US, else by name."""
    import pycountry

    iso: dict[str, list[Any]] = defaultdict(list)
    for item in sorted(pycountry.subdivisions, key=lambda one: (one.parent_code is not None, str(one.code))):
        iso[item.country_code].append(item)
    ours: dict[str, dict[str, str]] = defaultdict(dict)
    for code in sorted(admin1):
        ours[code[:2]][code] = admin1[code]
    found: dict[str, Subdivision] = {}
    for country, areas in ours.items():
        matched = _match(areas, iso[country])
        for code, name in areas.items():
            item = matched.get(code)
            aliases = STATE_ALIASES.get(code, ())
            if item is None:
                found[code] = Subdivision(code, code[3:], False, (name, *aliases))
            else:
                found[code] = Subdivision(code, item.code[3:], True, (name, item.name, *aliases))
    return found


def _match(areas: dict[str, str], items: list[Any]) -> dict[str, Any]:
    """Pair each area with at most one ISO entry: same code of letters, then same name, same stem, alike stems."""
    pairs: dict[str, Any] = {}
    free = list(items)

    def take(code: str, item: Any) -> None:
        pairs[code] = item
        free.remove(item)

    def left() -> list[str]:
        return [code for code in areas if code not in pairs]

    for code in left():
        for item in free:
            if ISO_CODES.get(code) == item.code[3:]:
                take(code, item)
                break
    for code in left():
        for item in free:
            if code[3:].isalpha() and item.code[3:] == code[3:]:
                take(code, item)
                break
    for form in (key, _stem):
        for code in left():
            same = [item for item in free if form(item.name) == form(areas[code])]
            if same:
                take(code, same[0])
    scored = sorted(
        (
            (difflib.SequenceMatcher(None, _stem(areas[code]), _stem(item.name)).ratio(), code, item.code)
            for code in left()
            for item in free
        ),
        key=lambda row: (-row[0], row[1], row[2]),
    )
    by_code = {item.code: item for item in free}
    for likeness, code, iso_code in scored:
        if likeness >= LIKENESS_MIN and code not in pairs and by_code[iso_code] in free:
            take(code, by_code[iso_code])
    return pairs


def area_names(countries: dict[str, dict[str, Any]], subs: dict[str, Subdivision]) -> Iterator[AreaName]:
    """Every written form of every country and first-level area."""
    yield from _country_codes(countries)
    yield from _country_names(countries)
    for code, sub in subs.items():
        country = code[:2]
        for name in sub.names:
            for written in _area_spellings(name):
                yield AreaName(written, country, code, Tier.STATE_NAME)
        if sub.is_iso and not sub.code.isdigit():
            tier = Tier.STATE_CODE if country in STATE_CODE_COUNTRIES else Tier.OTHER_CODE
            yield AreaName(key(sub.code), country, code, tier)


def _area_spellings(name: str) -> set[str]:
    """The keys of an area's name: as written, with two-letter umlauts, without "Oblast", "Province" and the like."""
    spellings = {key(name), key(umlaut_spelling(name) or name)}
    words = [word for word in key(name).split() if word not in _GENERIC]
    if words:
        spellings.add(" ".join(words))
    return {spelling for spelling in spellings if len(spelling) > 1}


def _country_codes(countries: dict[str, dict[str, Any]]) -> Iterator[AreaName]:
    for code, country in countries.items():
        for written in (code, country.get("iso3", "")):
            if key(written):
                yield AreaName(key(written), code, None, Tier.COUNTRY)


def _country_names(countries: dict[str, dict[str, Any]]) -> Iterator[AreaName]:
    from babel import Locale, localedata

    native = {
        code: {language.split("-")[0] for language in str(country.get("languages", "")).split(",")[:4]}
        for code, country in countries.items()
    }
    for code in countries:
        for name in (country_name(code, countries), countries[code]["name"], *COUNTRY_ALIASES.get(code, ())):
            yield AreaName(key(name), code, None, Tier.COUNTRY)
    for identifier in sorted(localedata.locale_identifiers()):
        locale = Locale.parse(identifier)
        if locale.territory:
            continue
        for territory, name in sorted(locale.territories.items()):
            if territory in countries and len(key(name)) > 1:
                own = locale.language == "en" or locale.language in native[territory]
                yield AreaName(key(name), territory, None, Tier.COUNTRY if own else Tier.COUNTRY_ABROAD)
