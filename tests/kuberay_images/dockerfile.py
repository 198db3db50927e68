"""A strict reader of Dockerfiles, for the part of the language that ours use (Dockerfile reference, docs.docker.com).

Instructions with line continuations, stages, flags. What it does not know (heredocs, parser directives, ONBUILD) it
refuses, so that nothing goes unchecked.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = frozenset(
    {
        "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN", "SHELL", "USER",
        "WORKDIR",
    }
)  # fmt: skip
_FLAG = re.compile(r"--[a-z-]+(=\S+)?\s+")
_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=", re.IGNORECASE)


@dataclass(frozen=True)
class Instruction:
    """One instruction; `flags` are those before its arguments, such as `--from=builder`."""

    line: int
    word: str
    flags: tuple[str, ...]
    rest: str

    @property
    def pairs(self) -> dict[str, str]:
        """NAME=VALUE of ENV and LABEL; of ARG too, where a missing value is the empty text with no `=`."""
        return dict(part.partition("=")[::2] for part in shlex.split(self.rest))

    @property
    def copied(self) -> tuple[tuple[str, ...], str]:
        """Sources and destination of COPY."""
        *sources, destination = shlex.split(self.rest)
        return tuple(sources), destination

    @property
    def exec_form(self) -> list[str]:
        """The words of CMD or ENTRYPOINT, which must be a JSON array: a shell would swallow signals."""
        words = json.loads(self.rest)
        assert isinstance(words, list)
        return words


@dataclass(frozen=True)
class Stage:
    """All from one FROM to the next."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        """Its instructions of one kind."""
        return [each for each in self.instructions if each.word == word]


@dataclass(frozen=True)
class Dockerfile:
    """A whole file."""

    args: dict[str, str | None]
    """ARGs before the first FROM, with their defaults."""
    stages: list[Stage]

    @classmethod
    def read(cls, path: Path) -> Dockerfile:
        """Raises ValueError for what it does not know."""
        args: dict[str, str | None] = {}
        stages: list[Stage] = []
        for each in _instructions(path.read_text(encoding="utf-8")):
            if each.word == "FROM":
                matched = re.fullmatch(r"(\S+) AS ([a-z]+)", each.rest)
                if matched is None:
                    raise ValueError(f"line {each.line}: every stage has a name: FROM … AS name")
                stages.append(Stage(matched[1], matched[2]))
            elif stages:
                stages[-1].instructions.append(each)
            elif each.word == "ARG":
                name, equals, default = each.rest.partition("=")
                args[name] = default if equals else None
            else:
                raise ValueError(f"line {each.line}: {each.word} before the first FROM")
        return cls(args, stages)

    @property
    def final(self) -> Stage:
        """What the image is."""
        return self.stages[-1]


def _instructions(text: str) -> list[Instruction]:
    found: list[Instruction] = []
    began, gathered = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            if _DIRECTIVE.match(line):
                raise ValueError(f"line {number}: parser directives are not read here")
            continue
        if not gathered:
            if not line.strip():
                continue
            began = number
        gathered += line.rstrip("\\").strip() + " "
        if not line.endswith("\\"):
            found.append(_instruction(began, gathered.strip()))
            gathered = ""
    if gathered:
        raise ValueError(f"line {began}: continued beyond the end")
    return found


def _instruction(line: int, text: str) -> Instruction:
    word, _, rest = text.partition(" ")
    if word not in KNOWN:
        raise ValueError(f"line {line}: {word} is not read here")
    if "<<" in rest:
        raise ValueError(f"line {line}: heredocs are not read here")
    flags = []
    rest = rest.strip()
    while word in {"COPY", "RUN"} and (flag := _FLAG.match(rest)):
        flags.append(flag.group().strip())
        rest = rest[flag.end() :]
    return Instruction(line, word, tuple(flags), rest)
