"""What of a cluster is there, and what is still to be made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fraudray.deployments.cluster.account import Account
from fraudray.deployments.cluster.cluster_config import ClusterConfig, NodeGroup
from fraudray.deployments.cluster.kube import NotThere
from fraudray.deployments.cluster.manifests import Document, at


@dataclass(frozen=True, slots=True)
class Existing:
    """A cluster in EKS: its state, the names of its node groups, and what is otherwise than the file says."""

    status: str
    groups: tuple[str, ...]
    differences: tuple[str, ...]


def existing(account: Account, config: ClusterConfig) -> Existing | None:
    """The cluster of that name; None where there is none. Raises NotAllowed, AwsFailed."""
    try:
        found = account.ask("eks", "describe_cluster", name=config.name)["cluster"]
    except NotThere:
        return None
    names = tuple(account.ask("eks", "list_nodegroups", clusterName=config.name)["nodegroups"])
    return Existing(str(found.get("status")), names, tuple(_differences(account, config, found, names)))


def _differences(account: Account, config: ClusterConfig, found: Document, names: tuple[str, ...]) -> Iterator[str]:
    version = found.get("version")
    if config.version and version != config.version:
        how = f"eksctl upgrade cluster --name {config.name} --version {config.version} --approve"
        yield f"Kubernetes is {version}, the file says {config.version}: {how}"
    for group in config.groups:
        if group.name in names:
            answer = account.ask("eks", "describe_nodegroup", clusterName=config.name, nodegroupName=group.name)
            yield from _group_differences(config, group, answer["nodegroup"])
    wanted = {group.name for group in config.groups}
    for name in sorted(set(names) - wanted):
        how = f"eksctl delete nodegroup --cluster {config.name} --name {name}"
        yield f"node group {name} is not in the file: {how}, if nothing needs it"


def _group_differences(config: ClusterConfig, group: NodeGroup, found: Document) -> Iterator[str]:
    # Of nodes from a launch template of their own (eksctl's, with EFA or a reservation), EKS does not tell the type.
    types = found.get("instanceTypes") or []
    if types and types != [group.instance]:
        words = f"is of {', '.join(types)}, the file says {group.instance}"
        yield f"node group {group.name} {words}: delete it, then create again"
    sizes = (at(found, "scalingConfig", "minSize"), at(found, "scalingConfig", "maxSize"))
    least, _, most = group.nodes
    if sizes != (least, most):
        how = (
            f"eksctl scale nodegroup --cluster {config.name} --name {group.name} --nodes-min {least} --nodes-max {most}"
        )
        yield f"node group {group.name} has {sizes[0]} to {sizes[1]} nodes, the file says {least} to {most}: {how}"
