"""What the engine answered, as it came: files of a few rows each, written by whoever had them, in any order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
from pyarrow import parquet

from fraudray.agent.apart import Answered
from fraudray.batch.investigate.plan import TRIES
from fraudray.domain.investigation import FallbackReason
from fraudray.ports.llm import TokenCount

SCHEMA = pa.schema(
    [
        ("row", pa.int64()), ("step", pa.int32()), ("round", pa.int32()), ("text", pa.string()),
        ("finish", pa.string()), ("prompt_tokens", pa.int32()), ("completion_tokens", pa.int32()),
        ("reasoning_tokens", pa.int32()), ("failed", pa.string()), ("ended_s", pa.float64()), ("took_s", pa.float64()),
    ]
)  # fmt: skip
"""step: which of the row's round trips, from 1; failed: why there is no text, empty where there is; ended_s: Unix time;
took_s: within the engine."""
UNFIT = "unfit"
"""The finish of what is not even asked."""
LOST = "the engine ended while it was asked"


@dataclass(frozen=True, slots=True)
class Record:
    """One row of such a file."""

    row: int
    step: int
    round: int
    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    failed: str
    ended_s: float
    took_s: float

    def answered(self) -> Answered:
        """As the agent takes it."""
        tokens = TokenCount(
            prompt=self.prompt_tokens, completion=self.completion_tokens, reasoning=self.reasoning_tokens
        )
        return Answered(self.text, self.finish, tokens)


def write_records(folder: Path, records: Sequence[Record]) -> None:
    """Add some to a part's."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([asdict(one) for one in records], SCHEMA)
    draft = folder / f".{uuid4().hex}.new"
    parquet.write_table(table, draft, compression="zstd")
    draft.replace(folder / f"{uuid4().hex}.parquet")


def read_records(folder: Path) -> dict[int, list[Record]]:
    """All of a part's, by row, in the order of step and round."""
    found: dict[int, list[Record]] = defaultdict(list)
    for file in sorted(folder.glob("*.parquet")) if folder.is_dir() else ():
        for one in parquet.read_table(file, schema=SCHEMA).to_pylist():
            found[one["row"]].append(Record(**one))
    for records in found.values():
        records.sort(key=lambda record: (record.step, record.round, record.ended_s))
    return found


def answers_of(records: Sequence[Record], rounds: int) -> list[Answered]:
    """What a row was answered, step by step, after so many rounds that ended. A step that each of the last `TRIES`
    rounds asked for in vain is a failure."""
    found: list[Answered] = []
    last_round = 0
    while True:
        tried = [record for record in records if record.step == len(found) + 1]
        good = next((record for record in tried if not record.failed), None)
        if good is not None:
            found.append(good.answered())
            last_round = good.round
        elif tried and tried[-1].finish == UNFIT:
            return [*found, Answered(failure=FallbackReason.BAD_REQUEST, detail=tried[-1].failed)]
        elif rounds - last_round >= TRIES:
            detail = tried[-1].failed if tried else LOST
            return [*found, Answered(failure=FallbackReason.SERVER_ERROR, detail=f"{TRIES} times: {detail}"[:300])]
        else:
            return found
