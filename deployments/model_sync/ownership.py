"""Whose the files and folders are: as FSx for Lustre takes it from S3, and where a file system denies us to write.

The keys and forms are those of AWS, "POSIX metadata support for data repositories" (FSx for Lustre User Guide): user
and group as integers, and the mode as `st_mode` has it, in octal, the file's type before its permissions. A folder is
an object whose key ends with a slash; one without such an object, or whose object says nothing, belongs to root.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fraudray.cli.exits import InputError

FILE_MODE = stat.S_IFREG | 0o644
FOLDER_MODE = stat.S_IFDIR | 0o755
ID_MAX = 2**32 - 2  # chown(2) takes the number above it for "leave it as it is"
_OWNER = re.compile(r"([0-9]{1,10}):([0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class Owner:
    """A user and a group, by number."""

    uid: int
    gid: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `UID:GID`. Raises InputError."""
        matched = _OWNER.fullmatch(text)
        ids = [int(each) for each in matched.groups()] if matched else []
        if not ids or max(ids) > ID_MAX:
            raise InputError(f"--owner: {text} is not UID:GID, two numbers up to {ID_MAX}, such as 1000:1000")
        return cls(*ids)

    def metadata(self, mode: int) -> dict[str, str]:
        """An object's user metadata: this owner, and a mode with its file type."""
        return {"file-owner": str(self.uid), "file-group": str(self.gid), "file-permissions": f"{mode:07o}"}


def denial(folder: Path, error: OSError) -> str | None:
    """Who owns the folder that may not be written, who we are, and what to do; nothing for an error of another kind."""
    if error.errno not in {errno.EACCES, errno.EPERM}:
        return None
    denying, is_at = _existing_folder(Path(error.filename2 or error.filename or folder))  # of a rename, its target
    return (
        f"{denying} belongs to uid {is_at.st_uid}, gid {is_at.st_gid} (mode {stat.S_IMODE(is_at.st_mode):04o}), and "
        f"this process is uid {os.geteuid()}, gid {os.getegid()}: upload the model with "
        "`python -m fraudray.deployments.model_sync upload`, which says who is to own it, or chown the folder once"
    )


def _existing_folder(path: Path) -> tuple[Path, os.stat_result]:
    for folder in (path, *path.absolute().parents):
        try:
            found = folder.stat()
        except OSError:  # not there, or below a folder that cannot be searched: that one denies
            continue
        if stat.S_ISDIR(found.st_mode):
            return folder, found
    raise AssertionError("there is always /")
