"""`fraudray data update`: recognise a file, check all of it, and only then put it in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fraudray.domain.errors import DataFileError
from fraudray.domain.money import Rates
from fraudray.geo.networks import AddressBook
from fraudray.geo.places import PlaceIndex
from fraudray.world.countries import HighRiskCountries
from fraudray.world.describing import Located, describe
from fraudray.world.folder import Edition, WorldFolder, digest
from fraudray.world.incoming import KIND_OF, Form, Incoming, Told
from fraudray.world.kinds import KINDS, Kind
from fraudray.world.make_binary import ip_countries, place_index
from fraudray.world.make_networks import aws_ranges, google_ranges, own_networks, tor_exits
from fraudray.world.make_places import geonames_cities
from fraudray.world.make_rates import ecb_rates, own_rates
from fraudray.world.make_tables import high_risk_countries, merchant_categories
from fraudray.world.making import Made, Work
from fraudray.world.merchants import MerchantCategories

_MAKERS: dict[Form, Callable[[Work], Made]] = {
    Form.RATES: own_rates, Form.ECB: ecb_rates,
    Form.NETWORKS: own_networks, Form.TOR: tor_exits, Form.AWS: aws_ranges, Form.GOOGLE: google_ranges,
    Form.IP_COUNTRIES: ip_countries, Form.COUNTRIES: high_risk_countries, Form.MCCS: merchant_categories,
    Form.PLACES: place_index, Form.GEONAMES: geonames_cities,
}  # fmt: skip
_SUFFIXES = {"places": ".sqlite", "ip-countries": ".mmdb"}


@dataclass(frozen=True, slots=True)
class Update:
    """How a file is to be taken."""

    file: Path
    author: str
    now: datetime
    told: Told = field(default_factory=Told)
    kind: str | None = None
    force: bool = False


def update_list(folder: WorldFolder, in_force: Mapping[str, Located], update: Update) -> tuple[Kind, Edition]:
    """Install a file; of which kind, and as what. Nothing changes unless all of it is right.

    Raises:
        DataFileError: file, line and reason.
        NotFound: there is no such kind.
        SettingsError: the folder cannot be used.
    """
    incoming = Incoming(update.file)
    form = incoming.form
    kind = KINDS[KIND_OF[form]]
    if update.kind is not None and update.kind != kind.name:
        raise DataFileError(f"{incoming.name} is a {form}, which updates {kind.name}, not {update.kind}")
    incoming.check_size(kind)
    suffix = _SUFFIXES.get(kind.name, ".csv")
    with folder.staging(suffix) as staged:
        made = _MAKERS[form](Work(incoming, form, update.told, staged, in_force))
        _check(incoming, kind, made, in_force[kind.name], update)
        _load(kind, staged, in_force, incoming)
        sha256 = digest(staged)
        newest, oldest = made.notes.newest, made.notes.oldest
        assert newest is not None  # noqa: S101 - `Work.notes` refuses that
        assert oldest is not None  # noqa: S101
        edition = Edition(
            file=f"{kind.name}-{sha256[:16]}{suffix}", date=newest, oldest=oldest, source=made.notes.source,
            licence=made.notes.licence, rows=made.rows, sha256=sha256, form=form.value, installed_at=update.now,
            author=update.author,
        )  # fmt: skip
        folder.install(kind.name, staged, edition)
    return kind, edition


def _check(incoming: Incoming, kind: Kind, made: Made, located: Located, update: Update) -> None:
    """Refuse what cannot be true, and without `force` what is likely a mistake."""
    newest = made.notes.newest
    today = update.now.date()
    if newest is not None and newest > today:
        raise DataFileError(f"{incoming.name} is of {newest}, which lies in the future (today is {today})")
    if update.force:
        return
    if made.rows * 2 < made.rows_before:
        counts = f"{made.rows:,} rows where there were {made.rows_before:,}"
        raise DataFileError(f"{incoming.name} has {counts}; is it whole? --force takes it all the same")
    before = located.edition.date if located.edition else describe(kind, located.path).notes.newest
    if newest is not None and before is not None and newest < before:
        raise DataFileError(
            f"{incoming.name} is of {newest}, older than what is in force ({before}); --force takes it all the same"
        )


def _load(kind: Kind, staged: Path, in_force: Mapping[str, Located], incoming: Incoming) -> None:
    """Open it as the engine will. What fails here is refused before it is in force."""
    try:
        match kind.name:
            case "places":
                PlaceIndex(staged).close()
            case "networks":
                AddressBook(staged, in_force["ip-countries"].path).close()
            case "ip-countries":
                AddressBook(in_force["networks"].path, staged).close()
            case "rates":
                Rates.load(staged)
            case "high-risk-countries":
                HighRiskCountries.load(staged)
            case _:
                MerchantCategories.load(staged)
    except (OSError, ValueError, DataFileError) as error:
        raise DataFileError(str(error).replace(staged.name, incoming.name)) from None
