"""The steps of the builder stages, carried out into an empty folder; then what is there runs by itself."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.kuberay_images.context import IMAGES, Built, carry_out, dockerfile, locked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@contextmanager
def folder(factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """An empty folder that goes at the end: an image is a gigabyte, and pytest would keep three of each."""
    made = factory.mktemp(name)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with folder(tmp_path_factory, "page") as root:
        yield carry_out(dockerfile("page").stages[0], root)


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with folder(tmp_path_factory, "serve") as root:
        yield carry_out(dockerfile("serve").stages[0], root)


@pytest.fixture(params=["page", "serve"])
def image(request: pytest.FixtureRequest) -> tuple[str, Built]:
    """Either of them."""
    return request.param, request.getfixturevalue(request.param)


def alone(built: Built, *command: str) -> str:
    """Run a program of the environment with nothing else on its path, from a folder with nothing in it."""
    home = built("/home")
    home.mkdir(exist_ok=True)
    ran = subprocess.run(
        [built(f"/opt/fraudray/bin/{command[0]}"), *command[1:]], cwd=home, timeout=120, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home)}, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def installed(environment: Path) -> set[tuple[str, str]]:
    (site,) = environment.glob("lib/python3*/site-packages")
    return {
        (each.name.lower().replace("_", "-").replace(".", "-"), each.version)
        for each in distributions(path=[str(site)])
    }


def test_what_is_locked_is_installed_and_nothing_else(image: tuple[str, Built]) -> None:
    name, built = image
    found = installed(built("/opt/fraudray"))
    version = next(version for package, version in found if package == "fraudray")
    assert found - {("fraudray", version)} == set(locked(f"kuberay/images/{name}.lock"))


def test_it_runs_by_itself(image: tuple[str, Built]) -> None:
    _, built = image
    assert alone(built, "fraudray", "--version").startswith("fraudray ")
    where = alone(built, "python", "-c", "import fraudray.deployments; print(fraudray.deployments.__file__)").strip()
    assert Path(where).is_relative_to(built("/opt/fraudray"))


def test_what_the_page_is_started_with_is_there(page: Built) -> None:
    assert "Usage: fraudray page" in alone(page, "fraudray", "page", "--help")
    alone(page, "python", "-c", "import fraudray.ui.app")


def test_what_the_cluster_starts_is_there(serve: Built) -> None:
    assert "Usage: fraudray serve" in alone(serve, "fraudray", "serve", "--help")
    assert "Usage: fraudray backtest" in alone(serve, "fraudray", "backtest", "--help")
    assert alone(serve, "ray", "--version").startswith("ray, version ")
    alone(serve, "python", "-c", "import fraudray.deployments.app, fraudray.deployments.mcp_tools, psycopg, boto3")
    for module in ("preflight", "model_sync"):
        assert "Usage: " in alone(serve, "python", "-m", f"fraudray.deployments.{module}", "--help")


def test_the_page_answers_its_health_check_as_the_image_starts_it(page: Built) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    final = dockerfile("page").final
    program, *words = final.all("ENTRYPOINT")[0].exec_form
    check = json.loads(final.all("HEALTHCHECK")[0].rest.partition("CMD ")[2])
    _, *asked = [word.replace("7860", port) for word in check]
    process = subprocess.Popen(
        [page(f"/opt/fraudray/bin/{program}"), *words, "--port", port],
        cwd=page("/opt"), env={"PATH": "/usr/bin:/bin", "HOME": str(page("/opt"))},
    )  # fmt: skip
    try:
        give_up_at = time.monotonic() + 120
        while subprocess.run([page("/opt/fraudray/bin/python"), *asked], capture_output=True, check=False).returncode:
            assert process.poll() is None
            assert time.monotonic() < give_up_at
    finally:
        process.terminate()
        process.wait(30)


def test_no_file_of_it_is_writable_by_others_nor_leads_back_to_where_it_was_built(image: tuple[str, Built]) -> None:
    _, built = image
    scripts = [path for path in built("/opt/fraudray/bin").iterdir() if path.is_file() and not path.is_symlink()]
    assert scripts
    assert [path for path in scripts if str(built("/src")) in path.read_text(errors="replace")] == []
    (site,) = built("/opt/fraudray").glob("lib/python3*/site-packages")
    assert [path for path in site.glob("*.pth") if "src" in path.read_text()] == []
    assert [path for path in site.iterdir() if path.stat().st_mode & 0o002] == []


class Base:
    """An environment like that of a base image: Ray and all that it needs, and packages made up in others' place."""

    def __init__(self, root: Path) -> None:
        self.built = carry_out(dockerfile("llm").stages[0], root)
        self.python = root / "base/bin/python"
        subprocess.run(["python3", "-m", "venv", "--without-pip", root / "base"], check=True)
        (self.site,) = (root / "base").glob("lib/python3*/site-packages")
        self.ran = self._install("packages", "serve", self.python)
        assert self.ran.returncode == 0, self.ran.stderr
        self.make_up("torch", "2.13.0")
        self.make_up("vllm", "0.29.0", "Requires-Dist: torch==2.13.0", "Requires-Dist: sniffio>=1.2")

    def beside(self) -> subprocess.CompletedProcess[str]:
        return self._install("beside", "llm", self.python, self.built("/opt/wheel"))

    def make_up(self, name: str, version: str, *requires: str) -> None:
        """A distribution that has nothing but its metadata."""
        self.remove(name)
        folder = self.site / f"{name}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *requires]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        (folder / "RECORD").write_text(f"{folder.name}/METADATA,,\n{folder.name}/RECORD,,\n")

    def remove(self, name: str) -> None:
        self._uv("uninstall", name)

    def versions(self, *names: str) -> dict[str, str]:
        return {name: version for name, version in installed(self.site.parents[2]) if name in names}

    def _uv(self, verb: str, *arguments: str) -> None:
        uv = self.built("/opt/tools/bin/uv")
        subprocess.run(
            [uv, "pip", verb, "--quiet", "--python", self.python, *arguments], check=True, capture_output=True
        )

    def _install(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TOOLS": str(self.built("/opt/tools"))}
        return subprocess.run(
            [IMAGES / "install.sh", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Base]:
    with folder(tmp_path_factory, "base") as root:
        yield Base(root)


def test_beside_an_engine_everything_is_added_and_the_engine_stays_as_it_was(base: Base) -> None:
    theirs = ("ray", "vllm", "torch", "numpy")
    before = base.versions(*theirs)
    base.make_up("sniffio", "1.2.0")

    ran = base.beside()

    assert ran.returncode == 0, ran.stderr
    assert base.versions(*theirs) == before
    assert len(before) == 4
    assert base.versions("fraudray", "sniffio") == {"fraudray": "0.1.0", "sniffio": "1.3.1"}


def test_a_base_image_that_does_not_fit_any_more_fails_the_build_and_says_why(base: Base) -> None:
    base.make_up("vllm", "0.29.0", "Requires-Dist: torch==2.13.0", "Requires-Dist: sniffio<1.3")
    base.make_up("sniffio", "1.2.0")

    ran = base.beside()

    assert ran.returncode == 1
    assert "what the base image holds does not fit any more" in ran.stderr
    assert "`vllm` requires `sniffio<1.3`, but `1.3.1` is installed" in ran.stderr


def test_another_release_of_ray_fails_the_build(base: Base) -> None:
    base.make_up("ray", "2.59.0")

    ran = base.beside()

    assert ran.returncode == 1
    assert "is the base image's Ray the release that pyproject.toml names?" in ran.stderr


def test_a_wrong_call_shows_how_it_is_used() -> None:
    ran = subprocess.run([IMAGES / "install.sh", "packages"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "install.sh beside IMAGE PYTHON DIR" in ran.stderr
