"""What a cluster costs: the price file, the lines, layouts by payment and by share, the first proposal's figures."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.costs import LAYOUTS, Line, besides_gpu_nodes, bill, by_share, find_layout, lines
from fraudray.deployments.cluster.prices import Prices, Purchase, load_prices
from fraudray.deployments.cluster.proposal import CLAIMED_USD_PER_DAY, proposal
from fraudray.deployments.planning.hardware import KNOWN as INSTANCES
from fraudray.deployments.planning.layout import Load

PRICES = load_prices()
P4D = LAYOUTS["p4d-efa"]
LOAD = Load(1000, 0.002)
rates = st.floats(0.1, 20_000)


def changed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    content: dict[str, Any] = PRICES.model_dump(mode="json")
    change(content)
    return content


def per_day(layout: str, purchase: str = "on_demand", rate: float = 1000, hours: str = "24") -> Decimal:
    found = bill(lines(LAYOUTS[layout], rate, Decimal(hours)), PRICES, purchase, rate)  # type: ignore[arg-type]
    return found.usd_per_day


def test_the_packaged_prices_are_dated_and_each_has_a_source() -> None:
    assert (PRICES.region, PRICES.currency) == ("us-east-1", "USD")
    for name, item in PRICES.items.items():
        assert "on_demand" in item.prices, name
    assert PRICES.price("p4d.24xlarge").usd == Decimal("21.957642")
    assert PRICES.price("p4d.24xlarge", "before_june_2025").usd == Decimal("32.7726")
    assert not PRICES.price("p4d.24xlarge").is_estimate
    assert PRICES.price("g6.12xlarge", "spot").is_estimate


def test_every_instance_that_can_be_planned_has_all_its_prices() -> None:
    for name in INSTANCES:
        usd = [PRICES.price(name, purchase).usd for purchase in ("on_demand", "one_year", "three_year")]
        assert usd == sorted(usd, reverse=True), name
        assert PRICES.price(name, "spot").usd < usd[0]


def test_a_months_price_is_spread_over_its_hours() -> None:
    assert PRICES.per_hour("fsx-lustre") * 730 == pytest.approx(PRICES.price("fsx-lustre").usd)
    assert PRICES.per_hour("nat-data") == PRICES.price("nat-data").usd


@pytest.mark.parametrize(("change", "said"), [
    (lambda file: file.pop("as_of"), "as_of: Field required"),
    (lambda file: file.update(region="nowhere"), "region"),
    (lambda file: file.update(currency="EUR"), "currency"),
    (lambda file: file["items"]["alb"]["prices"]["on_demand"].pop("source"), "items.alb.prices.on_demand.source"),
    (lambda file: file["items"]["alb"]["prices"]["on_demand"].update(usd=-1), "items.alb.prices.on_demand.usd"),
    (lambda file: file["items"]["alb"]["prices"].update(monthly={}), "items.alb.prices.monthly"),
    (lambda file: file["items"]["alb"].update(unit="year"), "items.alb.unit"),
])  # fmt: skip
def test_a_price_file_that_cannot_be_used_is_told_by_the_place(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump(changed(change)))
    with pytest.raises(InputError, match=said):
        load_prices(path)


def test_a_file_of_ones_own_is_read_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(yaml.safe_dump(changed(lambda file: file.update(region="eu-central-1"))))
    assert load_prices(path).region == "eu-central-1"
    path.write_text("a: [")
    with pytest.raises(InputError, match="not YAML"):
        load_prices(path)
    with pytest.raises(InputError, match="cannot read"):
        load_prices(tmp_path / "none.yaml")


def test_a_price_that_is_missing_is_named() -> None:
    empty = Prices.model_validate(changed(lambda file: file["items"].pop("eks-control-plane")))
    with pytest.raises(InputError, match="eks-control-plane"):
        bill(lines(P4D, 1000), empty, "on_demand", 1000)


def test_the_gpu_line_is_nodes_by_price_by_hours() -> None:
    (line, *_rest) = bill(lines(P4D, 1000), PRICES, "on_demand", 1000).lines

    assert line.usd_per_day == 2 * 24 * Decimal("21.957642")
    assert line.source.startswith("AWS price list")


@given(rates, st.sampled_from(sorted(LAYOUTS)))
def test_hourly_daily_and_per_million_say_the_same(rate: float, layout: str) -> None:
    found = bill(lines(LAYOUTS[layout], rate), PRICES, "on_demand", rate)

    assert found.usd_per_day == sum(line.usd_per_day for line in found.lines)
    assert float(found.usd_per_hour * 24) == pytest.approx(float(found.usd_per_day))
    assert float(found.usd_per_million) * rate * 0.0864 == pytest.approx(float(found.usd_per_day), rel=1e-6)
    assert 0 < found.estimated_share < 1


@given(rates, rates)
def test_more_transactions_never_cost_less_a_day(one: float, other: float) -> None:
    less, more = sorted((one, other))

    assert per_day("cpu-only", rate=less) <= per_day("cpu-only", rate=more)


def test_layouts_rank_as_their_nodes_do() -> None:
    assert per_day("cpu-only") < per_day("g6-single") < per_day("p4d-single") < per_day("p4d-efa")
    assert per_day("spot", "spot") == per_day("p4d-single", "spot") < per_day("p4d-single")
    assert per_day("p4d-efa", "three_year") < per_day("p4d-efa", "one_year") < per_day("p4d-efa")


def test_nodes_that_are_away_at_night_cost_nothing_then_unless_they_are_committed_to() -> None:
    saved = per_day("p4d-efa") - per_day("p4d-efa", hours="8")

    assert saved.quantize(Decimal("1e-9")) == 2 * 16 * Decimal("21.957642")
    assert per_day("p4d-efa", hours="0") - per_day("cpu-only") < 10  # disks and the model's files stay
    assert per_day("p4d-efa", "one_year", hours="8") == per_day("p4d-efa", "one_year")


def test_on_spot_what_decides_and_the_database_stay_on_demand() -> None:
    paid = {priced.line.kind: priced.purchase for priced in bill(lines(P4D, 1000), PRICES, "spot", 1000).lines}

    assert paid == {
        "gpu": "spot",
        "batch": "spot",
        "node": "on_demand",
        "database": "on_demand",
        "service": "on_demand",
    }


def test_nobody_commits_to_nodes_of_a_few_hours() -> None:
    paid = {priced.line.kind: priced.purchase for priced in bill(lines(P4D, 1000), PRICES, "one_year", 1000).lines}

    assert {kind for kind, way in paid.items() if way == "one_year"} == {"gpu", "node", "database"}


def test_nodes_that_decide_grow_with_the_rate_and_two_are_to_spare() -> None:
    def nodes(rate: float) -> Decimal:
        return next(line.quantity for line in lines(P4D, rate) if line.kind == "node")

    assert [nodes(rate) for rate in (1, 1000, 1001, 5000)] == [3, 3, 4, 7]


def test_what_is_counted_by_the_million_follows_the_rate_alone() -> None:
    def firewall(rate: float, hours: int) -> Decimal:
        found = bill(lines(P4D, rate, Decimal(hours)), PRICES, "on_demand", rate)
        return next(priced.usd_per_day for priced in found.lines if priced.line.item == "waf-requests")

    assert firewall(1000, 24) == firewall(1000, 0) == Decimal("51.84")  # 86.4 million at 0.60
    assert firewall(2000, 24) == 2 * firewall(1000, 24)


def test_the_layout_grows_until_it_bears_the_share() -> None:
    found = by_share(P4D, PRICES, "on_demand", LOAD)

    assert [one.escalated for one in found] == sorted(one.escalated for one in found)
    assert [one.gpu_nodes for one in found] == sorted(one.gpu_nodes for one in found)
    assert found[0].gpu_nodes == 2
    assert found[-1].gpu_nodes > 10
    assert all(one.gpu_nodes % 2 == 0 for one in found)  # a replica spans two
    assert all(one.verdict_s is not None for one in found)
    assert found[-1].bill.usd_per_million > 3 * found[0].bill.usd_per_million
    assert found[0].tokens_per_s == pytest.approx(1000 * 0.0005 * LOAD.written_tokens)


def test_besides_gpu_nodes_a_cluster_with_a_model_pays_for_its_files_too() -> None:
    found = bill(besides_gpu_nodes(1000), PRICES, "on_demand", 1000)

    assert {priced.line.kind for priced in found.lines}.isdisjoint({"gpu"})
    assert found.usd_per_day - per_day("cpu-only") == pytest.approx(Decimal(1200) * PRICES.per_hour("fsx-lustre") * 24)


def test_without_a_model_nothing_is_escalated() -> None:
    assert by_share(LAYOUTS["cpu-only"], PRICES, "on_demand", LOAD) == []
    assert not [line for line in lines(LAYOUTS["cpu-only"], 1000) if line.kind == "gpu" or line.item == "fsx-lustre"]


def test_the_first_proposals_total_is_reproduced_within_one_percent() -> None:
    found = proposal(PRICES)

    assert abs(found.bill.usd_per_day / CLAIMED_USD_PER_DAY - 1) < Decimal("0.01")
    assert found.bill.lines[0].usd_per_day == 48 * Decimal("32.7726")
    assert found.bill.usd_per_million == pytest.approx(Decimal("18.33"), abs=Decimal("0.01"))


def test_the_first_proposals_errors_are_worked_out_from_the_prices() -> None:
    notes = " ".join(proposal(PRICES).notes)

    assert "Reconstructed" in notes
    assert "hence 18.3 USD" in notes
    assert "367/s on average" in notes
    assert "92 % with 1 x g6.12xlarge" in notes  # 1 - (4.6016 x 24 + 10.87) / 1583.95
    assert "83 % with 1 x g6e.12xlarge" in notes
    dearer = Prices.model_validate(
        changed(lambda file: file["items"]["g6.12xlarge"]["prices"]["on_demand"].update(usd="10.5"))
    )
    assert "83 % with 1 x g6.12xlarge" in " ".join(proposal(dearer).notes)


@pytest.mark.parametrize(("call", "said"), [
    (lambda: find_layout("p3"), "p4d-efa"),
    (lambda: lines(P4D, 0), "--rate"),
    (lambda: lines(P4D, float("inf")), "--rate"),
    (lambda: lines(P4D, 1, Decimal(25)), "--gpu-hours-per-day"),
    (lambda: bill([Line("x", "g6e.12xlarge", Decimal(1), "gpu")], PRICES, "spot", 1), "g6e.12xlarge"),
])  # fmt: skip
def test_what_cannot_be_counted_is_told(call: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        call()


def test_the_ways_to_pay_are_those_of_the_file() -> None:
    assert {purchase for item in PRICES.items.values() for purchase in item.prices} == set(get_args(Purchase))
