"""The command line with a terminal to ask on, as people have one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Told:
    """How it ended, and what it told."""

    code: int
    text: str


def on_terminal(*arguments: str, answer: str) -> Told:
    """`fraudray cluster …` in a process of its own, whose standard input is a terminal on which `answer` is typed."""
    program = Path(sys.executable).with_name("fraudray")
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode() + b"\n")  # waits in the terminal until it is read
        done = subprocess.run(
            [program, "cluster", *arguments], stdin=theirs, capture_output=True, text=True, timeout=120, check=False
        )
    finally:
        os.close(theirs)
        os.close(ours)
    return Told(done.returncode, done.stdout + done.stderr)
