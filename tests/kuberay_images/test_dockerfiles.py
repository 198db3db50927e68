"""The images' Dockerfiles hold to what we promise of them, without an engine to build them with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kuberay_images.context import IMAGES, NAMES, REPOSITORY, dockerfile, is_ignored, pyproject
from tests.kuberay_images.dockerfile import Dockerfile

BIN = Path(sys.executable).parent
SECRET = re.compile(r"secret|token|passw|credential|api_?key|private|^aws_", re.IGNORECASE)
BUILDS = re.compile(r"\b(gcc|g\+\+|clang|make|cmake|build-essential|\S+-dev)\b")
LABELS = {f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses", "revision", "base.name")}
AFTER_USER = {"WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def test_there_is_a_dockerfile_for_each_image_and_no_other() -> None:
    assert sorted(path.name for path in IMAGES.glob("*.Dockerfile")) == [f"{name}.Dockerfile" for name in NAMES]


@pytest.mark.parametrize("image", NAMES)
def test_hadolint_has_nothing_to_say(image: str) -> None:
    ran = subprocess.run(
        [BIN / "hadolint", "--no-color", f"kuberay/images/{image}.Dockerfile"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr


def test_shellcheck_has_nothing_to_say() -> None:
    scripts = sorted(IMAGES.glob("*.sh"))
    assert {"install.sh", "lock.sh", "sbom.sh", "extras.sh"} == {path.name for path in scripts}
    ran = subprocess.run(
        [BIN / "shellcheck", "--external-sources", *scripts],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize("image", NAMES)
def test_every_base_is_named_by_a_digest_that_has_no_default(image: str) -> None:
    read = dockerfile(image)
    assert [stage.name for stage in read.stages] == ["builder", image]
    for stage in read.stages:
        name, _, digest = stage.base.partition("@")
        matched = re.fullmatch(r"\$\{([A-Z_]+_DIGEST)\}", digest)
        assert matched is not None, stage.base
        assert read.args[matched[1]] is None
        if given := re.fullmatch(r"\$\{([A-Z_]+)\}", name):
            name = read.args[given[1]] or ""
        assert re.search(r":[^:/]+$", name), f"{name} has no tag"
        assert not name.endswith(":latest")


@pytest.mark.parametrize("image", NAMES)
def test_the_image_ends_as_a_numbered_user_that_is_not_root(image: str) -> None:
    instructions = dockerfile(image).final.instructions
    users = [number for number, each in enumerate(instructions) if each.word == "USER"]
    assert re.fullmatch(r"1000(:1000)?", instructions[users[-1]].rest)
    assert {each.word for each in instructions[users[-1] + 1 :]} <= AFTER_USER


@pytest.mark.parametrize("image", NAMES)
def test_nothing_secret_is_baked_in(image: str) -> None:
    read = dockerfile(image)
    names = set(read.args)
    for stage in read.stages:
        names |= {name for word in ("ARG", "ENV") for each in stage.all(word) for name in each.pairs}
    assert "REVISION" in names
    assert [name for name in names if SECRET.search(name)] == []


@pytest.mark.parametrize("image", NAMES)
def test_what_is_copied_is_in_the_repository_and_reaches_the_build(image: str) -> None:
    read = dockerfile(image)
    sources: list[str] = []
    for number, stage in enumerate(read.stages):
        for each in stage.all("COPY"):
            if each.flags:
                (flag,) = each.flags
                assert flag.removeprefix("--from=") in {earlier.name for earlier in read.stages[:number]}
            else:
                sources += each.copied[0]
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *sources],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for source in sources:
        files = [name for name in tracked if name == source or name.startswith(f"{source}/")]
        assert files, f"{source} is not in the repository"
        assert [name for name in files if is_ignored(name)] == []
    assert {"pyproject.toml", *pyproject()["tool"]["setuptools"]["package-dir"].values()} <= set(sources)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config", ".venv/bin/python", ".env", "tests/conftest.py", "server.token", "fraudray/__pycache__/x.pyc",
        "kuberay/site/site.env", "kuberay/base/secrets.yaml", "kuberay/images/serve.Dockerfile", "x.egg-info/PKG-INFO",
    ],
)  # fmt: skip
def test_nothing_else_of_a_working_folder_reaches_a_build(path: str) -> None:
    assert is_ignored(path)


@pytest.mark.parametrize("image", NAMES)
def test_no_compiler_is_installed_into_the_image(image: str) -> None:
    runs = " ".join(each.rest for each in dockerfile(image).final.all("RUN"))
    assert not BUILDS.search(runs)
    assert all("--no-install-recommends" in part for part in re.findall(r"apt-get install[^&;]*", runs))


@pytest.mark.parametrize("image", NAMES)
def test_labels_say_what_the_image_is(image: str) -> None:
    (label,) = dockerfile(image).final.all("LABEL")
    assert set(label.pairs) == LABELS
    assert label.pairs["org.opencontainers.image.title"] == f"fraudray-{image}"
    assert label.pairs["org.opencontainers.image.licenses"] == pyproject()["project"]["license"]


def test_only_the_page_has_a_health_check_of_its_own_and_it_asks_the_port_it_serves() -> None:
    checks = {image: dockerfile(image).final.all("HEALTHCHECK") for image in NAMES}
    assert {image for image, found in checks.items() if found} == {"page"}
    (entry,) = dockerfile("page").final.all("ENTRYPOINT")
    port = entry.exec_form[entry.exec_form.index("--port") + 1]
    assert f"127.0.0.1:{port}/page/healthz" in checks["page"][0].rest
    assert [each.rest for each in dockerfile("page").final.all("EXPOSE")] == [port]


@pytest.mark.parametrize("image", ["serve", "llm"])
def test_commands_are_in_exec_form(image: str) -> None:
    (command,) = dockerfile(image).final.all("CMD")
    assert command.exec_form[0] == "fraudray"


def test_workers_have_what_kuberays_readiness_probe_runs() -> None:
    assert re.search(r"apt-get install [^&]*\bwget\b", dockerfile("serve").final.all("RUN")[0].rest)


def test_the_engines_image_is_checked_at_the_end_of_its_build() -> None:
    assert dockerfile("llm").final.all("RUN")[-1].rest == "python3 -m fraudray.deployments.preflight --only image"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM a:1 AS b\nADD x y\n", "line 2: ADD is not read here"),
        ("FROM a:1\n", "line 1: every stage has a name"),
        ("FROM a:1 AS b\nRUN <<E\n", "line 2: heredocs"),
        ("# syntax=docker/dockerfile:1\nFROM a:1 AS b\n", "line 1: parser directives"),
        ("FROM a:1 AS b\nRUN x \\\n", "line 2: continued beyond the end"),
        ("RUN x\nFROM a:1 AS b\n", "line 1: RUN before the first FROM"),
    ],
)
def test_the_reader_refuses_what_it_does_not_know(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    with pytest.raises(ValueError, match=said):
        Dockerfile.read(tmp_path / "Dockerfile")
