"""Starting and stopping the server, with real processes: what a user meets, including kills at the wrong moment."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from fraudray.deployments.processes import RUN_MARKER, find_marked, kill_marked, port_is_free, run_marker
from fraudray.deployments.ray_env import remove_run_dirs
from fraudray.deployments.server_record import read_server_record

SUPPORT = Path(__file__).parent / "support"
READY_S_MAX = 120.0
STOP_S_MAX = 30.0


@dataclass
class Run:
    """One started supervisor: its process, its data folder and what it printed."""

    process: "subprocess.Popen[bytes]"
    data_dir: Path
    output_file: Path

    @property
    def output(self) -> str:
        return self.output_file.read_text(encoding="utf-8")

    def wait_for(self, text: str, timeout_s: float = READY_S_MAX) -> None:
        """Wait until `text` was printed; fails when the process ends without."""
        deadline = time.monotonic() + timeout_s
        while text not in self.output:
            assert self.process.poll() is None, f"ended before {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"no {text!r} within {timeout_s} s:\n{self.output}"
            time.sleep(0.05)

    def ctrl_c(self) -> int:
        """What a terminal does at Ctrl-C, and the exit code after it."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(STOP_S_MAX)


@contextlib.contextmanager
def started(data_dir: Path, port: int, *builders: str) -> Iterator[Run]:
    """A supervisor in a process group of its own; whatever it leaves is killed at the end."""
    output_file = data_dir.with_name(f"{data_dir.name}-{time.monotonic_ns()}.out")
    with output_file.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", str(SUPPORT / "run_lifecycle.py"), str(data_dir), str(port), *builders],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Run(process, data_dir, output_file)
    finally:
        process.kill()
        process.wait()
        kill_marked(run_marker(data_dir))
        remove_run_dirs(data_dir)


def run_to_its_end(data_dir: Path, port: int) -> tuple[int, str]:
    """The exit code and the output of a supervisor that is expected to give up."""
    command = [sys.executable, str(SUPPORT / "run_lifecycle.py"), str(data_dir), str(port)]
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False
    )
    return result.returncode, result.stdout.decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_folders(data_dir: Path) -> set[Path]:
    """The temporary folders that processes of this run have open or were told to use."""
    found = set()
    for process in find_marked(run_marker(data_dir)):
        with contextlib.suppress(psutil.Error):
            found.add(Path(process.environ()["RAY_SERVE_HAPROXY_BINARY_PATH"]).parent)
    return found


