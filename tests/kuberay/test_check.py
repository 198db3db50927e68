"""What a live cluster lacks, asked over the Kubernetes API."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudray.deployments.cluster.kube import Kube
from fraudray.deployments.cluster.lines import Line
from fraudray.deployments.cluster.prerequisites import prerequisites
from fraudray.deployments.cluster.rendering import parse
from tests.kuberay.api_server import ApiServer, Document, write_kubeconfig
from tests.kuberay.conftest import Run, Serve
from tests.kuberay.good import GOOD
from tests.kuberay.live import HOSTS, complete, definition, node, workload

OBJECTS = parse(GOOD.read_text(encoding="utf-8"), source="good.yaml")


def looked(server: ApiServer) -> dict[str, Line]:
    assert server.url
    return {line.what: line for line in prerequisites(Kube.connect(), OBJECTS)}


def without(name: str) -> list[Document]:
    left = [one for one in complete() if one["metadata"]["name"] != name]
    assert len(left) == len(complete()) - 1
    return left


def test_a_cluster_that_has_everything_is_told_so(serve: Serve) -> None:
    lines = looked(serve(complete()))

    assert {line.verdict for line in lines.values()} <= {"ok"}
    assert lines["Kubernetes"].found == "v1.34.2-eks-113cf36"
    assert "operator:v1.7.0" in lines["KubeRay's operator"].found
    gpus = next(line for what, line in lines.items() if "nvidia.com/gpu 8" in what)
    assert gpus.what.startswith("nodes instance-type=p4d.24xlarge")
    assert gpus.found == "2 node(s)"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("rayservices.ray.io", "CRD rayservices.ray.io"),
        ("kuberay-operator", "KubeRay's operator"),
        ("externalsecrets.external-secrets.io", "CRD externalsecrets.external-secrets.io"),
        ("ingressclassparams.elbv2.k8s.aws", "CRD ingressclassparams.elbv2.k8s.aws"),
        ("podmonitors.monitoring.coreos.com", "CRD podmonitors.monitoring.coreos.com"),
        ("nvidia-device-plugin", "NVIDIA's device plugin"),
        ("aws-efa-k8s-device-plugin", "EFA's device plugin"),
        ("efs.csi.aws.com", "CSI driver efs.csi.aws.com"),
    ],
)
def test_what_is_missing_is_told_with_what_it_is_for_and_how_to_get_it(serve: Serve, name: str, what: str) -> None:
    lines = looked(serve(without(name)))

    missing = [line for line in lines.values() if line.verdict == "missing"]
    assert [line.what for line in missing] == [what]
    assert missing[0].for_what
    assert missing[0].how


def test_what_the_overlay_does_not_need_or_brings_itself_may_be_missing(serve: Serve) -> None:
    absent = ("fsx.csi.aws.com", "prometheusrules.monitoring.coreos.com", "fraud", "keys")
    lines = looked(serve([one for one in complete() if one["metadata"]["name"] not in absent]))

    optional = {line.what for line in lines.values() if line.verdict == "optional"}
    assert optional == {
        "CSI driver fsx.csi.aws.com", "CRD prometheusrules.monitoring.coreos.com",
        "Namespace fraud", "Secret fraud/keys",
    }  # fmt: skip
    assert not any(line.verdict == "missing" for line in lines.values())


def test_what_these_credentials_may_not_see_is_unknown_and_not_missing(serve: Serve) -> None:
    server = serve(complete())
    server.forbidden |= {"nodes", "secrets"}

    lines = looked(server)

    unknown = {line.what for line in lines.values() if line.verdict == "unknown"}
    assert "Secret fraud/keys" in unknown
    assert any(what.startswith("nodes instance-type=p4d") for what in unknown)
    assert "is forbidden" in lines["Secret fraud/keys"].found
    assert not any(line.verdict == "missing" for line in lines.values())


def test_nodes_that_lack_devices_are_told_with_what_they_have(serve: Serve) -> None:
    bare = [
        node(name, {"node.kubernetes.io/instance-type": "p4d.24xlarge"}, **{"nvidia.com/gpu": "8"}) for name in HOSTS
    ]
    lines = looked(serve([one for one in complete() if one["metadata"]["name"] not in HOSTS] + bare))

    line = next(line for what, line in lines.items() if "nvidia.com/gpu 8" in what)
    assert line.verdict == "missing"
    assert "2 node(s), which have at most nvidia.com/gpu 8, vpc.amazonaws.com/efa 0, hugepages-2Mi 0Mi" in line.found


def test_whether_a_group_of_nodes_that_has_none_now_exists_cannot_be_seen(serve: Serve) -> None:
    line = looked(serve(without("ip-10-0-2-8.ec2.internal")))["nodes nodes=small"]

    assert (line.verdict, line.found) == ("unknown", "no node has these labels now")
    assert "scaled to zero" in line.how


@pytest.mark.parametrize(
    ("name", "instead", "what", "found"),
    [
        ("kuberay-operator", workload("Deployment", "kuberay-operator", "quay.io/kuberay/operator:v1.4.2"),
         "KubeRay's operator", "operator:v1.4.2"),
        ("externalsecrets.external-secrets.io", definition("externalsecrets.external-secrets.io", "v1beta1"),
         "CRD externalsecrets.external-secrets.io", "serves v1beta1"),
        ("nvidia-device-plugin", workload("DaemonSet", "nvidia-device-plugin", "x:1", ready=1),
         "NVIDIA's device plugin", "ready on 1 of 2 node(s)"),
    ],
)  # fmt: skip
def test_what_is_there_but_too_old_or_not_ready_is_missing(
    serve: Serve, name: str, instead: Document, what: str, found: str
) -> None:
    line = looked(serve([*without(name), instead]))[what]

    assert line.verdict == "missing"
    assert found in line.found


def test_an_old_kubernetes_is_told(serve: Serve) -> None:
    server = serve(complete())
    server.version = {"major": "1", "minor": "29", "gitVersion": "v1.29.6"}

    assert looked(server)["Kubernetes"].verdict == "missing"


def test_the_command_ends_with_code_1_where_something_is_missing(serve: Serve, run: Run) -> None:
    serve([])

    ended = run("check", "--json")

    assert ended.code == 1
    assert {"what": "CRD rayservices.ray.io", "verdict": "missing"}.items() <= next(
        line for line in ended.json if line["what"] == "CRD rayservices.ray.io"
    ).items()
    assert "helm install kuberay-operator" in run("check").out


def test_without_an_overlay_only_what_all_need_is_wanted(serve: Serve, run: Run) -> None:
    serve([one for one in complete() if one["kind"] == "Deployment" or "ray.io" in one["metadata"]["name"]])

    assert run("check").code == 0


def test_an_api_server_that_is_not_there_is_told_with_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "config", "http://127.0.0.1:9")))

    ended = run("check")

    assert ended.code == 5
    assert "the API server at http://127.0.0.1:9 does not answer" in ended.error


def test_a_context_that_is_not_in_the_kubeconfig_is_told(serve: Serve, run: Run) -> None:
    serve([])

    ended = run("check", "--context", "production")

    assert ended.code == 2
    assert "production" in ended.error


def test_a_token_that_is_not_valid_may_see_nothing(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(complete())
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "other", server.url, token="stale")))

    assert {line.verdict for line in looked(server).values()} == {"unknown"}
