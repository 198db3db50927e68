"""The build context: what of the repository .dockerignore lets into a build, and what a builder stage does with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kuberay_images.dockerfile import Dockerfile, Stage

REPOSITORY = Path(__file__).parents[2]
IMAGES = REPOSITORY / "kuberay/images"
NAMES = ("llm", "page", "serve")
ABSOLUTE = re.compile(r"(?<!\S)/([a-z]+)")  # the first folder of each absolute path of a command


def dockerfile(image: str) -> Dockerfile:
    return Dockerfile.read(IMAGES / f"{image}.Dockerfile")


def pyproject() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def locked(name: str) -> dict[tuple[str, str], set[str]]:
    """The hashes of each package and version of a lock."""
    found: dict[tuple[str, str], set[str]] = {}
    package: tuple[str, str] | None = None
    for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines():
        if matched := re.match(r"([a-z0-9-]+)==([^ ;\\]+)", line):
            package = (matched[1], matched[2])
            found[package] = set()
        elif hashed := re.match(r"    --hash=sha256:([0-9a-f]{64})", line):
            assert package is not None
            found[package].add(hashed[1])
    return found


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps a file out: the last pattern that matches it, or a folder above it, decides."""
    ignored = False
    for line in (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#") and _matches(pattern.removeprefix("!"), path):
            ignored = not pattern.startswith("!")
    return ignored


def _matches(pattern: str, path: str) -> bool:
    parts = ("(.*/)?" if part == "**" else re.escape(part).replace(r"\*", "[^/]*") + "/" for part in pattern.split("/"))
    return re.match("".join(parts), path + "/") is not None


@dataclass(frozen=True)
class Built:
    """A stage that was carried out below `root` instead of `/`."""

    root: Path

    def __call__(self, path: str) -> Path:
        return self.root / path.lstrip("/")


def carry_out(stage: Stage, root: Path) -> Built:
    """What the builder would do: COPY from the context, RUN with bash, with `/src` and `/opt` below `root`.

    No other path may occur, so that nothing is written anywhere else.
    """
    built = Built(root)
    folder = root
    for each in stage.instructions:
        if each.word == "WORKDIR":
            folder = built(each.rest)
            folder.mkdir(parents=True, exist_ok=True)
        elif each.word == "COPY":
            assert not each.flags
            _copy(*each.copied, folder)
        else:
            assert each.word == "RUN", each
            assert set(ABSOLUTE.findall(each.rest)) <= {"opt", "src"}, each.rest
            _run(ABSOLUTE.sub(rf"{root}/\1", each.rest), folder, built("/opt/tools"))
    return built


def _copy(sources: tuple[str, ...], destination: str, folder: Path) -> None:
    for source in sources:
        path = REPOSITORY / source
        files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        for file in files:
            name = file.relative_to(REPOSITORY).as_posix()
            if is_ignored(name):
                continue
            inside = file.name if path.is_file() else file.relative_to(path).as_posix()
            target = folder / destination / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, target)


def _run(command: str, folder: Path, tools: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FRAUDRAY_", "PYTHON"))}
    ran = subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**environment, "TOOLS": str(tools)},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
