"""The Ray that batch work runs on: the cluster that RAY_ADDRESS names, or one of this process's own on this machine.

The local one keeps to loopback and to a temporary folder of its own, asks for a token that is new for each run and is
never written to disk, sends no usage statistics, has no dashboard, and ends with this process.
"""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from fraudray.domain.errors import FraudrayError

OBJECT_STORE_BYTES = 320 * 1024 * 1024
"""Blocks on their way between workers; they are small, and what is not taken yet waits unread."""
ADDRESS = "RAY_ADDRESS"
_FOLDER_PREFIX = "frb-"
_FOLDER_PARENT = Path("/tmp")  # noqa: S108 - mkdtemp makes a folder of its own; Ray's sockets need a short path


class ClusterError(FraudrayError):
    """Ray could not be reached or started; says why."""


@contextmanager
def connected(cpus: int | None = None, modules: Sequence[str] = ()) -> Iterator[int]:
    """Ray for the time of the block; gives the number of its CPUs.

    A connection that is there already is used and left as it is. `cpus` limits a local cluster, by default to all that
    this process may use. `modules` are imported by the workers at once, while this process goes on; it takes seconds.

    Raises ClusterError.
    """
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        yield _cpus(sys.modules["ray"])
        return
    _prepare_environment()
    import ray

    _read_environment_again()
    folder = None if os.environ.get(ADDRESS) else _temporary_folder()
    try:
        if folder is None:
            _init(ray)
        else:
            _init_local(ray, folder, cpus or len(os.sched_getaffinity(0)))
        _import_in_workers(ray, modules)
        if folder is not None:
            _local_data_only(ray)
        yield _cpus(ray)
    finally:
        _end_executors()
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def quiet_data(block_bytes: int | None = None) -> Iterator[Any]:
    """Ray Data without its own progress bars and log lines on the terminal, for the time of the block; gives the
    `DataContext`. `block_bytes` is about how large blocks are; Ray Data's own default is 128 MiB."""
    from ray.data import DataContext

    log = logging.getLogger("ray.data")
    handlers = [(handler, handler.level) for handler in log.handlers if not isinstance(handler, logging.FileHandler)]
    context = DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    if block_bytes is not None:
        context.target_max_block_size = block_bytes
    for handler, _ in handlers:
        handler.setLevel(logging.CRITICAL)  # what fails is raised; told twice, with Ray's own frames, it helps nobody
    try:
        with DataContext.current(context):
            yield context
    finally:
        for handler, level in handlers:
            handler.setLevel(level)


def _prepare_environment() -> None:
    """What Ray reads when it is imported. On a cluster of somebody else's, its own token and mode stay in force."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else a warning about GPUs, of which none is used
    if not os.environ.get(ADDRESS) and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _read_environment_again() -> None:
    """Ray reads its variables when it is imported, which may have been long before they were set.

    These names are private to Ray (its version is pinned); where one is missing, Ray knows what it read at first.
    """
    import ray._raylet

    loader = getattr(ray._raylet, "AuthenticationTokenLoader", None)
    if hasattr(ray._raylet, "Config") and loader is not None:
        ray._raylet.Config.initialize("")
        loader.instance().reset_cache()


def _init(ray: Any) -> None:
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(f"cannot reach Ray at {os.environ[ADDRESS]} ({ADDRESS}): {error}") from None


def _init_local(ray: Any, folder: Path, cpus: int) -> None:
    _single_node_only()
    try:
        ray.init(
            num_cpus=cpus,
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(folder),
        )
    except (RuntimeError, OSError, ValueError) as error:
        raise ClusterError(f"cannot start Ray on this machine: {error}") from None


def _single_node_only() -> None:
    """Keep a local Ray to loopback, without the processes that only a cluster or a dashboard needs.

    These names are private to Ray (its version is pinned); where one is missing, Ray runs as usual.
    """
    import ray._private.node
    import ray._private.ray_constants

    if hasattr(ray._private.ray_constants, "ENABLE_RAY_CLUSTER"):
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
    for name in ("start_api_server", "start_monitor", "start_log_monitor"):
        if hasattr(ray._private.node.Node, name):
            setattr(ray._private.node.Node, name, lambda _node, **_arguments: None)


def _import_in_workers(ray: Any, modules: Sequence[str]) -> None:
    """Nobody waits for it: a worker that is not there yet imports when it has something to do."""
    if modules:
        warm = ray.remote(num_cpus=1, max_retries=0)(_import_all)
        for _ in range(_cpus(ray)):
            warm.remote(tuple(modules))


def _import_all(modules: tuple[str, ...]) -> None:
    for module in modules:
        importlib.import_module(module)


def _local_data_only(ray: Any) -> None:
    """Keep Ray Data, on a local Ray, from starting two processes of 200 MB and 4 s each before it does anything: one
    that counts for a dashboard, one that shares a cluster among several programs.

    These names too are private to Ray; where one is missing, Ray Data runs as usual.
    """
    from ray.data._internal import cluster_autoscaler, stats

    manager: Any = getattr(stats, "_StatsManager", None)
    for name in ("update_execution_metrics", "update_iteration_metrics", "register_dataset_to_stats_actor"):
        if hasattr(manager, name):
            setattr(manager, name, staticmethod(lambda *_, **__: None))
    if hasattr(manager, "gen_dataset_id_from_stats_actor"):
        manager.gen_dataset_id_from_stats_actor = staticmethod(lambda: uuid4().hex)
    module: Any = getattr(cluster_autoscaler, "rate_based_cluster_autoscaler", None)
    if hasattr(module, "DefaultAutoscalingCoordinator"):
        module.DefaultAutoscalingCoordinator = lambda **_: _OnlyUser(dict(ray.cluster_resources()))


def _end_executors() -> None:
    """End what Ray Data still runs after a failure or Ctrl-C: were Ray to go first, this process would crash."""
    for thread in threading.enumerate():
        if type(thread).__module__.startswith("ray.data.") and hasattr(thread, "shutdown"):
            thread.shutdown(force=True)


class _OnlyUser:
    """What Ray Data asks for its share of a cluster, where all of it is its own."""

    def __init__(self, resources: dict[str, float]) -> None:
        self._resources = resources

    def request_resources(self, **_: Any) -> None:
        """More machines: there are none."""

    def cancel_request(self) -> None:
        """Nothing was asked for."""

    def get_reserved_resources(self) -> dict[str, dict[str, float]]:
        """Everything."""
        return {"local": self._resources}


def remove_folders_of(pid: int) -> None:
    """Remove what a process that was killed could not: the folder of its local Ray."""
    for folder in _FOLDER_PARENT.glob(f"{_FOLDER_PREFIX}{pid}-*"):
        with suppress(FileNotFoundError):  # another start removes such folders too
            if folder.stat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)


def _temporary_folder() -> Path:
    """A folder for Ray's sockets and logs; removes those of processes that were killed before they could."""
    for folder in _FOLDER_PARENT.glob(f"{_FOLDER_PREFIX}*"):
        pid = folder.name.removeprefix(_FOLDER_PREFIX).split("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDER_PREFIX}{os.getpid()}-", dir=_FOLDER_PARENT))


def _cpus(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))
