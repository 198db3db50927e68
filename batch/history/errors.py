"""What goes wrong between a foreign history and a store. Both end a command with exit code 2."""

from __future__ import annotations

from fraudray.cli.exits import InputError


class HistoryError(InputError):
    """A source that cannot be read, or a folder that is no finished store; says which, and what to do.

    `message` stays as it was where Ray Data, on the way from a worker, adds advice of its own to the text.
    """

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class MappingError(HistoryError):
    """A mapping file that cannot be used, with its place (1-based line and column, 0 where the whole file is meant)."""

    def __init__(self, message: str, *, file: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"{file}" + (f":{line}:{column}" if line else "") + f": {message}")
        self.file, self.line, self.column = file, line, column

    def __reduce__(self) -> tuple[object, ...]:
        return HistoryError, (self.message,)  # of one that comes from a worker, only the text is left
