"""The all-reduce of the preflight, for real: two nodes as two processes, each with its ranks, over gloo."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def node(number: int, port: int, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fraudray.deployments.preflight", "--device", "cpu", "--only", "network",
         "--node", str(number), "--nodes", "2", "--gpus", "2", "--port", str(port), "--json", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, errors = process.communicate(timeout=240)
    assert out, errors
    return process.returncode, json.loads(out)


def checks(said: dict[str, Any]) -> dict[str, bool]:
    return {found["check"]: found["ok"] for found in said["findings"]}


def test_two_nodes_agree_on_right_sums_and_one_bandwidth(port: int) -> None:
    nodes = [node(number, port, "--largest-mib", "16", "--floor-gb-s", "0.000001") for number in range(2)]
    (first_code, first), (second_code, second) = map(ended, nodes)

    assert (first_code, second_code) == (0, 0)
    assert checks(first) == checks(second) == {"all-reduce": True, "sums": True, "bus bandwidth": True}
    assert first["all_reduce"] == second["all_reduce"]
    assert [each["size_bytes"] for each in first["all_reduce"]] == [1 << 20, 4 << 20, 16 << 20]
    for each in first["all_reduce"]:
        assert each["wrong"] == 0
        assert each["bus_gb_s"] == pytest.approx(each["size_bytes"] / each["seconds"] * 1.5 / 1e9)  # 2 (4 - 1) / 4


def test_a_bandwidth_below_the_floor_fails_on_every_node(port: int) -> None:
    nodes = [node(number, port, "--largest-mib", "1", "--floor-gb-s", "1000000") for number in range(2)]
    for code, said in map(ended, nodes):
        assert code == 1
        assert checks(said) == {"all-reduce": True, "sums": True, "bus bandwidth": False}


def test_a_node_whose_partner_never_comes_says_so_within_its_deadline(port: int) -> None:
    code, said = ended(node(0, port, "--meet-s", "15"))

    assert code == 1
    assert checks(said) == {"all-reduce": False}
    (found,) = said["findings"]
    assert found["found"] == "stopped while meeting: rank(s) 0, 1 did not get there within 15 s"
    assert f"127.0.0.1:{port} must lead to the first" in found["do"]
    assert said["all_reduce"] == []


def test_a_rank_that_cannot_start_is_told_with_its_error(port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        code, said = ended(node(0, port, "--meet-s", "60"))

    assert code == 1
    assert "stopped while meeting: rank 0 ended: " in said["findings"][0]["found"]
    assert "address already in use" in said["findings"][0]["found"].lower()
