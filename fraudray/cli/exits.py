"""Exit codes, and how an expected failure is told: one line on stderr, what to do, no traceback."""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import TYPE_CHECKING

from fraudray.domain.errors import (
    ConflictingTransaction,
    DataFileError,
    Forbidden,
    FraudrayError,
    InvalidTransaction,
    NotFound,
    PolicyError,
    Refused,
    SettingsError,
    StoreInUse,
    Unauthenticated,
)

if TYPE_CHECKING:
    from fraudray.cli.session import Document


class ExitCode(IntEnum):
    """What the process ends with. `fraudray --help` lists them."""

    OK = 0
    FOUND = 1
    BAD_INPUT = 2
    NOT_FOUND = 3
    REFUSED = 4
    UNAVAILABLE = 5


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FOUND: "a check found something wrong, or some rows were refused",
    ExitCode.BAD_INPUT: "usage, a setting or the input is wrong",
    ExitCode.NOT_FOUND: "nothing is stored under that id",
    ExitCode.REFUSED: "a conflict, or refused in this state or without a key",
    ExitCode.UNAVAILABLE: "the store or the server is not available",
}
_CODES: tuple[tuple[type[FraudrayError], ExitCode], ...] = (
    (InvalidTransaction, ExitCode.BAD_INPUT), (SettingsError, ExitCode.BAD_INPUT), (PolicyError, ExitCode.BAD_INPUT),
    (DataFileError, ExitCode.BAD_INPUT),
    (NotFound, ExitCode.NOT_FOUND), (ConflictingTransaction, ExitCode.REFUSED), (Refused, ExitCode.REFUSED),
    (Unauthenticated, ExitCode.REFUSED), (Forbidden, ExitCode.REFUSED),
)  # fmt: skip
_HINTS: tuple[tuple[type[FraudrayError], str], ...] = (
    (SettingsError, "`fraudray config show` lists every setting, its value and where it came from"),
    (PolicyError, "`fraudray policy check FILE` shows the place in the file"),
    (ConflictingTransaction, "`fraudray decision ID` shows what was decided"),
    (Unauthenticated, "FRAUDRAY_API_KEY takes a key; `fraudray keys create NAME --scope SCOPE` makes one"),
    (Forbidden, "`fraudray keys create NAME --scope SCOPE` makes a key with another scope"),
    (DataFileError, "nothing was changed; `fraudray data update --help` lists the forms that are taken"),
    (StoreInUse, "one process owns a data folder; `--data-dir` chooses another"),
)
_STATUS = {
    400: ExitCode.BAD_INPUT, 401: ExitCode.REFUSED, 403: ExitCode.REFUSED, 404: ExitCode.NOT_FOUND,
    409: ExitCode.REFUSED, 413: ExitCode.BAD_INPUT, 415: ExitCode.BAD_INPUT, 422: ExitCode.BAD_INPUT,
}  # fmt: skip


class InputError(FraudrayError):
    """A file or argument that cannot be used; ends with exit code 2."""


def exit_code(error: FraudrayError) -> ExitCode:
    """The code that an expected failure ends with."""
    if isinstance(error, InputError):
        return ExitCode.BAD_INPUT
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.UNAVAILABLE)


def status_exit_code(status: int) -> ExitCode:
    """The code for a problem document of that HTTP status."""
    return _STATUS.get(status, ExitCode.UNAVAILABLE)


def tell(error: FraudrayError) -> None:
    """Print the failure, and what to do about it, on stderr."""
    if isinstance(error, InvalidTransaction) and len(error.problems) > 1:
        say("error: the input is not acceptable")
        for problem in error.problems:
            say(f"  {problem.field or '(document)'}: {problem.message}")
    else:
        say(f"error: {error}")
    hint = next((hint for kind, hint in _HINTS if isinstance(error, kind)), None)
    if hint and hint.split("`")[1] not in str(error):
        say(f"hint: {hint}")


def tell_problem(problem: Document) -> None:
    """Print a problem document on stderr, one line a field."""
    say(f"error: {problem.get('title', 'refused')}: {problem_line(problem)}")


def problem_line(problem: Document) -> str:
    """A problem document in one line."""
    fields = problem.get("errors")
    if not fields:
        return str(problem.get("detail", ""))
    return "; ".join(f"{field['field'] or '(document)'}: {field['message']}" for field in fields)


def say(line: str) -> None:
    """One line on stderr; control characters in it are made visible."""
    from fraudray.cli.text import visible

    sys.stderr.write(visible(line) + "\n")
