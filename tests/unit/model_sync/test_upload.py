"""A model is put into S3 as FSx for Lustre imports it, and an upload goes on after a kill."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.model_sync.conftest import BUCKET, MIB, WEIGHTS, Source, ended, ran, started
from tests.unit.model_sync.gate import Gate

PREFIX = "fsx/r1-tiny"
URL = f"s3://{BUCKET}/{PREFIX}"
NAMES = ["config.json", "empty.txt", WEIGHTS, "tokenizer/tokenizer.json", "tokenizer/words/en é.txt"]
FOLDERS = ["", "tokenizer/", "tokenizer/words/"]


@pytest.fixture
def model(source: Source) -> Path:
    """The model's folder, with a folder in a folder, and no SHA256SUMS yet."""
    (source.folder / "tokenizer/words").mkdir()
    (source.folder / "tokenizer/words/en é.txt").write_text("fraud\n")
    (source.folder / "SHA256SUMS").unlink()
    return source.folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metadata(source: Source) -> dict[str, dict[str, str]]:
    """What S3 holds below the prefix, by name, with its user metadata."""
    s3: Any = source.moto.client("s3")
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/").get("Contents", [])]
    return {key.removeprefix(f"{PREFIX}/"): s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] for key in keys}


def sent(gate: Gate) -> list[str]:
    return [key.removeprefix(f"{PREFIX}/") for key in gate.sent]


def test_what_is_uploaded_and_then_copied_is_the_same(model: Path, gate: Gate, tmp_path: Path) -> None:
    code, out, errors = ran("upload", model, URL + "/")
    assert code == 0, errors
    assert out.startswith(f"{URL} is complete: 5 files, ")

    code, out, errors = ran("--from", URL, "--to", tmp_path / "copied", "--json")
    assert code == 0, errors
    copied = files(tmp_path / "copied")
    complete = json.loads(copied.pop(".complete"))
    assert copied == files(model)
    assert sorted(copied) == sorted([*NAMES, "SHA256SUMS"])
    assert complete["files"] == len(NAMES)


def test_folders_come_first_and_the_manifest_last_all_with_what_fsx_asks_for(
    source: Source, model: Path, gate: Gate
) -> None:
    code, out, errors = ran("upload", model, URL, "--json")

    assert code == 0, errors
    assert sent(gate) == [*FOLDERS, *NAMES, "SHA256SUMS"]
    owner = {"file-owner": "1000", "file-group": "1000"}
    digests = {name: hashlib.sha256(body).hexdigest() for name, body in files(model).items()}
    assert metadata(source) == {
        **{name: {**owner, "file-permissions": "0040755"} for name in FOLDERS},
        **{name: {**owner, "file-permissions": "0100644", "sha256": digests[name]} for name in [*NAMES, "SHA256SUMS"]},
    }
    said = json.loads(out)
    size_bytes = sum(len(body) for name, body in files(model).items() if name != "SHA256SUMS")
    assert (said["url"], said["files"], said["size_bytes"], said["sent_bytes"]) == (URL, 5, size_bytes, size_bytes)
    assert (said["sent"], said["others"]) == ([*NAMES, "SHA256SUMS"], [])
    assert said["manifest_sha256"] == digests["SHA256SUMS"]


def test_a_second_run_sends_nothing_and_another_owner_everything(source: Source, model: Path, gate: Gate) -> None:
    assert ran("upload", model, URL)[0] == 0
    gate.sent.clear()
    code, out, errors = ran("upload", model, URL, "--json")
    assert (code, gate.sent, json.loads(out)["sent"], json.loads(out)["sent_bytes"]) == (0, [], [], 0), errors

    code, _, errors = ran("upload", model, URL, "--owner", "2000:3000")
    assert (code, sent(gate)) == (0, [*FOLDERS, *NAMES, "SHA256SUMS"]), errors
    assert {(each["file-owner"], each["file-group"]) for each in metadata(source).values()} == {("2000", "3000")}


def test_after_a_kill_only_what_is_missing_is_sent(source: Source, model: Path, gate: Gate) -> None:
    gate.hold_sent = f"{PREFIX}/{WEIGHTS}"
    process = started("upload", model, URL)
    assert gate.reached.wait(60)
    process.send_signal(signal.SIGKILL)
    assert ended(process)[0] == -signal.SIGKILL
    gate.open()
    assert sorted(metadata(source)) == sorted([*FOLDERS, "config.json", "empty.txt"])

    gate.sent.clear()
    code, out, errors = ran("upload", model, URL, "--json")
    assert code == 0, errors
    assert sent(gate) == json.loads(out)["sent"] == [WEIGHTS, "tokenizer/tokenizer.json", NAMES[-1], "SHA256SUMS"]
    assert "SHA256SUMS" in metadata(source)


