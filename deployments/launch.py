"""Start Ray Serve on this machine, keep it serving until a signal, and leave nothing behind.

`run_server` is the supervisor. It does not import Ray: it checks the data folder and the ports, clears away what a
killed run has left, starts the server's process (`server_process`) in a session of its own, waits until the
application answers, and ends everything when asked to. Every process of a run is found by its marker (`processes`),
so that nothing survives, whichever of them was killed.

Ports. On `host` (loopback by default): the public one (HAProxy), 30000 (the gateway replica itself, so authentication
and limits belong in the application) and 8500 (Serve's fallback proxy). Always on loopback: HAProxy's statistics (8404)
and metrics (9101), the analysts' page (7860, reached through the public port), Ray's own ports (gcs, raylet, workers,
agents; random, but 52365 for the agent's HTTP). When one of these other than the public one is taken, the next free
port is used.
One port stays open on all interfaces: each replica's gRPC port for calls between deployments (random; `[::]:0` is fixed
in Serve's code). It answers nothing without this run's token, see `ray_env`.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from fraudray.adapters.local_token import make_local_token
from fraudray.deployments.haproxy_front import NoHaproxyError
from fraudray.deployments.launch_settings import ExitCode, LaunchError, LaunchSettings
from fraudray.deployments.page_process import PageProcess
from fraudray.deployments.processes import find_marked, kill_marked, port_is_free, port_owner, run_marker
from fraudray.deployments.ray_env import (
    NoFreePortError,
    choose_ports,
    make_run_dir,
    remove_run_dirs,
    server_environment,
)
from fraudray.deployments.server_process import CONFIG_VARIABLE, FAILURE_NAME, ServerConfig
from fraudray.deployments.server_record import (
    DataFolderBusyError,
    hold_data_folder,
    read_server_record,
    remove_server_record,
    write_server_record,
)

__all__ = ["ExitCode", "LaunchError", "LaunchSettings", "run_server"]

_POLL_S = 0.1
_PROBE_TIMEOUT_S = 5.0
_LOG_LINES_SHOWN = 15
_LOG_CHARS_READ = 64 * 1024
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_server(
    settings: LaunchSettings,
    *,
    on_ready: Callable[[str], None] | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP, then stop everything; returns 0. Call it from the main thread.

    `on_ready` is called once with the base address when the application answers 200 at `settings.ready_path`; what it
    raises stops the server and is raised again. `say` prints the few lines meant for people. A second signal while
    stopping kills at once what is left. Raises LaunchError for everything that a user can put right, after stopping and
    removing whatever had been started.
    """
    with _Signals() as signals, contextlib.suppress(_StopRequested):
        _run(settings, signals, on_ready, say)
    return ExitCode.STOPPED


def _run(
    settings: LaunchSettings, signals: "_Signals", on_ready: Callable[[str], None] | None, say: Callable[[str], None]
) -> None:
    _prepare_data_folder(settings)
    with _held(settings):
        _clear_stale_run(settings, say)
        _check_public_port(settings)
        run_dir = make_run_dir(settings.data_dir)
        server: _Server | None = None
        try:
            make_local_token(settings.data_dir)
            server = _start(settings, run_dir)
            say(f"Starting Ray Serve for {settings.base_url} (Ctrl-C stops it; log: {server.log_file})")
            _wait_until_ready(settings, server, settings.ready_path, settings.ready_timeout_s)
            if settings.llm_app is not None:
                say("The server answers; the model is still loading, which takes a minute or two.")
                _wait_until_ready(settings, server, settings.llm_ready_path, settings.llm_ready_timeout_s)
            write_server_record(settings.data_dir, settings.base_url)
            server.ready = True
            if on_ready is not None:
                on_ready(settings.base_url)
            server.process.wait()
            raise _ended(server, settings, "the server ended by itself", ExitCode.ENDED_BY_ITSELF)
        finally:
            with signals.stopping():
                remove_server_record(settings.data_dir)
                _stop(settings, server, signals, say)
                remove_run_dirs(settings.data_dir)


class _StopRequested(BaseException):
    """A signal asked the supervisor to stop. Not an Exception, so that nothing on the way swallows it."""


