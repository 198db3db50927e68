"""The server's own process: starts Ray and Serve, deploys the application, and stops both on SIGTERM.

`launch.run_server` starts it in a session of its own, with the environment of `ray_env` and its output in a log file,
so that a terminal's Ctrl-C reaches only the supervisor. It asks the kernel for a SIGTERM when the supervisor dies, so
that even `kill -9` of the supervisor ends in an orderly stop.
"""

import importlib
import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from fraudray.deployments.processes import end_with_parent

CONFIG_VARIABLE = "FRAUDRAY_RUN_CONFIG"
FAILURE_NAME = "failure.txt"
APP_NAME = "fraudray"
LLM_APP = "llm"
LLM_ROUTE = "/llm"

_OBJECT_STORE_BYTES = 100 * 1024 * 1024
_CPUS_MIN = 2
_CONTROLLER_WAIT_S_MAX = 60.0
_COPIED_LOG_BYTES_MAX = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What the supervisor hands to this process, as JSON in `FRAUDRAY_RUN_CONFIG`."""

    supervisor_pid: int
    run_dir: str
    log_dir: str
    host: str
    port: int
    num_cpus: int | None
    app: str
    llm_app: str | None = None

    def to_json(self) -> str:
        """The form that `from_json` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "ServerConfig":
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


