"""Makes `data/schemas`: the schemas of others' objects, without their descriptions, as compact gzipped JSON.

    python -m fraudray.deployments.cluster.build_schemas FOLDER

FOLDER holds a checkout of each repository of SOURCES at its tag, under its name. `data/schemas/NOTICE.md` says whose
they are; raise a tag here and there together.
"""

from __future__ import annotations

import gzip
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

OUT = Path(__file__).parent / "data" / "schemas"


@dataclass(frozen=True, slots=True)
class Source:
    """A repository, and the files of it with custom resource definitions (or a JSON Schema)."""

    name: str
    tag: str
    folder: str
    files: tuple[str, ...]


SOURCES = (
    Source("kuberay", "v1.7.0", "helm-chart/kuberay-operator/crds", (
        "ray.io_rayclusters.yaml", "ray.io_raycronjobs.yaml", "ray.io_rayjobs.yaml", "ray.io_rayservices.yaml",
    )),
    Source("prometheus-operator", "v0.93.0", "example/prometheus-operator-crd", (
        "monitoring.coreos.com_podmonitors.yaml", "monitoring.coreos.com_prometheusrules.yaml",
        "monitoring.coreos.com_servicemonitors.yaml",
    )),
    Source("external-secrets", "v2.9.0", "config/crds/bases", (
        "external-secrets.io_clustersecretstores.yaml", "external-secrets.io_externalsecrets.yaml",
        "external-secrets.io_secretstores.yaml",
    )),
    Source("aws-load-balancer-controller", "v3.5.0", "config/crd/bases", (
        "elbv2.k8s.aws_ingressclassparams.yaml", "elbv2.k8s.aws_targetgroupbindings.yaml",
    )),
    Source("eksctl", "v0.230.0", "pkg/apis/eksctl.io/v1alpha5/assets", ("schema.json",)),
)  # fmt: skip


def definitions(text: str) -> dict[str, Any]:
    """The schemas of a custom resource definition by `group_version_Kind`, for the versions that are served."""
    crd = yaml.safe_load(text)
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    return {
        f"{group}_{version['name']}_{kind}": version["schema"]["openAPIV3Schema"]
        for version in crd["spec"]["versions"]
        if version["served"] and not version.get("deprecated") and "alpha" not in version["name"]
    }


def without_words(schema: Any) -> Any:
    """A schema without what only people read. A property may itself be called `description`."""
    if isinstance(schema, list):
        return [without_words(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: without_words(value)
        for key, value in schema.items()
        if not (key in ("description", "x-intellij-html-description") and isinstance(value, str))
    }


def packed(schema: Any) -> bytes:
    """Compact JSON, gzipped, the same for the same schema."""
    text = json.dumps(without_words(schema), separators=(",", ":"), sort_keys=True)
    return gzip.compress(text.encode(), 9, mtime=0)


def main(checkouts: Path) -> None:
    """Write all files anew."""
    for source in SOURCES:
        folder = OUT / source.name
        folder.mkdir(parents=True, exist_ok=True)
        for name in source.files:
            text = (checkouts / source.name / source.folder / name).read_text(encoding="utf-8")
            if name.endswith(".json"):
                schemas = {"eksctl.io_v1alpha5_ClusterConfig": json.loads(text)}
            else:
                schemas = definitions(text)
            for stem, schema in schemas.items():
                (folder / f"{stem}.json.gz").write_bytes(packed(schema))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
