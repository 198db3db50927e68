"""Draws the README's picture: the three samples, decided for real, as the command line shows them.

python -m fraudray.deployments.picture deployments/images/samples.svg
"""

from __future__ import annotations

import io
import json
import re
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path

from rich.console import Console

from fraudray.bootstrap import App
from fraudray.cli.tables import decisions_table
from fraudray.service import LocalService
from fraudray.settings import load_settings

WIDTH = 150


def main(target: Path) -> None:
    """Decide the samples in a temporary folder and write the table as SVG."""
    text = resources.files("fraudray.data").joinpath("samples.ndjson").read_text(encoding="utf-8")
    samples = [json.loads(line) for line in text.splitlines() if line.strip()]
    with tempfile.TemporaryDirectory() as folder:
        service = LocalService(App(load_settings(data_dir=Path(folder), outbox_dir=Path("/tmp/outbox")), work=False))  # noqa: S108
        for sample in samples:
            service.decide(sample)
        service.app.worker.drain()
        decided = [service.decision(sample["transaction_id"]) for sample in samples]
        service.close()
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(decisions_table(decided))
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = console.export_svg(title=f"make run, {time.strftime('%Y-%m-%d')}")
    # Rich names a font on another host; a README's picture asks no one for anything.
    target.write_text(re.sub(r"@font-face\s*{.*?}", "", picture, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
