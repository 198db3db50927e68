"""A small tree as `kuberay` is one, rendered by the real kustomize: base, site values, one overlay, its cluster."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.kuberay.api_server import Document
from tests.kuberay.good import World

NAME = "p4d-efa"
DIGEST = "sha256:" + "0123456789abcdef" * 4
SERVE, PAGE = f"registry.example.com/serve@{DIGEST}", "registry.example.com/page:1.2.0"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
RESERVATION = "cr-0123456789abcdef0"

_SITE = f"""# What differs from site to site.
AWS_REGION=eu-west-1
VPC_CIDR=10.7.0.0/16
ADMIN_CIDR=10.0.0.0/8
GPU_ZONE=eu-west-1a
OTHER_ZONE=eu-west-1b
KMS_KEY_ARN={KEY}
VPC_ID=vpc-1

IMAGE_SERVE={SERVE}
IMAGE_PAGE={PAGE}
# Storage
EFS_FILE_SYSTEM=fs-0123456789abcdef0
FSX_FILE_SYSTEM=fs-0fedcba9876543210
REPORTS_BUCKET=example-reports
MODELS_BUCKET=example-models
"""
_REPLACEMENTS = """
- source: {kind: ConfigMap, name: site, fieldPath: data.IMAGE_SERVE}
  targets:
    - select: {kind: RayService}
      fieldPaths:
        - spec.rayClusterConfig.headGroupSpec.template.spec.containers.0.image
        - spec.rayClusterConfig.workerGroupSpecs.*.template.spec.containers.0.image
- source: {kind: ConfigMap, name: site, fieldPath: data.IMAGE_PAGE}
  targets:
    - select: {kind: Deployment}
      fieldPaths: [spec.template.spec.containers.0.image]
"""
_COMPONENT = """apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
configMapGenerator:
  - name: site
    namespace: fraud
    envs: [site.env]
    options: {disableNameSuffixHash: true, annotations: {config.kubernetes.io/local-config: "true"}}
replacements:
  - path: replacements.yaml
"""
_CLUSTER: Document = {
    "apiVersion": "eksctl.io/v1alpha5", "kind": "ClusterConfig",
    "metadata": {"name": "fraud", "region": "eu-west-1", "version": "1.34"},
    "secretsEncryption": {"keyARN": KEY},
    "vpc": {"id": "vpc-1", "subnets": {"private": {"gpu": {"id": "subnet-a"}, "other": {"id": "subnet-b"}}}},
    "managedNodeGroups": [
        {"name": "small", "instanceType": "m7i.2xlarge", "minSize": 3, "maxSize": 6, "labels": {"nodes": "small"}},
        {"name": "gpu", "instanceType": "p4d.24xlarge", "minSize": 0, "desiredCapacity": 0, "maxSize": 2,
         "efaEnabled": True, "availabilityZones": ["eu-west-1a"], "placement": {"groupName": "fraud-p4d"},
         "capacityReservation": {"capacityReservationTarget": {"capacityReservationID": RESERVATION}}},
    ],
}  # fmt: skip

_FOUNDATION = """Description: a part of what a cluster stands on
Parameters:
  ClusterName: {Type: String}
  VpcCidr: {Type: String}
  ReportsBucket: {Type: String}
  WithModel: {Type: String}
  LogName: {Type: String, Default: requests}
Conditions:
  Model: !Equals [!Ref WithModel, "true"]
Resources:
  Vpc: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: !Ref VpcCidr}}
  Key: {Type: "AWS::KMS::Key", DeletionPolicy: Retain}
  Reports: {Type: "AWS::S3::Bucket", Properties: {BucketName: !Ref ReportsBucket}}
  Lustre: {Type: "AWS::FSx::FileSystem", Condition: Model}
  Log: {Type: "AWS::Logs::LogGroup", Properties: {LogGroupName: !Ref LogName}}
Outputs:
  VpcId: {Value: !Ref Vpc}
  KmsKeyArn: {Value: !GetAtt Key.Arn}
  FsxFileSystem: {Condition: Model, Value: !Ref Lustre}
"""


class Tree:
    """The folders. Change `world`, and `write`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = World()
        self.world.drop("ClusterConfig/fraud")
        self.overlay, self.cluster = root / "overlays" / NAME, root / "eksctl" / NAME
        self.site = root / "site" / "site.env"
        for folder in (root / "base", self.overlay, self.cluster, root / "site", root / "foundation"):
            folder.mkdir(parents=True)
        self.site.write_text(_SITE, encoding="utf-8")
        (root / "site" / "kustomization.yaml").write_text(_COMPONENT, encoding="utf-8")
        (root / "site" / "replacements.yaml").write_text(_REPLACEMENTS, encoding="utf-8")
        text = "resources: [../../base]\ncomponents: [../../site]\n"
        (self.overlay / "kustomization.yaml").write_text(text, encoding="utf-8")
        (self.cluster / "kustomization.yaml").write_text("resources: [cluster.yaml]\n", encoding="utf-8")
        (self.cluster / "cluster.yaml").write_text(yaml.safe_dump(_CLUSTER), encoding="utf-8")
        self.foundation = root / "foundation" / "foundation.yaml"
        self.foundation.write_text(_FOUNDATION, encoding="utf-8")
        (root / "base" / "kustomization.yaml").write_text("resources: [objects.yaml]\n", encoding="utf-8")
        self.write()

    @property
    def objects(self) -> set[str]:
        """What the overlay has, as `Kind/name`."""
        return set(self.world.objects)

    def write(self) -> None:
        """The objects as they are now."""
        text = yaml.safe_dump_all(list(self.world.objects.values()))
        (self.root / "base" / "objects.yaml").write_text(text, encoding="utf-8")
