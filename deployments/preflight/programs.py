"""Programs of the image that are asked: `fi_info`, `nvidia-smi`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

DEADLINE_S = 60.0
EFA_BIN = "/opt/amazon/efa/bin"  # where AWS's installer puts them, which is on no PATH by default


@dataclass(frozen=True, slots=True)
class Said:
    """What a program printed; `failed` says in words why it did not end well."""

    output: str
    failed: str | None = None


def ask(command: Sequence[str], *, deadline_s: float = DEADLINE_S) -> Said:
    """Run a program to its end. Never raises for one that is missing, fails or hangs."""
    path = f"{os.environ.get('PATH', os.defpath)}:{EFA_BIN}"
    try:
        ran = subprocess.run(  # noqa: S603 - our own commands, no shell
            command, capture_output=True, text=True, timeout=deadline_s, check=False, env={**os.environ, "PATH": path}
        )
    except FileNotFoundError:
        return Said("", f"there is no {command[0]}")
    except OSError as error:
        return Said("", f"{command[0]} cannot be run: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Said("", f"{' '.join(command)} did not end within {deadline_s:.0f} s")
    if ran.returncode:
        words = (ran.stderr or ran.stdout).strip().splitlines()
        return Said(ran.stdout, f"{command[0]} ended with {ran.returncode}: {words[-1] if words else 'no output'}")
    return Said(ran.stdout)
