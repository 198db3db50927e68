"""How a live cluster's Ray objects are told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kuberay.api_server import Document
from tests.kuberay.conftest import Run, Serve
from tests.kuberay.live import ray_service

RUNNING: Document = {
    "serviceStatus": "Running",
    "conditions": [{"type": "Ready", "status": "True", "reason": "NonZeroServeEndpoints"}],
    "activeServiceStatus": {
        "rayClusterName": "fraud-x7k2p",
        "applicationStatuses": {
            "fraud": {"status": "RUNNING", "serveDeploymentStatuses": {"Gateway": {"status": "HEALTHY"}}},
            "llm": {"status": "RUNNING", "serveDeploymentStatuses": {"Engine": {"status": "HEALTHY"}}},
        },
    },
}
FAILED: Document = {
    "conditions": [{"type": "Ready", "status": "False", "message": "no endpoint is ready"}],
    "activeServiceStatus": {
        "rayClusterName": "fraud-x7k2p",
        "applicationStatuses": {
            "llm": {
                "status": "DEPLOY_FAILED", "message": "m needs 16 A100 GPUs. Missing: 8 A100 GPUs",
                "serveDeploymentStatuses": {"Engine": {"status": "UNHEALTHY", "message": "the engine has ended"}},
            }
        },
    },
}  # fmt: skip


def pod(name: str, status: Document) -> Document:
    labels = {"ray.io/is-ray-node": "yes", "ray.io/cluster": "fraud-x7k2p"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "fraud", "labels": labels},
            "status": status}  # fmt: skip


def event(name: str, reason: str, message: str, at: str, kind: str = "Warning") -> Document:
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{name}.{reason}.{at}", "namespace": "fraud"},
        "type": kind, "reason": reason, "message": message, "lastTimestamp": at, "count": 3,
        "involvedObject": {"kind": "Pod", "name": name, "namespace": "fraud"},
    }  # fmt: skip


def cluster(**status: Any) -> Document:
    return {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": "fraud-x7k2p", "namespace": "fraud"},
            "spec": {}, "status": status}  # fmt: skip


def test_a_cluster_that_is_well_is_told_down_to_its_deployments_with_code_0(serve: Serve, run: Run) -> None:
    serve([
        ray_service(**RUNNING),
        cluster(state="ready", readyWorkerReplicas=2, desiredWorkerReplicas=2),
        pod("fraud-x7k2p-head", {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
    ])  # fmt: skip

    ended = run("status", "-n", "fraud", "--json")

    assert ended.code == 0
    told = [(state["what"], state["state"]) for state in ended.json["states"]]
    assert told == [
        ("RayService fraud/fraud", "ready"),
        ("application fraud (active)", "RUNNING"), ("Gateway", "HEALTHY"),
        ("application llm (active)", "RUNNING"), ("Engine", "HEALTHY"),
        ("RayCluster fraud/fraud-x7k2p", "ready"),
    ]  # fmt: skip
    assert ended.json["pods"] == ended.json["events"] == []


def test_what_failed_is_told_with_its_own_words_and_code_1(serve: Serve, run: Run) -> None:
    serve([ray_service(**FAILED), cluster(state="ready", readyWorkerReplicas=1, desiredWorkerReplicas=2)])

    ended = run("status", "-n", "fraud")

    assert ended.code == 1
    for words in ("not ready", "no endpoint is ready", "DEPLOY_FAILED", "Missing: 8 A100 GPUs", "the engine has ended",
                  "lacks workers", "1 of 2 workers ready"):  # fmt: skip
        assert words in ended.out


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
             "message": "0/5 nodes are available: 5 Insufficient nvidia.com/gpu."}]},
            "Pending", "5 Insufficient nvidia.com/gpu",
        ),
        (
            {"phase": "Pending", "containerStatuses": [{"name": "ray", "state": {"waiting": {
             "reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}]},
            "ImagePullBackOff", "ray: Back-off pulling image",
        ),
        (
            {"phase": "Running", "containerStatuses": [{"name": "ray", "restartCount": 4, "state": {"waiting": {
             "reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}]},
            "OOMKilled", "ray took more than its memory limit; restarted 4 time(s)",
        ),
        (
            {"phase": "Failed", "containerStatuses": [{"name": "ray", "state": {"terminated": {
             "reason": "Error", "exitCode": 1, "message": "no token"}}}]},
            "Error", "ray ended with 1: no token",
        ),
        (
            {"phase": "Pending", "initContainerStatuses": [{"name": "wait-gcs-ready", "state": {"waiting": {
             "reason": "CreateContainerConfigError", "message": "secret \"keys\" not found"}}}]},
            "CreateContainerConfigError", 'secret "keys" not found',
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "Evicted", "low on memory"),
        ({"phase": "Running", "containerStatuses": [{"name": "ray", "state": {"running": {}}}]}, "not ready", "probes"),
    ],
)  # fmt: skip
def test_a_pod_that_is_not_ready_is_told_with_the_reason(
    serve: Serve, run: Run, status: Document, reason: str, message: str
) -> None:
    serve([pod("fraud-x7k2p-gpu-abcde", status)])

    ended = run("status", "-n", "fraud", "--json")

    assert ended.code == 1
    (told,) = ended.json["pods"]
    assert told["what"] == "Pod fraud/fraud-x7k2p-gpu-abcde"
    assert told["state"] == reason
    assert message in told["message"]


def test_pods_that_are_done_or_not_rays_are_left_out(serve: Serve, run: Run) -> None:
    other = pod("page-1", {"phase": "Pending"})
    other["metadata"]["labels"] = {"app": "page"}
    serve([pod("done", {"phase": "Succeeded"}), other])

    assert run("status", "-n", "fraud", "--json").json["pods"] == []


def test_the_last_warnings_about_what_is_not_well_are_told_newest_first(serve: Serve, run: Run) -> None:
    serve([
        pod("worker-1", {"phase": "Pending"}),
        event("worker-1", "FailedScheduling", "first", "2026-11-20T08:00:00Z"),
        event("worker-1", "FailedMount", "second", "2026-11-20T09:00:00Z"),
        event("worker-1", "Pulled", "fine", "2026-11-20T10:00:00Z", kind="Normal"),
        event("elsewhere", "FailedMount", "not asked for", "2026-11-20T10:00:00Z"),
    ])  # fmt: skip

    events = run("status", "-n", "fraud", "--json").json["events"]

    assert [one["state"] for one in events] == ["FailedMount", "FailedScheduling"]
    assert events[0]["message"] == "2026-11-20T09:00:00Z second (3 times)"


def test_a_suspended_service_is_well_and_a_failed_job_is_not(serve: Serve, run: Run) -> None:
    suspended = ray_service()
    suspended["spec"]["suspend"] = True
    job = {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": {"name": "night", "namespace": "fraud"}}

    serve([suspended])
    assert run("status", "-n", "fraud").code == 0

    serve([suspended, job | {"status": {"jobStatus": "FAILED", "message": "exit code 3"}}])
    ended = run("status", "-n", "fraud", "--json")

    assert ended.code == 1
    assert {"what": "RayJob fraud/night", "state": "FAILED", "message": "exit code 3", "level": 0} in ended.json[
        "states"
    ]


def test_what_may_not_be_seen_is_said_and_the_rest_told(serve: Serve, run: Run) -> None:
    server = serve([ray_service(**RUNNING)])
    server.forbidden |= {"pods", "events"}

    ended = run("status", "-n", "fraud")

    assert ended.code == 0
    assert "RUNNING" in ended.out
    assert "Not seen: pods is forbidden" in ended.out


def test_a_cluster_without_kuberay_is_told_so(serve: Serve, run: Run) -> None:
    server = serve([])
    for kind in ("RayService", "RayCluster", "RayJob"):
        del server.kinds[kind]

    ended = run("status")

    assert ended.code == 5
    assert "this cluster has no KubeRay: `fraudray cluster check` says how to get it" in ended.error


def test_all_namespaces_are_looked_at_when_asked_for(serve: Serve, run: Run) -> None:
    serve([ray_service(**RUNNING)])

    assert run("status", "--json").json["states"] == []
    assert "RayService fraud/fraud" in run("status", "-A").out