class _Signals:
    """Turns the first stop signal into `_StopRequested`, and later ones, or any while stopping, into `hurry`."""

    def __init__(self) -> None:
        self.hurry = False
        self._raised = False
        self._stopping = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> "_Signals":
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # type: ignore[arg-type]

    @contextlib.contextmanager
    def stopping(self) -> Iterator[None]:
        """Inside, a signal no longer interrupts; after a first one it asks to hurry."""
        self._stopping = True
        yield

    def _handle(self, _signum: int, _frame: FrameType | None) -> None:
        if self._raised:
            self.hurry = True
        self._raised = True
        if not self._stopping and not self.hurry:
            raise _StopRequested


class _Server:
    """The server's process, where it writes, and the page's beside it."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", run_dir: Path, log_file: Path, page: PageProcess | None
    ) -> None:
        self.process = process
        self.page = page
        self.run_dir = run_dir
        self.log_file = log_file
        self.ready = False


def _prepare_data_folder(settings: LaunchSettings) -> None:
    hint = "Choose another data folder, or give this user the right to write there."
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.data_dir):
            pass
    except (FileExistsError, NotADirectoryError) as error:
        message = f"The data folder {settings.data_dir} cannot be used: {error.filename} is a file, not a folder."
        raise LaunchError(message, "Choose another data folder.", ExitCode.DATA_FOLDER) from error
    except OSError as error:
        message = f"The data folder {settings.data_dir} cannot be written: {error.strerror}."
        raise LaunchError(message, hint, ExitCode.DATA_FOLDER) from error


@contextlib.contextmanager
def _held(settings: LaunchSettings) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(hold_data_folder(settings.data_dir))
        except DataFolderBusyError as busy:
            record = read_server_record(settings.data_dir)
            where = f"at {record.url}" if record else "and is still starting or stopping"
            message = f"A fraudray server already runs on {settings.data_dir} {where} (process {busy.pid})."
            hint = f"Use it, stop it (kill -INT {busy.pid}), or start this one with another data folder and port."
            raise LaunchError(message, hint, ExitCode.ALREADY_RUNNING) from None
        except OSError as error:
            message = f"The data folder {settings.data_dir} cannot be locked: {error.strerror}."
            raise LaunchError(message, "Choose another data folder.", ExitCode.DATA_FOLDER) from error
        yield


def _clear_stale_run(settings: LaunchSettings, say: Callable[[str], None]) -> None:
    """End what a killed run of this data folder has left. Its lock is ours, so its supervisor is dead."""
    marker = run_marker(settings.data_dir)
    killed = kill_marked(marker)
    if killed:
        say(f"A previous server on {settings.data_dir} was killed; ended what it had left (processes: {len(killed)}).")
    if left := find_marked(marker):
        pids = ", ".join(str(p.pid) for p in left)
        message = f"Processes of a previous server cannot be ended: {pids}."
        raise LaunchError(message, "Wait a little, or restart the machine.", ExitCode.START_FAILED)
    remove_run_dirs(settings.data_dir)


def _check_public_port(settings: LaunchSettings) -> None:
    try:
        if port_is_free(settings.host, settings.port):
            return
    except OSError as error:
        message = f"Cannot listen on {settings.host} port {settings.port}: {error.strerror}."
        raise LaunchError(message, "Choose another --host or --port (1024 or above).", ExitCode.PORT) from error
    owner = port_owner(settings.port)
    who = f" by process {owner.pid} ({owner.command})" if owner.pid else " by a process of another user"
    message = f"Port {settings.port} on {settings.host} is already in use{who}."
    hint = f"Stop that process, or choose another port, for example --port {settings.port + 1}."
    if owner.run:
        hint = f"It is a fraudray server with the data folder {owner.run}: stop it, or choose another --port."
    raise LaunchError(message, hint, ExitCode.PORT)


def _start(settings: LaunchSettings, run_dir: Path) -> _Server:
    try:
        ports = choose_ports(settings.host, settings.port)
        environment = server_environment(
            os.environ, settings.env, settings.data_dir, run_dir, ports,
            with_page=settings.page is not None,
        )  # fmt: skip
    except NoFreePortError as error:
        message = f"No port for {error.part} is free between {error.first} and {error.last}."
        raise LaunchError(message, "Stop what uses them.", ExitCode.PORT) from error
    except NoHaproxyError as error:
        message = f"HAProxy is not installed: {error}"
        raise LaunchError(message, "Install it: pip install 'fraudray[serve]'.", ExitCode.START_FAILED) from error
    config = ServerConfig(
        supervisor_pid=os.getpid(),
        run_dir=str(run_dir),
        log_dir=str(settings.log_dir.resolve()),
        host=settings.host,
        port=settings.port,
        num_cpus=settings.num_cpus,
        app=settings.app,
        llm_app=settings.llm_app,
    )
    log_file = _new_log_file(settings)
    # `-c`, because Ray puts the folder of a script on its workers' import path.
    command = [sys.executable, "-c", "from fraudray.deployments.server_process import main; main()"]
    with log_file.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - a fixed command
            command,
            env={**environment, CONFIG_VARIABLE: config.to_json()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _Server(process, run_dir, log_file, _start_page(settings, ports.page))


def _start_page(settings: LaunchSettings, port: int) -> PageProcess | None:
    if settings.page is None:
        return None
    page = PageProcess(
        settings.page, api=settings.base_url, port=port, data_dir=settings.data_dir,
        log_file=settings.log_dir / "page.log",
    )  # fmt: skip
    page.start()
    return page


def _new_log_file(settings: LaunchSettings) -> Path:
    """Make an empty log folder, keeping that of the run before as `server.previous`."""
    previous = settings.log_dir.with_name("server.previous")
    if settings.log_dir.exists():
        shutil.rmtree(previous, ignore_errors=True)
        settings.log_dir.rename(previous)
    settings.log_dir.mkdir(parents=True)
    return settings.log_dir / "console.log"


def _wait_until_ready(settings: LaunchSettings, server: _Server, path: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    url = settings.base_url + path
    while server.process.poll() is None:
        if _answers(url):
            return
        if time.monotonic() > deadline:
            text = f"the server did not answer at {url} within {timeout_s:.0f} s"
            raise _ended(server, settings, text, ExitCode.START_FAILED)
        time.sleep(_POLL_S)
    raise _ended(server, settings, "the server could not start", ExitCode.START_FAILED)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through the user's web proxy
    try:
        with opener.open(url, timeout=_PROBE_TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _ended(server: _Server, settings: LaunchSettings, text: str, code: ExitCode) -> LaunchError:
    """The error for a server that failed, with the reason it wrote down, or else the end of its log."""
    failure = server.run_dir / FAILURE_NAME
    source = failure if failure.exists() else server.log_file
    with contextlib.suppress(OSError):
        text_of_log = source.read_bytes()[-_LOG_CHARS_READ:].decode("utf-8", "replace")
        lines = tuple(line.rstrip() for line in text_of_log.splitlines() if line.strip())[-_LOG_LINES_SHOWN:]
        return LaunchError(f"{text[0].upper()}{text[1:]}.", f"The logs are in {settings.log_dir}.", code, lines)
    return LaunchError(f"{text[0].upper()}{text[1:]}.", f"The logs are in {settings.log_dir}.", code)


def _stop(settings: LaunchSettings, server: _Server | None, signals: _Signals, say: Callable[[str], None]) -> None:
    """Ask the server's process to stop (once it serves; before that there is nothing to finish), then kill the rest."""
    marker = run_marker(settings.data_dir)
    if server is not None and server.page is not None:
        server.page.stop()
    if server is not None and server.ready and server.process.poll() is None:
        say("Stopping …")
        server.process.terminate()
        deadline = time.monotonic() + settings.stop_timeout_s
        while server.process.poll() is None and time.monotonic() < deadline and not signals.hurry:
            time.sleep(_POLL_S / 2)
    kill_marked(marker)
    if server is not None:
        server.process.wait()
    if left := find_marked(marker):
        say(f"Processes that could not be ended: {', '.join(str(p.pid) for p in left)}")
