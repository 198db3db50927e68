"""`kuberay/operator/install.sh`, with a helm that writes down what it is asked for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fraudray.deployments.cluster.build_schemas import SOURCES
from fraudray.deployments.cluster.operators import KUBERAY_MIN

KUBERAY = Path(__file__).parents[2] / "kuberay"


class Helm:
    """The script in a copy of our tree, in a folder whose name has a space."""

    def __init__(self, folder: Path) -> None:
        self.tree = folder / "a place" / "kuberay"
        shutil.copytree(KUBERAY, self.tree)
        self._bin = folder / "bin"
        self._bin.mkdir()
        self.installed(fails_at="nothing")

    def installed(self, *, fails_at: str) -> None:
        """A program that notes its arguments, and fails where they name this."""
        lines = (
            "#!/bin/sh", f'echo "$*" >> "{self._bin}/calls"',
            f'case "$*" in *{fails_at}*) echo "no such chart" >&2; exit 1 ;; esac', "",
        )  # fmt: skip
        (self._bin / "helm").write_text("\n".join(lines), encoding="utf-8")
        (self._bin / "helm").chmod(0o755)

    def gone(self) -> None:
        """No helm on PATH."""
        (self._bin / "helm").unlink()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The script, from another folder."""
        path = f"{self._bin}{os.pathsep}/usr/bin{os.pathsep}/bin"
        return subprocess.run(
            [self.tree / "operator" / "install.sh", *arguments], cwd=self._bin, env={"PATH": path}, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip

    @property
    def calls(self) -> list[str]:
        """The arguments of each call."""
        file = self._bin / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    return Helm(tmp_path)


def test_what_is_shown_is_what_is_run(helm: Helm) -> None:
    done = helm.run("p4d-efa", "--yes")

    assert done.returncode == 0, done.stderr
    shown = [line.strip().removeprefix("helm ") for line in done.stdout.splitlines() if line.startswith("  helm ")]
    assert helm.calls == shown
    assert len([call for call in helm.calls if call.startswith("upgrade --install")]) == 7
    assert "fraudray cluster check --overlay kuberay/overlays/p4d-efa" in done.stdout


def test_run_again_it_does_the_same(helm: Helm) -> None:
    helm.run("p4d-efa", "--yes")
    once = helm.calls

    assert helm.run("p4d-efa", "--yes").returncode == 0
    assert helm.calls == once + once


def test_without_a_model_nothing_of_nvidia_is_wanted(helm: Helm) -> None:
    assert helm.run("cpu-only", "--yes").returncode == 0
    assert not [call for call in helm.calls if "dcgm" in call]


def test_region_and_vpc_are_the_sites(helm: Helm) -> None:
    site = helm.tree / "site" / "site.env"
    text = re.sub(r"(?m)^VPC_ID=.*$", "VPC_ID=vpc-77", site.read_text("utf-8"))
    site.write_text(re.sub(r"(?m)^AWS_REGION=.*$", "AWS_REGION=eu-west-3", text), encoding="utf-8")

    helm.run("spot", "--yes")

    (balancer,) = (call for call in helm.calls if "eks/aws-load-balancer-controller" in call)
    assert "--set clusterName=fraudray --set region=eu-west-3 --set vpcId=vpc-77" in balancer
    (scaler,) = (call for call in helm.calls if "autoscaler/cluster-autoscaler" in call)
    assert "awsRegion=eu-west-3" in scaler


def test_without_a_terminal_it_is_only_shown(helm: Helm) -> None:
    done = helm.run("p4d-efa")

    assert done.returncode == 4
    assert "helm upgrade --install kuberay-operator" in done.stdout
    assert "--yes does it without a question" in done.stderr
    assert helm.calls == []


def test_the_first_failure_stops_it(helm: Helm) -> None:
    helm.installed(fails_at="external-secrets/external-secrets")

    done = helm.run("p4d-efa", "--yes")

    assert done.returncode == 1
    assert "no such chart" in done.stderr
    assert "external-secrets/external-secrets" in helm.calls[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "kuberay/operator/install.sh OVERLAY"),
        (["p4d-efa", "--now"], "kuberay/operator/install.sh OVERLAY"),
        (["p5"], "there is no overlay p5; there are: cpu-only g6-single p4d-efa p4d-single spot"),
    ],
)
def test_what_it_cannot_do_is_told(helm: Helm, arguments: list[str], words: str) -> None:
    done = helm.run(*arguments)

    assert done.returncode == 2
    assert words in done.stderr
    assert helm.calls == []


def test_without_helm_it_says_so(helm: Helm) -> None:
    helm.gone()

    done = helm.run("cpu-only", "--yes")

    assert done.returncode == 2
    assert "this needs helm" in done.stderr


def test_files_accounts_and_versions_are_those_of_the_rest(helm: Helm) -> None:
    helm.run("p4d-efa", "--yes")
    text = "\n".join(helm.calls)

    cluster = yaml.safe_load((KUBERAY / "eksctl" / "base" / "cluster.yaml").read_text("utf-8"))
    made = {
        one["serviceAccountName"]
        for one in cluster["iam"]["podIdentityAssociations"]
        if one.get("createServiceAccount")
    }
    named = set(re.findall(r"serviceAccount\.name=(\S+)", text))
    for file in re.findall(r"--values (\S+)", text):
        named.add(yaml.safe_load((helm.tree / file).read_text("utf-8")).get("serviceAccount", {}).get("name"))
    assert named - {None} == made
    tags = {source.name: source.tag.removeprefix("v") for source in SOURCES}
    assert (
        f"kuberay/kuberay-operator --namespace kuberay-operator --create-namespace --wait --version {tags['kuberay']}"
        in text
    )
    assert tags["kuberay"] == ".".join(map(str, KUBERAY_MIN))
    assert f"--version {tags['external-secrets']} " in text


def test_shellcheck_has_nothing_to_say_about_it() -> None:
    program = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([program, KUBERAY / "operator" / "install.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
