"""Everything that can be said of manifests without a cluster."""

from __future__ import annotations

from collections.abc import Iterable

from fraudray.deployments.cluster.findings import Finding
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.rendered import Rendering
from fraudray.deployments.cluster.rules import RULES
from fraudray.deployments.cluster.schemas import INVALID, check_schema


def check_manifests(manifests: Iterable[Manifest], *, beside: Iterable[Manifest] = ()) -> list[Finding]:
    """What is wrong with the objects of one rendering, by object and place.

    First each object's schema, then all rules over those objects whose schema holds; others would be misread. `beside`
    are objects that are in the cluster too: what they define may be referred to, what is wrong with them is not said.
    With an eksctl ClusterConfig among either, pods are held against the nodes that it makes.
    """
    checked = tuple(manifests)
    told = {str(manifest) for manifest in checked}
    findings = [finding for manifest in checked for finding in check_schema(manifest)]
    broken = {finding.object for finding in findings if finding.rule == INVALID}
    readable = Rendering(manifest for manifest in (*checked, *beside) if str(manifest) not in broken)
    for rule in RULES:
        findings.extend(finding for finding in rule.findings(readable) if finding.object in told)
    return sorted(set(findings))
