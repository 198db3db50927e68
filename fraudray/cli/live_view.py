"""What a model does, in the terminal as it happens. What it or anybody else wrote goes out as plain text, without
control characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from fraudray.agent.quoting import escaped

if TYPE_CHECKING:
    from rich.console import Console


class LiveView:
    """Prints lines, and texts that come in pieces."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._piecing: str | None = None

    def piece(self, title: str, text: str, style: str = "") -> None:
        """A piece of a text, below its title."""
        if self._piecing != title:
            self.end_pieces()
            self.line(title, "cyan")
            self._piecing = title
        self._console.print(_plain(text), style=style, end="", soft_wrap=True)

    def end_pieces(self) -> None:
        """What comes is not of the same text."""
        if self._piecing is not None:
            self._piecing = None
            self._console.print()

    def line(self, text: str, style: str = "") -> None:
        """A line of its own."""
        self._console.print(Text(_plain(text), style=style), soft_wrap=True)


def _plain(text: str) -> str:
    """What moves a cursor or hides text as an escape; line breaks stay."""
    return "\n".join(escaped(line) for line in text.split("\n"))
