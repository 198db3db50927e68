"""Jobs on Ray: that one runs once, may be run again, and leaves nothing behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fraudray.deployments.cluster.manifests import Document, Manifest, at, dotted
from fraudray.deployments.cluster.ray_specs import JOBS
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules.rule import Hit, rule

# What goes on where it stopped: a back-test with its folder, an investigation of cases with its run's id.
_REPEATABLE = re.compile(
    r"(fraudray(\.batch)?\s+(backtest\b)?.*--out[ =]|--run-id[ =]|python -m fraudray\.batch\b.*--out[ =])", re.DOTALL
)


@rule(
    "jobs.retries",
    wrong="A job may be run several times at once.",
    why="KubeRay submits again by two counters, one for clusters and one for the submitter, so that a job can run "
    "twice (kuberay#1902, #2376)",
    advice="Set `backoffLimit: 0` and `submitterConfig: {backoffLimit: …}`, both on purpose.",
)
def retries(rendering: Rendering) -> Iterator[Hit]:
    """The first has a default of 0, that of the submitter is 2."""
    for manifest, path, job in _jobs(rendering):
        if job.get("backoffLimit", 0) != 0:
            yield Hit(manifest, dotted((*path, "backoffLimit")), f"backoffLimit is {job['backoffLimit']}")
        submits = job.get("submissionMode", "K8sJobMode") == "K8sJobMode"
        if submits and at(job, "submitterConfig", "backoffLimit") is None:
            yield Hit(manifest, dotted((*path, "submitterConfig", "backoffLimit")), "the submitter's is not set")


@rule(
    "jobs.repeatable",
    wrong="A job cannot be run again.",
    why="a node that is taken away, or a second submission, would do everything anew, or do it twice",
    advice="Give `fraudray backtest` an --out folder on the shared volume, which it resumes in, or pass --run-id.",
)
def repeatable(rendering: Rendering) -> Iterator[Hit]:
    """By its entrypoint. An out folder within the pod is lost with it."""
    for manifest, path, job in _jobs(rendering):
        entrypoint = " ".join(str(job.get("entrypoint", "")).split())
        where = dotted((*path, "entrypoint"))
        if not _REPEATABLE.search(entrypoint):
            yield Hit(manifest, where, f"`{entrypoint[:120]}` names neither --out nor --run-id")
        elif re.search(r"--out[ =][\"']?(/tmp|\./|[A-Za-z])", entrypoint):
            yield Hit(manifest, where, "its --out folder is not on a volume that outlives the pod")


@rule(
    "jobs.kept",
    wrong="A finished job keeps its cluster.",
    why="its nodes are paid for until somebody notices",
    advice="Set `shutdownAfterJobFinishes: true`, ttlSecondsAfterFinished and activeDeadlineSeconds.",
)
def kept(rendering: Rendering) -> Iterator[Hit]:
    """Jobs on a cluster that exists already have none of their own to end."""
    for manifest, path, job in _jobs(rendering):
        if job.get("clusterSelector") is not None:
            continue
        if job.get("shutdownAfterJobFinishes") is not True and not job.get("deletionStrategy"):
            yield Hit(manifest, dotted((*path, "shutdownAfterJobFinishes")), "shutdownAfterJobFinishes is not true")
        for name in ("ttlSecondsAfterFinished", "activeDeadlineSeconds"):
            if not isinstance(job.get(name), int):
                yield Hit(manifest, dotted((*path, name)), f"{name} is not set")


def _jobs(rendering: Rendering) -> Iterator[tuple[Manifest, tuple[str, ...], Document]]:
    for kind, path in JOBS.items():
        for manifest in rendering.of(kind):
            job = manifest.at(*path)
            if isinstance(job, dict):
                yield manifest, path, job
