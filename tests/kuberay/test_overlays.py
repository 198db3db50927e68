"""What is applied, as it is rendered: an overlay is whole, fits its nodes, and serves what the configurations say."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from fraudray.deployments.cluster.check import check_manifests
from fraudray.deployments.cluster.manifests import Manifest
from fraudray.deployments.cluster.rendering import render
from fraudray.settings import load_settings

pytestmark = pytest.mark.skipif(
    not (shutil.which("kubectl") or shutil.which("kustomize")), reason="neither kubectl nor kustomize is installed"
)
ROOT = Path(__file__).parents[2]
KUBERAY, CONFIGS = ROOT / "kuberay", ROOT / "deployments" / "configs"
OVERLAYS = ["cpu-only", "g6-single", "p4d-efa", "p4d-single", "spot"]
JOBS = ["backtest", "preflight"]
FOLDERS = (
    [f"overlays/{name}" for name in OVERLAYS]
    + [f"eksctl/{name}" for name in OVERLAYS]
    + [f"jobs/{name}" for name in JOBS]
)
MODELS = {
    "p4d-efa": "deepseek-r1-32b-p4d.yaml", "p4d-single": "deepseek-r1-32b-p4d-single.yaml",
    "spot": "deepseek-r1-32b-p4d-single.yaml", "g6-single": "g6-12xlarge.yaml",
}  # fmt: skip


@cache
def rendered(folder: str) -> tuple[Manifest, ...]:
    return tuple(render(KUBERAY / folder))


def of_kind(folder: str, kind: str, name: str) -> dict[str, Any]:
    """The one object of that kind and name; kustomize adds a digest to the names of ConfigMaps."""
    pattern = re.compile(rf"{name}(-[a-z0-9]{{10}})?")
    (found,) = (one.document for one in rendered(folder) if one.kind == kind and pattern.fullmatch(one.name))
    return dict(found)


def served(folder: str, name: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(of_kind(folder, "RayService", name)["spec"]["serveConfigV2"])
    return config


def config(file: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CONFIGS / file).read_text(encoding="utf-8"))
    return content


def application(content: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (app for app in content["applications"] if app["name"] == name)
    return dict(found)


def test_the_promised_overlays_and_jobs_are_there() -> None:
    assert sorted(path.name for path in (KUBERAY / "overlays").iterdir()) == OVERLAYS
    assert sorted(path.name for path in (KUBERAY / "jobs").iterdir()) == JOBS
    assert {path.name for path in (KUBERAY / "eksctl").iterdir()} == {*OVERLAYS, "base", "nodes"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_wrong_with_an_overlay_on_its_nodes(overlay: str) -> None:
    assert check_manifests(rendered(f"overlays/{overlay}"), beside=rendered(f"eksctl/{overlay}")) == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_wrong_with_its_cluster(overlay: str) -> None:
    assert check_manifests(rendered(f"eksctl/{overlay}")) == []


@pytest.mark.parametrize("job", JOBS)
def test_nothing_is_wrong_with_a_job_beside_what_runs(job: str) -> None:
    assert check_manifests(rendered(f"jobs/{job}"), beside=rendered("overlays/p4d-efa")) == []


def test_the_preflight_wants_nothing_of_the_overlay_that_comes_after_it() -> None:
    found = {finding.rule for finding in check_manifests(rendered("jobs/preflight"))}
    # What its step in the manual applies before: namespace, service account, priority class.
    assert found <= {"network.open", "references.service-account", "references.priority-class"}


@pytest.mark.parametrize(
    "folder",
    [
        f"{kind}/{name}"
        for kind, names in (("overlays", OVERLAYS), ("eksctl", OVERLAYS), ("jobs", JOBS))
        for name in names
    ],
)
def test_every_value_of_the_site_is_put_in(folder: str) -> None:
    names = re.findall(r"^([A-Z][A-Z0-9_]+)=", (KUBERAY / "site" / "site.env").read_text("utf-8"), re.MULTILINE)
    names += re.findall(r"^([A-Z]+)=", (KUBERAY / "jobs" / "backtest" / "run.env").read_text("utf-8"), re.MULTILINE)
    kept = {"RESTARTED"}  # is a variable of that name
    text = yaml.safe_dump_all([one.document for one in rendered(folder)], width=10_000)
    left = [name for name in names if name not in kept and re.search(rf"(?<![A-Z_]){name}(?![A-Z_])", text)]
    assert left == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_decides_is_served_as_its_serve_configuration_says(overlay: str) -> None:
    assert served(f"overlays/{overlay}", "fraudray") == config("gateway.yaml")


@pytest.mark.parametrize(("overlay", "file"), MODELS.items())
def test_the_model_is_served_as_its_serve_configuration_says(overlay: str, file: str) -> None:
    content, model = config(file), served(f"overlays/{overlay}", "fraudray-llm")
    assert model["http_options"] == content["http_options"]
    assert model["applications"] == [application(content, "llm")]


@pytest.mark.parametrize(("overlay", "file"), MODELS.items())
def test_the_gateway_asks_that_model_at_its_service(overlay: str, file: str) -> None:
    data = of_kind(f"overlays/{overlay}", "ConfigMap", "fraudray-settings")["data"]
    content = config(file)
    beside = application(content, "fraudray")["args"]["settings"]
    assert data["FRAUDRAY_LLM_MODEL"] == application(content, "llm")["args"]["model_id"] == beside["llm_model"]
    assert data["FRAUDRAY_LLM_PRIORITIES"] == str(beside["llm_priorities"]).lower()
    service = of_kind(f"overlays/{overlay}", "RayService", "fraudray-llm")["metadata"]
    assert data["FRAUDRAY_LLM_URL"] == f"http://{service['name']}-serve-svc.{service['namespace']}.svc:8000/llm/v1"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_of_the_cluster_are_settings(overlay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in of_kind(f"overlays/{overlay}", "ConfigMap", "fraudray-settings")["data"].items():
        monkeypatch.setenv(name, value)
    settings = load_settings(database_url="postgresql://fraudray:x@db/fraudray")
    assert (settings.data_dir, settings.mails_by, settings.page) == (Path("/data"), "ses", False)
    assert settings.investigates == (overlay in MODELS)


def test_a_setting_that_changes_makes_another_cluster() -> None:
    """KubeRay starts one when the specification of the pods changes, and they name the ConfigMap."""
    settings = of_kind("overlays/p4d-efa", "ConfigMap", "fraudray-settings")["metadata"]["name"]
    assert settings != "fraudray-settings"
    spec = of_kind("overlays/p4d-efa", "RayService", "fraudray")["spec"]["rayClusterConfig"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert {"configMapRef": {"name": settings}} in container["envFrom"]


def test_a_back_test_submitted_twice_is_one_job_with_one_folder() -> None:
    job = of_kind("jobs/backtest", "RayJob", "backtest-2026-11")["spec"]
    run = dict(re.findall(r"^([A-Z]+)=(.*)$", (KUBERAY / "jobs/backtest/run.env").read_text("utf-8"), re.MULTILINE))
    assert job["jobId"] == run["RUN"]
    assert job["entrypoint"].split() == [
        "python", "-m", "fraudray.batch", run["HISTORY"], "--policy", run["POLICY"], "--out",
        f"/data/backtests/{run['RUN']}",
    ]  # fmt: skip
