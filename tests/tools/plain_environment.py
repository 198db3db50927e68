"""An environment of its own, with fraudray in it, that a test may install into."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from fraudray.settings import PREFIX


@dataclass(frozen=True)
class PlainEnvironment:
    """A virtual environment that sees this one's packages. `run` gives standard output; a failure is shown whole."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> PlainEnvironment:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
        made = cls(root)
        paths = sysconfig.get_paths(vars={"base": str(root), "platbase": str(root)}, scheme="venv")
        ours = sysconfig.get_paths()["purelib"]
        # With site's own function, so that editable installs in it are found too.
        (Path(paths["purelib"]) / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        script = made.bin / "fraudray"
        script.write_text(f"#!{made.bin / 'python'}\nfrom fraudray.cli import main\nmain()\n")
        script.chmod(0o755)
        return made

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    def environment(self, **more: str) -> dict[str, str]:
        """Variables in which this environment is the active one and nothing of fraudray is set."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "PYTHONPATH"))}
        path = f"{self.bin}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return kept | {"PATH": path, "VIRTUAL_ENV": str(self.root), **more}

    def run(self, *command: str | Path, cwd: Path, timeout: int = 120, **more: str) -> str:
        ran = subprocess.run(
            command, cwd=cwd, env=self.environment(**more), capture_output=True, text=True, timeout=timeout, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def install(self, package: Path) -> None:
        """Install a package and nothing that it needs, without a network."""
        uv = Path(sys.executable).with_name("uv")
        python = str(self.bin / "python")
        self.run(uv, "pip", "install", "--offline", "--no-deps", "--python", python, package, cwd=package, timeout=60)
