"""A model in S3 as moto plays it, behind a gate, and the command that copies it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from fraudray.deployments.model_sync.manifest import manifest_of
from tests.engines.moto import REGION, Moto
from tests.unit.model_sync.gate import Gate

BUCKET, PREFIX = "models", "llm/r1-tiny"
MIB = 1 << 20
WEIGHTS = "model-00001-of-00001.safetensors"


@dataclass(frozen=True)
class Source:
    """The model: its files here, the bucket there."""

    folder: Path
    moto: Moto
    url: str = f"s3://{BUCKET}/{PREFIX}"

    def upload(self, name: str, body: bytes | None = None, **more: str) -> None:
        content = (self.folder / name).read_bytes() if body is None else body
        self.moto.client("s3").put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=content, **more)

    def remove(self, name: str) -> None:
        self.moto.client("s3").delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}")


@pytest.fixture
def source(tmp_path: Path, moto: Moto) -> Source:
    """Weights of 8 ranges of 1 MiB (the last is shorter), a few small files, and their manifest."""
    folder = tmp_path / "source"
    (folder / "tokenizer").mkdir(parents=True)
    (folder / WEIGHTS).write_bytes(Random(7).randbytes(8 * MIB - 12_345))
    (folder / "config.json").write_text('{"model_type": "qwen2"}\n')
    (folder / "tokenizer/tokenizer.json").write_text('{"version": "1.0"}\n')
    (folder / "empty.txt").touch()
    (folder / "SHA256SUMS").write_text(manifest_of(folder).text())
    moto.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    made = Source(folder, moto)
    for path in folder.rglob("*"):
        if path.is_file():
            made.upload(path.relative_to(folder).as_posix())
    return made


@pytest.fixture
def gate(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """What boto3 takes for S3."""
    made = Gate(moto.port, f"{PREFIX}/{WEIGHTS}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    monkeypatch.setenv("AWS_REGION", REGION)
    yield made
    made.close()


def started(*options: str | Path) -> subprocess.Popen[str]:
    """The command, with one worker and ranges of 1 MiB."""
    return subprocess.Popen(
        [sys.executable, "-m", "fraudray.deployments.model_sync", "--workers", "1", "--range-mib", "1", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit code, output and errors."""
    out, errors = process.communicate(timeout=90)
    return process.returncode, out, errors


def ran(*options: str | Path) -> tuple[int, str, str]:
    """The command, to its end."""
    return ended(started(*options))
