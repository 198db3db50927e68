"""Whether a cluster can hold a model: said at once, in numbers, where Serve would wait for ever without a word."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from fraudray.llm.serving import LlmServing

_POLL_S = 2.0

Nodes = Sequence[Mapping[str, float]]
"""What each living node has in total, as Ray counts (`GPU`, `CPU`, `accelerator_type:…`)."""


class PlacementError(Exception):
    """The cluster has too few GPUs, or not enough of them together; the message counts what is missing."""


def check_placement(serving: LlmServing, nodes: Nodes) -> None:
    """Raise PlacementError unless `nodes` hold the model's least number of replicas.

    Each stage of a pipeline needs its GPUs on one node, since they exchange every layer's results; with STRICT_PACK the
    whole replica does. What other deployments hold is not taken off: it may be given back.
    """
    kind = "CPU" if serving.accelerator == "cpu" else "GPU"
    together = serving.workers if serving.placement == "STRICT_PACK" else serving.tensor_parallel
    groups = serving.workers // together * serving.replicas_min
    fitting = [_count(node, kind, serving.accelerator) for node in nodes]
    held = sum(count // together for count in fitting)
    if held >= groups:
        return
    what = "CPUs" if kind == "CPU" else f"{serving.accelerator} GPUs"
    total, needed = sum(fitting), groups * together
    has = ", ".join(str(count) for count in sorted(fitting, reverse=True) if count) or "none"
    missing = (groups - held) * together
    raise PlacementError(
        f"{serving.model_id} needs {needed} {what}: {groups} x {together} on one node each "
        f"(tensor_parallel {serving.tensor_parallel}, pipeline_parallel {serving.pipeline_parallel}, "
        f"replicas_min {serving.replicas_min}). The cluster has {len(nodes)} node(s) with {total} in all "
        f"(by node: {has}), room for {held} of {groups} groups. Missing: {missing} {what}, "
        f"that is {_nodes_missing(groups - held, together, fitting)}."
    )


def await_placement(serving: LlmServing, nodes: Callable[[], Nodes]) -> None:
    """Wait until the cluster can hold the model, for `nodes_wait_s`; raises PlacementError then. Blocks."""
    if serving.nodes_wait_s is None:
        return
    give_up_at = time.monotonic() + serving.nodes_wait_s
    while True:
        try:
            check_placement(serving, nodes())
        except PlacementError as error:
            rest = give_up_at - time.monotonic()
            if rest <= 0:
                if serving.nodes_wait_s:
                    raise PlacementError(f"{error} Waited {serving.nodes_wait_s:.0f} s for them.") from None
                raise
            time.sleep(min(_POLL_S, rest))
        else:
            return


def cluster_nodes() -> Nodes:
    """The living nodes of the Ray cluster that this process is connected to."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]


def _count(node: Mapping[str, float], kind: str, accelerator: str) -> int:
    if kind == "GPU" and not node.get(f"accelerator_type:{accelerator}"):
        return 0
    return int(node.get(kind, 0))


def _nodes_missing(groups: int, together: int, fitting: Sequence[int]) -> str:
    """In nodes like the largest that there is, where one of them holds a group."""
    each = max(fitting, default=0) // together
    if not each:
        return f"{groups} node(s) with {together} or more"
    count = -(-groups // each)
    return f"{count} more node(s) with {max(fitting)} each"
