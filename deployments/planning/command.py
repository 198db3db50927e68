"""`fraudray plan`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.session import Json, Session, examples, new_app

if TYPE_CHECKING:
    from fraudray.deployments.planning.hardware import Efficiency

app = new_app()


class Weights(StrEnum):
    """How the weights are kept."""

    BF16 = "bf16"
    INT4 = "int4"


class Network(StrEnum):
    """Between nodes."""

    EFA = "efa"
    TCP = "tcp"


class Paid(StrEnum):
    """How nodes are paid for."""

    ON_DEMAND = "on_demand"
    SPOT = "spot"
    ONE_YEAR = "one_year"
    THREE_YEAR = "three_year"


@app.callback()
def plan() -> None:
    """Plan the capacity of a cluster before renting it."""


@app.command(
    epilog=examples(
        "fraudray plan llm --nodes 2 --tp 8 --pp 2 --rate 1000 --escalated 0.002",
        "fraudray plan llm --instance g6.12xlarge --nodes 1 --tp 4 --dtype int4 --slots 16 --batched-tokens 4096",
        "fraudray plan llm --model /fsx/models/mine --instance p5.48xlarge --nodes 1 --json | jq .estimate",
        "fraudray bench llm --json > bench.json && fraudray plan llm --check-against bench.json",
    )
)
def llm(
    ctx: typer.Context,
    model: Annotated[
        str, typer.Option("--model", help="A known model, or a folder with its config.json.")
    ] = "deepseek-r1-distill-qwen-32b",
    instance: Annotated[str, typer.Option("--instance", help="EC2 instance type of the GPU nodes.")] = "p4d.24xlarge",
    nodes: Annotated[int, typer.Option("--nodes", min=1, max=1000, help="How many of them.")] = 2,
    tensor: Annotated[int, typer.Option("--tp", min=1, max=64, help="GPUs that share each layer.")] = 8,
    stages: Annotated[int, typer.Option("--pp", min=1, max=64, help="Stages of layers.")] = 1,
    replicas: Annotated[
        int | None,
        typer.Option("--replicas", min=1, max=8000, help="Replicas.", show_default="as many as the nodes hold"),
    ] = None,
    rate: Annotated[float, typer.Option("--rate", help="Transactions a second.")] = 1000.0,
    escalated: Annotated[
        float, typer.Option("--escalated", help="Share that the model is asked about, 0 to 1.")
    ] = 0.002,
    prompt_tokens: Annotated[int, typer.Option("--prompt-tokens", help="Of one request.")] = 2000,
    cached: Annotated[float, typer.Option("--cached", help="Share of the prompt in the prefix cache, 0 to 1.")] = 0.0,
    answer_tokens: Annotated[
        int, typer.Option("--answer-tokens", help="Reasoning and verdict: written until it can be read.")
    ] = 300,
    text_tokens: Annotated[int, typer.Option("--text-tokens", help="Prose after the verdict.")] = 100,
    budget_s: Annotated[
        float, typer.Option("--budget-s", help="In which the verdict has to be there; the LLM's part of 2 s.")
    ] = 1.7,
    dtype: Annotated[Weights, typer.Option("--dtype", help="Of the weights.")] = Weights.BF16,
    network: Annotated[Network, typer.Option("--network", help="Between nodes.")] = Network.EFA,
    slots: Annotated[int, typer.Option("--slots", help="vLLM's max_num_seqs.")] = 64,
    batched_tokens: Annotated[int, typer.Option("--batched-tokens", help="vLLM's max_num_batched_tokens.")] = 8192,
    memory_efficiency: Annotated[
        float | None, typer.Option(help="Reached share of the memory's bandwidth.", show_default="0.75")
    ] = None,
    compute_efficiency: Annotated[
        float | None, typer.Option(help="Reached share of the arithmetic.", show_default="0.55")
    ] = None,
    step_ms: Annotated[
        float | None, typer.Option("--step-ms", help="The engine's own time for a step.", show_default="1")
    ] = None,
    usd_per_million: Annotated[
        float, typer.Option("--usd-per-million", min=0.01, help="What a million transactions may cost.")
    ] = 50.0,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="Price file.", dir_okay=False, show_default="the packaged one")
    ] = None,
    paid: Annotated[Paid, typer.Option("--paid", help="How the nodes are paid for.")] = Paid.ON_DEMAND,
    sources: Annotated[bool, typer.Option("--sources", help="Show what the estimate rests on.")] = False,
    check_against: Annotated[
        Path | None,
        typer.Option(
            "--check-against", dir_okay=False, show_default=False,
            help="What `fraudray bench llm --json` printed on this machine: predict it, and show both. Only --model "
            "counts besides, where the bench asked another than the tiny one.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Estimate latency, throughput, replicas and cost of serving a reasoning model.

    An estimate from bandwidths and arithmetic; no GPU was measured for it. For two nodes it also compares a pipeline
    over both with a replica on each. Then the largest share of transactions that the model can be asked about (by
    capacity, by the time that a verdict may take, by money, and by all of these), and what other instances would do.
    """
    session = Session.of(ctx, as_json=as_json, data_dir=None)
    if check_against is not None:
        _check(session, check_against, model)
        return
    from dataclasses import replace

    from fraudray.deployments.cluster.costs import besides_gpu_nodes, bill
    from fraudray.deployments.cluster.prices import load_prices
    from fraudray.deployments.planning.hardware import find_instance
    from fraudray.deployments.planning.layout import Layout, Load
    from fraudray.deployments.planning.limits import Money
    from fraudray.deployments.planning.models import find_model
    from fraudray.deployments.planning.plan import make_plan
    from fraudray.deployments.planning.view import plan_view

    machine, table = find_instance(instance), load_prices(prices)
    load = Load(rate, escalated, prompt_tokens, cached, answer_tokens, text_tokens, budget_s)
    layout = Layout(nodes, tensor, stages, 1, dtype.value, network.value, slots, batched_tokens)
    layout = replace(layout, replicas=replicas or max(1, layout.replicas_on(nodes, machine)))
    rest = bill(besides_gpu_nodes(rate), table, paid.value, rate)
    money = Money(float(table.per_hour(machine.name, paid.value)), float(rest.usd_per_hour), usd_per_million)
    efficiency = _efficiency(memory_efficiency, compute_efficiency, step_ms)

    def usd_per_node_hour(name: str) -> float | None:
        price = table.find(name, paid.value)
        return None if price is None else float(price.usd)

    made = make_plan(find_model(model), machine, layout, load, efficiency, money, usd_per_node_hour)
    session.show(made.document(), plan_view(made, sources=sources))


