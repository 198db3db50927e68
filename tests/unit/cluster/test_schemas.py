"""The schemas of others' objects: made, shipped and made strict."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from jsonschema import Draft7Validator

from fraudray.deployments.cluster.build_schemas import OUT, SOURCES, definitions, packed
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.schemas import check_schema, known_kinds, strict, validator

CRD = """
spec:
  group: example.com
  names: {kind: Gadget}
  versions:
    - name: v1
      served: true
      schema:
        openAPIV3Schema:
          description: A gadget.
          type: object
          properties:
            metadata: {type: object}
            spec:
              type: object
              properties:
                description: {type: string, description: What it is.}
                port: {x-kubernetes-int-or-string: true}
                owner: {type: string, nullable: true}
                free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}
                parts: {type: array, items: {type: object, properties: {size: {type: integer}}}}
                labels: {type: object, additionalProperties: {type: string}}
                mode: {type: string, pattern: "^(?i)(warn|abort)?$"}
    - {name: v1beta1, served: false, schema: {openAPIV3Schema: {}}}
    - {name: v1alpha1, served: true, schema: {openAPIV3Schema: {}}}
"""


def gadget(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": spec}


def test_of_a_definition_the_schemas_that_are_served_are_kept_without_their_words() -> None:
    made = {name: json.loads(gzip.decompress(packed(schema))) for name, schema in definitions(CRD).items()}

    assert set(made) == {"example.com_v1_Gadget"}
    schema = made["example.com_v1_Gadget"]
    assert "description" not in schema
    assert schema["properties"]["spec"]["properties"]["description"] == {"type": "string"}
    assert packed(schema) == packed(schema)


@pytest.mark.parametrize(
    "spec",
    [
        {"description": "x"}, {"port": 80}, {"port": "http"}, {"owner": None}, {"free": {"a": "b", "more": 1}},
        {"parts": [{"size": 1}]}, {"labels": {"any": "text"}}, {"mode": "Warn"},
    ],
)  # fmt: skip
def test_what_the_api_server_takes_is_taken(spec: dict[str, Any]) -> None:
    schema = strict(definitions(CRD)["example.com_v1_Gadget"])

    assert list(Draft7Validator(schema).iter_errors(gadget(**spec))) == []


@pytest.mark.parametrize(
    "spec",
    [
        {"descripton": "x"}, {"port": 8.5}, {"description": None}, {"free": {"a": 1}}, {"parts": [{"sise": 1}]},
        {"parts": [{"size": "1"}]}, {"labels": {"any": 1}}, {"parts": {"size": 1}}, {"mode": "warning"},
    ],
)  # fmt: skip
def test_unknown_fields_and_wrong_types_are_not(spec: dict[str, Any]) -> None:
    schema = strict(definitions(CRD)["example.com_v1_Gadget"])

    assert list(Draft7Validator(schema).iter_errors(gadget(**spec)))


def test_every_shipped_schema_is_a_schema_and_belongs_to_a_source() -> None:
    shipped = {str(file.relative_to(OUT).parent) for file in OUT.glob("*/*.json.gz")}

    assert shipped == {source.name for source in SOURCES}
    assert len(known_kinds()) >= 12
    for api_version, kind in known_kinds():
        found = validator(api_version, kind)
        assert found is not None
        if kind != "ClusterConfig":  # eksctl's own names of definitions are no URIs, which nothing minds
            found.check_schema(found.schema)


def test_the_sources_and_licence_of_the_schemas_are_told_beside_them() -> None:
    notice = (OUT / "NOTICE.md").read_text(encoding="utf-8")

    assert "Apache License" in (OUT / "LICENSE").read_text(encoding="utf-8")[:200]
    for source in SOURCES:
        assert f"`{source.name}`" in notice
        assert source.tag in notice


def test_all_that_is_wrong_with_a_custom_object_is_told_at_once_with_its_place() -> None:
    spec = {"secretStoreRef": {"nam": "aws"}, "data": [{"secretKey": 1, "remoteRef": {"key": "k"}}]}
    document = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "s"},
        "spec": spec,
    }

    assert [finding.path for finding in check_schema(Manifest(document))] == [
        "spec.data[0].secretKey",
        "spec.secretStoreRef",
    ]
