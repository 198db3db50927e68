"""What a package.json names, installed once beside this environment's packages."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

MISSING = "npm is not installed: sudo apt-get install nodejs npm"


def installed(folder: Path, name: str) -> Path:
    """Install what `folder` locks, if it is not there yet, and return where; skips the test where there is no npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(MISSING)
    files = [folder / name for name in ("package.json", "package-lock.json", ".npmrc")]
    version = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    cache = Path(sys.prefix) / name
    root = cache / version
    if not root.exists():
        cache.mkdir(exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=cache))
        for file in files:
            shutil.copy(file, made)
        ran = subprocess.run([npm, "ci"], cwd=made, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        try:
            made.rename(root)
        except OSError:  # another process of the same run was faster
            shutil.rmtree(made)
            assert root.exists()
    return root
