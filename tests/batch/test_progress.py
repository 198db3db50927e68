"""How far long work is, told to another program by a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fraudray.batch.history.progress import noted


def test_a_file_tells_what_is_being_done_and_is_not_written_for_every_row(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"

    def told() -> Any:
        found = json.loads(file.read_text())
        return found["doing"], found["done"], found["total"]

    with noted(file, every_s=3600) as watch:
        watch("windows", 1, 3)
        assert told() == ("windows", 1, 3)
        watch("windows", 2, 3)
        assert told() == ("windows", 1, 3)
        watch("windows", 3, 3)
        assert told() == ("windows", 3, 3)
        watch("deciding", 0, 9)
        assert told() == ("deciding", 0, 9)
    with noted(file, every_s=0) as watch:
        watch("deciding", 1, 9)
        watch("deciding", 2, 9)
        assert told() == ("deciding", 2, 9)
    assert [entry.name for entry in tmp_path.iterdir()] == ["progress.json"]


def test_a_file_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    with noted(tmp_path / "nowhere" / "progress.json") as watch:
        watch("deciding", 0, 1)
    assert list(tmp_path.iterdir()) == []
