"""The lists of the world: what each is for, where the packaged one lies, and how old it may be."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from fraudray.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class Kind:
    """One list. `why` says where the allowed age comes from."""

    name: str
    purpose: str
    packaged: str
    setting: str
    age_max_days: int
    why: str
    bytes_max: int

    @property
    def packaged_path(self) -> Path:
        """The file that comes with fraudray."""
        return Path(str(resources.files("fraudray.data") / self.packaged))


_MIB = 1024 * 1024
KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "places", "where a written place is", "places.sqlite", "places_file", 365,
            "towns rarely move; new names and spellings come slowly", 512 * _MIB,
        ),
        Kind(
            "ip-countries", "the country of an IP address", "countries.mmdb", "countries_file", 62,
            "published monthly: two editions, one of which may be missed", 256 * _MIB,
        ),
        Kind(
            "networks", "Tor exits, VPN, relays, hosting", "networks.csv.gz", "networks_file", 30,
            "exits come and go within weeks, clouds announce ranges monthly", 64 * _MIB,
        ),
        Kind(
            "high-risk-countries", "countries on the FATF's lists", "high_risk_countries.csv",
            "high_risk_countries_file", 140,
            "the FATF decides in February, June and October: four months and a margin", _MIB,
        ),
        Kind(
            "rates", "amounts in the base currency", "rates.csv", "rates_file", 7,
            "published every working day; a week bridges the longest holidays", _MIB,
        ),
        Kind(
            "mccs", "names of merchant categories", "mccs.csv", "mccs_file", 730,
            "ISO 18245 and the card schemes add a few codes a year", 4 * _MIB,
        ),
    )
}  # fmt: skip
BYTES_MAX = max(kind.bytes_max for kind in KINDS.values())


def find_kind(name: str) -> Kind:
    """The kind of that name. Raises NotFound naming those there are."""
    kind = KINDS.get(name)
    if kind is None:
        raise NotFound("kind of data", f"{name[:40]} (there are: {', '.join(KINDS)})")
    return kind
