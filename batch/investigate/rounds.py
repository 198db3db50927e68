"""Asking the model about a history's escalated rows, round by round, until each has its verdict or its failure."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fraudray.batch.cluster import connected, quiet_data
from fraudray.batch.history.progress import Watch
from fraudray.batch.investigate.asking import ask, prepare_part
from fraudray.batch.investigate.choosing import Chosen, choose
from fraudray.batch.investigate.concluding import conclude_part
from fraudray.batch.investigate.plan import Workshop
from fraudray.batch.replay.job import Job
from fraudray.batch.turns import in_turn, own_failures
from fraudray.domain.errors import FraudrayError

_RAISED = re.compile(r"[\w.]*(?:Error|Exception)\b")


class EngineError(FraudrayError):
    """The model's engine cannot work; says why."""


def investigate(job: Job, watch: Watch) -> Chosen:
    """Investigate what the back-test escalated, and write how each investigation ended; which rows these were.

    Stopped half-way and called again it goes on: what was answered is not asked again. Raises EngineError,
    ClusterError.
    """
    assert job.investigation is not None  # noqa: S101 - nobody calls it otherwise
    chosen, workshop = choose(job, job.investigation.rows_max), Workshop(job.out)
    parts = list(range(job.parts))
    if all(workshop.results(part).is_file() for part in parts):
        return chosen
    if not chosen.escalated:
        for part in parts:
            conclude_part(part, job, chosen, 0)
        return chosen
    # The engine holds one processor for itself.
    with connected(max(2, len(os.sched_getaffinity(0)))) as cpus:
        while True:
            number = workshop.rounds + 1
            shutil.rmtree(workshop.asking(0).parent, ignore_errors=True)
            prepared = in_turn(prepare_part, parts, (job, chosen, number), cpus)
            prompts: dict[int, int] = {}
            for done, (part, count) in enumerate(prepared, start=1):
                prompts[part] = count
                watch(f"prompts of round {number}", done, len(parts))
            if not any(prompts.values()):
                break
            _ask(job, number, prompts, watch)
            workshop.round_done(number).touch()
        for done, _ in enumerate(in_turn(conclude_part, parts, (job, chosen, workshop.rounds), cpus), start=1):
            watch("verdicts", done, len(parts))
    return chosen


def _ask(job: Job, number: int, prompts: Mapping[int, int], watch: Watch) -> None:
    from ray.exceptions import RayError

    left = sum(prompts.values())
    doing = f"the model, round {number}"
    watch(doing, 0, left)
    asked = 0
    try:
        with quiet_data() as context, _quiet_llm(), own_failures():
            context.max_errored_blocks = -1  # what the engine died of is asked again in the next round, then recorded
            for answered, failed in ask(job, number, prompts):
                asked += answered + failed
                watch(doing, asked, left)
    except RayError as error:
        raise EngineError(f"the engine does not start or work: {_cause(error)}") from None
    if not asked and number == 1:
        raise EngineError(f"the engine answered nothing of {left} prompts; its log is below Ray's temporary folder")


@contextmanager
def _quiet_llm() -> Iterator[None]:
    """Ray's remarks on how it prepares an engine, by many loggers, are not for the terminal; what fails is raised."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _cause(error: BaseException) -> str:
    """What a worker raised last, out of the text that Ray makes of it with all its frames."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    raised = [number for number, line in enumerate(lines) if _RAISED.match(line)]
    told = lines[raised[-1] : raised[-1] + 3] if raised else lines[-1:]
    return " ".join(told)[:500] or type(error).__name__
