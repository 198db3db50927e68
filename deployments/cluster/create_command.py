"""`fraudray cluster create`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fraudray.cli.exits import ExitCode, say
from fraudray.cli.session import Json, Session

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fraudray.deployments.cluster.cluster_config import ClusterConfig
    from fraudray.deployments.cluster.creating import Existing
    from fraudray.deployments.cluster.lines import Line
    from fraudray.deployments.cluster.manifests import Document


def create(
    ctx: typer.Context,
    cluster: Annotated[
        str, typer.Argument(metavar="OVERLAY", help="Its name, as p4d-efa, or folder, as kuberay/eksctl/p4d-efa.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Although something is missing that the cluster stands on.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make the cluster of an overlay with eksctl, or the node groups that it lacks: shown with costs, then asked for.

    Before, it looks in the AWS account (boto3's credentials) for what must be there: KMS key, capacity reservation,
    placement group, quota; without those nothing is made, code 1. EFS, FSx, buckets and secrets, which the application
    needs later, are told too. A cluster that is as the file says is left alone. A change of what exists is told with
    the command for it, and not made.
    """
    from fraudray.deployments.cluster import eksctl
    from fraudray.deployments.cluster.account import Account
    from fraudray.deployments.cluster.asking import may
    from fraudray.deployments.cluster.cluster_config import cluster_config
    from fraudray.deployments.cluster.creating import existing
    from fraudray.deployments.cluster.foundations import for_the_application, for_the_cluster
    from fraudray.deployments.cluster.places import find_place
    from fraudray.deployments.cluster.rendering import render
    from fraudray.deployments.cluster.site_values import site_values

    session = Session.of(ctx, as_json=as_json, data_dir=None)
    place = find_place(cluster)
    config = cluster_config(render(place.eksctl), source=str(place.eksctl))
    account = Account(config.region)
    found = existing(account, config)
    stands_on = list(for_the_cluster(account, config))
    needs = list(for_the_application(account, config, site_values(place.site), render(place.overlay)))
    todo = [group.name for group in config.groups if found is None or group.name not in found.groups]
    if not as_json:
        session.out.print(_view(place.name, config, found, todo, stands_on, needs))
    if todo:
        missing = [line.what for line in stands_on if line.verdict == "missing"]
        if missing and not anyway:
            _document(session, place.name, config, found, [], stands_on, needs)
            say(f"nothing was made: {', '.join(missing)} first, as shown (or --anyway)")
            raise typer.Exit(ExitCode.FOUND)
        eksctl.find_eksctl()
        may(
            f"Make {'the cluster' if found is None else 'the node groups ' + ', '.join(todo)}?",
            yes=yes,
            shown=not as_json,
        )
        if found is None:
            eksctl.create_cluster(config)
        else:
            eksctl.create_node_groups(config, todo)
        say("Next: operators and images (kuberay/README.md, steps 5 and 6), then fraudray cluster deploy")
    _document(session, place.name, config, found, todo, stands_on, needs)
    if found is not None and found.differences:
        raise typer.Exit(ExitCode.FOUND)


def _document(
    session: Session, name: str, config: ClusterConfig, found: Existing | None, made: list[str],
    stands_on: list[Line], needs: list[Line],
) -> None:  # fmt: skip
    from fraudray.deployments.cluster.spending import reserved, spending

    if not session.as_json:
        return
    costs = spending(name)
    document: Document = {
        "cluster": config.name, "region": config.region, "existed": found is not None, "node_groups_made": made,
        "differences": list(found.differences) if found else [],
        "stands_on": [line.document() for line in stands_on], "application": [line.document() for line in needs],
        "costs": costs.document() if costs else None, "reserved": reserved(config),
    }  # fmt: skip
    session.show(document)


def _view(
    name: str, config: ClusterConfig, found: Existing | None, todo: list[str], stands_on: list[Line], needs: list[Line]
) -> RenderableType:
    from rich.console import Group

    from fraudray.cli.tables import listing, plain
    from fraudray.deployments.cluster.spending import costs_of, reserved
    from fraudray.deployments.cluster.views import prerequisites_view

    rows = [
        (group.name, group.instance + (" (spot)" if group.spot else ""), f"{group.nodes[0]} to {group.nodes[2]}",
         group.nodes[1], "to be made" if group.name in todo else "is there")
        for group in config.groups
    ]  # fmt: skip
    state = "is not there yet" if found is None else f"is {found.status}"
    parts: list[RenderableType] = [
        plain(f"Cluster {config.name} in {config.region}, Kubernetes {config.version or '(eksctl decides)'}, {state}",
              "bold"),
        listing(("Node group", "Instances", "Nodes", "First", ""), rows, empty=""),
        plain("What the cluster stands on", "bold"), prerequisites_view(stands_on),
        plain("What the application needs later", "bold"), prerequisites_view(needs),
        *(plain(f"Differs: {words}", "yellow") for words in (found.differences if found else ())),
        *(plain(words) for words in costs_of(name)),
        *(plain(words, "yellow") for words in reserved(config)),
    ]  # fmt: skip
    if not todo:
        parts.append(plain("Every node group is there: nothing is to be made."))
    return Group(*parts)
