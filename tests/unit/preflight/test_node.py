"""The node as a pod sees it: programs of its own on the PATH, and a tree in the place of the kernel's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fraudray.deployments.preflight.findings import Finding
from fraudray.deployments.preflight.image import plugin_library
from fraudray.deployments.preflight.network import network_findings, over_efa
from fraudray.deployments.preflight.node import Expected, System, effective_capabilities, node_findings
from fraudray.deployments.preflight.programs import ask
from fraudray.deployments.preflight.ranks import Plan
from tests.unit.preflight.outputs import DOMAINS, GPUS, OVER_EFA, OVER_TCP, fi_info, nvlink

Say = Callable[[str, str], None]
CAPABILITIES_OF_A_POD = 0x00000000A80425FB  # what a container runtime leaves to root; without IPC_LOCK


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Puts a program on the PATH, the only place looked at, that prints a text for arguments with a word in them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(program: str, body: str) -> None:
        path = folder / program
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    return put


@pytest.fixture
def p4d(tmp_path: Path, say: Say) -> System:
    """A node that has everything."""
    say(
        "nvidia-smi", f"case $1 in nvlink) /bin/cat <<'E'\n{nvlink(*[12] * 8)}E\n;; *) /bin/cat <<'E'\n{GPUS}E\n;; esac"
    )
    say("fi_info", f"/bin/cat <<'E'\n{fi_info(*DOMAINS, fabrics=('efa-direct', 'efa'))}E")
    root = tmp_path / "root"
    for index in range(4):
        put(root / f"dev/infiniband/uverbs{index}", "")
    (root / "dev/shm").mkdir()
    put(root / "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "5128\n")
    put(root / "sys/fs/cgroup/hugetlb.2MB.max", f"{5120 << 20}\n")
    put(root / "proc/self/status", f"Name:\tpython\nCapEff:\t{CAPABILITIES_OF_A_POD | 1 << 14:016x}\n")
    return System(root)


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def looked_at(system: System, **expected: Any) -> dict[str, Finding]:
    return {found.check: found for found in node_findings(Expected(**{"shared_memory_gib": 0.001} | expected), system)}


def test_a_whole_node_passes_every_check(p4d: System) -> None:
    found = looked_at(p4d)
    assert list(found) == [
        "GPUs", "NVLink", "EFA devices", "EFA in libfabric", "huge pages", "shared memory", "locked memory",
    ]  # fmt: skip
    assert [each.check for each in found.values() if not each.ok] == []
    assert found["EFA in libfabric"].found.startswith("4 of 4: rdmap")


def test_a_missing_device_fails_where_it_is_missing_and_says_what_to_ask_for(p4d: System) -> None:
    (p4d / "dev/infiniband/uverbs3").unlink()
    found = looked_at(p4d)
    assert [name for name, each in found.items() if not each.ok] == ["EFA devices"]
    assert "vpc.amazonaws.com/efa: 4" in found["EFA devices"].do


def test_fewer_gpus_or_others_than_expected_fail(p4d: System) -> None:
    assert looked_at(p4d, gpus=16)["GPUs"].found == "8 x NVIDIA A100-SXM4-40GB, expected 16 x A100"
    assert not looked_at(p4d, gpu_name="H100")["GPUs"].ok


def test_a_link_that_is_down_names_its_gpu(p4d: System, say: Say) -> None:
    status = nvlink(12, 12, 12, 11, 12, 12, 12, 12)
    say("nvidia-smi", f"case $1 in nvlink) /bin/cat <<'E'\n{status}E\n;; *) /bin/cat <<'E'\n{GPUS}E\n;; esac")
    assert looked_at(p4d)["NVLink"].found == "of 12 links: GPU 3 has 11"


def test_the_pods_own_limit_of_huge_pages_counts_before_the_nodes(p4d: System) -> None:
    put(p4d / "sys/fs/cgroup/hugetlb.2MB.max", "0\n")
    assert not looked_at(p4d)["huge pages"].ok
    put(p4d / "sys/fs/cgroup/hugetlb.2MB.max", "max\n")
    assert looked_at(p4d)["huge pages"].ok


def test_locking_memory_needs_the_capability_in_effect_or_no_limit(p4d: System) -> None:
    put(p4d / "proc/self/status", f"CapEff:\t{0:016x}\n")
    found = looked_at(p4d)["locked memory"]
    limit = subprocess.run(["/bin/sh", "-c", "ulimit -l"], capture_output=True, text=True, check=True).stdout.strip()
    assert found.ok is (limit == "unlimited")
    assert "IPC_LOCK is not in effect" in found.found
    assert effective_capabilities("CapPrm:\t0000000000004000\n") == 0


def test_too_little_shared_memory_fails(p4d: System) -> None:
    assert not looked_at(p4d, shared_memory_gib=1e9)["shared memory"].ok


def test_a_program_that_is_missing_fails_or_hangs_is_told_in_words(say: Say) -> None:
    assert ask(("fi_info",)).failed == "there is no fi_info"
    say("fi_info", "echo 'fi_getinfo: -61 (No data available)' >&2; exit 61")
    assert ask(("fi_info",)).failed == "fi_info ended with 61: fi_getinfo: -61 (No data available)"
    say("fi_info", "exec /bin/sleep 600")
    assert ask(("fi_info", "-p", "efa"), deadline_s=0.2).failed == "fi_info -p efa did not end within 0 s"


def test_the_plugin_is_found_under_either_name(tmp_path: Path) -> None:
    assert plugin_library([tmp_path, tmp_path / "missing"]) is None
    put(tmp_path / "lib/libnccl-net-ofi.so", "")
    assert plugin_library([tmp_path, tmp_path / "lib"]) == tmp_path / "lib/libnccl-net-ofi.so"


def test_one_rank_over_tcp_fails_the_node_and_is_named() -> None:
    fine, direct = over_efa({0: OVER_EFA, 1: OVER_EFA})
    assert (fine.ok, direct.ok, direct.found) == (True, True, "4 of 4 channels to other nodes")
    over, direct = over_efa({8: OVER_EFA, 11: OVER_TCP})
    assert (over.ok, direct.ok) == (False, False)
    assert over.found == "rank(s) 11 do not: INFO NET/Socket : Using [0]eth0:192.0.2.18<0>"


def command(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fraudray.deployments.preflight", *options],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PATH": "/nowhere"},
    )  # fmt: skip


def test_the_command_ends_with_1_and_says_what_to_do_where_there_is_no_gpu() -> None:
    ran = command("--only", "node", "--node", "1")
    assert ran.returncode == 1
    assert "FAILED  GPUs                  there is no nvidia-smi" in ran.stdout
    assert "do: ask for nvidia.com/gpu: 8 in the pod" in ran.stdout
    said = json.loads(command("--only", "node", "--node", "1", "--json").stdout)
    assert (said["node"], said["ok"]) == (1, False)
    assert (said["findings"][0]["check"], said["findings"][0]["ok"]) == ("GPUs", False)


def test_where_a_rank_cannot_start_its_error_is_told_and_what_nccl_had_said(tmp_path: Path) -> None:
    plan = Plan("cpu", 2, 1, 1, "127.0.0.1", 1, 1 << 20, 60, 60, tmp_path)
    plan.log(1).write_text(OVER_TCP)
    (found,), figures = network_findings(plan, 25.0)

    # There is no torch in this environment; tests/llm has the all-reduce itself.
    assert found.found == "stopped while meeting: rank 1 ended: ModuleNotFoundError: No module named 'torch'"
    assert figures == {"all_reduce": [], "nccl_last_lines": {"1": tuple(OVER_TCP.splitlines())}}


def test_a_node_beyond_the_last_is_a_usage_error() -> None:
    ran = command("--node", "2")
    assert ran.returncode == 2
    assert "counted from 0" in ran.stderr
