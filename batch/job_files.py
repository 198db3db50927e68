"""The files of one back-test beside the server: what was asked for, how far it is, and what came of it.

<folder>/job.json        the job, and the process that runs it
<folder>/spec.json       what the runner was given: with it the same back-test can be asked for again
<folder>/policies/       the policies as they stood when it was asked for
<folder>/progress.json   what is being done now
<folder>/answer.json     what the command printed: `fraudray backtest --json`
<folder>/log.txt         what it said on stderr
<folder>/run/            its --out
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fraudray.domain.backtest_job import BacktestJob, BacktestSpec, PolicyFiles, Progress
from fraudray.domain.cards import mask
from fraudray.domain.text import shown_text

_ERROR_MAX = 400
_LOG_READ_BYTES = 64 * 1024
_ERROR = "error: "


class KeptJob(BaseModel):
    """A job as it is kept. `pid` and `pid_ticks` are of the process that runs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: BacktestJob
    pid: int | None = None
    pid_ticks: int | None = None


class JobFiles:
    """Where the files of one job lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress_file, self.answer, self.log = folder / "progress.json", folder / "answer.json", folder / "log.txt"
        self.run, self.report = folder / "run", folder / "run" / "report.html"
        self.figures = self.run / "figures.json"

    def read(self) -> KeptJob | None:
        """The job; None where there is none that can be read."""
        try:
            return KeptJob.model_validate_json((self.folder / "job.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, kept: KeptJob) -> None:
        """Keep the job, in one step."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.folder / "job.json.new"
        draft.write_text(kept.model_dump_json(by_alias=True), encoding="utf-8")
        draft.replace(self.folder / "job.json")

    def arguments(self, history: Path, spec: BacktestSpec) -> list[str]:
        """Write the policies and what was asked for; what the command is told."""
        found = [str(history), "--policy", str(self._policy("champion", spec.champion)), "--out", str(self.run)]
        if spec.challenger is not None:
            found += ["--challenger", str(self._policy("challenger", spec.challenger))]
        for option, at in (("--from", spec.start), ("--to", spec.end)):
            found += [option, at.isoformat()] if at is not None else []
        (self.folder / "spec.json").write_text(spec.model_dump_json(), encoding="utf-8")
        return [*found, "--progress-file", str(self.progress_file), "--json"]

    def spec(self) -> BacktestSpec | None:
        """What the runner was given; None where it cannot be read, or was not kept yet."""
        try:
            return BacktestSpec.model_validate_json((self.folder / "spec.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def _policy(self, side: str, policy: PolicyFiles) -> Path:
        folder = self.folder / "policies" / side
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in policy.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return folder / policy.main

    def progress(self) -> Progress | None:
        """What is being done; None before the command says so."""
        try:
            return Progress.model_validate_json(self.progress_file.read_bytes())
        except (OSError, ValidationError):
            return None

    def outcome(self) -> tuple[str, dict[str, str]] | None:
        """The run's id and its main figures; None where the command gave no answer."""
        try:
            answer: Any = json.loads(self.answer.read_bytes())
            return str(answer["run_id"]), {str(name): str(value) for name, value in answer["summary"]}
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def error(self, code: int) -> str:
        """Why the command failed, in one line."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _LOG_READ_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        said = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]
        said = said or [line for line in lines if line.strip()]
        how = f"ended by signal {-code}" if code < 0 else f"ended with code {code}"
        return shown_text(mask(said[-1].strip()), _ERROR_MAX) if said else f"the back-test {how} and said nothing"
