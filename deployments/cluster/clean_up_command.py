"""`fraudray cluster clean-up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import InputError, say
from fraudray.cli.session import Json, Session
from fraudray.deployments.cluster.deploy_command import Context, Overlay, Yes
from fraudray.domain.errors import Refused

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.deployments.cluster.cluster_config import ClusterConfig
    from fraudray.deployments.cluster.kube import Kube
    from fraudray.deployments.cluster.manifests import Manifest
    from fraudray.deployments.cluster.staying import Stays


def clean_up(
    ctx: typer.Context, overlay: Overlay,
    application: Annotated[bool, typer.Option("--application", help="The objects; the cluster stays.")] = False,
    everything: Annotated[bool, typer.Option("--everything", help="Then the cluster, with all its nodes.")] = False,
    name: Annotated[
        str | None, typer.Option("--name", help="The cluster's name, which --everything asks to be typed.")
    ] = None,
    yes: Yes = False,
    wait_s: Annotated[float, typer.Option("--wait-s", min=0, max=14_400, help="For each stage to be gone.")] = 900,
    context: Context = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Delete what was deployed, or the cluster too: shown with what stays and goes on costing, then asked for.

    Objects go in the reverse order of a deployment, those that earlier deployments left too, each stage gone before the
    next: KubeRay needs the store until its clusters are gone. Volumes with Retain stay, as does what was made by hand.
    What is not there is no failure; interrupted, the same command goes on.
    """
    from fraudray.deployments.cluster import eksctl
    from fraudray.deployments.cluster.account import Account
    from fraudray.deployments.cluster.asking import may, may_named
    from fraudray.deployments.cluster.cluster_config import cluster_config
    from fraudray.deployments.cluster.creating import existing
    from fraudray.deployments.cluster.places import find_place
    from fraudray.deployments.cluster.removing import remove
    from fraudray.deployments.cluster.rendering import render
    from fraudray.deployments.cluster.site_values import site_values
    from fraudray.deployments.cluster.staying import staying
    from fraudray.deployments.cluster.waiting import Patience, telling

    if application == everything:
        raise InputError("say one of --application and --everything")
    session = Session.of(ctx, as_json=as_json, data_dir=None)
    place = find_place(overlay)
    config = cluster_config(render(place.eksctl), source=str(place.eksctl))
    manifests = render(place.overlay)
    there = not everything or existing(Account(config.region), config) is not None
    kube = _connected(context, config, exactly=everything) if there else None
    goes = _going(kube, manifests) if kube else []
    stays = staying(goes, config, site_values(place.site), layout=place.name, everything=everything)
    cluster_goes = everything and there
    if not as_json:
        session.out.print(_view(config, goes, stays, cluster_goes=cluster_goes))
    if cluster_goes:
        eksctl.find_eksctl()
        may_named(f"delete all this and the cluster {config.name}", config.name, given=name, shown=not as_json)
    elif goes and kube is not None:
        may(f"Delete this from {kube.cluster}?", yes=yes, shown=not as_json)
    if kube is not None:
        with telling() as tell:
            remove(kube, goes, Patience(wait_s), tell)
    if cluster_goes:
        eksctl.delete_cluster(config)
    if as_json:
        deleted = [str(manifest) for manifest in goes]
        session.show({
            "deleted": deleted, "cluster_deleted": config.name if cluster_goes else None,
            "stays": [one.document() for one in stays],
        })  # fmt: skip
    else:
        say(f"{len(goes)} objects deleted" + (f", and the cluster {config.name}." if cluster_goes else "."))


def _connected(context: str | None, config: ClusterConfig, *, exactly: bool) -> Kube:
    """The cluster; `exactly` the one that eksctl will delete, by the name that eksctl and the AWS CLI give it in a
    kubeconfig. Raises Refused for another."""
    from fraudray.deployments.cluster.kube import Kube

    kube = Kube.connect(context)
    by_aws = kube.cluster.startswith("arn:") and kube.cluster.endswith(f":cluster/{config.name}")
    by_aws = by_aws and f":{config.region}:" in kube.cluster
    if exactly and not by_aws and kube.cluster != f"{config.name}.{config.region}.eksctl.io":
        raise Refused(
            f"the kubeconfig's context leads to {kube.cluster}, not to {config.name} in {config.region}: --context, "
            f"or aws eks update-kubeconfig --name {config.name} --region {config.region}; nothing was deleted"
        )
    return kube


def _going(kube: Kube, manifests: list[Manifest]) -> list[Manifest]:
    """The overlay's objects that are there, and what earlier deployments left."""
    from fraudray.deployments.cluster.deploying import KEPT, SWEPT, left_overs
    from fraudray.deployments.cluster.kinds import Kinds
    from fraudray.deployments.cluster.removing import present

    left, _ = left_overs(kube, Kinds(kube), manifests, of=SWEPT + KEPT)
    return [*present(kube, manifests), *left]


def _view(config: ClusterConfig, goes: list[Manifest], stays: list[Stays], *, cluster_goes: bool) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import listing, plain

    objects = [(str(manifest),) for manifest in goes]
    nodes = ", ".join(group.name for group in config.groups)
    parts: list[RenderableType] = [listing(("Will be deleted",), objects, empty="No object of it is there.")]
    namespaces = [manifest.name for manifest in goes if manifest.kind == "Namespace"]
    if namespaces:
        parts.append(
            plain(f"With them all that is in the namespaces {', '.join(namespaces)}, whoever made it.", "yellow")
        )
    if cluster_goes:
        words = f"Then the cluster {config.name} in {config.region}, its VPC and its node groups: {nodes}"
        parts.append(plain(words, "bold red"))
    rows = [(one.what, one.why, "" if one.usd_per_day is None else f"{one.usd_per_day:,.2f}", one.how) for one in stays]
    total = sum(one.usd_per_day or 0 for one in stays)
    parts.append(listing(("Stays", "Why", "USD a day", "To be rid of it"), rows, empty=""))
    parts.append(plain(f"What stays costs about {total:,.0f} USD a day, used or not, and what its data takes."))
    return Group(*parts)
