"""A store under construction: who builds, what is planned, which steps are done. All that goes when it is done."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from fraudray.batch.history.errors import HistoryError
from fraudray.batch.history.manifest import FILE_NAME, Manifest, MappingRecord, SourceFile
from fraudray.batch.history.store import BUILDING, PARTS
from fraudray.domain.errors import Refused

LOCK = ".lock"
_PLAN = "plan"
_FOLDERS = ("rows", "ids", "repeats", "refused", "steps")


class Step(BaseModel):
    """What a finished step leaves for the next, as a small JSON file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_Step = TypeVar("_Step", bound=Step)


class Plan(Step):
    """What is being built. An import goes on only where an unfinished one had the same plan; `now` is the first's."""

    sources: tuple[SourceFile, ...]
    mapping: MappingRecord
    partitions: Annotated[int, Field(ge=1, le=100_000)]
    recorded: tuple[str, ...]
    now: AwareDatetime

    def same_as(self, other: Plan) -> bool:
        """Whether both would build the same store."""
        return self.model_dump(exclude={"now"}) == other.model_dump(exclude={"now"})


class Site:
    """The folder of a store while this process builds it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.building = folder / BUILDING

    @classmethod
    @contextlib.contextmanager
    def hold(cls, folder: Path) -> Iterator[Self]:
        """Make the folder, and keep other processes from building in it.

        Raises HistoryError for a folder that holds other things or cannot be written, Refused while another builds.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            others = sorted(path.name for path in folder.iterdir())
            if others and not {FILE_NAME, BUILDING, LOCK} & set(others):
                raise HistoryError(f"{folder} is no store, but holds other things ({others[0]}); give another --out")
            lock = (folder / LOCK).open("w")
        except OSError as error:
            raise HistoryError(f"cannot write into {folder}: {error.strerror}") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refused(f"another import is writing into {folder}") from None
            yield cls(folder)

    def begin(self, plan: Plan, say: Callable[[str], None]) -> Plan:
        """Go on with an unfinished import of the same plan, else clear the folder and begin; the plan to follow."""
        before = self.step(_PLAN, Plan)
        if before is not None and before.same_as(plan):
            say(f"going on with the import that was stopped on {before.now:%Y-%m-%d %H:%M} UTC")
            return before
        if before is not None:
            say("an unfinished import of other sources or another mapping is thrown away")
        (self.folder / FILE_NAME).unlink(missing_ok=True)  # first: a store without it is unfinished
        for old in (self.folder / PARTS, self.building):
            if old.exists():
                shutil.rmtree(old)
        for name in _FOLDERS:
            (self.building / name).mkdir(parents=True)
        (self.folder / PARTS).mkdir()
        self.done(_PLAN, plan)
        return plan

    def clear_rows(self) -> None:
        """Forget all that the first pass has left; half of it may be missing."""
        for name in ("rows", "ids", "repeats", "refused"):
            shutil.rmtree(self.building / name)
            (self.building / name).mkdir()

    def step(self, name: str, kind: type[_Step]) -> _Step | None:
        """What a step left, None where it is not done."""
        try:
            return kind.model_validate_json((self.building / "steps" / f"{name}.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValidationError):
            return None

    def done(self, name: str, result: Step) -> None:
        """Note a step as done."""
        write_whole(self.building / "steps" / f"{name}.json", result.model_dump_json())

    def finish(self, manifest: Manifest) -> None:
        """The store is done: write its manifest, then remove what was only for building it."""
        write_whole(self.folder / FILE_NAME, manifest.model_dump_json(indent=2) + "\n")
        shutil.rmtree(self.building, ignore_errors=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file in one step that survives a crash."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