def main() -> None:
    """Run the server until SIGTERM. Ends the process: 0 after a stop, 1 after a failure (its text in `failure.txt`)."""
    config = ServerConfig.from_json(os.environ[CONFIG_VARIABLE])
    stop = threading.Event()

    def on_signal(_signum: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not end_with_parent(config.supervisor_pid):
        sys.exit(1)
    code = 0
    try:
        _serve(config, stop)
    except BaseException as error:
        code = 1
        traceback.print_exc()
        Path(config.run_dir, FAILURE_NAME).write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
    finally:
        _keep_ray_logs(Path(config.run_dir), Path(config.log_dir))
    if os.getppid() != config.supervisor_pid:  # nobody else is left to remove it
        shutil.rmtree(config.run_dir, ignore_errors=True)
    sys.stdout.flush()
    os._exit(code)  # Ray is down already; its exit hooks would only take time


def _serve(config: ServerConfig, stop: threading.Event) -> None:
    log = _StageLog()
    _log_to_stdout()
    importing = _Background(lambda: _load(config.app))
    import ray

    _single_node_only()
    log("ray imported")
    ray.init(
        num_cpus=config.num_cpus or max(_CPUS_MIN, os.cpu_count() or 1),
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=_OBJECT_STORE_BYTES,
        log_to_driver=False,
        configure_logging=False,
        _temp_dir=config.run_dir,
    )
    signal.signal(signal.SIGTERM, lambda _signum, _frame: stop.set())  # ray.init sets its own
    log("Ray started")
    try:
        build = importing.result()
        log("application imported")
        # Importing what a model needs takes half a minute; it begins while the application is deployed.
        path = config.llm_app
        model = None if path is None else _Background(lambda: _load(path)())
        if not stop.is_set():
            _deploy(config, build, log)
        if model is not None and not stop.is_set():
            _run(model.result(), LLM_APP, LLM_ROUTE)
            log("model deployed")
        _wait(stop)
    finally:
        from ray import serve

        serve.shutdown()  # type: ignore[no-untyped-call]
        log("Serve stopped")
        ray.shutdown()
        log("Ray stopped")


def _deploy(config: ServerConfig, build: Callable[[], Any], log: "_StageLog") -> None:
    """Start Serve and deploy while its proxies are still starting, which saves 2 of 6 s on two cores."""
    import ray
    from ray import serve
    from ray.serve.schema import LoggingConfig

    starting = _Background(
        lambda: serve.start(
            http_options={"host": config.host, "port": config.port},
            logging_config=LoggingConfig(logs_dir=str(Path(config.log_dir) / "serve"), enable_access_log=False),
        )
    )
    deadline = time.monotonic() + _CONTROLLER_WAIT_S_MAX
    while not starting.done():
        try:
            ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
            break
        except ValueError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Serve's controller did not start within {_CONTROLLER_WAIT_S_MAX:.0f} s") from None
            time.sleep(0.02)
    else:
        starting.result()
    application = build()
    log("Serve's controller started")
    _run(application, APP_NAME, "/")
    log("application deployed")
    starting.result()
    log("proxies started")


def _run(application: Any, name: str, route_prefix: str) -> None:
    """Deploy and wait until it runs. Raises RuntimeError with what Serve knows of the failure."""
    from ray import serve

    try:
        serve.run(application, name=name, route_prefix=route_prefix)
    except RuntimeError as error:
        raise RuntimeError(_why_not_deployed(name) or str(error)) from error


def _why_not_deployed(name: str) -> str:
    """What Serve knows of each deployment that failed, with the end of its traceback; empty when it knows nothing."""
    from ray import serve

    application = serve.status().applications.get(name)
    messages = [d.message for d in application.deployments.values() if d.message] if application else []
    return "\n".join(messages)


def _wait(stop: threading.Event) -> None:
    """Wait for `stop`. Raises RuntimeError when one of Ray's daemons ends, without which Serve cannot go on."""
    daemons = [p for p in psutil.Process().children() if p.name() in {"gcs_server", "raylet"}]
    while not stop.wait(1.0):
        for daemon in daemons:
            if not daemon.is_running() or daemon.status() == psutil.STATUS_ZOMBIE:
                raise RuntimeError(f"a daemon of Ray ended by itself (process {daemon.pid})")


def _single_node_only() -> None:
    """Keep Ray to one machine: its ports on loopback, and no processes that only a cluster or a dashboard needs.

    These names are private to Ray (its version is pinned); where one is missing, Ray runs as usual. Without the
    dashboard's helper, the autoscaler's monitor and the log monitor a start is 3 s faster and 310 MB smaller.
    """
    import ray._private.node
    import ray._private.ray_constants

    if hasattr(ray._private.ray_constants, "ENABLE_RAY_CLUSTER"):
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
    for name in ("start_api_server", "start_monitor", "start_log_monitor"):
        if hasattr(ray._private.node.Node, name):
            setattr(ray._private.node.Node, name, lambda _node, **_arguments: None)


def _load(path: str) -> Callable[[], Any]:
    """The function that `module:function` names; imports ray.serve first, which it needs in any case."""
    importlib.import_module("ray.serve")
    module_name, _, function_name = path.partition(":")
    function: Callable[[], Any] = getattr(importlib.import_module(module_name), function_name)
    return function


def _log_to_stdout() -> None:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def _keep_ray_logs(run_dir: Path, log_dir: Path) -> None:
    """Copy the logs of Ray's processes out of the run folder, which the supervisor removes. Very large ones stay."""
    for source in run_dir.glob("session_2*/logs/*"):
        try:
            if source.is_file() and 0 < source.stat().st_size <= _COPIED_LOG_BYTES_MAX:
                (log_dir / "ray").mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, log_dir / "ray" / source.name)
        except OSError as error:
            print(f"log not kept: {source}: {error}")


class _StageLog:
    """Prints how long each stage of start and stop took, in seconds since the process began."""

    def __init__(self) -> None:
        self._began = psutil.Process().create_time()

    def __call__(self, stage: str) -> None:
        print(f"[{time.time() - self._began:6.2f} s] {stage}", flush=True)


class _Background:
    """Runs a function in a daemon thread; `result` waits for it and returns or raises what it did."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._function()
        except BaseException as error:  # handed to whoever asks for the result
            self._error = error

    def done(self) -> bool:
        """Whether the function has returned or raised."""
        return not self._thread.is_alive()

    def result(self) -> Any:
        """What the function returned, after waiting for it. Raises what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._value
