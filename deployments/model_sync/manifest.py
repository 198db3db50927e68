"""SHA256SUMS: which files belong to a model, and the SHA-256 of each. The format is that of coreutils' sha256sum."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from fraudray.cli.exits import InputError

NAME = "SHA256SUMS"
FILES_MAX = 100_000
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


class Manifest:
    """Relative names with their digests, in lower-case hexadecimal. Raises InputError for a name that is not safe."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        if not digests:
            raise InputError(f"{NAME} lists no file")
        if len(digests) > FILES_MAX:
            raise InputError(f"{NAME} lists more than {FILES_MAX:,} files")
        for name in digests:
            check_name(name)
        self.digests = dict(sorted(digests.items()))

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Read a manifest. Raises InputError with the line that is wrong."""
        digests: dict[str, str] = {}
        for number, line in enumerate(text.splitlines(), 1):
            matched = _LINE.fullmatch(line)
            if matched is None:
                raise InputError(f"{NAME}, line {number}: not a SHA-256 in lower case, two blanks and a name")
            digest, name = matched.groups()
            if digests.setdefault(name, digest) != digest:
                raise InputError(f"{NAME}, line {number}: {name} is listed twice, with different digests")
        return cls(digests)

    def text(self) -> str:
        """The manifest as it is written, sorted by name."""
        return "".join(f"{digest}  {name}\n" for name, digest in self.digests.items())

    @property
    def digest(self) -> str:
        """SHA-256 of that text: the identity of the model."""
        return hashlib.sha256(self.text().encode()).hexdigest()


def check_name(name: str) -> None:
    """Raises InputError for a name that could lead out of the folder, or into our own files in it."""
    path = PurePosixPath(name)
    plain = bool(path.parts) and not path.is_absolute() and ".." not in path.parts and str(path) == name
    if not plain or "\\" in name or not name.isprintable():
        raise InputError(f"{name!r} is not a plain relative name; it is not copied")
    if path.parts[0] in {".part", ".lock", ".complete", NAME} or path.parts[0].startswith(".lock."):
        raise InputError(f"{name!r} is a name that the copy itself uses; give the file another")


def digest_of(path: Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_of(folder: Path) -> Manifest:
    """The manifest of all files of a folder. Raises InputError for links and special files, OSError."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name == NAME or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            raise InputError(f"{path} is a link or no plain file; put the file itself there")
        digests[name] = digest_of(path)
    if not digests:
        raise InputError(f"{folder} has no files")
    return Manifest(digests)
