"""Overlays rendered by the real kustomize, checked, printed and written."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fraudray.cli.exits import InputError
from fraudray.deployments.cluster.rendering import parse, render
from tests.kuberay.conftest import Run
from tests.kuberay.good import GOOD


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """The good objects as a base, and an overlay of them in another folder, which has the site's values beside it."""
    base, site, folder = tmp_path / "base", tmp_path / "site", tmp_path / "overlays" / "small"
    for made in (base, site, folder):
        made.mkdir(parents=True)
    content = GOOD.read_text(encoding="utf-8")
    (base / "objects.yaml").write_text(content[: content.rindex("---")], encoding="utf-8")
    (base / "kustomization.yaml").write_text("resources: [objects.yaml]\n", encoding="utf-8")
    (site / "site.env").write_text("FRAUDRAY_PUBLIC_URL=https://fraud.example.com\n", encoding="utf-8")
    text = (
        "resources: [../../base]\n"
        "configMapGenerator: [{name: settings, namespace: fraud, behavior: merge, envs: [../../site/site.env]}]\n"
        "generatorOptions: {disableNameSuffixHash: true}\n"
    )
    (folder / "kustomization.yaml").write_text(text, encoding="utf-8")
    return folder


def test_an_overlay_is_rendered_with_values_from_beside_it(overlay: Path) -> None:
    manifests = render(overlay)

    settings = next(one for one in manifests if (one.kind, one.name) == ("ConfigMap", "settings"))
    assert settings.at("data", "FRAUDRAY_PUBLIC_URL") == "https://fraud.example.com"
    assert settings.at("data", "FRAUDRAY_DATA_DIR") == "/data"
    assert {"RayService", "RayCluster", "RayJob", "Ingress"} <= {one.kind for one in manifests}


def test_kustomizes_own_words_are_told_where_it_fails(overlay: Path) -> None:
    (overlay / "kustomization.yaml").write_text("resources: [../../nowhere]\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"kustomize cannot render .*nowhere") as caught:
        render(overlay)
    assert "run.go" not in str(caught.value)  # kubectl's own line of log


def test_a_folder_that_is_no_overlay_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no kustomization\.yaml: name the folder of an overlay"):
        render(tmp_path)


def test_without_kubectl_and_kustomize_it_is_said_what_to_install(overlay: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs kubectl .* or kustomize .*neither is on PATH"):
        render(overlay, programs=str(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"), [("a: [", "is not YAML"), ("a: 1\n---\n- b", "document 1 is no Kubernetes")]
)
def test_what_is_no_stream_of_objects_is_told_with_its_source(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"objects.yaml.*{words}"):
        parse(text, source="objects.yaml")


def test_good_objects_are_printed_as_the_yaml_that_they_are(overlay: Path, run: Run) -> None:
    ended = run("render", overlay)

    assert ended.code == 0
    assert "nothing wrong with them" in ended.error
    assert list(yaml.safe_load_all(ended.out)) == [one.document for one in render(overlay)]
    assert "serveConfigV2: |" in ended.out  # texts stay texts that people can read
    assert "&id" not in ended.out


def test_findings_are_told_with_code_1_and_nothing_is_printed_but_them(overlay: Path, run: Run) -> None:
    path = overlay.parents[1] / "base" / "objects.yaml"
    text = path.read_text(encoding="utf-8")
    assert "authOptions: {mode: token}" in text
    path.write_text(text.replace("authOptions: {mode: token}", "authOptions: {mode: disabled}", 1), encoding="utf-8")

    ended, unchecked = run("render", overlay, "--json"), run("render", overlay, "--no-check")

    assert ended.code == 1
    assert [(one["rule"], one["object"]) for one in ended.json] == [("ray.token", "RayService fraud/fraud")]
    assert "ray.token" in run("render", overlay).out
    assert unchecked.code == 0
    assert "mode: disabled" in unchecked.out


def test_pods_are_held_against_the_nodes_of_an_eksctl_file(overlay: Path, tmp_path: Path, run: Run) -> None:
    nodes = tmp_path / "nodes.yaml"
    content = GOOD.read_text(encoding="utf-8")
    nodes.write_text(content[content.rindex("---") :].replace("m7i.2xlarge", "m7i.large"), encoding="utf-8")

    assert run("render", overlay).code == 0
    ended = run("render", overlay, "--nodes", nodes, "--json")

    assert ended.code == 1
    assert {one["rule"] for one in ended.json} == {"capacity.too-large"}


def test_an_overlay_may_refer_to_what_another_brings(tmp_path: Path, overlay: Path, run: Run) -> None:
    job = tmp_path / "job"
    job.mkdir()
    content = GOOD.read_text(encoding="utf-8")
    claim = content[content.index("apiVersion: v1\nkind: PersistentVolumeClaim") :]
    (job / "claim.yaml").write_text(claim[: claim.index("---")], encoding="utf-8")
    (job / "kustomization.yaml").write_text('resources: [claim.yaml]\nnameSuffix: "-2"\n', encoding="utf-8")

    alone, beside = run("render", job, "--json"), run("render", job, "--beside", overlay)

    assert [one["rule"] for one in alone.json] == ["references.storage-class"]
    assert beside.code == 0


def test_each_object_is_written_to_a_file_of_its_own(overlay: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "out"

    first, again = run("render", overlay, "--out", out), run("render", overlay, "--out", out)

    assert (first.code, again.code) == (0, 0)
    files = sorted(out.iterdir())
    assert [yaml.safe_load(file.read_text("utf-8")) for file in files] == [one.document for one in render(overlay)]
    assert any(file.name.endswith("rayservice-fraud-fraud.yaml") for file in files)


def test_a_folder_with_other_files_is_not_written_to(overlay: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine", encoding="utf-8")

    ended = run("render", overlay, "--out", tmp_path / "out")

    assert ended.code == 2
    assert "mine.txt" in ended.error
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["mine.txt"]
