"""Whether the GPUs that a Serve config wants are those that the workers have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from fraudray.deployments.cluster.accelerators import Model, gpus, groups_with, models, of_nodes, said
from fraudray.deployments.cluster.manifests import dotted
from fraudray.deployments.cluster.ray_specs import RayCluster
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule
from fraudray.deployments.cluster.serve_config import PATH, ServeConfigError, serve_applications

_CONFIG = dotted(PATH)


@rule(
    "serve.config",
    wrong="A Serve config cannot be read.",
    why="Serve refuses it after the cluster has started, and the RayService never becomes ready",
    advice="Correct it; deployments/configs has working ones, and the fields of a model are those of LlmServing.",
)
def config(rendering: Rendering) -> Iterator[Hit]:
    """YAML, its applications, and the arguments of those that serve a model."""
    for cluster in rendering.clusters:
        try:
            for application in serve_applications(cluster):
                application.serving()
        except ServeConfigError as error:
            yield Hit(cluster.manifest, _CONFIG, str(error))


@rule(
    "gpus.least",
    wrong="The least number of workers has not as many GPUs as the models' least number of replicas.",
    why="with fewer, a model waits for GPUs that never come; with more, GPUs are paid for and stand idle",
    advice="Make tensor_parallel x pipeline_parallel x replicas_min equal minReplicas x numOfHosts x nvidia.com/gpu. "
    "Fewer is right only with Ray's autoscaler and `nodes_wait_s: null`.",
)
def least(rendering: Rendering) -> Iterator[Hit]:
    """By accelerator."""
    for cluster in rendering.clusters:
        for accelerator, wanting in _by_accelerator(cluster).items():
            groups = groups_with(rendering, cluster, accelerator)
            needed = sum(model.serving.workers * model.serving.replicas_min for model in wanting)
            has = gpus(groups, most=False)
            on_demand = cluster.autoscales and all(model.serving.nodes_wait_s is None for model in wanting)
            if has > needed or (has < needed and not on_demand):
                counted = " + ".join(_told(model, most=False) for model in wanting)
                held = " + ".join(
                    f"{group.name} {group.replicas_min} x {group.hosts} x {group.gpus}" for group in groups
                )
                yield Hit(
                    cluster.manifest,
                    _CONFIG,
                    f"needs {needed} {accelerator} GPUs ({counted}), the workers have "
                    f"{has} ({held or 'no group has any'})",
                )


@rule(
    "gpus.most",
    wrong="The models may grow beyond the GPUs of the workers' greatest number.",
    why="under load Serve asks for replicas that never start",
    advice="Raise maxReplicas of the group, or lower replicas_max of the model.",
)
def most(rendering: Rendering) -> Iterator[Hit]:
    """By accelerator; without Ray's autoscaler only the least number of workers is ever there."""
    for cluster in rendering.clusters:
        for accelerator, wanting in _by_accelerator(cluster).items():
            needed = sum(model.serving.workers * model.serving.replicas_max for model in wanting)
            has = gpus(groups_with(rendering, cluster, accelerator), most=cluster.autoscales)
            if needed > has:
                counted = " + ".join(_told(model, most=True) for model in wanting)
                what = "at most" if cluster.autoscales else "(no autoscaler)"
                detail = f"may need {needed} {accelerator} GPUs ({counted}), the workers have {has} {what}"
                yield Hit(cluster.manifest, _CONFIG, detail)


@rule(
    "gpus.one-pod",
    wrong="GPUs that must be together do not fit one pod.",
    why="tensor parallelism over the network is slower than one GPU alone, and with STRICT_PACK it never starts",
    advice="Let tensor_parallel be at most the GPUs of one pod; pipeline_parallel goes over several (placement PACK).",
)
def one_pod(rendering: Rendering) -> Iterator[Hit]:
    """The largest pod counts."""
    for cluster in rendering.clusters:
        for accelerator, wanting in _by_accelerator(cluster).items():
            largest = max((group.gpus for group in groups_with(rendering, cluster, accelerator)), default=0)
            for model in wanting:
                if largest and model.together > largest:
                    detail = f"{model.application.name} needs {model.together} GPUs together, a pod has {largest}"
                    yield Hit(cluster.manifest, _CONFIG, detail)


@rule(
    "gpus.accelerator",
    wrong="What a group says of its GPUs is not what its nodes have.",
    why="Ray would place a model by the label, on GPUs that it was not sized for",
    advice="Make the label ray.io/accelerator-type (or the resource accelerator_type:…) that of the instance type.",
)
def accelerator(rendering: Rendering) -> Iterator[Hit]:
    """By the instance type in the node selector, or by those of the eksctl groups that it admits."""
    for cluster in rendering.clusters:
        for group in cluster.workers:
            nodes, named = of_nodes(rendering, group), said(group)
            if group.gpus and nodes and named - nodes:
                detail = f"{group.name} says {', '.join(sorted(named))}, its nodes have {', '.join(sorted(nodes))}"
                yield Hit(cluster.manifest, dotted(group.path), detail)


@rule(
    "gpus.unused",
    wrong="A group of workers has GPUs of a kind that no model of its cluster is served on.",
    why="GPUs are paid for and stand idle",
    advice="Set the model's `accelerator` to that of the nodes, or leave the group out.",
)
def unused(rendering: Rendering) -> Iterator[Hit]:
    """Clusters of a RayService that always have such workers, where its Serve config can be read."""
    unread = {id(hit.manifest) for hit in config.check(rendering)}
    for cluster in rendering.clusters:
        if cluster.manifest.kind != "RayService" or id(cluster.manifest) in unread:
            continue
        wanted = set(_by_accelerator(cluster))
        for group in cluster.workers:
            kinds = of_nodes(rendering, group) or said(group)
            if group.gpus and group.replicas_min and (not wanted or (kinds and not kinds & wanted)):
                detail = (
                    f"{group.name} has {', '.join(sorted(kinds)) or 'GPUs'}, models want {', '.join(wanted) or 'none'}"
                )
                yield Hit(cluster.manifest, dotted(group.path), detail)


def _by_accelerator(cluster: RayCluster) -> dict[str, list[Model]]:
    found: dict[str, list[Model]] = defaultdict(list)
    for model in models(cluster):
        if model.serving.accelerator != "cpu":
            found[model.serving.accelerator].append(model)
    return found


def _told(model: Model, *, most: bool) -> str:
    serving = model.serving
    count = serving.replicas_max if most else serving.replicas_min
    return f"{model.application.name} {serving.tensor_parallel} x {serving.pipeline_parallel} x {count}"
