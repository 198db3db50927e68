"""What was deployed is deleted, in order, and what stays is told with what it costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kuberay.api_server import ApiServer, write_kubeconfig
from tests.kuberay.cloud import Cloud
from tests.kuberay.conftest import Eksctl, Run, Serve
from tests.kuberay.live import kuberay, named
from tests.kuberay.terminal import on_terminal
from tests.kuberay.tree import NAME, RESERVATION, Tree

ARN = "arn:aws:eks:eu-west-1:123456789012:cluster/fraud"
OTHERS = {"Namespace/others", "ConfigMap/somebody-elses"}


@pytest.fixture
def server(serve: Serve, run: Run, tree: Tree) -> ApiServer:
    """A cluster on which the overlay runs, beside something of others."""
    started = serve([named("Namespace", "others"), named("ConfigMap", "somebody-elses", "others")])
    started.on_applied = kuberay
    assert run("deploy", NAME, "--yes").code == 0
    return started


def test_the_application_goes_and_a_second_time_there_is_nothing_to_do(server: ApiServer, run: Run, tree: Tree) -> None:
    first = run("clean-up", NAME, "--application", "--yes")

    assert first.code == 0
    assert server.there() == OTHERS
    assert set(server.deleted) == tree.objects

    again = run("clean-up", NAME, "--application")  # nobody needs to be asked

    assert again.code == 0
    assert "0 objects deleted" in again.error
    assert len(server.deleted) == len(tree.objects)


def test_it_goes_in_the_reverse_of_the_order_in_which_it_came(server: ApiServer, run: Run, tree: Tree) -> None:
    run("clean-up", NAME, "--application", "--yes")

    place = {name: number for number, name in enumerate(server.deleted)}
    assert place["Ingress/api"] < place["RayService/fraud"] < place["NetworkPolicy/deny-all"]
    assert place["RayService/fraud"] < place["PersistentVolumeClaim/data"] < place["StorageClass/files"]
    assert server.deleted[-1] == "Namespace/fraud"


def test_a_stage_is_gone_before_the_next_begins(server: ApiServer, run: Run, tree: Tree) -> None:
    service = server.stored("RayService", "fraud")
    service["metadata"]["finalizers"] = ["ray.io/gcs-ft-redis-cleanup-finalizer"]

    late = run("clean-up", NAME, "--application", "--yes", "--wait-s", 0.01)

    assert late.code == 5
    assert "RayService fraud/fraud (held by ray.io/gcs-ft-redis-cleanup-finalizer) to be gone" in late.error
    assert {"SecretStore/aws", "ConfigMap/settings", "Namespace/fraud"} <= server.there()

    del service["metadata"]["finalizers"]
    assert run("clean-up", NAME, "--application", "--yes").code == 0  # goes on where it was
    assert server.there() == OTHERS


def test_what_earlier_deployments_left_goes_too(server: ApiServer, run: Run, tree: Tree) -> None:
    tree.world.drop("PodMonitor/ray")
    tree.write()
    run("deploy", NAME, "--yes")
    assert "PodMonitor/ray" in server.there()

    run("clean-up", NAME, "--application", "--yes")

    assert "PodMonitor/ray" in server.deleted
    assert server.there() == OTHERS


def test_with_nobody_to_ask_nothing_is_deleted(server: ApiServer, run: Run) -> None:
    assert run("clean-up", NAME, "--application").code == 4
    assert server.deleted == []


@pytest.mark.parametrize("options", [[], ["--application", "--everything"]])
def test_it_has_to_be_said_how_much(tree: Tree, run: Run, options: list[str]) -> None:
    ended = run("clean-up", NAME, *options)

    assert ended.code == 2
    assert "say one of --application and --everything" in ended.error


def test_what_stays_is_told_with_what_it_costs(server: ApiServer, run: Run) -> None:
    server.stored("StorageClass", "files")["reclaimPolicy"] = "Retain"
    server.stored("PersistentVolumeClaim", "data")["spec"]["volumeName"] = "pvc-1"
    attributes = "alb.ingress.kubernetes.io/load-balancer-attributes"
    server.stored("Ingress", "api")["metadata"]["annotations"][attributes] = "deletion_protection.enabled=true"

    ended = run("clean-up", NAME, "--application", "--yes", "--json")

    stays = {one["what"]: one for one in ended.json["stays"]}
    assert "kubectl delete pv pvc-1" in stays["volume pvc-1 of fraud/data"]["how"]
    assert "deletion_protection.enabled,Value=false" in stays["load balancer of fraud/api"]["how"]
    reservation = stays[f"capacity reservation {RESERVATION}: 2 × p4d.24xlarge"]
    assert float(reservation["usd_per_day"]) == pytest.approx(2 * 24 * 21.957642)
    assert "cancel-capacity-reservation" in reservation["how"]
    made = (
        "cluster fraud", "3 × m7i.2xlarge of the node group small", "bucket example-reports",
        "RDS for PostgreSQL, with its data", "EFS fs-0123456789abcdef0", "FSx for Lustre fs-0fedcba9876543210",
        "NAT gateways, private endpoints, WAF web ACL",
    )  # fmt: skip
    assert all(float(stays[what]["usd_per_day"]) > 0 for what in made)
    assert float(stays[made[3]]["usd_per_day"]) > float(stays[made[4]]["usd_per_day"])


def by_aws(server: ApiServer, folder: Path) -> None:
    """The kubeconfig as `aws eks update-kubeconfig` writes it."""
    write_kubeconfig(folder / "kubeconfig", server.url, cluster=ARN)


def test_everything_is_the_application_and_then_the_cluster(
    cloud: Cloud, server: ApiServer, eksctl: Eksctl, run: Run, tmp_path: Path
) -> None:
    cloud.has_cluster("small")
    by_aws(server, tmp_path)

    ended = run("clean-up", NAME, "--everything", "--name", "fraud")

    assert ended.code == 0
    assert server.there() == OTHERS
    assert eksctl.calls == ["delete cluster --name fraud --region eu-west-1 --wait --disable-nodegroup-eviction"]
    assert "cluster fraud in eu-west-1" in ended.out


def test_a_cluster_that_is_gone_is_no_failure(cloud: Cloud, tree: Tree, eksctl: Eksctl, run: Run) -> None:
    ended = run("clean-up", NAME, "--everything", "--json")

    assert ended.code == 0
    assert (ended.json["deleted"], ended.json["cluster_deleted"]) == ([], None)
    assert RESERVATION in str(ended.json["stays"])  # costs still
    assert eksctl.calls == []


def test_everything_of_another_cluster_is_refused(cloud: Cloud, server: ApiServer, eksctl: Eksctl, run: Run) -> None:
    cloud.has_cluster("small")  # and the kubeconfig leads to one called `tests`

    ended = run("clean-up", NAME, "--everything", "--name", "fraud")

    assert ended.code == 4
    assert "the kubeconfig's context leads to tests, not to fraud in eu-west-1" in ended.error
    assert (server.deleted, eksctl.calls) == ([], [])


@pytest.mark.parametrize("options", [["--name", "fraudray"], ["--yes"]])
def test_everything_wants_the_clusters_own_name(
    cloud: Cloud, server: ApiServer, eksctl: Eksctl, run: Run, tmp_path: Path, options: list[str]
) -> None:
    cloud.has_cluster("small")
    by_aws(server, tmp_path)

    assert run("clean-up", NAME, "--everything", *options).code == 4
    assert (server.deleted, eksctl.calls) == ([], [])


@pytest.mark.parametrize(("answer", "calls"), [("yes", 0), ("fraud", 1)])
def test_the_name_is_typed_on_a_terminal(
    cloud: Cloud, server: ApiServer, eksctl: Eksctl, tmp_path: Path, answer: str, calls: int
) -> None:
    cloud.has_cluster("small")
    by_aws(server, tmp_path)

    told = on_terminal("clean-up", NAME, "--everything", answer=answer)

    assert "type its name" in told.text
    assert len(eksctl.calls) == calls
    assert bool(server.deleted) == bool(calls)
