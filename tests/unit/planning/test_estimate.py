"""The estimate, the comparison of two nodes, the limits, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudray.cli.exits import InputError
from fraudray.deployments.planning.compare import compare
from fraudray.deployments.planning.elsewhere import elsewhere
from fraudray.deployments.planning.estimate import BUSY_SHARE, estimate, per_million
from fraudray.deployments.planning.hardware import KNOWN as INSTANCES
from fraudray.deployments.planning.hardware import Efficiency, find_instance
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.limits import Limit, Money, limits
from fraudray.deployments.planning.models import KNOWN as MODELS
from fraudray.deployments.planning.plan import Plan, make_plan

from .shapes import ONE_NODE, P4D, PIPELINE, R1_32B, SHORT, TWO_NODES

MONEY = Money(usd_per_node_hour=21.957642, other_usd_per_hour=6.3)
LONG = replace(SHORT, answer_tokens=300, text_tokens=100)


def planned(layout: Layout = TWO_NODES, load: Load = SHORT) -> Plan:
    return make_plan(R1_32B, P4D, layout, load, Efficiency(), MONEY, {"p4d.24xlarge": 21.96}.get)


def bounds(load: Load = SHORT, money: Money = MONEY) -> list[Limit]:
    return limits(R1_32B, P4D, TWO_NODES, load, money)


def test_the_same_arguments_give_the_same_numbers() -> None:
    assert estimate(R1_32B, P4D, TWO_NODES, SHORT) == estimate(R1_32B, P4D, TWO_NODES, SHORT)


@settings(deadline=None)
@given(st.floats(0.1, 5000), st.floats(0, 1))
def test_what_is_written_is_what_is_asked_for_up_to_the_capacity(rate: float, escalated: float) -> None:
    found = estimate(R1_32B, P4D, TWO_NODES, replace(SHORT, transactions_per_s=rate, escalated=escalated))

    assert found.tokens_per_s == pytest.approx(min(rate * escalated * 160, found.tokens_per_s_max))
    assert found.overloaded == (found.verdict_p50_s is None) == (found.verdict_p95_s is None)
    assert found.busy == pytest.approx(rate * escalated / found.capacity_per_s)


@settings(deadline=None)
@given(st.floats(0.0005, 0.2))
def test_the_replicas_for_a_rate_are_the_fewest_that_bear_it(escalated: float) -> None:
    load = replace(SHORT, escalated=escalated)
    needed = estimate(R1_32B, P4D, ONE_NODE, load).replicas_for_rate

    assert estimate(R1_32B, P4D, Layout(needed, 8, replicas=needed), load).busy <= BUSY_SHARE + 1e-9
    if needed > 1:
        assert estimate(R1_32B, P4D, Layout(needed - 1, 8, replicas=needed - 1), load).busy > BUSY_SHARE


def test_the_replicas_for_a_budget_keep_it() -> None:
    load = replace(SHORT, escalated=0.01)
    needed = estimate(R1_32B, P4D, ONE_NODE, load).replicas_for_budget
    assert needed is not None
    assert needed > 1

    enough = estimate(R1_32B, P4D, Layout(needed, 8, replicas=needed), load)
    less = estimate(R1_32B, P4D, Layout(needed - 1, 8, replicas=needed - 1), load)
    assert enough.verdict_p95_s is not None
    assert enough.verdict_p95_s <= load.budget_s
    assert less.verdict_p95_s is None or less.verdict_p95_s > load.budget_s


def test_three_hundred_tokens_do_not_fit_the_time_on_p4d_and_it_says_so() -> None:
    made = planned(load=LONG)

    assert made.estimate.alone_s > 1.7
    assert made.estimate.replicas_for_budget is None
    assert made.estimate.answer_tokens_in_budget < 300
    assert "do not fit" in made.verdict
    assert f"{made.estimate.answer_tokens_in_budget} tokens do" in made.verdict
    by_name = {limit.name: limit for limit in made.limits}
    assert by_name["verdict within 1.7 s on these nodes"].share == 0
    assert by_name["all three, as many nodes as the money buys"].share == 0


@pytest.mark.parametrize(("escalated", "said"), [
    (0.0001, "95 % of the verdicts are there within"), (0.006, "replicas on"), (0.5, "Overloaded"),
])  # fmt: skip
def test_the_sentence_says_whether_the_time_is_kept(escalated: float, said: str) -> None:
    assert said in planned(load=replace(SHORT, escalated=escalated)).verdict


def test_each_limit_is_the_last_share_that_keeps_its_constraint() -> None:
    rate, time, money, here, bought = bounds()
    at = {limit.name: replace(SHORT, escalated=limit.share) for limit in (rate, time)}

    assert estimate(R1_32B, P4D, TWO_NODES, at[rate.name]).busy == pytest.approx(BUSY_SHARE)
    just = estimate(R1_32B, P4D, TWO_NODES, at[time.name]).verdict_p95_s
    above = estimate(R1_32B, P4D, TWO_NODES, replace(SHORT, escalated=1.01 * time.share)).verdict_p95_s
    assert just == pytest.approx(1.7)
    assert above is not None
    assert above > 1.7
    assert money.usd_per_million <= 50 < MONEY.usd_per_million(money.nodes + 1, 1000)
    assert here.share == min(rate.share, time.share)
    assert bought.share == pytest.approx(time.share * money.nodes / 2)


def test_nodes_that_cost_too_much_leave_nothing() -> None:
    found = bounds(money=replace(MONEY, usd_per_million_max=10))

    assert found[2].nodes == 1
    assert found[3].share == 0
    assert "cost more" in found[3].why
    assert found[4].share > 0


def test_money_counts_what_is_paid_for_other_things() -> None:
    assert Money(20, 0, 50).nodes(1000) == 9
    assert Money(20, 10, 50).nodes(1000) == 8
    assert Money(20, 500, 50).nodes(1000) == 0
    assert per_million(180, 1000) == pytest.approx(50)


def test_two_nodes_are_compared_with_the_same_slots_in_all() -> None:
    found = compare(R1_32B, P4D, TWO_NODES, SHORT)
    assert found.replicas is not None

    assert found.pipeline.alone_s > found.replicas.alone_s
    assert found.pipeline.slots == 2 * found.replicas.slots
    assert 2 * found.replicas.memory.kv_tokens < found.pipeline.memory.kv_tokens
    one, throughput, loss, room, advice = found.words
    assert f"{found.pipeline.alone_s:.2f} s" in one
    assert f"{found.replicas.tokens_per_s_max:,.0f}" in throughput
    assert "half" in loss
    assert "15 % more" in room
    assert advice.startswith("Take two TP=8 replicas")


def test_a_model_that_one_node_does_not_hold_is_for_the_pipeline() -> None:
    huge = replace(R1_32B, layers=5 * R1_32B.layers)
    found = compare(huge, P4D, replace(TWO_NODES, tensor_parallel=8), SHORT)

    assert found.replicas is None
    assert found.words[0].startswith("Take the pipeline")


def test_other_instances_are_listed_fastest_first_and_only_where_the_model_fits() -> None:
    found = elsewhere(R1_32B, ONE_NODE, SHORT, {"p4d.24xlarge": 20.0}.get)

    assert [one.alone_s for one in found] == sorted(one.alone_s for one in found)
    assert {one.instance for one in found} == set(INSTANCES)
    assert {one.usd_per_million for one in found if one.instance == "p4d.24xlarge"} == {per_million(20, 1000)}
    assert all(one.usd_per_million is None for one in found if one.instance != "p4d.24xlarge")
    seven = elsewhere(MODELS["deepseek-r1-distill-qwen-7b"], ONE_NODE, SHORT, {}.get)
    assert {one.instance for one in seven} == {"g6.12xlarge"}  # 28 heads are not split over 8 GPUs


def test_a_plan_is_a_document() -> None:
    made = planned(PIPELINE)

    document = made.document()
    assert document["estimate"]["verdict_p50_s"] == made.estimate.verdict_p50_s
    assert document["two_nodes"]["replicas"]["memory"]["kv_tokens"] > 0
    assert document["efficiency"]["memory"]["source"].startswith("calibrated")
    assert planned(ONE_NODE).document()["two_nodes"] is None


@pytest.mark.parametrize(("layout", "said"), [
    (Layout(1, 16), "--tp: 16 GPUs share each layer, but p4d.24xlarge has 8"),
    (Layout(1, 3), "has 40 heads, which 3 do not divide"),
    (Layout(1, 8, 2), "takes 2 nodes; --nodes is 1"),
    (Layout(2, 8, 1, 3), "takes 3 nodes"),
    (Layout(99, 1, 65), "has 64 layers"),
    (Layout(1, 1), "does not fit p4d.24xlarge"),
    (Layout(0, 8), "--nodes: 0"),
    (Layout(1, 8, slots=0), "--slots: 0"),
    (Layout(1, 8, memory_share=1.5), "--memory-share"),
])  # fmt: skip
def test_a_layout_that_cannot_be_is_told(layout: Layout, said: str) -> None:
    with pytest.raises(InputError, match=said):
        estimate(R1_32B, P4D, layout, SHORT)


@pytest.mark.parametrize(("changes", "said"), [
    ({"escalated": 1.1}, "--escalated"), ({"transactions_per_s": 0}, "--rate"),
    ({"transactions_per_s": float("nan")}, "--rate"), ({"cached": 1.0}, "--cached"),
    ({"prompt_tokens": 0}, "--prompt-tokens"),
    ({"answer_tokens": 0}, "--answer-tokens"), ({"text_tokens": -1}, "--text-tokens"), ({"budget_s": 0}, "--budget-s"),
])  # fmt: skip
def test_a_load_that_cannot_be_is_told(changes: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(SHORT, **changes)


def test_a_request_longer_than_the_cache_is_told() -> None:
    with pytest.raises(InputError, match="less than one request"):
        estimate(R1_32B, P4D, ONE_NODE, replace(SHORT, prompt_tokens=2_000_000))


def test_layouts_count_their_nodes() -> None:
    assert [Layout(9, 4).nodes_for(count, P4D) for count in (1, 2, 3)] == [1, 1, 2]
    assert [Layout(9, 8, 2).nodes_for(count, P4D) for count in (1, 2, 3)] == [2, 4, 6]
    assert [Layout(9, 4, 2).replicas_on(nodes, P4D) for nodes in (0, 1, 3)] == [0, 1, 3]
    assert [Layout(9, 8, 2).replicas_on(nodes, P4D) for nodes in (1, 2, 7)] == [0, 1, 3]
    with pytest.raises(InputError, match="p4d"):
        find_instance("p3.2xlarge")
