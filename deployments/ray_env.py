"""The environment of a single-node Ray Serve behind HAProxy that keeps to one machine and one temporary folder.

Ray and Serve read these variables when they are imported, so they are set before the server's process starts; every
Ray process and every replica inherits them.
"""

import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fraudray.deployments.haproxy_front import write_haproxy_front
from fraudray.deployments.processes import RUN_MARKER, first_free_port, run_marker

# Ray's sockets lie up to 64 characters, HAProxy's 73 (node id and a temporary name while it starts), below the run
# folder; a Unix socket's path has at most 107.
_RUN_DIR_CHARS_MAX = 27
_PORTS_TRIED = 100
_REPLICA_PORTS = 1000


class NoFreePortError(Exception):
    """None of the ports that one of Serve's parts may use is free; `first` and `last` say which were tried."""

    def __init__(self, part: str, first: int, last: int) -> None:
        super().__init__(f"no free port for {part} between {first} and {last}")
        self.part, self.first, self.last = part, first, last


@dataclass(frozen=True, slots=True)
class ServePorts:
    """The public address, and the ports beside it: each is the usual one, or the next free when that is taken."""

    host: str
    public: int
    fallback_proxy: int
    haproxy_stats: int
    haproxy_metrics: int
    first_replica: int
    page: int


def choose_ports(host: str, public_port: int) -> ServePorts:
    """Pick free ports for Serve's parts, never `public_port`. Raises NoFreePortError."""
    taken = {public_port}

    def pick(part: str, usual: int, where: str) -> int:
        last = usual + _PORTS_TRIED - 1
        port = first_free_port(where, (p for p in range(usual, last + 1) if p not in taken))
        if port is None:
            raise NoFreePortError(part, usual, last)
        taken.add(port)
        return port

    return ServePorts(
        host=host,
        public=public_port,
        fallback_proxy=pick("Serve's fallback proxy", 8500, host),
        haproxy_stats=pick("HAProxy's statistics", 8404, "127.0.0.1"),
        haproxy_metrics=pick("HAProxy's metrics", 9101, "127.0.0.1"),
        first_replica=pick("the gateway replica", 30000, host),
        page=pick("the analysts' page", 7860, "127.0.0.1"),
    )


def make_run_dir(data_dir: Path) -> Path:
    """Make the run's own temporary folder (0700) for Ray's and HAProxy's sockets and files, with a short path."""
    parent = tempfile.gettempdir()
    prefix = _run_dir_prefix(data_dir)
    if len(parent) + 1 + len(prefix) + 8 > _RUN_DIR_CHARS_MAX:  # mkdtemp adds 8 characters
        parent = "/tmp"  # noqa: S108 - mkdtemp makes a folder of its own in it
    return Path(tempfile.mkdtemp(prefix=prefix, dir=parent))


def remove_run_dirs(data_dir: Path) -> int:
    """Remove the temporary folders of runs of `data_dir`; call it only when none of them runs. Returns how many."""
    removed = 0
    for parent in {Path(tempfile.gettempdir()), Path("/tmp")}:  # noqa: S108
        for folder in parent.glob(_run_dir_prefix(data_dir) + "*"):
            if folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def server_environment(
    inherited: Mapping[str, str],
    extra: Mapping[str, str],
    data_dir: Path,
    run_dir: Path,
    ports: ServePorts,
    *,
    with_page: bool = False,
) -> dict[str, str]:
    """The whole environment of the server's process. Also writes what HAProxy needs into `run_dir`.

    Raises NoHaproxyError.
    """
    haproxy_dir = run_dir / "h"
    haproxy = write_haproxy_front(run_dir, ports.host, ports.public, ports.page if with_page else None)
    environment = {name: value for name, value in inherited.items() if not _points_to_a_cluster(name)}
    environment.update(extra)
    environment.update(
        {
            RUN_MARKER: run_marker(data_dir),
            "PYTHONUNBUFFERED": "1",
            # A token is needed even on loopback: Ray's ports run any code that reaches them, other users of the machine
            # and web pages reach loopback, and a replica's gRPC port is open to the network (see launch.py). It is new
            # for each run and lives in this environment only, so that no ~/.ray/auth_token is written.
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # 15 by default: a server must not wait behind whatever else runs here
            "RAY_ROTATION_MAX_BYTES": str(20 * 1024 * 1024),
            "RAY_ROTATION_BACKUP_COUNT": "2",
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            # Of which not this: handles are used from several event loops (investigations have one of their own).
            "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",
            # A replica that cannot start, cannot start three times either: say so at once.
            "RAY_SERVE_MAX_PER_REPLICA_RETRY_COUNT": "1",
            # One machine, one replica: nothing to wait for when it is drained. The default of 30 s delays every stop.
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
            "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(ports.first_replica),
            "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(ports.first_replica + _REPLICA_PORTS),
            "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.fallback_proxy),
            "RAY_SERVE_HAPROXY_BINARY_PATH": str(haproxy),
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(haproxy_dir / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "10",
            "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.haproxy_metrics),
            "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",  # a log line per request that only Ray's dashboard would read
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(haproxy_dir / "m"),
            "RAY_SERVE_HAPROXY_NBTHREAD": "1",
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(haproxy_dir),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(haproxy_dir / "server-state"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(haproxy_dir / "a"),
            "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.haproxy_stats),
        }
    )
    return environment


def _points_to_a_cluster(name: str) -> bool:
    """Whether an inherited variable would make this server join, or authenticate to, some other Ray cluster."""
    return name in {"RAY_ADDRESS", "RAY_NAMESPACE", "RAY_RUNTIME_ENV_HOOK", "RAY_AUTH_TOKEN_PATH", RUN_MARKER}


def _run_dir_prefix(data_dir: Path) -> str:
    return "fr-" + hashlib.sha256(run_marker(data_dir).encode()).hexdigest()[:10] + "-"