def test_an_object_that_somebody_else_put_there_is_sent_again(source: Source, model: Path, gate: Gate) -> None:
    assert ran("upload", model, URL)[0] == 0
    s3 = source.moto.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/config.json", Body=bytes((model / "config.json").stat().st_size))
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/tokenizer/")  # as the console makes a folder: root's
    gate.sent.clear()
    assert ran("upload", model, URL)[0] == 0
    assert sent(gate) == ["tokenizer/", "config.json"]


def test_a_large_file_goes_in_parts_with_the_same_metadata(source: Source, model: Path, gate: Gate) -> None:
    (model / WEIGHTS).write_bytes(bytes(33 * MIB))
    code, _, errors = ran("upload", model, URL)
    assert code == 0, errors
    assert sent(gate).count(WEIGHTS) == 3
    assert metadata(source)[WEIGHTS] == {
        "file-owner": "1000", "file-group": "1000", "file-permissions": "0100644",
        "sha256": hashlib.sha256(bytes(33 * MIB)).hexdigest(),
    }  # fmt: skip
    gate.sent.clear()
    assert ran("upload", model, URL)[0] == 0
    assert gate.sent == []


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("config.json", b'{"model_type": "qwen3"}\n', "error: config.json in {folder} has SHA-256 "),
        ("empty.txt", None, "error: empty.txt is in SHA256SUMS, but not in {folder}: "),
        (".cache/lock", b"", "error: .cache/lock is in {folder}, but not in its SHA256SUMS: "),
    ],
)
def test_a_folder_that_is_not_as_its_manifest_says_is_refused_with_the_files_name(
    name: str, body: bytes | None, said: str, source: Source, model: Path, gate: Gate
) -> None:
    assert ran("manifest", model)[0] == 0
    if body is None:
        (model / name).unlink()
    else:
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_bytes(body)
    code, _, errors = ran("upload", model, URL)

    assert (code, said.format(folder=model) in errors) == (1, True), errors
    assert f"`python -m fraudray.deployments.model_sync manifest {model}`" in errors
    assert gate.sent == []

    assert ran("manifest", model)[0] == 0
    assert ran("upload", model, URL)[0] == 0, "the advice helps"


def test_a_file_that_is_changed_while_it_is_sent_is_named(model: Path, gate: Gate) -> None:
    gate.hold_sent = f"{PREFIX}/{WEIGHTS}"
    process = started("upload", model, URL)
    assert gate.reached.wait(60)
    with (model / WEIGHTS).open("r+b") as weights:
        weights.write(b"other")
    gate.open()
    code, _, errors = ended(process)
    assert (code, f"error: {model / WEIGHTS} was changed while it was sent" in errors) == (1, True), errors
    assert f"{PREFIX}/SHA256SUMS" not in gate.sent


def test_what_else_is_there_is_named_and_stays(source: Source, model: Path, gate: Gate) -> None:
    s3 = source.moto.client("s3")
    for name in ("old.safetensors", "old/"):
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=b"")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}-2/config.json", Body=b"another model's")
    code, out, errors = ran("upload", model, URL, "--json")

    assert (code, json.loads(out)["others"]) == (0, ["old.safetensors", "old/"])
    assert f"old.safetensors is in {URL}, but not in SHA256SUMS; it stays there\n" in errors
    assert {"old.safetensors", "old/"} <= metadata(source).keys()


def test_a_folder_that_the_copy_made_can_be_uploaded(source: Source, model: Path, gate: Gate, tmp_path: Path) -> None:
    assert ran("--from", source.url, "--to", tmp_path / "copied")[0] == 0
    assert (tmp_path / "copied/.complete").exists()
    code, _, errors = ran("upload", tmp_path / "copied", URL)
    assert code == 0, errors
    assert ".complete" not in metadata(source)


@pytest.mark.parametrize("url", ["https://models/r1", "s3://UPPER/model", "s3://models/r1?versionId=1", "s3://[x/r1"])
def test_an_address_of_another_kind_is_told(url: str, model: Path) -> None:
    code, _, errors = ran("upload", model, url)
    assert (code, f"error: {url} is not of the form s3://bucket/prefix" in errors) == (2, True), errors
    assert not (model / "SHA256SUMS").exists()


