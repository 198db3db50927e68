"""The AWS account of a tree: empty, or with what its cluster and application stand on."""

from __future__ import annotations

from typing import Any

import yaml

from tests.engines.moto import Moto
from tests.kuberay.aws_answers import AwsAnswers
from tests.kuberay.cloud_formation import CloudFormation
from tests.kuberay.tree import RESERVATION, Tree


class Cloud:
    """An AWS account: moto, and what moto does not know."""

    def __init__(self, moto: Moto, beside: AwsAnswers, formation: CloudFormation, tree: Tree) -> None:
        self.moto, self.beside, self.formation, self._tree = moto, beside, formation, tree

    def has_everything(self) -> None:
        """All that the tree's cluster and application stand on. Ids that AWS chooses go into the tree."""
        key = self.moto.client("kms").create_key()["KeyMetadata"]["Arn"]
        self._put("secretsEncryption", {"keyARN": key})
        efs = self.moto.client("efs").create_file_system(CreationToken="data", Encrypted=True)["FileSystemId"]
        self.beside.lustre["fs-0fedcba9876543210"] = "AVAILABLE"
        text = self._tree.site.read_text("utf-8")
        self._tree.site.write_text(text.replace("fs-0123456789abcdef0", efs), encoding="utf-8")
        for name in ("example-reports", "example-models"):
            place = {"LocationConstraint": "eu-west-1"}
            self.moto.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
        for name in {one["remoteRef"]["key"] for one in self._tree.world.at("ExternalSecret/keys", "spec", "data")}:
            self.moto.client("secretsmanager").create_secret(Name=name, SecretString="{}")
        self.beside.reservations[RESERVATION] = {
            "capacityReservationId": RESERVATION, "instanceType": "p4d.24xlarge", "availabilityZone": "eu-west-1a",
            "totalInstanceCount": "2", "state": "active",
        }  # fmt: skip
        self.beside.placements["fraud-p4d"] = "cluster"
        for name, zone in (("subnet-a", "eu-west-1a"), ("subnet-b", "eu-west-1b")):
            self.beside.subnets[name] = {"subnetId": name, "vpcId": "vpc-1", "availabilityZone": zone}

    def has_cluster(self, *groups: str, version: str = "1.34", most: int | None = None) -> None:
        """The cluster in EKS, with these of its node groups."""
        eks = self.moto.client("eks")
        role, subnets = "arn:aws:iam::123456789012:role/eks", ["subnet-1"]
        eks.create_cluster(name="fraud", version=version, roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
        config = yaml.safe_load((self._tree.cluster / "cluster.yaml").read_text("utf-8"))
        for group in config["managedNodeGroups"]:
            if group["name"] in groups:
                sizes = {"minSize": group["minSize"], "maxSize": most or group["maxSize"], "desiredSize": 0}
                eks.create_nodegroup(
                    clusterName="fraud", nodegroupName=group["name"], scalingConfig=sizes, subnets=subnets,
                    instanceTypes=[group["instanceType"]], nodeRole=role,
                )  # fmt: skip

    def _put(self, key: str, value: Any) -> None:
        file = self._tree.cluster / "cluster.yaml"
        config = yaml.safe_load(file.read_text("utf-8")) | {key: value}
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
