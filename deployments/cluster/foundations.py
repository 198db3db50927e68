"""What a cluster and its application stand on, which other tools make before: looked for in the AWS account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fraudray.deployments.cluster.account import Account, AwsFailed
from fraudray.deployments.cluster.cluster_config import ClusterConfig, NodeGroup
from fraudray.deployments.cluster.lines import Line, Look, looked
from fraudray.deployments.cluster.manifests import Manifest, at

# AWS's codes of vCPU quotas (Service Quotas, "ec2"): on demand and spot, for P and for G and VT instances.
_QUOTAS = {
    ("p", False): ("L-417A185B", "Running On-Demand P instances"),
    ("p", True): ("L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests"),
    ("g", False): ("L-DB2E81BA", "Running On-Demand G and VT instances"),
    ("g", True): ("L-3819A6DF", "All G and VT Spot Instance Requests"),
}
_STEP_2 = "fraudray cluster foundation, or your usual tool: kuberay/README.md, step 2"


def for_the_cluster(account: Account, config: ClusterConfig) -> Iterator[Line]:
    """What eksctl needs: without it, it fails after a while."""
    if config.key:
        yield _line(f"KMS key {config.key}", _key(account, config.key), "encrypts disks and secrets", _STEP_2)
    if config.vpc:
        yield _line(
            f"VPC {config.vpc}, its private subnets", _subnets(account, config),
            "nodes and load balancers, in two zones, that of the GPUs among them", _STEP_2,
        )  # fmt: skip
    for group in config.groups:
        nodes = group.nodes[2]
        if group.reservation:
            yield _line(
                f"capacity reservation {group.reservation}", _reservation(account, group),
                f"{nodes} × {group.instance} for the group {group.name}",
                f"aws ec2 create-capacity-reservation --instance-type {group.instance} --instance-count {nodes} "
                f"--availability-zone {group.zone} --instance-platform Linux/UNIX (it costs from then on)",
            )  # fmt: skip
        if group.placement:
            yield _line(
                f"placement group {group.placement}", _placement(account, group.placement),
                f"holds the nodes of {group.name} close together",
                f"aws ec2 create-placement-group --group-name {group.placement} --strategy cluster",
            )  # fmt: skip
        known = group.type
        if known is not None and (quota := _QUOTAS.get((group.instance[0], group.spot))):
            code, name = quota
            needed = known.vcpus * nodes
            yield _line(
                f"quota {name}", _quota(account, code, needed), f"{needed} vCPUs for {nodes} × {group.instance}",
                "aws service-quotas request-service-quota-increase --service-code ec2 "
                f"--quota-code {code} --desired-value {needed} (days for P instances)",
            )  # fmt: skip


def for_the_application(
    account: Account, config: ClusterConfig, site: Mapping[str, str], overlay: Iterable[Manifest]
) -> Iterator[Line]:
    """What the overlay needs: it may still be made while eksctl works."""
    if found := site.get("EFS_FILE_SYSTEM"):
        yield _line(f"EFS {found}", _efs(account, found), "the data folder: master key, histories", _STEP_2)
    buckets = {"REPORTS_BUCKET": "reports", "MODELS_BUCKET": "the model's files"}
    if config.has_gpus:
        if found := site.get("FSX_FILE_SYSTEM"):
            yield _line(f"FSx {found}", _fsx(account, found), "the model's files, for all nodes", _STEP_2)
    else:
        del buckets["MODELS_BUCKET"]
    for key, what in buckets.items():
        if found := site.get(key):
            yield _line(f"bucket {found}", _bucket(account, found), what, _STEP_2)
    for name, users in sorted(_secrets(overlay).items()):
        yield _line(
            f"secret {name}", _secret(account, name), ", ".join(sorted(users)),
            f"aws secretsmanager create-secret --name {name} (its keys: kuberay/README.md, step 3)",
        )  # fmt: skip


def _line(what: str, look: Look, for_what: str, how: str) -> Line:
    def bounded() -> tuple[bool | None, str]:
        try:
            return look()
        except AwsFailed as error:
            return None, str(error)

    return looked(what, bounded, for_what=for_what, how=how)


def _key(account: Account, key: str) -> Look:
    def look() -> tuple[bool, str]:
        state = str(at(account.ask("kms", "describe_key", KeyId=key), "KeyMetadata", "KeyState"))
        return state == "Enabled", state

    return look


def _subnets(account: Account, config: ClusterConfig) -> Look:
    def look() -> tuple[bool, str]:
        found = account.ask("ec2", "describe_subnets", SubnetIds=list(config.subnets))["Subnets"]
        zones = {str(one["AvailabilityZone"]) for one in found}
        inside = all(one["VpcId"] == config.vpc for one in found)
        wanted = {group.zone for group in config.groups if group.zone}
        words = f"in {', '.join(sorted(zones))}" + ("" if inside else ", not all in this VPC")
        return inside and len(zones) > 1 and wanted <= zones, words

    return look


def _reservation(account: Account, group: NodeGroup) -> Look:
    def look() -> tuple[bool, str]:
        answer = account.ask("ec2", "describe_capacity_reservations", CapacityReservationIds=[group.reservation])
        found = at(answer, "CapacityReservations", 0) or {}
        count, kind, zone = (found.get(key) for key in ("TotalInstanceCount", "InstanceType", "AvailabilityZone"))
        fits = kind == group.instance and (count or 0) >= group.nodes[2] and group.zone in (None, zone)
        return fits and found.get("State") == "active", f"{count} × {kind} in {zone}, {found.get('State')}"

    return look


def _placement(account: Account, name: str) -> Look:
    def look() -> tuple[bool, str]:
        found = at(account.ask("ec2", "describe_placement_groups", GroupNames=[name]), "PlacementGroups", 0) or {}
        state, strategy = found.get("State"), found.get("Strategy")
        return (state, strategy) == ("available", "cluster"), f"{strategy}, {state}"

    return look


def _quota(account: Account, code: str, needed: int) -> Look:
    def look() -> tuple[bool, str]:
        value = at(
            account.ask("service-quotas", "get_service_quota", ServiceCode="ec2", QuotaCode=code), "Quota", "Value"
        )
        return (value or 0) >= needed, f"{value or 0:.0f} vCPUs"

    return look


def _efs(account: Account, system: str) -> Look:
    def look() -> tuple[bool, str]:
        found = at(account.ask("efs", "describe_file_systems", FileSystemId=system), "FileSystems", 0) or {}
        encrypted = bool(found.get("Encrypted"))
        words = f"{found.get('LifeCycleState')}, {'encrypted' if encrypted else 'not encrypted'}"
        return found.get("LifeCycleState") == "available" and encrypted, words

    return look


def _fsx(account: Account, system: str) -> Look:
    def look() -> tuple[bool | None, str]:
        found = at(account.ask("fsx", "describe_file_systems", FileSystemIds=[system]), "FileSystems", 0) or {}
        kind, state = found.get("FileSystemType"), found.get("Lifecycle")
        words = f"{kind}, {found.get('StorageCapacity')} GiB, {state}"
        return None if state == "CREATING" else (kind, state) == ("LUSTRE", "AVAILABLE"), words

    return look


def _bucket(account: Account, name: str) -> Look:
    def look() -> tuple[bool, str]:
        account.ask("s3", "head_bucket", Bucket=name)
        return True, "is there"

    return look


def _secret(account: Account, name: str) -> Look:
    def look() -> tuple[bool, str]:
        deleted = account.ask("secretsmanager", "describe_secret", SecretId=name).get("DeletedDate")
        return deleted is None, f"deleted on {deleted:%Y-%m-%d}" if deleted else "is there"

    return look


def _secrets(overlay: Iterable[Manifest]) -> dict[str, set[str]]:
    """Names in Secrets Manager, with who asks for them."""
    found: dict[str, set[str]] = {}
    for manifest in overlay:
        if manifest.kind == "ExternalSecret":
            for one in manifest.at("spec", "data") or []:
                found.setdefault(str(at(one, "remoteRef", "key")), set()).add(f"{manifest.namespace}/{manifest.name}")
    return found
