"""A model is copied once, whole or not at all, and goes on after a kill."""

from __future__ import annotations

import base64
import hashlib
import json
import signal
from pathlib import Path

import pytest

from tests.unit.model_sync.conftest import MIB, WEIGHTS, Source, ended, ran, started
from tests.unit.model_sync.gate import Gate

RANGES = 8


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_files_arrive_and_a_second_run_fetches_nothing(source: Source, gate: Gate, tmp_path: Path) -> None:
    target = tmp_path / "fsx/r1-tiny"
    code, out, errors = ran("--from", source.url, "--to", target, "--json")

    assert code == 0, errors
    said = json.loads(out)
    copied = files(target)
    complete = json.loads(copied.pop(".complete"))
    assert copied == files(source.folder)
    assert (said["files"], said["fetched_bytes"]) == (4, sum(map(len, copied.values())) - len(copied["SHA256SUMS"]))
    assert complete["manifest_sha256"] == hashlib.sha256(copied["SHA256SUMS"]).hexdigest() == said["manifest_sha256"]
    assert len(gate.ranges) == RANGES

    code, out, _ = ran("--from", source.url + "/", "--to", target, "--json")
    assert (code, json.loads(out)["fetched_bytes"], len(gate.ranges)) == (0, 0, RANGES)


def test_after_a_kill_in_the_middle_of_a_file_only_the_rest_is_fetched(
    source: Source, gate: Gate, tmp_path: Path
) -> None:
    target = tmp_path / "model"
    gate.hold_from = 4  # with one worker the third range is on record when the fourth is asked for
    process = started("--from", source.url, "--to", target)
    assert gate.reached.wait(60)
    process.send_signal(signal.SIGKILL)
    assert ended(process)[0] == -signal.SIGKILL
    assert not (target / WEIGHTS).exists()
    assert not (target / ".complete").exists()

    gate.hold_from = None
    gate.open()
    gate.ranges.clear()
    code, _, errors = ran("--from", source.url, "--to", target)

    assert code == 0, errors
    assert gate.ranges == [
        f"bytes={start * MIB}-{min((start + 1) * MIB, 8 * MIB - 12_345) - 1}" for start in range(3, RANGES)
    ]
    copied = files(target)
    copied.pop(".complete")
    assert copied == files(source.folder)
    assert not (target / ".part").exists()


def test_bytes_of_a_file_that_was_replaced_between_two_runs_are_not_mixed(
    source: Source, gate: Gate, tmp_path: Path
) -> None:
    target = tmp_path / "model"
    gate.hold_from = 4
    process = started("--from", source.url, "--to", target)
    assert gate.reached.wait(60)
    process.kill()
    ended(process)
    (source.folder / WEIGHTS).write_bytes(bytes(8 * MIB - 12_345))
    ran("manifest", source.folder)
    source.upload(WEIGHTS)
    source.upload("SHA256SUMS")

    gate.hold_from = None
    gate.open()
    gate.ranges.clear()
    code, _, errors = ran("--from", source.url, "--to", target)

    assert code == 0, errors
    assert len(gate.ranges) == RANGES
    assert files(target)[WEIGHTS] == bytes(8 * MIB - 12_345)


def test_a_file_that_is_replaced_during_the_copy_is_named(source: Source, gate: Gate, tmp_path: Path) -> None:
    gate.hold_from = 4
    process = started("--from", source.url, "--to", tmp_path / "model")
    assert gate.reached.wait(60)
    source.upload(WEIGHTS, bytes(8 * MIB - 12_345))
    gate.open()
    code, _, errors = ended(process)

    assert code == 1
    assert f"error: {WEIGHTS} in {source.url} was replaced or removed during the copy" in errors
    assert not (tmp_path / "model/.complete").exists()