@pytest.mark.parametrize("url", ["s3://models", "s3://models/", "s3://models/a/../b", "s3://models/a//b"])
def test_an_address_that_no_folder_comes_from_is_told(url: str, model: Path, gate: Gate) -> None:
    code, _, errors = ran("upload", model, url)
    assert (code, f"error: {url.rstrip('/')} names no folder of a bucket" in errors) == (2, True), errors
    assert gate.sent == []


@pytest.mark.parametrize("owner", ["ray:ray", "1000", "-1:0", "1000:4294967295", "1:2:3", ""])
def test_an_owner_that_is_no_pair_of_numbers_is_told(owner: str, model: Path, gate: Gate) -> None:
    code, _, errors = ran("upload", model, URL, "--owner", owner)
    assert (code, f"error: --owner: {owner} is not UID:GID" in errors) == (2, True), errors
    assert gate.sent == []


def test_a_folder_that_is_empty_missing_or_full_of_links_is_told(source: Source, gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, errors = ran("upload", tmp_path / "empty", URL)
    assert (code, f"error: {tmp_path / 'empty'} has no files" in errors) == (2, True), errors
    assert ran("upload", tmp_path / "missing", URL)[0] == 2
    (tmp_path / "empty/model.safetensors").symlink_to(source.folder / WEIGHTS)
    code, _, errors = ran("upload", tmp_path / "empty", URL)
    assert (code, "is a link or no plain file" in errors) == (2, True), errors
    assert gate.sent == []


def test_a_manifest_that_is_no_text_is_told(model: Path, gate: Gate) -> None:
    (model / "SHA256SUMS").write_bytes(b"\xff\xfe")
    code, _, errors = ran("upload", model, URL)
    assert (code, f"error: {model / 'SHA256SUMS'} is not UTF-8 text" in errors) == (2, True), errors


def test_a_bucket_that_is_not_there_is_told(model: Path, gate: Gate) -> None:
    code, _, errors = ran("upload", model, "s3://no-such-bucket/r1")
    assert (code, "error: cannot list in s3://no-such-bucket/r1: " in errors) == (5, True), errors
    assert "NoSuchBucket" in errors
    assert "(is its name right?)" in errors


@pytest.mark.parametrize(
    ("method", "doing"),
    [("GET", "list"), ("PUT", "write the folder"), ("HEAD", "look at the folder"), ("POST", f"write {WEIGHTS}")],
)
def test_who_may_not_is_told_which_rights_it_takes(method: str, doing: str, model: Path, gate: Gate) -> None:
    (model / WEIGHTS).write_bytes(bytes(17 * MIB))  # in parts, which begin with a POST
    if method == "HEAD":
        assert ran("upload", model, URL)[0] == 0
    gate.refusals[method] = "AccessDenied"
    code, _, errors = ran("upload", model, URL)
    assert (code, f"error: cannot {doing} in {URL}: " in errors) == (5, True), errors
    assert "needs s3:ListBucket on the bucket and s3:GetObject on its objects, to upload s3:PutObject as well" in errors


def test_without_credentials_it_is_told_where_they_come_from(
    model: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, _, errors = ran("upload", model, URL)
    assert (code, "Unable to locate credentials (set AWS_PROFILE" in errors) == (5, True), errors


def test_a_file_that_cannot_be_read_is_told(model: Path, gate: Gate) -> None:
    shutil.rmtree(model / "tokenizer")
    os.mkfifo(model / "tokenizer")
    code, _, errors = ran("upload", model, URL)
    assert (code, f"error: {model / 'tokenizer'} is a link or no plain file" in errors) == (2, True), errors


def test_the_help_tells_how_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, out, _ = ran("upload", "--help")
    assert code == 0
    said = " ".join(out.replace("│", " ").split())
    assert "python -m fraudray.deployments.model_sync upload [OPTIONS] {folder} {s3://BUCKET/PREFIX}" in said
    assert "Put a model into S3 as FSx for Lustre imports it" in said
    assert "SHA256SUMS is written where there is none" in said
    for option in ("--region", "--owner", "[default: 1000:1000]", "--workers", "--json"):
        assert option in said, option
    code, out, _ = ran("--help")
    assert (code, "upload" in out, "manifest" in out) == (0, True, True)
