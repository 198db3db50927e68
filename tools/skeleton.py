"""`fraudray tools new`: a package with evidence or scoring of one's own that works, to begin from."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources, util
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from jinja2 import Environment, StrictUndefined

from fraudray.cli.exits import InputError
from fraudray.domain.evidence import LISTS, READ_TOOLS
from fraudray.policy.source import default_policy_text

Kind = Literal["python", "mcp", "scoring"]
NAME_MAX = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SUFFIX = ".j2"
_POLICY_PARTS = ("policy.evidence", "policy.rule")
_TEXT = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - no HTML


@dataclass(frozen=True, slots=True)
class _Facts:
    """What differs between the kinds, beside their files."""

    description: str
    group: str
    target: str
    dependencies: tuple[str, ...]


_KINDS: dict[Kind, _Facts] = {
    "python": _Facts("Evidence", "fraudray.evidence", "evidence:Evidence", ("fraudray",)),
    "mcp": _Facts("Evidence by MCP", "", "", ("mcp>=2.3,<3", "pydantic>=2", "starlette", "uvicorn")),
    "scoring": _Facts("Scoring", "fraudray.scoring", "score:score", ("fraudray",)),
}


def name_problem(name: str) -> str | None:
    """Why `name` cannot be a package's, or None."""
    package = name.replace("-", "_")
    if not _NAME.fullmatch(name) or len(name) > NAME_MAX:
        return f"{name[:80]!r} is not lower-case letters and digits, words joined by -, at most {NAME_MAX} characters"
    if keyword.iskeyword(package) or package in sys.stdlib_module_names:
        return f"{name} is a word or module of Python"
    if name in READ_TOOLS or name == LISTS:
        return f"{name} is what fraudray calls evidence of its own"
    if util.find_spec(package) is not None:
        return f"a package {package} is installed already"
    return None


def write_skeleton(name: str, folder: Path, kind: Kind) -> list[Path]:
    """Write the package `name` into `folder`/`name` and give its files. Raises InputError; nothing is overwritten."""
    problem = name_problem(name)
    if problem:
        raise InputError(problem)
    root = folder / name
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        root.mkdir()
        for path, text in skeleton(name, kind):
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            written.append(file)
    except FileExistsError as error:
        raise InputError(f"{error.filename} exists already; choose another name or --dir") from None
    except OSError as error:
        raise InputError(f"{error.filename} cannot be written: {error.strerror}") from None
    return written


def skeleton(name: str, kind: Kind) -> Iterator[tuple[str, str]]:
    """The files of a package: path and text of each."""
    facts, package = _KINDS[kind], name.replace("-", "_")
    values = {
        "name": name, "package": package, "env": package.upper(), "description": facts.description,
        "group": facts.group, "target": facts.target, "dependencies": facts.dependencies,
    }  # fmt: skip
    files = {
        path: _TEXT.from_string(text).render(values)
        for part in ("common", kind)
        for path, text in _files(resources.files("fraudray.tools") / "skeletons" / part)
    }
    section, rule = (files.pop(part) for part in _POLICY_PARTS)
    yield "policy.yaml", _policy(name, section, rule)
    for path, text in files.items():
        yield path.replace("PACKAGE", package), text


def _files(folder: Traversable, before: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{before}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield before + entry.name.removesuffix(_SUFFIX), entry.read_text(encoding="utf-8")


def _policy(name: str, section: str, rule: str) -> str:
    """The default policy with the additions, so that it decides at once."""
    text = default_policy_text()
    family = f"  {name.replace('-', '_')}: {{cap: 50}}\n"
    for old, new in (
        ("# The default policy: card and wallet payments.\n", f"# fraudray's default policy with {name}.\n"),
        ("# yaml-language-server: $schema=./policy.schema.json\n", ""),
        ("name: card-payments\n", f"name: {name}\n"),
        ("\nfamilies:\n", f"\n{section}\nfamilies:\n{family}"),
        ("\nrules:\n", f"\nrules:\n{rule}"),
    ):
        assert text.count(old) == 1, old  # noqa: S101 - the packaged policy is ours
        text = text.replace(old, new)
    return text
