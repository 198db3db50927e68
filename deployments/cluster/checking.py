"""An overlay rendered and checked, with its findings told: what `render` and everything that applies begins with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from fraudray.cli.exits import ExitCode, InputError, say
from fraudray.cli.session import Session
from fraudray.deployments.cluster.check import check_manifests
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.places import Place
from fraudray.deployments.cluster.rendering import render
from fraudray.deployments.cluster.views import findings_view


def checked(session: Session, place: Place) -> list[Manifest]:
    """The objects of an overlay, checked on the nodes of its cluster where those are described. Ends with code 1, its
    findings told, where there are some. Raises InputError."""
    manifests = render(place.overlay)
    nodes = render(place.eksctl) if place.eksctl.is_dir() else []
    stop_at_findings(session, manifests, nodes, place.overlay)
    return manifests


def stop_at_findings(session: Session, manifests: Sequence[Manifest], others: Sequence[Manifest], source: Path) -> None:
    """Check these objects beside others; ends with code 1 where something is wrong. Raises InputError."""
    try:
        findings = check_manifests(manifests, beside=others)
    except ModuleNotFoundError as error:
        raise InputError(
            f"checking needs {error.name}, which is not installed: pip install 'fraudray[cluster]' (or --no-check)"
        ) from None
    if findings:
        session.show([finding.document() for finding in findings], findings_view(findings))
        say(f"{source}: {len(findings)} finding(s) in {len(manifests)} objects; nothing was written")
        raise typer.Exit(ExitCode.FOUND)
    say(f"{source}: {len(manifests)} objects, nothing wrong with them")
