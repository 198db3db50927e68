"""What `run_server` is asked to start, and the error that it raises when it cannot."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from fraudray.deployments.page_process import PageLaunch
from fraudray.settings import address_of


class ExitCode(IntEnum):
    """Exit codes of `fraudray serve`."""

    STOPPED = 0
    DATA_FOLDER = 2
    PORT = 3
    ALREADY_RUNNING = 4
    START_FAILED = 5
    ENDED_BY_ITSELF = 6


class LaunchError(Exception):
    """The server could not start or keep running.

    `message` is one sentence on what is wrong, `hint` what to do about it, `details` lines of a log worth showing (may
    be empty), `exit_code` what the command line should return.
    """

    def __init__(self, message: str, hint: str, exit_code: ExitCode, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
        self.details = details


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings:
    """How to start the server.

    `app` is the import path `module:function` of a function without arguments that returns a `ray.serve.Application`;
    it is called in the server's own process. `llm_app` names one more, which is served at `/llm` and may take longer to
    get ready. `page` has the analysts' page served beside it; nobody waits for that. `env` is added to the environment
    of that process and so of every replica. `num_cpus` is what Ray may schedule on (None: as many as the machine has,
    at least 2, because Serve's own actors and one gateway need that much room, not that many cores). Times are in
    seconds.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    num_cpus: int | None = None
    app: str = "fraudray.deployments.app:build_from_environment"
    llm_app: str | None = None
    page: PageLaunch | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    ready_path: str = "/readyz"
    llm_ready_path: str = "/llm/health"
    ready_timeout_s: float = 180.0
    llm_ready_timeout_s: float = 600.0
    stop_timeout_s: float = 25.0

    @property
    def base_url(self) -> str:
        """The address to print and to call, without a slash at the end. A wildcard host is reached on loopback."""
        return address_of(self.host, self.port)

    @property
    def log_dir(self) -> Path:
        """The folder with the logs of the running, or else the last, server."""
        return self.data_dir / "logs" / "server"
