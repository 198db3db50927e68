"""What the cluster stands on, as one CloudFormation stack: what the site's values give it, and what it gives them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from pathlib import Path

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.cluster_config import ClusterConfig
from fraudray.deployments.cluster.prices import Prices
from fraudray.deployments.cluster.spending import usd_per_day

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_FROM_THE_SITE = ("VpcCidr", "AdminCidr", "GpuZone", "OtherZone", "ReportsBucket", "ModelsBucket")
_COSTS = {
    "PostgreSQL": ("rds-postgres-m7g.2xlarge-multi-az", "rds-gp3-multi-az"), "NAT": ("nat-gateway", "nat-data"),
    "private endpoints": ("vpc-endpoint",), "FSx for Lustre": ("fsx-lustre",), "EFS": ("efs-standard",),
    "WAF": ("waf-acl", "waf-requests"), "S3": ("s3-standard",),
}  # fmt: skip


def site_key(name: str) -> str:
    """`FsxDns` of the template is `FSX_DNS` of `site.env`."""
    return _CAPITAL.sub("_", name).upper()


def parameters(
    config: ClusterConfig, site: Mapping[str, str], sets: Iterable[str], *, declared: Collection[str]
) -> dict[str, str]:
    """What the overlay, the site and `--set DatabaseGb=1000` give to those that the template declares.

    Raises InputError, naming the value of `site.env` or of `--set` that does not do.
    """
    found = _from_the_site(config, site)
    for one in sets:
        key, equals, value = one.partition("=")
        if not equals or not value:
            raise InputError(f"--set {one}: write a parameter of the template and its value, as DatabaseGb=1000")
        if key in found:
            raise InputError(f"--set {key}: that comes from site.env and the overlay; change it there")
        if key not in declared:
            free = ", ".join(sorted(set(declared) - found.keys()))
            raise InputError(f"--set {key}: the template has no such parameter; it has {free}")
        found[key] = value
    return {key: value for key, value in found.items() if key in declared}


def _from_the_site(config: ClusterConfig, site: Mapping[str, str]) -> dict[str, str]:
    keys = {name: site_key(name) for name in _FROM_THE_SITE}
    if missing := sorted(key for key in keys.values() if not site.get(key)):
        raise InputError(f"site.env has no {', '.join(missing)}")
    for key in ("GPU_ZONE", "OTHER_ZONE"):
        if not site[key].startswith(config.region):
            raise InputError(f"{key}={site[key]} is not a zone of {config.region}, the region of site.env")
    if site["GPU_ZONE"] == site["OTHER_ZONE"]:
        raise InputError(f"GPU_ZONE and OTHER_ZONE are both {site['GPU_ZONE']}: EKS and PostgreSQL want two zones")
    return {
        "ClusterName": config.name,
        **{name: site[key] for name, key in keys.items()},
        "WithModel": _word(config.has_gpus),
        "WithPlacementGroup": _word(any(group.placement for group in config.groups)),
    }


def site_lines(outputs: Mapping[str, str]) -> dict[str, str]:
    """The stack's outputs as values of `site.env`."""
    return {site_key(name): value for name, value in outputs.items()}


def costs(layout: str, prices: Prices) -> dict[str, Decimal]:
    """USD a day by what is made, on demand, where the layout was counted; empty for any other. Raises InputError."""
    found = {what: usd_per_day(layout, prices, *items) for what, items in _COSTS.items()}
    return {what: usd for what, usd in found.items() if usd}


def template_of(root: Path) -> Path:
    """Where a tree like `kuberay` keeps it. Raises InputError where it does not."""
    file = root / "foundation" / "foundation.yaml"
    if not file.is_file():
        raise InputError(f"there is no {file}: what the cluster stands on is then made by another tool")
    return file


def _word(yes: bool) -> str:
    return "true" if yes else "false"
