"""`fraudray history generate`: a history that is exactly as asked for, the same for a seed, and plausible."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
import pytest
from typer.testing import CliRunner

from fraudray.batch.synthetic.cities import CITIES, Geography
from fraudray.batch.synthetic.columns import Columns
from fraudray.batch.synthetic.days import Days
from fraudray.batch.synthetic.folder import whole
from fraudray.batch.synthetic.generate import generate_history
from fraudray.batch.synthetic.parts import grouped, write_parts
from fraudray.batch.synthetic.plan import Plan
from fraudray.batch.synthetic.row import SCENARIOS, blank
from fraudray.batch.synthetic.spelling import scrambled
from fraudray.batch.synthetic.world import World
from fraudray.bootstrap import read_customers
from fraudray.cli.exits import InputError
from fraudray.cli.root import app
from fraudray.domain.money import minor_units
from fraudray.domain.transaction import Transaction
from fraudray.geo.networks import AddressBook
from fraudray.geo.places import PlaceIndex
from fraudray.geo.travel import TravelRules, judge_travel

LABELS = {"is_fraud", "fraud_scenario", "label_known_at"}
Row = dict[str, Any]


def plan(**changes: Any) -> Plan:
    """A small plan."""
    asked: dict[str, Any] = {
        "rows": 12_000, "seed": 7, "customers": None, "days": 40, "start": date(2026, 1, 1), "fraud_share": 0.01,
        "label_delay_days": 30.0,
    }  # fmt: skip
    return Plan.of(**asked | changes)


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def read(folder: Path) -> Any:
    """All parts, in order, as one table."""
    return pa.concat_tables(pq.read_table(part) for part in sorted(folder.glob("part-*.parquet")))


@dataclass(frozen=True)
class Made:
    """A history that the tests read."""

    folder: Path
    document: dict[str, Any]
    rows: list[Row]

    def of(self, scenario: str | None) -> list[Row]:
        return [row for row in self.rows if row["fraud_scenario"] == scenario]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("synthetic") / "history"
    document = generate_history(plan(), folder)
    return Made(folder, document, read(folder).to_pylist())


# What was asked for


@pytest.mark.parametrize("rows", [1_000, 4_321, 12_000])
def test_it_has_exactly_as_many_rows_as_asked_for(rows: int) -> None:
    assert sum(len(day) for day in Days(World.build(plan(rows=rows)))) == rows


def test_a_burst_of_fraud_near_the_end_does_not_make_it_longer() -> None:
    assert sum(len(day) for day in Days(World.build(plan(rows=1_000, days=7, fraud_share=0.2)))) == 1_000


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(made: Made, tmp_path: Path) -> None:
    generate_history(plan(), tmp_path / "again")
    generate_history(plan(seed=8), tmp_path / "other")

    assert digests(tmp_path / "again") == digests(made.folder)
    differing = digests(tmp_path / "other")
    assert all(differing[name] != digest for name, digest in digests(made.folder).items())


def test_one_core_gives_the_same_bytes_as_all(made: Made, tmp_path: Path) -> None:
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        generate_history(plan(), tmp_path / "one")
    finally:
        os.sched_setaffinity(0, cores)

    assert digests(tmp_path / "one") == digests(made.folder)


def test_rows_are_in_order_of_time_over_all_and_within_the_days(made: Made) -> None:
    times = [row["timestamp"] for row in made.rows]

    assert times == sorted(times)
    assert datetime(2026, 1, 1, tzinfo=UTC) <= times[0] < datetime(2026, 1, 2, tzinfo=UTC)
    assert datetime(2026, 2, 9, tzinfo=UTC) <= times[-1] < datetime(2026, 2, 10, tzinfo=UTC)


def test_every_id_is_given_once(made: Made) -> None:
    assert len({row["transaction_id"] for row in made.rows}) == len(made.rows)


def test_numbers_stay_apart_when_they_are_scrambled() -> None:
    numbers = np.concatenate([np.arange(200_000), (1 << 40) - 1 - np.arange(200_000)])

    codes = scrambled(numbers, 7, 41)

    assert len(np.unique(codes)) == len(numbers)
    assert codes.max() < 1 << 40


def test_the_document_counts_what_is_there(made: Made) -> None:
    document = made.document

    assert json.loads((made.folder / "history.json").read_text()) == document
    assert document["rows"] == len(made.rows) == sum(file["rows"] for file in document["files"])
    for scenario in SCENARIOS:
        assert document["scenarios"][scenario]["rows"] == len(made.of(scenario))
    assert document["fraud_rows"] == sum(row["is_fraud"] for row in made.rows)
    assert datetime.fromisoformat(document["last_timestamp"]) == made.rows[-1]["timestamp"]
    assert document["synthetic"] is True
    assert "Synthetic" in document["note"]
    assert "What it cannot show" in (made.folder / "README.md").read_text()


# The schema


def test_fraudray_accepts_every_row(made: Made) -> None:
    for row in made.rows[::3]:
        given = {name: value for name, value in row.items() if value is not None and name not in LABELS}
        given["timestamp"] = given["timestamp"].isoformat().replace("+00:00", "Z")
        given["amount"] = str(given["amount"])
        body = Transaction.model_validate_json(json.dumps(given))
        assert Decimal(given["amount"]) == body.amount


def test_columns_are_fields_of_transaction_and_labels(made: Made) -> None:
    schema = read(made.folder).schema

    assert set(schema.names) - LABELS <= set(Transaction.model_fields)
    assert schema.field("amount").type == pa.decimal128(14, 2)
    assert schema.field("timestamp").type == schema.field("label_known_at").type == pa.timestamp("us", tz="UTC")
    assert schema.field("is_fraud").type == pa.bool_()


def test_amounts_have_no_more_places_than_their_currency(made: Made) -> None:
    yen = [row["amount"] for row in made.rows if minor_units(row["currency"]) == 0]

    assert yen
    assert all(amount == amount.to_integral_value() for amount in yen)


def test_labels_are_known_later_and_denials_latest(made: Made) -> None:
    def delay_days(rows: list[Row]) -> float:
        waits = [(row["label_known_at"] - row["timestamp"]) / timedelta(days=1) for row in rows]
        assert min(waits) > 0
        return float(sum(waits) / len(waits))

    assert 28 < delay_days(made.of(None)) < 32
    assert delay_days(made.of("card_testing")) < delay_days(made.of(None)) < delay_days(made.of("friendly_fraud"))


def test_customers_can_be_imported_and_own_the_devices_of_their_payments(made: Made) -> None:
    profiles = read_customers(made.folder / "customers.ndjson")

    assert len(profiles) == made.document["customers_registered"]
    assert 0.6 < len(profiles) / made.document["customers"] < 1
    assert len({profile.customer_id for profile in profiles}) == len(profiles)
    assert any(profile.usual_amounts is None for profile in profiles)
    devices = {profile.customer_id: {one.device_id for one in profile.devices} for profile in profiles}
    used = [row for row in made.of(None) if row["device_id"] and devices.get(row["customer_id"])]
    known = [row for row in used if row["device_id"] in devices[row["customer_id"]]]
    assert len(known) > 0.9 * len(used)  # few replaced theirs
    assert len(known) < len(used)


# The world


def test_the_gazetteer_and_the_country_files_agree_with_every_city() -> None:
    geography, book = Geography.load(), AddressBook()

    for city, place, first, count in zip(
        CITIES, geography.places, geography.first_address.tolist(), geography.addresses.tolist(), strict=True
    ):
        for number in (first, first + count // 2, first + count - 1):
            facts = book.look_up(".".join(str(byte) for byte in number.to_bytes(4, "big")))
            assert (city.text, facts.kind, facts.country_code) == (city.text, "unlisted", place.country_code)


def test_genuine_customers_travel_no_faster_than_people_can(made: Made) -> None:
    index, rules = PlaceIndex(), TravelRules()
    seen: defaultdict[str, list[Row]] = defaultdict(list)
    for row in made.rows:
        if row["location"] and row["fraud_scenario"] in (None, "friendly_fraud"):
            seen[row["customer_id"]].append(row)
    journeys = [
        (before, after) for rows in seen.values() for before, after in pairwise(rows)
        if before["location"] != after["location"]
    ]  # fmt: skip

    assert len(journeys) > 50
    for before, after in journeys:
        start, end = index.resolve(before["location"]), index.resolve(after["location"])
        assert start.status == end.status == "ok"
        assert start.place is not None
        assert end.place is not None
        minutes = (after["timestamp"] - before["timestamp"]) / timedelta(minutes=1)
        assert judge_travel(start.place, end.place, minutes, rules).feasible, (before, after)


def test_customers_pay_by_day_on_the_clocks_of_their_city(made: Made) -> None:
    zones = {city.text: place.time_zone for city, place in zip(CITIES, Geography.load().places, strict=True)}
    hours = [
        row["timestamp"].astimezone(ZoneInfo(zones[row["location"]])).hour
        for row in made.of(None) if row["location"] and row["card_present"]
    ]  # fmt: skip

    by_day, by_night = (sum(low <= hour < high for hour in hours) for low, high in ((10, 22), (0, 6)))
    assert by_day > 5 * by_night


def test_what_follows_a_purchase_names_it_and_stays_within_it(made: Made) -> None:
    by_id = {row["transaction_id"]: row for row in made.rows}
    allowed: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in made.rows:
        if row["transaction_type"] in ("authorization", "incremental_authorization"):
            allowed[row["original_transaction_id"] or row["transaction_id"]] += row["amount"]
    following = [row for row in made.of(None) if row["transaction_type"] != "authorization"]

    assert {row["transaction_type"] for row in following} == {
        "incremental_authorization", "capture", "reversal", "refund",
    }  # fmt: skip
    for row in following:
        original = by_id[row["original_transaction_id"]]
        assert original["timestamp"] < row["timestamp"]
        assert original["instrument_id"] == row["instrument_id"]
        assert original["merchant"] == row["merchant"]
        assert row["amount"] <= allowed[row["original_transaction_id"]]


# The fraud


def test_every_scenario_happens_even_in_a_short_history() -> None:
    found = {int(one) for day in Days(World.build(plan(rows=2_000, days=30))) for one in np.unique(day["scenario"])}

    assert found == {-1, *range(len(SCENARIOS))}


def test_fraud_has_about_the_share_asked_for(tmp_path: Path) -> None:
    document = generate_history(plan(rows=60_000, days=60, fraud_share=0.02), tmp_path / "h")

    assert 0.016 < document["fraud_share"] < 0.024


def test_no_fraud_is_made_when_none_is_asked_for() -> None:
    assert all((day["scenario"] == -1).all() for day in Days(World.build(plan(fraud_share=0))))


def groups(rows: list[Row], *fields: str) -> Iterator[list[Row]]:
    """The rows that agree in these fields."""
    found: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[field] for field in fields)].append(row)
    yield from found.values()


def test_a_taken_account_pays_from_a_device_that_nobody_else_ever_used(made: Made) -> None:
    stolen = made.of("account_takeover")
    others = {row["device_id"] for row in made.rows if row["fraud_scenario"] != "account_takeover"}

    assert not {row["device_id"] for row in stolen} & others
    for episode in groups(stolen, "device_id"):
        assert len({row["customer_id"] for row in episode}) == len({row["ip_address"] for row in episode}) == 1


def test_a_stolen_card_is_used_at_many_merchants_within_hours(made: Made) -> None:
    for episode in groups(made.of("card_not_present_burst"), "instrument_id"):
        assert len(episode) >= 8
        assert len({row["merchant"] for row in episode}) > 3
        assert all(b["timestamp"] - a["timestamp"] < timedelta(hours=1) for a, b in pairwise(episode))


def test_cards_are_tested_in_small_sums_at_one_merchant(made: Made) -> None:
    for episode in groups(made.of("card_testing"), "device_id"):
        assert len({row["merchant"] for row in episode}) == 1
        assert len({row["instrument_id"] for row in episode}) > 10
        assert sum(row["processor_outcome"] != "approved" for row in episode) > len(episode) / 4


def test_cards_of_a_compromised_terminal_were_all_read_there_before(made: Made) -> None:
    stolen = made.of("compromised_terminal")
    began = {row["instrument_id"]: row["timestamp"] for row in reversed(stolen)}
    read_at: defaultdict[str, set[str]] = defaultdict(set)
    for row in made.of(None):
        if row["card_present"] and row["timestamp"] < began.get(row["instrument_id"], row["timestamp"]):
            read_at[row["terminal_id"]].add(row["instrument_id"])

    assert len(began) > 2
    assert any(cards == set(began) for cards in read_at.values())  # a history this short has one such terminal


def test_stolen_money_passes_from_payee_to_payee(made: Made) -> None:
    chains = made.of("mule_chain")
    transfers = [row for row in chains if row["channel"] == "transfer"]

    assert len(transfers) >= 3
    for sent in transfers:
        payee = sent["merchant"].removeprefix("Transfer to ")
        assert payee != sent["customer_id"]
        assert any(
            row["customer_id"] == payee and timedelta(0) < row["timestamp"] - sent["timestamp"] < timedelta(days=1)
            for row in chains
        )


def test_a_denied_purchase_is_the_customers_own(made: Made) -> None:
    own = {(row["customer_id"], row["device_id"]) for row in made.of(None)}

    denied = made.of("friendly_fraud")
    assert all(row["processor_outcome"] == "approved" and row["device_id"] for row in denied)
    assert sum((row["customer_id"], row["device_id"]) in own for row in denied) > len(denied) * 0.8


def test_fraudulent_refunds_have_no_purchase_or_exceed_it(made: Made) -> None:
    by_id = {row["transaction_id"]: row for row in made.rows}

    refunds = made.of("refund_fraud")
    assert refunds
    for row in refunds:
        assert row["transaction_type"] == "refund"
        original = by_id.get(row["original_transaction_id"])
        assert original is None or (original["amount"] < row["amount"] and original["timestamp"] < row["timestamp"])


# Memory, files, refusals


def test_memory_does_not_grow_with_the_number_of_days() -> None:
    def peak_bytes(days: int) -> int:
        world = World.build(plan(rows=500 * days, days=days, customers=500))
        tracemalloc.start()
        try:
            for _ in Days(world):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_bytes(7)  # what is made once only
    assert peak_bytes(90) < 1.5 * peak_bytes(30)


def test_days_are_grouped_without_losing_or_moving_a_row() -> None:
    days = []
    for start, count in ((0, 3), (3, 0), (3, 25), (28, 9)):
        rows = blank(count)
        rows["number"] = np.arange(start, start + count)
        days.append(rows)

    groups_made = list(grouped(days, 10))

    assert [len(group) for group in groups_made] == [10, 10, 10, 7]
    assert np.concatenate(groups_made)["number"].tolist() == list(range(37))


def test_a_history_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise RuntimeError("told to")

    with pytest.raises(RuntimeError, match="told to"):
        generate_history(plan(rows=1_000), tmp_path / "broken", done=fail)

    assert list(tmp_path.iterdir()) == []


def test_files_are_written_in_rows_as_they_come(tmp_path: Path) -> None:
    world = World.build(plan(rows=2_000))
    written: list[int] = []
    files = write_parts(tmp_path, Columns(world), Days(world), written.append)

    assert files == [{"name": "part-00000.parquet", "rows": 2_000}]
    assert sum(written) == 2_000


def test_only_an_earlier_history_is_ever_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with whole(out, force=False) as folder:  # an empty one is as good as none
        (folder / "history.json").write_text("{}")
    with pytest.raises(InputError, match="--force"), whole(out, force=False):
        pytest.fail("not to be reached")
    with whole(out, force=True) as folder:
        (folder / "history.json").write_text('{"new": true}')
    assert (out / "history.json").read_text() == '{"new": true}'

    (out / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"thesis\.txt"), whole(out, force=True):
        pytest.fail("not to be reached")
    assert (out / "thesis.txt").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rows": 10}, "--rows is at least 1,000"),
        ({"days": 2}, "--days is from 7"),
        ({"customers": 3}, "--customers is from 20"),
        ({"fraud_share": 0.5}, "--fraud-share is from 0 to 0.2"),
        ({"label_delay_days": -1}, "--label-delay-days"),
        ({"seed": -1}, "--seed"),
        ({"start": date(1999, 1, 1)}, "--start"),
        ({"rows": 100_000_000, "days": 10}, "--days 100 or more"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_says_what_to_do(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        plan(**changes)


def command(*args: object) -> Any:
    """`fraudray history generate` in this process."""
    return CliRunner().invoke(app, ["history", "generate", *map(str, args)], prog_name="fraudray")


def test_the_command_prints_the_document_and_refuses_a_folder_in_use(tmp_path: Path) -> None:
    out = tmp_path / "out"

    ran = command(out, "--rows", "1_500", "--seed", 3, "--days", 10, "--start", "2025-06-01", "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout) == json.loads((out / "history.json").read_text())
    assert json.loads(ran.stdout)["parameters"]["start"] == "2025-06-01"
    before = digests(out)

    refused = command(out, "--rows", 1_500)
    assert refused.exit_code == 2
    assert "--force replaces it" in refused.stderr
    assert digests(out) == before

    forced = command(out, "--rows", 1_500, "--seed", 3, "--days", 10, "--start", "2025-06-01", "--force")
    assert forced.exit_code == 0
    assert "1,500 in 1 files" in forced.stdout
    assert digests(out) == before

    wrong = command(tmp_path / "other", "--rows", 5)
    assert wrong.exit_code == 2
    assert "--rows is at least 1,000" in wrong.stderr
    assert not (tmp_path / "other").exists()
