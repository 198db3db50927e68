"""Finding and ending the processes of a run, and free or taken ports, on real processes and sockets."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from fraudray.deployments.processes import (
    RUN_MARKER,
    find_marked,
    first_free_port,
    is_alive,
    kill_marked,
    port_is_free,
    port_owner,
    run_marker,
)


def _sleeper(marker: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "60"], env={**os.environ, RUN_MARKER: marker}, start_new_session=True)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on a free loopback port."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as HAProxy does
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_only_processes_with_exactly_this_marker_are_found_and_killed(tmp_path: Path) -> None:
    ours, other = _sleeper(run_marker(tmp_path)), _sleeper(run_marker(tmp_path) + "-other")
    try:
        assert [p.pid for p in find_marked(run_marker(tmp_path))] == [ours.pid]
        assert kill_marked(run_marker(tmp_path)) == [ours.pid]
        assert find_marked(run_marker(tmp_path)) == []
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


def test_nothing_to_kill_is_quick_and_kills_nothing(tmp_path: Path) -> None:
    began = time.monotonic()
    assert kill_marked(run_marker(tmp_path)) == []
    assert time.monotonic() - began < 2.0


def test_the_marker_is_the_same_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert run_marker(tmp_path / "link") == run_marker(tmp_path / "data")


def test_a_process_is_alive_only_under_its_own_creation_time() -> None:
    me = psutil.Process()
    assert is_alive(me.pid, me.create_time())
    assert not is_alive(me.pid, me.create_time() - 3600)


def test_an_ended_process_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    created_at = psutil.Process(process.pid).create_time()
    process.wait()
    assert not is_alive(process.pid, created_at)


def test_a_taken_port_names_its_owner(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert not port_is_free("127.0.0.1", port)
    owner = port_owner(port)
    assert owner.pid == os.getpid()
    assert owner.command is not None
    assert "python" in owner.command


def test_the_owner_is_named_while_its_socket_goes_from_process_to_process() -> None:
    """As HAProxy's does when it takes a change: the process that is seen may have ended when it is asked who it is."""
    script = """
import os, socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    if os.fork() == 0:
        time.sleep(0.03)
        os._exit(0)
    os.wait()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        owners = [port_owner(port) for _ in range(30)]
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    assert all(owner.pid is not None and "create_server" in (owner.command or "") for owner in owners), owners


def test_a_port_is_free_again_right_after_its_server_ended(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    connection, _ = listener.accept()
    connection.close()  # the side that closes first keeps the port in TIME_WAIT
    client.close()
    listener.close()
    assert port_is_free("127.0.0.1", port)


def test_the_first_free_port_skips_taken_ones(listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert first_free_port("127.0.0.1", [taken, free]) == free
    assert first_free_port("127.0.0.1", [taken]) is None


def test_a_host_of_another_machine_is_an_error_not_a_taken_port() -> None:
    with pytest.raises(OSError, match="assign"):
        port_is_free("192.0.2.1", 8000)
