"""What outlasts a clean-up, what it costs from then on, and how to be rid of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal

from fraudray.deployments.cluster.cluster_config import ClusterConfig
from fraudray.deployments.cluster.manifests import Manifest, at
from fraudray.deployments.cluster.prices import Prices, load_prices
from fraudray.deployments.cluster.spending import usd_per_day

_DATABASE = ["rds-postgres-m7g.2xlarge-multi-az", "rds-gp3-multi-az"]
_PROTECTED = "deletion_protection.enabled=true"
_ATTRIBUTES = "alb.ingress.kubernetes.io/load-balancer-attributes"


@dataclass(frozen=True, slots=True)
class Stays:
    """One thing. `usd_per_day` is None where it costs nothing, or by use alone."""

    what: str
    why: str
    usd_per_day: Decimal | None
    how: str

    def document(self) -> dict[str, str | None]:
        """As JSON, USD as decimal text."""
        usd = None if self.usd_per_day is None else f"{self.usd_per_day:.4f}"
        return asdict(self) | {"usd_per_day": usd}


def staying(
    live: Iterable[Manifest], config: ClusterConfig, site: Mapping[str, str], *, layout: str, everything: bool
) -> list[Stays]:
    """All of it: of the objects that go, as the cluster has them, and of what people made beside it. Raises
    InputError."""
    prices = load_prices()
    parts = [_of_objects(list(live)), _of_the_account(config, site, prices, layout)]
    if not everything:
        parts.insert(1, _of_the_cluster(config, prices, layout))
    return [one for part in parts for one in part]


def _of_objects(live: list[Manifest]) -> Iterator[Stays]:
    kept = {one.name for one in live if one.kind == "StorageClass" and one.at("reclaimPolicy") == "Retain"}
    for manifest in live:
        volume = manifest.at("spec", "volumeName")
        if manifest.kind == "PersistentVolumeClaim" and manifest.at("spec", "storageClassName") in kept:
            which = f"volume {volume or '(not bound yet)'} of {manifest.namespace}/{manifest.name}"
            yield Stays(which, "reclaim policy Retain", None, f"kubectl delete pv {volume or 'NAME'}, then its data")
        for claim in manifest.at("spec", "volumeClaimTemplates") or []:
            if at(claim, "spec", "storageClassName") in kept:
                which = f"volumes of {manifest}, {at(claim, 'metadata', 'name')}"
                yield Stays(which, "reclaim policy Retain", None, "kubectl delete pv NAME, then its EBS volume")
        if manifest.kind == "Ingress" and _PROTECTED in manifest.annotations.get(_ATTRIBUTES, ""):
            yield Stays(
                f"load balancer of {manifest.namespace}/{manifest.name}",
                "deletion protection: the Ingress is held until it is off", None,
                "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN --attributes "
                "Key=deletion_protection.enabled,Value=false",
            )  # fmt: skip


def _of_the_cluster(config: ClusterConfig, prices: Prices, layout: str) -> Iterator[Stays]:
    usd = usd_per_day(layout, prices, "eks-control-plane")
    yield Stays(f"cluster {config.name}", "only the application goes", usd, "--everything")
    for group in config.groups:
        least = group.nodes[0]
        price = prices.find(group.instance, "spot" if group.spot else "on_demand")
        if least and price is not None:
            what, how = (
                f"{least} × {group.instance} of the node group {group.name}",
                "eksctl scale nodegroup --nodes-min 0",
            )
            yield Stays(what, "its least size", price.usd * 24 * least, how)


def _of_the_account(config: ClusterConfig, site: Mapping[str, str], prices: Prices, layout: str) -> Iterator[Stays]:
    for group in config.groups:
        if group.reservation:
            price, nodes = prices.find(group.instance, "on_demand"), group.nodes[2]
            yield Stays(
                f"capacity reservation {group.reservation}: {nodes} × {group.instance}",
                "costs as if the nodes ran", price.usd * 24 * nodes if price else None,
                f"aws ec2 cancel-capacity-reservation --capacity-reservation-id {group.reservation}",
            )  # fmt: skip
    stack = f"aws cloudformation delete-stack --stack-name {config.name}-foundation, after the cluster"
    made = [
        ("NAT gateways, private endpoints, WAF web ACL", ["nat-gateway", "vpc-endpoint", "waf-acl"], stack),
        (
            "RDS for PostgreSQL, with its data",
            _DATABASE,
            "the same; its deletion protection off before, a last snapshot stays",
        ),
        (f"EFS {site.get('EFS_FILE_SYSTEM')}", ["efs-standard"], "aws efs delete-file-system: its master key goes too"),
        (f"bucket {site.get('REPORTS_BUCKET')}", ["s3-standard"], "aws s3 rb --force"),
    ]
    if config.has_gpus:
        made += [
            (f"FSx for Lustre {site.get('FSX_FILE_SYSTEM')}", ["fsx-lustre"], stack),
            (f"bucket {site.get('MODELS_BUCKET')}", [], "aws s3 rb --force"),  # within what is counted for S3
        ]
    made.append(("secrets below fraudray/, KMS key, certificate, images", [], "AWS's console"))
    for what, items, how in made:
        yield Stays(what, "what the cluster stood on", usd_per_day(layout, prices, *items), how)
