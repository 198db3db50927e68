"""Owners as FSx takes them from S3, and what is said where a file system denies the copy its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.deployments.model_sync.ownership import FILE_MODE, FOLDER_MODE, ID_MAX, Owner
from tests.unit.model_sync.conftest import Source, ran
from tests.unit.model_sync.gate import Gate

IDS = st.integers(0, ID_MAX)


@given(IDS, IDS)
def test_an_owner_is_read_and_written_as_plain_numbers(uid: int, gid: int) -> None:
    written = Owner.parse(f"{uid}:{gid}").metadata(FILE_MODE)
    assert written == {"file-owner": str(uid), "file-group": str(gid), "file-permissions": "0100644"}


def test_modes_are_those_that_stat_finds(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "file").chmod(0o644)
    tmp_path.chmod(0o755)
    for path, mode in ((tmp_path / "file", FILE_MODE), (tmp_path, FOLDER_MODE)):
        assert path.stat().st_mode == mode == int(Owner(0, 0).metadata(mode)["file-permissions"], 8)


def denied(folder: Path) -> str:
    """Make it a folder that the command may not write, somebody else's where we may give it away; what is said of it.

    As root, `copied` runs without root's capabilities, hence with no more rights than another user.
    """
    folder.mkdir(parents=True)
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.chown(folder, 1234, 2345)
    found = folder.stat()
    return (
        f"{folder} belongs to uid {found.st_uid}, gid {found.st_gid} (mode 0555), and this process is uid "
        f"{os.geteuid()}, gid {os.getegid()}: upload the model with "
        "`python -m fraudray.deployments.model_sync upload`, which says who is to own it, or chown the folder once\n"
    )


def copied(url: str, folder: Path) -> tuple[int, str]:
    """The copy's exit code and errors."""
    plainly = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [sys.executable, "-m", "fraudray.deployments.model_sync", "--from", url, "--to", folder]
    ended = subprocess.run([*plainly, *command], capture_output=True, text=True, timeout=90, check=False)
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("target", ["model", "model/not/there/yet"])
def test_a_folder_of_somebody_elses_is_told_with_its_owner_and_what_to_do(
    target: str, source: Source, gate: Gate, tmp_path: Path
) -> None:
    said = denied(tmp_path / "model")
    code, errors = copied(source.url, tmp_path / target)
    assert code == 5
    assert errors.endswith(f"Permission denied; {said}"), errors
    assert f"error: cannot write into {tmp_path / target}: " in errors


def test_so_is_a_folder_in_a_folder_where_only_the_last_step_fails(source: Source, gate: Gate, tmp_path: Path) -> None:
    said = denied(tmp_path / "model/tokenizer")
    code, errors = copied(source.url, tmp_path / "model")
    assert code == 5
    assert errors.endswith(f"Permission denied; {said}"), errors


def test_an_error_of_another_kind_says_nothing_of_owners(source: Source, gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, errors = ran("--from", source.url, "--to", tmp_path / "file/model")
    assert (code, "Not a directory" in errors, "belongs to" in errors) == (5, True, False), errors
