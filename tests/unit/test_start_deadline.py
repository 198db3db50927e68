"""An engine that hangs at its start is ended, with what NCCL said."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fraudray.deployments.start_deadline import LINES_MAX, StartDeadline, nccl_lines, told


def test_what_hangs_is_ended_after_its_lines_were_said(caplog: pytest.LogCaptureFixture) -> None:
    ended = threading.Event()
    lines = {"node-a": ["node-a:1 [0] NCCL INFO NET/Socket : Using [0]eth0"], "node-b": []}
    with caplog.at_level(logging.ERROR), StartDeadline(0.01, lambda: lines, ended.set):
        assert ended.wait(10)
    assert "did not start within 0 s" in caplog.text
    assert "NET/Socket" in caplog.text
    assert "node-b: none" in caplog.text


def test_what_starts_in_time_is_left_alone() -> None:
    ended = threading.Event()
    with StartDeadline(3600, dict, ended.set) as deadline:
        pass
    watcher = next((one for one in threading.enumerate() if one.name == "start deadline"), None)
    if watcher is not None:
        watcher.join(10)
    assert deadline is not None
    assert not ended.is_set()


def test_only_nccls_lines_are_shown_the_last_of_the_newest_log(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in ("worker-1.out", "worker-2.out", "raylet.out"))
    old.write_text("NCCL INFO of another run\n")
    new.write_text("".join(f"pod:9 [0] NCCL INFO line {n}\nloading weights {n}\n" for n in range(40)))
    other.write_text("NCCL INFO of no worker\n")
    for age, path in enumerate((other, new, old)):
        os.utime(path, (1000 - age, 1000 - age))
    found = nccl_lines(tmp_path)
    assert found == [f"pod:9 [0] NCCL INFO line {n}" for n in range(40 - LINES_MAX, 40)]
    assert nccl_lines(tmp_path / "none") == []


IN_A_CLUSTER = """
import json, ray
from ray.cluster_utils import Cluster
from fraudray.deployments.start_deadline import lines_of_cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1, num_gpus=8)
ray.init(address=cluster.address, log_to_driver=False)
@ray.remote(num_gpus=1)
def says():
    print("pod:7 [0] NCCL INFO NET/OFI Selected Provider is efa", flush=True)
ray.get(says.remote())
print(json.dumps(lines_of_cluster()))
ray.shutdown()
cluster.shutdown()
"""


@pytest.mark.slow
def test_the_lines_come_from_the_nodes_with_gpus() -> None:
    """In a process of its own: Ray reads its token when it is imported."""
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    ran = subprocess.run(
        [sys.executable, "-c", IN_A_CLUSTER], env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert ran.returncode == 0, ran.stderr
    (lines,) = json.loads(ran.stdout.splitlines()[-1]).values()
    assert lines == ["pod:7 [0] NCCL INFO NET/OFI Selected Provider is efa"]


def test_with_one_node_nothing_is_said_of_others() -> None:
    assert "network policy" not in told(600, {"node-a": ["NCCL INFO x"]})
    assert "network policy" in told(600, {"node-a": [], "node-b": []})
