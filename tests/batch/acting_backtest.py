"""Stands for `fraudray backtest` where Ray would take too long: takes the same arguments, and writes the same files.

It waits while its store has a file `hold`, and leaves a child in a process group of its own to whoever stops it. From
2090 on there is nothing to measure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("history", type=Path)
    parser.add_argument("--json", action="store_true", required=True)
    for name in ("policy", "out", "progress-file"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("challenger", "from", "to"):
        parser.add_argument(f"--{name}")
    given = vars(parser.parse_args())
    out: Path = given["out"]
    out.mkdir(exist_ok=True)
    child = [sys.executable, "-c", "import time; time.sleep(300)"]
    subprocess.Popen(child, process_group=0)
    given["progress_file"].write_text(json.dumps({"doing": "deciding", "done": 1, "total": 2}))
    while (given["history"] / "hold").exists():
        time.sleep(0.01)
    if (given["from"] or "") >= "2090":
        sys.stderr.write(f"error: {given['history']} has no transaction to measure between these moments\n")
        sys.exit(2)
    with (out / "runs.txt").open("a") as file:
        file.write("ran\n")
    (out / "report.html").write_text("<!doctype html><title>Back-test</title>")
    (out / "figures.json").write_text(json.dumps({"run_id": "bt_acted", "rows": {"all": 7}}))
    text = given["policy"].read_text()
    print(json.dumps({"run_id": "bt_acted", "summary": [["Transactions", "7"], ["Policy", str(len(text))]]}))


if __name__ == "__main__":
    main()