def test_a_flipped_bit_on_the_way_is_an_error_that_names_the_file(source: Source, gate: Gate, tmp_path: Path) -> None:
    gate.spoil = lambda body: body[:1000] + bytes([body[1000] ^ 1]) + body[1001:]
    target = tmp_path / "model"
    code, _, errors = ran("--from", source.url, "--to", target)

    assert code == 1
    assert f"error: {WEIGHTS} in {source.url} has SHA-256" in errors
    assert not (target / WEIGHTS).exists()
    assert not (target / ".complete").exists()

    gate.spoil = lambda body: body
    assert ran("--from", source.url, "--to", target)[0] == 0, "the spoilt bytes were thrown away"


def test_a_damaged_file_in_s3_is_an_error_that_names_it(source: Source, gate: Gate, tmp_path: Path) -> None:
    source.upload("config.json", b'{"model_type": "qwen3"}\n')
    code, _, errors = ran("--from", source.url, "--to", tmp_path / "model")
    assert code == 1
    assert f"error: config.json in {source.url} has SHA-256" in errors


def test_an_answer_that_breaks_off_is_asked_for_again_from_there(source: Source, gate: Gate, tmp_path: Path) -> None:
    cut = iter([300_000])
    gate.spoil = lambda body: body[: next(cut, len(body))]
    gate.promise = MIB - 300_000
    code, _, errors = ran("--from", source.url, "--to", tmp_path / "model")

    assert code == 0, errors
    assert gate.ranges[:2] == [f"bytes=0-{MIB - 1}", f"bytes=300000-{MIB - 1}"]


def test_two_at_once_the_second_refuses_or_waits_and_then_fetches_nothing(
    source: Source, gate: Gate, tmp_path: Path
) -> None:
    target = tmp_path / "model"
    gate.hold_from = 2
    first = started("--from", source.url, "--to", target, "--json")
    assert gate.reached.wait(60)

    code, _, errors = ran("--from", source.url, "--to", target, "--wait-s", "0")
    assert code == 4
    assert f"process {first.pid} on " in errors
    second = started("--from", source.url, "--to", target, "--json")
    assert second.stderr is not None
    assert f"waiting for process {first.pid} on " in second.stderr.readline()
    gate.open()

    first_ended, second_ended = ended(first), ended(second)
    assert (first_ended[0], second_ended[0]) == (0, 0), first_ended[2] + second_ended[2]
    assert json.loads(second_ended[1])["fetched_bytes"] == 0
    assert len(gate.ranges) == RANGES


def test_without_a_manifest_s3s_own_sha256_of_whole_objects_is_taken(
    source: Source, gate: Gate, tmp_path: Path
) -> None:
    source.remove("SHA256SUMS")
    code, _, errors = ran("--from", source.url, "--to", tmp_path / "model")
    assert code == 2
    assert "has no SHA256SUMS, and S3 has no SHA-256 of the whole of" in errors

    for name, body in files(source.folder).items():
        if name != "SHA256SUMS":
            source.upload(
                name,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
            )
    code, _, errors = ran("--from", source.url, "--to", tmp_path / "model")
    assert code == 0, errors
    copied = files(tmp_path / "model")
    assert {name: copied[name] for name in files(source.folder)} == files(source.folder)


@pytest.mark.parametrize("with_manifest", [True, False])
def test_folders_own_objects_are_no_files(with_manifest: bool, source: Source, gate: Gate, tmp_path: Path) -> None:
    for name in ("", "tokenizer/", "left/"):
        source.upload(name, b"")
    kept = files(source.folder)
    if not with_manifest:
        source.remove("SHA256SUMS")
        for name in kept.keys() - {"SHA256SUMS"}:
            source.upload(name, ChecksumAlgorithm="SHA256")
    code, out, errors = ran("--from", source.url, "--to", tmp_path / "model", "--json")
    assert (code, json.loads(out or "{}").get("files")) == (0, 4), errors
    copied = files(tmp_path / "model")
    assert {name: copied[name] for name in kept} == kept
    assert not (tmp_path / "model/left").exists()


