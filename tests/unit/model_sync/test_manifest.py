"""SHA256SUMS: written and read as coreutils does, and no name in it leads anywhere else."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudray.cli.exits import InputError
from fraudray.deployments.model_sync.manifest import Manifest, manifest_of

DIGEST = hashlib.sha256(b"").hexdigest()
PART = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,12}", fullmatch=True)
NAMES = st.lists(PART, min_size=1, max_size=3).map("/".join)


@given(st.dictionaries(NAMES, st.binary(min_size=32, max_size=32).map(bytes.hex), min_size=1, max_size=8))
def test_what_is_written_is_read_again(digests: dict[str, str]) -> None:
    manifest = Manifest(digests)
    again = Manifest.parse(manifest.text())
    assert again.digests == digests
    assert again.digest == manifest.digest == hashlib.sha256(manifest.text().encode()).hexdigest()


@pytest.mark.parametrize(
    "name",
    [
        "../outside", "a/../../outside", "/etc/passwd", "a//b", "./a", "a/", "a/./b", "..", ".", "a\\..\\b", "a\nb",
        "\x1b[2Jx", ".complete", ".lock", ".lock.abc", ".part/bytes/x", "SHA256SUMS",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_or_into_the_copys_own_files_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"not a plain relative name|a name that the copy itself uses"):
        Manifest({"config.json": DIGEST, name: DIGEST})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lists no file"),
        (f"{DIGEST}  a\n{DIGEST.upper()}  b\n", "line 2"),
        (f"{DIGEST[:40]}  a\n", "line 1"),
        (f"{DIGEST}  a\n{'0' * 64}  a\n", "line 2: a is listed twice"),
        (f"{DIGEST}  ../a\n", "not a plain relative name"),
        ("\\" + f"{DIGEST}  a\\nb\n", "line 1"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Manifest.parse(text)


def test_sha256sum_itself_agrees_with_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "sub folder").mkdir()
    (tmp_path / "sub folder/weights é.bin").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "SHA256SUMS").write_text(manifest_of(tmp_path).text(), encoding="utf-8")
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert len(checked.stdout.splitlines()) == 2
    written = subprocess.run(
        ["sha256sum", "config.json", "sub folder/weights é.bin"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Manifest.parse(written.stdout).digests == manifest_of(tmp_path).digests


def test_links_are_no_files_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="is a link"):
        manifest_of(tmp_path)
