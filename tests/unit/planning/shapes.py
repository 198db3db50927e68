"""What the tests of the estimator share."""

from __future__ import annotations

from fraudray.deployments.planning.estimate import replica_of
from fraudray.deployments.planning.hardware import KNOWN as INSTANCES
from fraudray.deployments.planning.layout import Layout, Load
from fraudray.deployments.planning.models import KNOWN as MODELS
from fraudray.deployments.planning.queueing import Replica

R1_32B = MODELS["deepseek-r1-distill-qwen-32b"]
P4D = INSTANCES["p4d.24xlarge"]
ONE_NODE = Layout(nodes=1, tensor_parallel=8)
TWO_NODES = Layout(nodes=2, tensor_parallel=8, replicas=2)
PIPELINE = Layout(nodes=2, tensor_parallel=8, pipeline_parallel=2, slots=128)
SHORT = Load(1000, 0.001, answer_tokens=120, text_tokens=40)


def replica(layout: Layout = ONE_NODE, load: Load = SHORT) -> Replica:
    """Of the 32B model on p4d."""
    return replica_of(R1_32B, P4D, layout, load)
