"""What an eksctl ClusterConfig asks for, as far as `create` and `clean-up` need it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.instances import InstanceType, instance_types
from fraudray.deployments.cluster.manifests import Document, Manifest, at


@dataclass(frozen=True)
class NodeGroup:
    """A managed node group."""

    document: Document

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.document.get("name"))

    @property
    def instance(self) -> str:
        """`p4d.24xlarge`."""
        return str(self.document.get("instanceType"))

    @property
    def nodes(self) -> tuple[int, int, int]:
        """Least, at the beginning, most. eksctl's own where the file does not say."""
        least = int(self.document.get("minSize", 2))
        first = int(self.document.get("desiredCapacity", least))
        return least, first, int(self.document.get("maxSize", first))

    @property
    def spot(self) -> bool:
        """Whether its nodes are spot capacity."""
        return bool(self.document.get("spot"))

    @property
    def reservation(self) -> str | None:
        """The capacity reservation that its nodes come from."""
        found = at(self.document, "capacityReservation", "capacityReservationTarget", "capacityReservationID")
        return str(found) if found else None

    @property
    def placement(self) -> str | None:
        """The placement group that its nodes are in."""
        found = at(self.document, "placement", "groupName")
        return str(found) if found else None

    @property
    def zone(self) -> str | None:
        """The one zone that its nodes are in, if it is one."""
        zones = self.document.get("availabilityZones") or []
        return str(zones[0]) if len(zones) == 1 else None

    @property
    def type(self) -> InstanceType | None:
        """What its nodes are, where that is known here."""
        return instance_types().get(self.instance)


@dataclass(frozen=True)
class ClusterConfig:
    """The whole file."""

    manifest: Manifest

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.manifest.name

    @property
    def region(self) -> str:
        """Its region."""
        return str(self.manifest.at("metadata", "region"))

    @property
    def version(self) -> str | None:
        """Kubernetes' version, if the file says it."""
        found = self.manifest.at("metadata", "version")
        return str(found) if found else None

    @property
    def key(self) -> str | None:
        """The KMS key of secrets and disks."""
        found = self.manifest.at("secretsEncryption", "keyARN")
        return str(found) if found else None

    @property
    def vpc(self) -> str | None:
        """The VPC that it is put into; None where eksctl makes one."""
        found = self.manifest.at("vpc", "id")
        return str(found) if found else None

    @property
    def subnets(self) -> tuple[str, ...]:
        """Its private subnets there."""
        found = self.manifest.at("vpc", "subnets", "private") or {}
        return tuple(str(one["id"]) for one in found.values() if one.get("id"))

    @cached_property
    def groups(self) -> tuple[NodeGroup, ...]:
        """Its node groups."""
        return tuple(NodeGroup(one) for one in self.manifest.at("managedNodeGroups") or [])

    @property
    def has_gpus(self) -> bool:
        """Whether a model is served on its nodes."""
        return any(group.type is not None and group.type.gpus for group in self.groups)


def cluster_config(manifests: Iterable[Manifest], *, source: str) -> ClusterConfig:
    """The one among these objects. Raises InputError, naming `source`."""
    found = [manifest for manifest in manifests if manifest.kind == "ClusterConfig"]
    if len(found) != 1 or not found[0].at("metadata", "region"):
        raise InputError(f"{source} has to render one ClusterConfig of eksctl with a region; it has {len(found)}")
    return ClusterConfig(found[0])
