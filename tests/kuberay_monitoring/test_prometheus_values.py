"""The values for kube-prometheus-stack: with them it reads what is deployed here, and sees FSx."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.kuberay_monitoring.catalogue import KUBERAY

MONITORING = KUBERAY / "base/monitoring"
KUBELET = "/var/lib/kubelet/pods/0f1e-77/volumes"


def values() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus-values.yaml").read_text(encoding="utf-8"))
    return content


def test_monitors_and_alerts_without_the_charts_own_label_are_read() -> None:
    spec = values()["prometheus"]["prometheusSpec"]
    assert {name for name, own_only in spec.items() if own_only is False} == {
        f"{kind}SelectorNilUsesHelmValues" for kind in ("podMonitor", "serviceMonitor", "rule")
    }


def test_grafana_looks_for_the_label_that_the_dashboards_have() -> None:
    sidecar = values()["grafana"]["sidecar"]["dashboards"]
    (made,) = yaml.safe_load((MONITORING / "kustomization.yaml").read_text(encoding="utf-8"))["configMapGenerator"]
    assert made["options"]["labels"] == {sidecar["label"]: sidecar["labelValue"]}
    assert sidecar["searchNamespace"] == "ALL"


def test_node_exporter_sees_fsx_and_none_of_the_kubelets_own_mounts() -> None:
    arguments = dict(one.removeprefix("--").split("=", 1) for one in values()["prometheus-node-exporter"]["extraArgs"])
    left_out = re.compile(arguments["collector.filesystem.mount-points-exclude"])
    assert not left_out.search(f"{KUBELET}/kubernetes.io~csi/fraudray-models/mount")
    assert not left_out.search("/")
    for mount in (
        f"{KUBELET}/kubernetes.io~projected/kube-api-access-x", f"{KUBELET}/kubernetes.io~secret/key",
        f"{KUBELET}/kubernetes.io~empty-dir/shm", "/proc", "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/1/shm",
    ):  # fmt: skip
        assert left_out.search(mount), mount
    types = re.compile(arguments["collector.filesystem.fs-types-exclude"])
    assert types.search("tmpfs")
    assert not types.search("lustre")