def _efficiency(memory: float | None, compute: float | None, step_ms: float | None) -> Efficiency:
    from fraudray.deployments.planning.hardware import Efficiency

    default = Efficiency()
    return Efficiency(
        memory=default.memory if memory is None else memory,
        compute=default.compute if compute is None else compute,
        step_s=default.step_s if step_ms is None else step_ms / 1000,
    )


def _check(session: Session, file: Path, model: str) -> None:
    from dataclasses import asdict

    from fraudray.deployments.planning.check import check, read_figures
    from fraudray.deployments.planning.machine import measure_machine
    from fraudray.deployments.planning.models import KNOWN, find_model
    from fraudray.deployments.planning.view import check_view

    figures = read_figures(file)
    shape = KNOWN.get(figures.model) or find_model(model)
    from fraudray.deployments.bench.measure import SIMPLE_TOKENS  # with all that an investigator needs

    machine = measure_machine(shape.read_bytes("bf16"))
    found = check(figures, shape, machine, SIMPLE_TOKENS)
    document = {
        "model": shape.name, "machine": asdict(machine), "step_s": found.step_s, "request_step_s": found.request_step_s,
        "beside": [asdict(one) | {"ratio": one.ratio} for one in found.beside],
    }  # fmt: skip
    session.show(document, check_view(found, machine))
