"""Back-tests beside a server, each in processes of its own. Implements `ports.jobs`; no Ray runs in this process.

One runs at a time, at a lower priority; the others wait. Each is `fraudray backtest` in a session of its own, so that
nothing of it stays when it is stopped, and in a folder of its own, so that it goes on where it stopped.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from fraudray.batch.cluster import ADDRESS, remove_folders_of
from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.manifest import Manifest
from fraudray.batch.history.store import read_manifest
from fraudray.batch.job_files import JobFiles, KeptJob
from fraudray.batch.sessions import end_session, started_ticks
from fraudray.domain.backtest_job import (
    HISTORY_NAME,
    AskedPolicy,
    BacktestJob,
    BacktestSpec,
    HistoryFound,
    JobState,
    PolicyFiles,
    Progress,
)
from fraudray.domain.errors import NotFound, Refused, StoreFailed
from fraudray.ports.clock import Clock
from fraudray.ports.jobs import Asked
from fraudray.settings import PREFIX, Settings, to_environment

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "fraudray.cli", "backtest")
WAITING_MAX = 8
"""Back-tests that may wait while one runs."""
KEPT_MAX = 1000
"""Back-tests whose files are kept; who wants more removes some."""
NICENESS = 10
CANCEL_S = 30.0
"""How long is waited at most until a stopped back-test has ended; it is killed at once, since it can go on anyhow."""
_RAY_KEPT = ("RAY_ADDRESS", "RAY_AUTH_", "RAY_TLS_", "RAY_USE_TLS")


def runner_of(settings: Settings, clock: Clock) -> ProcessJobRunner:
    """The runner of a server with these settings (entry point `fraudray.jobs`)."""
    environment = job_environment(settings, os.environ)
    return ProcessJobRunner(settings.data_dir / "backtests", settings.histories, environment, clock)


def job_environment(settings: Settings, own: Mapping[str, str]) -> dict[str, str]:
    """The variables of a back-test: the server's settings without its secrets, and of Ray's only which cluster to use,
    where RAY_ADDRESS names one. FRAUDRAY_RUN stays: by it a stopping server finds what is left of it."""
    tools = {name: tool.model_copy(update={"token": None}) for name, tool in settings.remote_tools.items()}
    secret = ("database_url", "api_key", "llm_api_key", "smtp_password", "smtp_user")
    bare = settings.model_copy(update=dict.fromkeys(secret) | {"remote_tools": tools, "llm_extra": {}})
    ray = _RAY_KEPT if own.get(ADDRESS) else ()
    found = {
        name: value
        for name, value in own.items()
        if name == f"{PREFIX}RUN" or not name.startswith((PREFIX, "RAY_")) or name.startswith(ray)
    }
    return found | to_environment(bare)


class ProcessJobRunner:
    """Runs back-tests as processes. What ran or waited when an earlier server stopped is interrupted from the start."""

    def __init__(
        self, folder: Path, histories: Path, environment: Mapping[str, str], clock: Clock, *,
        command: Sequence[str] = COMMAND, waiting_max: int = WAITING_MAX,
    ) -> None:  # fmt: skip
        """`folder` is where the back-tests' files lie, `histories` has the stores; `command` is given the arguments of
        `fraudray backtest`."""
        self._folder, self._histories = folder.absolute(), histories.absolute()
        self._environment, self._clock = dict(environment), clock
        self._command, self._waiting_max = tuple(command), waiting_max
        self._changed = threading.Condition()
        self._jobs: dict[str, BacktestJob] = {}
        self._waiting: deque[tuple[str, list[str]]] = deque()
        self._running: tuple[str, subprocess.Popen[bytes]] | None = None
        self._stopped_as: JobState | None = None
        self._closed = False
        self._worker: threading.Thread | None = None
        for entry in sorted(self._folder.glob("*/job.json")):
            self._take_over(entry.parent.name)

    def histories(self) -> Sequence[HistoryFound]:
        """See `JobRunner.histories`. Folders that are no finished store are left out."""
        found = []
        for folder in sorted(self._histories.glob("*/")):
            manifest = _manifest(folder) if HISTORY_NAME.fullmatch(folder.name) else None
            if manifest is not None:
                found.append(
                    HistoryFound(
                        name=folder.name, rows=manifest.counts.kept, first=manifest.first_occurred,
                        last=manifest.last_occurred, fraud=manifest.labels.fraud, genuine=manifest.labels.genuine,
                        unlabelled=manifest.labels.unlabelled,
                    )
                )  # fmt: skip
        return found

    def start(self, spec: BacktestSpec, *, author: str) -> Asked:
        """See `JobRunner.start`."""
        store = self._histories / spec.history  # the spec takes no other names than those of folders in it
        manifest = _manifest(store)
        if manifest is None:
            raise NotFound("history", spec.history)
        job_id = spec.job_id(manifest.fingerprint)
        with self._changed:
            known = self._jobs.get(job_id)
            files = self._files(job_id)
            if known is not None and (not known.state.ended or self._has_figures(known)):
                return Asked(self._now(known), begun=False)
            self._check_room(known)
            job = BacktestJob(
                backtest_id=job_id, state=JobState.QUEUED, history=spec.history, policy=_asked(spec.champion),
                challenger=_asked(spec.challenger) if spec.challenger else None, start=spec.start, end=spec.end,
                author=author, asked_at=self._clock.now(),
            )  # fmt: skip
            try:
                arguments = files.arguments(store, spec)
                files.write(KeptJob(job=job))
            except OSError as error:
                raise StoreFailed(f"the back-test's files cannot be written: {error}") from None
            self._jobs[job_id] = job
            self._waiting.append((job_id, arguments))
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="backtests", daemon=True)
                self._worker.start()
            self._changed.notify_all()
            return Asked(job, begun=True)

    def resume(self, backtest_id: str, *, author: str) -> Asked:
        """See `JobRunner.resume`."""
        spec = self.spec(backtest_id)
        manifest = _manifest(self._histories / spec.history)
        if manifest is None:
            raise Refused(f"the history {spec.history} is not there any more")
        if spec.job_id(manifest.fingerprint) != backtest_id:
            raise Refused(f"the history {spec.history} is another one by now; start a new back-test on it")
        return self.start(spec, author=author)

    def spec(self, backtest_id: str) -> BacktestSpec:
        """See `JobRunner.spec`."""
        self.get(backtest_id)
        spec = self._files(backtest_id).spec()
        if spec is None:
            raise Refused(f"what the back-test {backtest_id} was given is not there any more; start it anew")
        return spec

    def list(self, *, limit: int = 50, offset: int = 0) -> Sequence[BacktestJob]:
        """See `JobRunner.list`."""
        with self._changed:
            newest = sorted(self._jobs.values(), key=lambda job: (job.asked_at, job.backtest_id), reverse=True)
            return [self._now(job) for job in newest[offset : offset + limit]]

    def get(self, backtest_id: str) -> BacktestJob:
        """See `JobRunner.get`."""
        with self._changed:
            return self._now(self._known(backtest_id))

    def cancel(self, backtest_id: str) -> BacktestJob:
        """See `JobRunner.cancel`."""
        with self._changed:
            job = self._known(backtest_id)
            if job.state is JobState.CANCELLED:
                return job
            if job.state.ended:
                raise Refused(f"the back-test {backtest_id} has ended: it is {job.state}")
            if job.state is JobState.QUEUED:
                self._waiting = deque(entry for entry in self._waiting if entry[0] != backtest_id)
                return self._become(job, JobState.CANCELLED, ended_at=self._clock.now())
            self._stopped_as = JobState.CANCELLED
            running = self._running
        if running is not None:
            end_session(running[1].pid)
        with self._changed:
            self._changed.wait_for(lambda: self._known(backtest_id).state.ended, timeout=CANCEL_S)
            return self._now(self._known(backtest_id))

    def report(self, backtest_id: str) -> str:
        """See `JobRunner.report`."""
        self._check_done(backtest_id, "no report")
        try:
            return self._files(backtest_id).report.read_text(encoding="utf-8")
        except OSError:
            raise Refused(f"the report of the back-test {backtest_id} was removed") from None

    def figures(self, backtest_id: str) -> bytes:
        """See `JobRunner.figures`."""
        self._check_done(backtest_id, "no figures")
        try:
            return self._files(backtest_id).figures.read_bytes()
        except OSError:
            raise Refused(
                f"the figures of the back-test {backtest_id} are not there, or it is of an earlier version; asked for "
                "again, they are worked out from what it decided"
            ) from None

    def close(self) -> None:
        """See `JobRunner.close`."""
        with self._changed:
            self._closed = True
            for job_id, _ in self._waiting:
                self._become(self._jobs[job_id], JobState.INTERRUPTED, ended_at=self._clock.now())
            self._waiting.clear()
            running, worker = self._running, self._worker
            self._stopped_as = self._stopped_as or JobState.INTERRUPTED
            self._changed.notify_all()
        if running is not None:
            end_session(running[1].pid)
        if worker is not None:
            worker.join(CANCEL_S)

    def _work(self) -> None:
        """Run what waits, one after the other, until closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                job_id, arguments = self._waiting.popleft()
                process = self._begin(job_id, arguments)
            if process is not None:
                code = process.wait()
                # Whatever the command came to, nothing that it started stays.
                left = end_session(process.pid)
                remove_folders_of(process.pid)
                if left:
                    log.error("of the back-test %s, processes are left: %s", job_id, left)
                with self._changed:
                    self._end(job_id, code)
                    self._changed.notify_all()

    def _begin(self, job_id: str, arguments: Sequence[str]) -> subprocess.Popen[bytes] | None:
        job, files, now = self._jobs[job_id], self._files(job_id), self._clock.now()
        self._stopped_as = None
        try:
            files.progress_file.unlink(missing_ok=True)
            with files.answer.open("wb") as answer, files.log.open("wb") as told:
                process = self._spawn([*self._command, *arguments], files.folder, answer, told)
        except OSError as error:
            self._become(job, JobState.FAILED, started_at=now, ended_at=now, error=f"cannot be started: {error}")
            return None
        self._running = job_id, process
        job = job.model_copy(update={"state": JobState.RUNNING, "started_at": now})
        self._jobs[job_id] = job
        self._keep(KeptJob(job=job, pid=process.pid, pid_ticks=started_ticks(process.pid)))
        return process

    def _spawn(self, command: Sequence[str], folder: Path, out: IO[bytes], told: IO[bytes]) -> subprocess.Popen[bytes]:
        """In its own folder, where no settings file lies."""
        nice = ("nice", "-n", str(NICENESS))  # not preexec_fn, which may lock up a process with several threads
        return subprocess.Popen(  # noqa: S603 - a list, and nothing of a caller's but names that were checked
            [*nice, *command], cwd=folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=out, stderr=told,
            start_new_session=True,
        )  # fmt: skip

    def _end(self, job_id: str, code: int) -> None:
        files, stopped_as = self._files(job_id), self._stopped_as
        self._running = self._stopped_as = None
        outcome = files.outcome() if code == 0 else None
        changes: dict[str, Any] = {"ended_at": self._clock.now()}
        if outcome is not None:
            changes |= {"state": JobState.DONE, "run_id": outcome[0], "result": outcome[1]}
        elif stopped_as is not None:
            changes |= {"state": stopped_as}
        else:
            changes |= {"state": JobState.FAILED, "error": files.error(code)}
        self._become(self._jobs[job_id], **changes)

    def _become(self, job: BacktestJob, state: JobState, **changes: Any) -> BacktestJob:
        """The job as it ended, kept with how far it came."""
        progress = self._files(job.backtest_id).progress()
        changed = job.model_copy(update={"state": state, "progress": progress, **changes})
        self._jobs[job.backtest_id] = changed
        self._keep(KeptJob(job=changed))
        return changed

    def _keep(self, kept: KeptJob) -> None:
        """What cannot be written is known until the server stops; then the job counts as interrupted."""
        try:
            self._files(kept.job.backtest_id).write(kept)
        except OSError as error:
            log.error("the back-test %s cannot be kept: %s", kept.job.backtest_id, error)

    def _take_over(self, job_id: str) -> None:
        """A job of an earlier server. One that ran is stopped, if it outlived that server, and interrupted."""
        kept = self._files(job_id).read()
        if kept is None or kept.job.backtest_id != job_id:
            log.warning("the back-test in %s cannot be read", self._folder / job_id)
            return
        self._jobs[job_id] = kept.job
        if kept.job.state.ended:
            return
        if kept.pid is not None and kept.pid_ticks is not None and started_ticks(kept.pid) == kept.pid_ticks:
            end_session(kept.pid)
            remove_folders_of(kept.pid)
        self._become(kept.job, JobState.INTERRUPTED, ended_at=self._clock.now())

    def _check_room(self, known: BacktestJob | None) -> None:
        if self._closed:
            raise Refused("the server is stopping")
        if len(self._waiting) >= self._waiting_max:
            raise Refused(f"{self._waiting_max} back-tests wait already; cancel one, or wait until one has ended")
        if known is None and len(self._jobs) >= KEPT_MAX:
            raise Refused(f"{KEPT_MAX} back-tests are kept in {self._folder}; stop the server and remove some")

    def _check_done(self, backtest_id: str, lacks: str) -> None:
        job = self.get(backtest_id)
        if job.state is not JobState.DONE:
            raise Refused(f"the back-test {backtest_id} has {lacks}: it is {job.state}")

    def _has_figures(self, job: BacktestJob) -> bool:
        return job.state is JobState.DONE and self._files(job.backtest_id).figures.is_file()

    def _now(self, job: BacktestJob) -> BacktestJob:
        if job.state is not JobState.RUNNING:
            return job
        progress = self._files(job.backtest_id).progress() or Progress(doing="starting", done=0, total=0)
        return job.model_copy(update={"progress": progress})

    def _known(self, backtest_id: str) -> BacktestJob:
        job = self._jobs.get(backtest_id)
        if job is None:
            raise NotFound("back-test", backtest_id)
        return job

    def _files(self, job_id: str) -> JobFiles:
        return JobFiles(self._folder / job_id)


def _manifest(store: Path) -> Manifest | None:
    try:
        return read_manifest(store)
    except HistoryError as error:
        log.warning("%s", error)
        return None


def _asked(policy: PolicyFiles) -> AskedPolicy:
    return AskedPolicy(asked=policy.asked, ref=policy.ref)
