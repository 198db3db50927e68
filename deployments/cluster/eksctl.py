"""eksctl, which makes and deletes clusters and node groups. What it prints is printed on stderr, as it comes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.cluster_config import ClusterConfig
from fraudray.deployments.cluster.output import yaml_of
from fraudray.domain.errors import FraudrayError

_STDERR = 2


class EksctlFailed(FraudrayError):
    """eksctl ended with an error; it has said which."""


def find_eksctl() -> str:
    """The program. Raises InputError where it is not on PATH."""
    if found := shutil.which("eksctl"):
        return found
    raise InputError("this needs eksctl (0.200 or newer), which is not on PATH: https://eksctl.io/installation/")


def create_cluster(config: ClusterConfig) -> None:
    """The cluster with all its node groups. Raises InputError, EksctlFailed."""
    _run(["create", "cluster", "--config-file", "-"], yaml_of([config.manifest]))


def create_node_groups(config: ClusterConfig, names: Sequence[str]) -> None:
    """Those of its node groups, in a cluster that is there. Raises InputError, EksctlFailed."""
    _run(["create", "nodegroup", "--config-file", "-", "--include", ",".join(names)], yaml_of([config.manifest]))


def delete_cluster(config: ClusterConfig) -> None:
    """The cluster with all that eksctl made for it. Raises InputError, EksctlFailed."""
    # Its nodes are emptied without asking disruption budgets: what they protect is gone, or is to go.
    wanted = ["delete", "cluster", "--name", config.name, "--region", config.region, "--wait"]
    _run([*wanted, "--disable-nodegroup-eviction"], None)


def _run(arguments: list[str], given: str | None) -> None:
    command = [find_eksctl(), *arguments]
    # Standard output is the document's where JSON was asked for; what eksctl tells goes beside it.
    done = subprocess.run(command, input=given, encoding="utf-8", stdout=_STDERR, check=False)  # noqa: S603
    if done.returncode:
        raise EksctlFailed(
            f"`eksctl {' '.join(arguments)}` ended with {done.returncode}, as it says above; run again, this looks "
            "what is there and does the rest"
        )
