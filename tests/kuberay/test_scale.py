"""The model's GPUs switched off and on over the Kubernetes API."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudray.deployments.cluster import scaling
from fraudray.deployments.cluster.kube import ChangedMeanwhile, Kube
from fraudray.deployments.cluster.manifests import Manifest
from tests.kuberay.api_server import Document, merged
from tests.kuberay.conftest import Run, Serve
from tests.kuberay.live import model_service, ray_service

NUMBERS = ("minReplicas", "replicas", "maxReplicas")


def group(document: Document) -> Document:
    found: Document = document["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    return found


def numbers(document: Document) -> tuple[int, ...]:
    return tuple(group(document)[name] for name in NUMBERS)


def test_a_service_that_serves_models_alone_is_suspended_and_taken_up_again(serve: Serve, run: Run) -> None:
    server = serve([model_service()])
    before = server.stored("RayService", "fraud")["spec"]

    off, again = (run("scale", "--to-zero", "--yes", "-n", "fraud") for _ in range(2))

    assert (off.code, again.code) == (0, 0)
    assert server.stored("RayService", "fraud")["spec"]["suspend"] is True
    assert "the policy decides alone" in off.out
    assert "is as wanted" in again.out
    assert len(server.patched) == 1  # twice is once

    assert run("scale", "--up", "--yes", "-n", "fraud").code == 0
    assert server.stored("RayService", "fraud")["spec"] == before | {"suspend": False}


def test_beside_other_applications_the_gpu_workers_go_to_0_and_come_back_as_they_were(serve: Serve, run: Run) -> None:
    server = serve([ray_service()])
    before = server.stored("RayService", "fraud")

    assert run("scale", "--to-zero", "--yes", "-n", "fraud").code == 0
    off = server.stored("RayService", "fraud")
    assert numbers(off) == (0, 0, 0)
    assert "suspend" not in off["spec"]
    assert group(off)["template"] == group(before)["template"]

    assert "is as wanted" in run("scale", "--to-zero", "--yes", "-n", "fraud").out
    assert run("scale", "--up", "--yes", "-n", "fraud").code == 0

    on = server.stored("RayService", "fraud")
    assert on["spec"] == before["spec"]
    assert scaling.BEFORE not in on["metadata"]["annotations"]
    assert "is as wanted" in run("scale", "--up", "--yes", "-n", "fraud").out


def test_a_number_of_pods_becomes_replicas_of_as_many_hosts(serve: Serve, run: Run) -> None:
    server = serve([ray_service()])

    assert run("scale", "--gpu-workers", 4, "--yes", "-n", "fraud").code == 0
    assert numbers(server.stored("RayService", "fraud")) == (2, 2, 2)

    assert run("scale", "--gpu-workers", 2, "--yes", "-n", "fraud").code == 0
    assert numbers(server.stored("RayService", "fraud")) == (1, 1, 2)


def test_half_a_replica_is_refused_with_its_size(serve: Serve, run: Run) -> None:
    server = serve([ray_service()])

    ended = run("scale", "--gpu-workers", 3, "--yes", "-n", "fraud")

    assert ended.code == 2
    assert "a replica of gpu is 2 pods (numOfHosts)" in ended.error
    assert server.patched == []


def test_a_number_wakes_a_suspended_service(serve: Serve, run: Run) -> None:
    server = serve([model_service()])
    run("scale", "--to-zero", "--yes", "-n", "fraud")

    run("scale", "--gpu-workers", 4, "--yes", "-n", "fraud")

    stored = server.stored("RayService", "fraud")
    assert stored["spec"]["suspend"] is False
    assert numbers(stored) == (2, 2, 2)


def test_nothing_is_changed_before_somebody_agrees(serve: Serve, run: Run) -> None:
    server = serve([ray_service()])

    refused = run("scale", "--to-zero", "-n", "fraud", answer="n\n")
    assert refused.code == 1
    assert "gpu: 1 -> 0 replica(s) of 2 pod(s) with 8 GPUs" in refused.out
    assert server.patched == []

    assert run("scale", "--to-zero", "-n", "fraud", answer="y\n").code == 0
    assert len(server.patched) == 1


def test_a_change_that_somebody_else_made_meanwhile_is_not_overwritten(serve: Serve) -> None:
    server = serve([ray_service()])
    kube = Kube.connect()
    (manifest,) = scaling.with_gpus(kube, "fraud", None)
    server.someone_else_changes("RayService", "fraud")

    with pytest.raises(ChangedMeanwhile, match="has been modified"):
        scaling.apply(kube, scaling.to_zero(manifest))

    assert server.patched == []


def test_what_has_no_gpus_is_told_and_so_is_a_wrong_name(serve: Serve, run: Run) -> None:
    serve([ray_service()])

    elsewhere = run("scale", "--up", "-n", "other")
    wrong = run("scale", "--up", "-n", "fraud", "--name", "frau")

    assert (elsewhere.code, wrong.code) == (2, 2)
    assert "namespace other has no RayService or RayCluster whose workers have GPUs" in elsewhere.error
    assert "there are: fraud" in wrong.error


def test_one_of_the_three_ways_has_to_be_said(serve: Serve, run: Run) -> None:
    serve([ray_service()])

    assert run("scale").code == run("scale", "--up", "--to-zero").code == 2


def test_a_raycluster_that_nobody_owns_is_scaled_too(serve: Serve, run: Run) -> None:
    spec = ray_service()["spec"]["rayClusterConfig"]
    metadata = {"name": "lab", "namespace": "fraud"}
    server = serve([{"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": metadata, "spec": spec}])

    assert run("scale", "--to-zero", "--yes", "-n", "fraud").code == 0

    workers = server.stored("RayCluster", "lab")["spec"]["workerGroupSpecs"]
    assert [workers[0][name] for name in NUMBERS] == [0, 0, 0]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(least=st.integers(0, 9), more=st.integers(0, 9), hosts=st.integers(1, 4))
def test_off_and_on_again_is_nothing_changed(least: int, more: int, hosts: int) -> None:
    document = ray_service()
    group(document).update(minReplicas=least, replicas=least, maxReplicas=least + more, numOfHosts=hosts)

    off = scaling.to_zero(Manifest(document))
    switched = _patched(document, off.patch)
    on = scaling.up(Manifest(switched))
    back = _patched(switched, on.patch)

    assert numbers(switched) == (0, 0, 0)
    assert scaling.to_zero(Manifest(switched)).patch is None
    assert back["spec"] == document["spec"]


def _patched(document: Document, patch: Document | None) -> Document:
    return document if patch is None else merged(document, patch)