def test_a_file_of_the_manifest_that_is_not_there_is_named(source: Source, gate: Gate, tmp_path: Path) -> None:
    source.remove("config.json")
    code, _, errors = ran("--from", source.url, "--to", tmp_path / "model")
    assert (code, "error: config.json is in SHA256SUMS, but not in" in errors) == (1, True)


def test_a_name_that_leads_out_of_the_folder_copies_nothing(source: Source, gate: Gate, tmp_path: Path) -> None:
    source.upload("SHA256SUMS", f"{hashlib.sha256(b'').hexdigest()}  ../../escaped\n".encode())
    code, _, errors = ran("--from", source.url, "--to", tmp_path / "deep/model")
    assert code == 2
    assert "'../../escaped' is not a plain relative name" in errors
    assert not (tmp_path / "deep").exists()


def test_another_model_in_the_folder_is_left_alone(source: Source, gate: Gate, tmp_path: Path) -> None:
    target = tmp_path / "model"
    assert ran("--from", source.url, "--to", target)[0] == 0
    before = files(target)
    source.upload("SHA256SUMS", (source.folder / "SHA256SUMS").read_bytes().splitlines(keepends=True)[0])
    code, _, errors = ran("--from", source.url, "--to", target)
    assert (code, "holds another model" in errors) == (4, True)
    assert files(target) == before


def test_verify_finds_a_flipped_bit_a_cut_and_a_missing_file_without_s3(
    source: Source, gate: Gate, tmp_path: Path
) -> None:
    target = tmp_path / "model"
    assert ran("--from", source.url, "--to", target)[0] == 0
    gate.close()
    assert ran("--to", target, "--verify")[:2] == (0, f"{target} is whole\n")

    with (target / WEIGHTS).open("r+b") as weights:
        weights.seek(5 * MIB)
        byte = weights.read(1)
        weights.seek(5 * MIB)
        weights.write(bytes([byte[0] ^ 0x40]))
    (target / "config.json").write_bytes(b"{")
    (target / "empty.txt").unlink()
    code, out, _ = ran("--to", target, "--verify", "--json")
    assert code == 1
    said = json.loads(out)
    assert said["whole"] is False
    assert [line.split()[0] for line in said["damage"]] == ["config.json", "empty.txt", WEIGHTS]


def test_a_file_that_was_cut_is_fetched_again_and_no_other(source: Source, gate: Gate, tmp_path: Path) -> None:
    target = tmp_path / "model"
    assert ran("--from", source.url, "--to", target)[0] == 0
    gate.ranges.clear()
    (target / "config.json").write_bytes(b"{")
    code, out, errors = ran("--from", source.url, "--to", target, "--json")
    assert code == 0, errors
    assert json.loads(out)["fetched_bytes"] == len(files(source.folder)["config.json"])
    assert gate.ranges == []
    assert ran("--to", target, "--verify")[0] == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from", "https://example.com/model"], "is not of the form s3://bucket/prefix"),
        (["--from", "s3://UPPER/model"], "is not of the form s3://bucket/prefix"),
        (["--verify"], "holds no complete model"),
        ([], "--from names where the model is"),
    ],
)
def test_wrong_usage_is_told_and_touches_nothing(options: list[str], said: str, tmp_path: Path) -> None:
    code, _, errors = ran(*options, "--to", tmp_path / "model")
    assert (code, said in errors) == (2, True), errors
    assert not (tmp_path / "model").exists()


def test_an_empty_prefix_and_a_missing_bucket_are_told(source: Source, gate: Gate, tmp_path: Path) -> None:
    code, _, errors = ran("--from", source.url + "-typo", "--to", tmp_path / "model")
    assert (code, f"there is nothing under {source.url}-typo/" in errors) == (5, True)
    code, _, errors = ran("--from", "s3://no-such-bucket/x", "--to", tmp_path / "model")
    assert (code, "NoSuchBucket" in errors) == (5, True)