def wait_until_nothing_is_left(data_dir: Path, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while left := find_marked(run_marker(data_dir)):
        assert time.monotonic() < deadline, [p.as_dict(["pid", "cmdline"]) for p in left]
        time.sleep(0.1)


def server_pid(data_dir: Path) -> int:
    """The server's own process: the marked one whose parent is the supervisor."""
    supervisor = read_server_record(data_dir)
    assert supervisor is not None
    return next(p.pid for p in find_marked(run_marker(data_dir)) if p.ppid() == supervisor.pid)


def status_of(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
        return int(answer.status)


@pytest.mark.serve
def test_ctrl_c_stops_everything_that_was_started(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", free_port()
    with started(data_dir, port) as run:
        run.wait_for("READY")
        url = f"http://127.0.0.1:{port}"
        record = read_server_record(data_dir)
        assert record is not None
        assert (record.pid, record.url) == (run.process.pid, url)
        assert status_of(url + "/readyz") == 200
        folders = run_folders(data_dir)
        assert [f for f in folders if f.is_dir()]

        assert run.ctrl_c() == 0

        assert find_marked(run_marker(data_dir)) == []
        assert [f for f in folders if f.exists()] == []
        assert not (data_dir / "server.json").exists()
        assert run.output.splitlines()[1:] == [f"READY {url}", "Stopping …"]  # no line of Ray's on the console
        assert (data_dir / "logs/server/console.log").stat().st_size > 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A server that is ready; for tests that only look at it."""
    with started(tmp_path_factory.mktemp("serving") / "data", free_port()) as run:
        run.wait_for("READY")
        yield run
        assert run.ctrl_c() == 0


@pytest.mark.serve
def test_all_ports_but_the_replicas_grpc_port_are_on_loopback(server: Run) -> None:
    ours = {p.pid: p.name() for p in find_marked(run_marker(server.data_dir))}
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.pid in ours]
    open_to_all = [
        ours[c.pid or 0] for c in listening if c.laddr and c.laddr.ip not in {"127.0.0.1", "::ffff:127.0.0.1"}
    ]
    assert len(listening) > 10
    assert [name[:8] for name in open_to_all] == ["ray::Ser"]


@pytest.mark.serve
def test_a_second_server_on_the_same_data_folder_is_refused_with_the_address_of_the_first(server: Run) -> None:
    record = read_server_record(server.data_dir)
    assert record is not None
    code, output = run_to_its_end(server.data_dir, free_port())
    assert code == 4
    assert f"at {record.url} (process {server.process.pid})" in output
    assert status_of(record.url + "/readyz") == 200


@pytest.mark.serve
def test_a_second_server_on_the_same_port_is_told_whose_it_is(server: Run, tmp_path: Path) -> None:
    record = read_server_record(server.data_dir)
    assert record is not None
    code, output = run_to_its_end(tmp_path / "data", int(record.url.rpartition(":")[2]))
    assert code == 3
    assert f"fraudray server with the data folder {server.data_dir}" in output


@pytest.mark.serve
def test_two_servers_run_side_by_side_on_their_own_folders_and_ports(server: Run, tmp_path: Path) -> None:
    first = read_server_record(server.data_dir)
    assert first is not None
    with started(tmp_path / "data", free_port()) as run:
        run.wait_for("READY")
        second = read_server_record(run.data_dir)
        assert second is not None
        assert status_of(second.url + "/readyz") == 200
        assert run.ctrl_c() == 0
    assert status_of(first.url + "/readyz") == 200


@pytest.mark.slow
@pytest.mark.serve
def test_after_kill_9_the_next_start_ends_the_haproxy_that_holds_the_port_and_works(tmp_path: Path) -> None:
    data_dir, port = tmp_path / "data", free_port()
    with started(data_dir, port) as first:
        first.wait_for("READY")
        folders = run_folders(data_dir)
        marked = find_marked(run_marker(data_dir))
        haproxy = next(p for p in marked if p.name() == "haproxy")
        server = psutil.Process(server_pid(data_dir))
        raylet = next(p for p in marked if p.name() == "raylet")
        # Ray's daemon first: it would end HAProxy when it sees its manager go.
        for process in (raylet, psutil.Process(haproxy.ppid()), first.process, server):
            process.kill()
        first.process.wait()
        assert read_server_record(data_dir) is None
        assert haproxy.is_running()
        assert not port_is_free("127.0.0.1", port)

        with started(data_dir, port) as second:
            second.wait_for("READY")
            assert "was killed; ended what it had left" in second.output
            assert not haproxy.is_running()
            assert [f for f in folders if f.exists()] == []
            assert second.ctrl_c() == 0
            assert find_marked(run_marker(data_dir)) == []


@pytest.mark.slow
@pytest.mark.serve
def test_kill_9_of_the_supervisor_alone_ends_in_an_orderly_stop(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with started(data_dir, free_port()) as run:
        run.wait_for("READY")
        folders = run_folders(data_dir)
        run.process.kill()
        wait_until_nothing_is_left(data_dir, timeout_s=STOP_S_MAX)
        assert [f for f in folders if f.exists()] == []
        assert "Serve stopped" in (data_dir / "logs/server/console.log").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.serve
def test_a_server_whose_ray_daemon_dies_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with started(data_dir, free_port()) as run:
        run.wait_for("READY")
        next(p for p in find_marked(run_marker(data_dir)) if p.name() == "raylet").kill()
        assert run.process.wait(STOP_S_MAX) == 6
        assert "The server ended by itself." in run.output
        assert find_marked(run_marker(data_dir)) == []


@pytest.mark.slow
@pytest.mark.serve
@pytest.mark.parametrize("after_s", [0.0, 2.0, 6.0])
def test_ctrl_c_while_starting_stops_at_once_and_leaves_nothing(tmp_path: Path, after_s: float) -> None:
    data_dir = tmp_path / "data"
    with started(data_dir, free_port()) as run:
        run.wait_for("Starting Ray Serve", timeout_s=30)
        time.sleep(after_s)
        assert "READY" not in run.output
        began = time.monotonic()
        assert run.ctrl_c() == 0
        assert time.monotonic() - began < 5.0
        assert find_marked(run_marker(data_dir)) == []


@pytest.mark.serve
def test_an_application_that_cannot_start_says_why_and_where_the_logs_are(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with started(data_dir, free_port(), "build_broken") as run:
        assert run.process.wait(READY_S_MAX) == 5
        assert "The server could not start." in run.output
        assert "the policy file is missing" in run.output
        assert str(data_dir / "logs/server") in run.output
        assert find_marked(run_marker(data_dir)) == []


@pytest.mark.serve
def test_a_model_is_served_beside_the_application_and_ready_means_both(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path / "data", port, "build", "build") as run:
        run.wait_for("READY")

        assert "The server answers; the model is still loading" in run.output
        assert status_of(f"http://127.0.0.1:{port}/readyz") == 200
        assert status_of(f"http://127.0.0.1:{port}/llm/health") == 200
        assert run.ctrl_c() == 0


@pytest.mark.serve
def test_a_model_that_cannot_start_ends_the_server_and_says_why(tmp_path: Path) -> None:
    with started(tmp_path / "data", free_port(), "build", "build_broken") as run:
        assert run.process.wait(READY_S_MAX) == 5
        assert "the policy file is missing" in run.output
        assert "The logs are in" in run.output


def test_a_taken_port_is_named_with_its_owner_and_a_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started(tmp_path / "data", port) as run:
            assert run.process.wait(30) == 3
            assert f"Port {port} on 127.0.0.1 is already in use by process {os.getpid()}" in run.output
            assert f"--port {port + 1}" in run.output


@pytest.mark.parametrize("inside", [".", "below"])
def test_a_file_in_place_of_the_data_folder_is_refused(tmp_path: Path, inside: str) -> None:
    (tmp_path / "data").write_text("a file", encoding="utf-8")
    data_dir = tmp_path / "data" / inside
    code, output = run_to_its_end(data_dir, free_port())
    assert code == 2
    assert f"error: The data folder {data_dir} cannot be used" in output
    assert "Traceback" not in output


def test_a_stale_record_is_not_a_running_server(tmp_path: Path) -> None:
    record = {"pid": os.getpid(), "pid_created_at": 1.0, "url": "http://127.0.0.1:1", "started_at": 1.0}
    (tmp_path / "server.json").write_text(json.dumps(record), encoding="utf-8")
    assert read_server_record(tmp_path) is None


def test_processes_of_another_data_folder_are_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, RUN_MARKER: str(tmp_path / "other")})
    try:
        assert kill_marked(run_marker(tmp_path / "data")) == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.slow
@pytest.mark.serve
def test_a_make_run_whose_make_is_killed_stops_and_can_be_started_again(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data_dir = tmp_path / "data"
    environment = os.environ | {"FRAUDRAY_DATA_DIR": str(data_dir), "FRAUDRAY_PORT": str(port)}
    for ending in (signal.SIGKILL, signal.SIGINT):
        output = tmp_path / f"{ending.name}.out"
        with output.open("wb") as out:
            process = subprocess.Popen(
                ["make", "run", "RUN_ARGS="], cwd=SUPPORT.parents[2], env=environment, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        run = Run(process, data_dir, output)
        run.wait_for("Ctrl-C stops it.")
        if ending is signal.SIGKILL:
            process.kill()  # make alone, as `kill -9` of the process that a shell knows
            process.wait(STOP_S_MAX)
        else:
            assert run.ctrl_c() in (0, 2, 130, -signal.SIGINT)
        wait_until_nothing_is_left(data_dir)
