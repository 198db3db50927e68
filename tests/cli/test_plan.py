"""`fraudray plan llm` and `fraudray cluster cost` from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.cost_command import cost
from fraudray.deployments.cluster.prices import load_prices
from fraudray.deployments.planning.command import app as plan

from .support import Ran

costs = typer.Typer()
costs.command()(cost)


def run(app: typer.Typer, *args: object) -> Ran:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def words(ran: Ran) -> str:
    return " ".join(ran.out.split())


def test_a_plan_is_shown_with_what_two_nodes_give_and_the_largest_shares() -> None:
    shown = words(run(plan, "llm", "--nodes", 2, "--tp", 8, "--pp", 2))

    assert "1 x TP=8 x PP=2" in shown
    assert "300 tokens of reasoning and verdict do not fit" in shown
    assert "a pipeline does not shorten it" in shown
    assert "all three, as many nodes as the money buys" in shown
    assert "p5.48xlarge, int4" in shown
    assert "calibrated" not in shown
    assert "calibrated" in words(run(plan, "llm", "--sources"))


def test_a_plan_is_one_json_document_and_options_count() -> None:
    plain = run(plan, "llm", "--json").json
    other = run(
        plan, "llm", "--json", "--nodes", 1, "--dtype", "int4", "--answer-tokens", 100, "--memory-efficiency", 0.5,
        "--compute-efficiency", 0.4, "--step-ms", 2, "--paid", "spot", "--budget-s", 1, "--replicas", 1,
    ).json  # fmt: skip

    assert plain["layout"]["replicas"] == 2
    assert plain["money"]["usd_per_node_hour"] == pytest.approx(21.957642)
    assert (other["layout"]["dtype"], other["load"]["answer_tokens"], other["load"]["budget_s"]) == ("int4", 100, 1)
    assert [other["efficiency"][name]["value"] for name in ("memory", "compute", "step_s")] == [0.5, 0.4, 0.002]
    assert other["money"]["usd_per_node_hour"] == pytest.approx(16.298)
    assert other["two_nodes"] is None
    assert plain["two_nodes"]["words"]


def test_a_model_of_ones_own_is_planned(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({
            "model_type": "llama", "num_hidden_layers": 32, "hidden_size": 4096, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
        })
    )  # fmt: skip

    found = run(plan, "llm", "--model", tmp_path, "--instance", "g6.12xlarge", "--nodes", 1, "--tp", 4, "--json").json
    assert found["model"]["parameters"] == pytest.approx(8.03e9, rel=0.001)


@pytest.mark.parametrize(("options", "said"), [
    (("--model", "gpt-9"), "--model: gpt-9"), (("--instance", "p3"), "--instance: p3"), (("--tp", "16"), "--tp"),
    (("--escalated", "2"), "--escalated"), (("--memory-efficiency", "0"), "efficiency memory"),
    (("--check-against", "none"), "cannot read"),
])  # fmt: skip
def test_what_cannot_be_planned_is_told(options: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(plan, "llm", *options)


def test_the_estimator_is_shown_beside_what_a_bench_measured(tmp_path: Path) -> None:
    figures: dict[str, Any] = {
        "model": "fraudray-tiny", "investigations": 20, "throughput": {"at_once": 32, "bare_tokens_per_s": 1650.0},
        "prefix_cache": {"prompt_tokens": 40_000, "cached_tokens": 32_000},
        "usual_loop": {"completion_tokens": 300.0, "round_trips": 1.25},
        "kinds": {
            "simple_question_ms": {"p50": 256.0, "mean": 260.0}, "complex_analysis_ms": {"p50": 1100.0, "mean": 1200.0},
        },
    }  # fmt: skip
    (tmp_path / "bench.json").write_text(json.dumps(figures))

    found = run(plan, "llm", "--check-against", tmp_path / "bench.json", "--json").json
    shown = words(run(plan, "llm", "--check-against", tmp_path / "bench.json"))

    assert found["model"] == "fraudray-tiny"
    assert [one["measured"] for one in found["beside"]] == [1650.0, 0.256, 1.2, 1650.0]
    assert all(one["predicted"] > 0 for one in found["beside"])
    assert "calibrated by it" in shown
    assert "32 at once" in shown


def test_costs_are_shown_with_the_source_of_each_price() -> None:
    shown = words(run(costs, "--layout", "g6-single", "--rate", 200, "--escalated", 0.003))

    assert "g6-single: 4-bit weights" in shown
    assert "estimate" in shown
    assert "p4d-efa, three year" in shown
    assert "0.30% (asked)" in shown
    assert "prices of 2026-09-30, us-east-1" in shown


def test_costs_are_one_json_document_with_exact_money() -> None:
    found = run(costs, "--json").json

    assert found["lines"][0]["usd_per_day"] == "1053.9668"
    assert {line["estimate"] for line in found["lines"]} == {True, False}
    assert found["layouts"]["spot"]["on_demand"] is None
    assert found["layouts"]["p4d-efa"]["on_demand"]["usd_per_day"] == found["usd_per_day"]
    assert 0.002 in [one["escalated"] for one in found["by_escalated"]]
    assert run(costs, "--layout", "spot", "--json").json["paid"] == "spot"


def test_the_first_proposal_is_shown_line_by_line() -> None:
    shown = words(run(costs, "--proposal"))

    assert "1,573.08" in shown
    assert "1,583.95" in shown
    assert "Reconstructed" in shown
    assert run(costs, "--proposal", "--json").json["reconstructed"] is True


def test_prices_of_ones_own_and_their_region_count(tmp_path: Path) -> None:
    content = load_prices().model_dump(mode="json") | {"region": "eu-west-1"}
    (tmp_path / "prices.yaml").write_text(json.dumps(content))  # JSON is YAML

    found = run(costs, "--prices", tmp_path / "prices.yaml", "--region", "eu-west-1", "--json").json
    assert found["region"] == "eu-west-1"
    with pytest.raises(InputError, match="of us-east-1, not eu-west-1"):
        run(costs, "--region", "eu-west-1")
    with pytest.raises(InputError, match="--layout: p3"):
        run(costs, "--layout", "p3")
