"""A plan carried out: the files of a synthetic history in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fraudray.batch.synthetic.columns import Columns
from fraudray.batch.synthetic.days import Days
from fraudray.batch.synthetic.folder import ABOUT, CUSTOMERS, HISTORY, whole
from fraudray.batch.synthetic.parts import write_parts
from fraudray.batch.synthetic.plan import Plan
from fraudray.batch.synthetic.profiles import profile_lines
from fraudray.batch.synthetic.tally import Tally, about
from fraudray.batch.synthetic.world import World


def generate_history(
    plan: Plan, out: Path, *, force: bool = False, done: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Write the history of `plan` to the folder `out`, and give back what `history.json` says.

    `done` is told of rows as they are written, from another thread.

    Raises:
        InputError: `out` cannot be used or written.
    """
    with whole(out, force=force) as folder:
        world, tally = World.build(plan), Tally()
        files = write_parts(folder, Columns(world), tally.watch(Days(world)), done)
        with (folder / CUSTOMERS).open("w", encoding="utf-8", newline="\n") as file:
            registered = 0
            for line in profile_lines(world):
                file.write(line)
                registered += 1
        document = tally.document(world, files, registered)
        (folder / HISTORY).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8", newline="\n")
        (folder / ABOUT).write_text(about(document), encoding="utf-8", newline="\n")
    return document
