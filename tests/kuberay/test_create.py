"""The cluster itself: what it stands on is looked for, what it costs is told, eksctl makes what is not there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.kuberay.cloud import Cloud
from tests.kuberay.conftest import Eksctl, Ended, Run
from tests.kuberay.terminal import on_terminal
from tests.kuberay.tree import NAME, RESERVATION, Tree


def verdicts(ended: Ended) -> dict[str, str]:
    lines = [*ended.json["stands_on"], *ended.json["application"]]
    return {line["what"]: line["verdict"] for line in lines}


def test_a_cluster_is_made_by_eksctl_from_what_is_rendered(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()

    ended = run("create", NAME, "--yes")

    assert ended.code == 0
    assert eksctl.calls == ["create cluster --config-file -"]
    assert eksctl.given["metadata"] == {"name": "fraud", "region": "eu-west-1", "version": "1.34"}
    assert [group["name"] for group in eksctl.given["managedNodeGroups"]] == ["small", "gpu"]


def test_all_that_it_stands_on_is_looked_for(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()

    found = verdicts(run("create", NAME, "--yes", "--json"))

    assert set(found.values()) == {"ok"}
    kinds = {what.split()[0] for what in found}
    assert kinds == {"KMS", "VPC", "capacity", "placement", "quota", "EFS", "FSx", "bucket", "secret"}


def test_what_it_costs_is_told_model_on_and_off_and_what_is_paid_for_either_way(
    cloud: Cloud, eksctl: Eksctl, run: Run
) -> None:
    cloud.has_everything()

    told = run("create", NAME).out

    assert "with the model on:" in told
    assert "off (`fraudray cluster scale --to-zero`):" in told
    assert f"Capacity reservation {RESERVATION} costs 43.92 USD an hour" in told
    assert "nodes or none, until it is cancelled" in told


def test_nothing_is_made_on_nothing(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    ended = run("create", NAME, "--yes", "--json")

    assert ended.code == 1
    assert {verdict for what, verdict in verdicts(ended).items() if "quota" not in what} == {"missing"}
    assert "aws ec2 create-placement-group --group-name fraud-p4d" in str(ended.json)
    assert eksctl.calls == []

    assert run("create", NAME, "--yes", "--anyway").code == 0
    assert len(eksctl.calls) == 1


def test_a_quota_that_is_too_small_is_told_with_what_is_needed(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()
    cloud.beside.quota_vcpus = 96.0

    ended = run("create", NAME, "--yes", "--json")

    assert ended.code == 1
    (quota,) = (line for line in ended.json["stands_on"] if line["what"].startswith("quota"))
    assert (quota["verdict"], quota["found"]) == ("missing", "96 vCPUs")
    assert quota["for_what"] == "192 vCPUs for 2 × p4d.24xlarge"
    assert "--desired-value 192" in quota["how"]


def test_a_reservation_of_something_else_does_not_do(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()
    cloud.beside.reservations[RESERVATION]["totalInstanceCount"] = "1"

    ended = run("create", NAME, "--yes", "--json")

    assert ended.code == 1
    assert verdicts(ended)[f"capacity reservation {RESERVATION}"] == "missing"
    assert "1 × p4d.24xlarge in eu-west-1a" in str(ended.json)


def test_what_may_not_be_looked_at_is_unknown_and_stops_nothing(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()
    cloud.beside.denied = {"DescribePlacementGroups"}

    ended = run("create", NAME, "--yes", "--json")

    assert ended.code == 0
    assert verdicts(ended)["placement group fraud-p4d"] == "unknown"
    assert len(eksctl.calls) == 1


def test_an_equal_cluster_is_nothing_to_do(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()
    cloud.has_cluster("small", "gpu")

    ended = run("create", NAME)  # nobody needs to be asked

    assert ended.code == 0
    assert "nothing is to be made" in ended.out
    assert eksctl.calls == []


def test_of_a_cluster_that_is_there_only_missing_node_groups_are_made(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()
    cloud.has_cluster("small")

    assert run("create", NAME, "--yes").code == 0

    assert eksctl.calls == ["create nodegroup --config-file - --include gpu"]


def test_what_is_otherwise_is_told_with_the_command_for_it_and_left(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()
    cloud.has_cluster("small", "gpu", version="1.33", most=9)

    ended = run("create", NAME, "--json")

    assert ended.code == 1
    told = " ".join(ended.json["differences"])
    assert "Kubernetes is 1.33, the file says 1.34: eksctl upgrade cluster" in told
    assert "node group gpu has 0 to 9 nodes, the file says 0 to 2: eksctl scale nodegroup" in told
    assert eksctl.calls == []


def test_with_nobody_to_ask_no_cluster_is_made(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()

    ended = run("create", NAME)

    assert ended.code == 4
    assert eksctl.calls == []


def test_a_cluster_is_asked_for_on_a_terminal(cloud: Cloud, eksctl: Eksctl) -> None:
    cloud.has_everything()

    assert on_terminal("create", NAME, answer="n").code == 1
    assert eksctl.calls == []
    assert on_terminal("create", NAME, answer="y").code == 0
    assert len(eksctl.calls) == 1


def test_without_eksctl_it_is_said_where_to_get_it(
    cloud: Cloud, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.has_everything()
    kubectl = shutil.which("kubectl") or shutil.which("kustomize")
    assert kubectl
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / Path(kubectl).name).symlink_to(kubectl)
    monkeypatch.setenv("PATH", str(alone))

    ended = run("create", NAME, "--yes")

    assert ended.code == 2
    assert "https://eksctl.io/installation/" in ended.error


def test_eksctls_failure_is_ours(cloud: Cloud, eksctl: Eksctl, run: Run) -> None:
    cloud.has_everything()
    eksctl.fails()

    ended = run("create", NAME, "--yes")

    assert ended.code == 5
    assert "`eksctl create cluster --config-file -` ended with 1" in ended.error


def test_without_credentials_that_is_said(
    tree: Tree, run: Run, eksctl: Eksctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    ended = run("create", tree.cluster, "--yes")

    assert ended.code == 5
    assert "no AWS credentials here" in ended.error
