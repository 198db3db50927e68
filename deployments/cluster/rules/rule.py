"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fraudray.deployments.cluster.findings import Finding
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.rendered import Rendering


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a rule is broken, and how."""

    manifest: Manifest
    path: str
    detail: str


Check = Callable[[Rendering], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over all objects of a rendering: what is wrong where it is broken, why that matters, what to do."""

    id: str
    wrong: str
    why: str
    advice: str
    check: Check

    def findings(self, rendering: Rendering) -> Iterator[Finding]:
        """Where a rendering breaks it."""
        for hit in self.check(rendering):
            yield Finding(str(hit.manifest), hit.path, self.id, f"{hit.detail}: {self.why}", self.advice)


def rule(id_: str, *, wrong: str, why: str, advice: str) -> Callable[[Check], Rule]:
    """Make a rule of the function that finds where it is broken."""
    return lambda check: Rule(id_, wrong, why, advice, check)
