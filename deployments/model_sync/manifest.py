"""SHA256SUMS: which files belong to a model, and the SHA-256 of each. The format is that of coreutils' sha256sum."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from fraudray.cli.exits import InputError
from fraudray.cli.session import read_text
from fraudray.deployments.model_sync.errors import Damaged

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
    if is_ours(name):
        raise InputError(f"{name!r} is a name that the copy itself uses; give the file another")


def is_ours(name: str) -> bool:
    """Whether it is one of the names that the copy itself uses in a model's folder."""
    first = PurePosixPath(name).parts[0]
    return first in {".part", ".lock", ".complete", NAME} or first.startswith(".lock.")


def digest_of(path: Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def names_of(folder: Path) -> list[str]:
    """All files of a folder but its manifest, sorted. Raises InputError for links and special files, OSError."""
    names = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name == NAME or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            raise InputError(f"{path} is a link or no plain file; put the file itself there")
        names.append(name)
    return names


def manifest_of(folder: Path) -> Manifest:
    """The manifest of all files of a folder. Raises InputError for links and special files, OSError."""
    names = names_of(folder)
    if not names:
        raise InputError(f"{folder} has no files")
    return Manifest({name: digest_of(folder / name) for name in names})


def write_manifest(folder: Path) -> Manifest:
    """Make the manifest of a folder, and write it there. Raises InputError, OSError."""
    made = manifest_of(folder)
    (folder / NAME).write_text(made.text(), encoding="utf-8")
    return made


def checked_manifest(folder: Path) -> Manifest:
    """The manifest that lies in a folder, after every file was read and is what it says.

    Raises Damaged with the name of the first file that differs, is missing, or is not listed; InputError, OSError.
    """
    kept = Manifest.parse(read_text(folder / NAME))
    anew = (
        "bring the right files, or write the manifest anew: "
        f"`python -m fraudray.deployments.model_sync manifest {folder}`"
    )
    names = set(names_of(folder))
    if unlisted := sorted(name for name in names - kept.digests.keys() if not is_ours(name)):
        raise Damaged(f"{unlisted[0]} is in {folder}, but not in its {NAME}: {anew}")
    for name, digest in kept.digests.items():
        if name not in names:
            raise Damaged(f"{name} is in {NAME}, but not in {folder}: {anew}")
        found = digest_of(folder / name)
        if found != digest:
            raise Damaged(f"{name} in {folder} has SHA-256 {found}, but its {NAME} says {digest}: {anew}")
    return kept
