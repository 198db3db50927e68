"""Whether a cluster holds a model, said in numbers."""

from __future__ import annotations

from typing import Any

import pytest

from fraudray.deployments.placement import Nodes, PlacementError, await_placement, check_placement
from tests.unit.test_llm_serving import serving

P4D = {"GPU": 8.0, "CPU": 96.0, "accelerator_type:A100": 1.0}
HEAD = {"CPU": 8.0, "memory": 1e9}


def test_two_nodes_of_eight_hold_two_stages_of_eight() -> None:
    check_placement(serving(tensor_parallel=8, pipeline_parallel=2), [HEAD, P4D, P4D])


def test_one_node_is_told_how_many_gpus_and_nodes_are_missing() -> None:
    with pytest.raises(PlacementError) as caught:
        check_placement(serving(tensor_parallel=8, pipeline_parallel=2), [HEAD, P4D])

    text = str(caught.value)
    assert "needs 16 A100 GPUs: 2 x 8 on one node each" in text
    assert "2 node(s) with 8 in all (by node: 8), room for 1 of 2 groups" in text
    assert "Missing: 8 A100 GPUs, that is 1 more node(s) with 8 each" in text


@pytest.mark.parametrize(
    ("fields", "nodes", "missing"),
    [
        ({"tensor_parallel": 8}, [HEAD], "Missing: 8 A100 GPUs, that is 1 node(s) with 8 or more"),
        ({"tensor_parallel": 8}, [], "has 0 node(s) with 0 in all"),
        ({"tensor_parallel": 8}, [P4D | {"GPU": 4.0}] * 2, "room for 0 of 1 groups"),  # eight, but not together
        ({"tensor_parallel": 8}, [{"GPU": 8.0, "accelerator_type:L4": 1.0}], "with 0 in all"),  # of another type
        (
            {"tensor_parallel": 4, "replicas_min": 5, "replicas_max": 5, "engine_metrics": "ray"},
            [P4D, P4D],
            "Missing: 4 A100 GPUs, that is 1 more node(s) with 8 each",
        ),
        ({"accelerator": "cpu", "tensor_parallel": 4}, [{"CPU": 2.0}], "needs 4 CPUs"),
    ],
)
def test_what_does_not_fit_is_counted(fields: dict[str, Any], nodes: Nodes, missing: str) -> None:
    with pytest.raises(PlacementError, match=missing.replace("(", r"\(").replace(")", r"\)")):
        check_placement(serving(**fields), nodes)


def test_stages_may_share_a_node_unless_the_replica_must_be_whole() -> None:
    check_placement(serving(tensor_parallel=4, pipeline_parallel=2), [P4D])
    check_placement(serving(tensor_parallel=8, placement="STRICT_PACK"), [P4D])


def test_waiting_ends_when_the_node_joins() -> None:
    looks: list[Nodes] = [[P4D], [P4D, P4D]]

    await_placement(serving(tensor_parallel=8, pipeline_parallel=2, nodes_wait_s=60), lambda: looks.pop(0))

    assert not looks


def test_waiting_has_an_end_and_says_how_long_it_was() -> None:
    with pytest.raises(PlacementError, match=r"Missing: 8 A100 GPUs.*Waited 0 s"):
        await_placement(serving(tensor_parallel=8, nodes_wait_s=0.01), list)


def test_a_cluster_that_grows_on_demand_is_not_looked_at() -> None:
    await_placement(serving(tensor_parallel=8, nodes_wait_s=None), lambda: pytest.fail("looked"))
