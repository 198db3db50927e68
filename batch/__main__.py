"""`python -m fraudray.batch …` is `fraudray backtest …`: the entry point for `ray job submit`."""

from __future__ import annotations

import sys

from fraudray.cli.root import run

if __name__ == "__main__":
    run(["backtest", *sys.argv[1:]])
