"""Tells a model's thinking from its answer, wherever its server put them."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Splitter:
    """Takes the content of a stream piece by piece; thinking in it ends with `</think>`, whether it was opened or not.

    An answer is a JSON object, so what begins otherwise is thinking until that tag.
    """

    def __init__(self) -> None:
        self.answer = ""
        self.thinking = ""
        self._held = ""
        self._answering = self._begun = False

    def reasoning(self, text: str) -> str:
        """Thinking that the server separated itself; given back to be shown."""
        self.thinking += text
        return text

    def content(self, text: str) -> str:
        """Take a piece of content; the part of it that is thinking."""
        if self._answering:
            self.answer += text
            return ""
        self._held += text
        start = self._held.lstrip()
        if start.startswith("{") and not self._begun:
            self._answering, self.answer, self._held = True, start, ""
            return ""
        thought, tag, rest = self._held.partition(CLOSE)
        if tag:
            self._held = ""
            shown = self._thought(thought)
            self._answering, self.answer = True, rest.lstrip()
            return shown
        # The end of what is held may be the beginning of the tag.
        keep = next((n for n in range(len(CLOSE) - 1, 0, -1) if self._held.endswith(CLOSE[:n])), 0)
        if start and OPEN.startswith(start):
            return ""
        thought, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return self._thought(thought)

    def end(self) -> str:
        """The whole answer. Where there is none, the last JSON object of the thinking: some servers put it there."""
        if self.answer.strip():
            return self.answer
        return last_object(self.thinking + self._held)

    def _thought(self, text: str) -> str:
        if not self.thinking:
            text = text.lstrip()
        self._begun = self._begun or bool(text)
        text = text.removeprefix(OPEN)
        self.thinking += text
        return text


def parted(text: str) -> tuple[str, str]:
    """A whole answer's thinking, and the rest with the tag before it; an answer that begins with an object has none."""
    thinking, tag, rest = text.partition(CLOSE)
    return ("", text) if not tag and text.lstrip().startswith("{") else (thinking, tag + rest)


def last_object(text: str) -> str:
    """The last outermost JSON object that ends the text; empty where there is none."""
    text = text.rstrip()
    if not text.endswith("}"):
        return ""
    depth, in_string = 0, False
    for index in range(len(text) - 1, -1, -1):
        char = text[index]
        if char == '"' and not _escaped(text, index):
            in_string = not in_string
        elif not in_string and char == "}":
            depth += 1
        elif not in_string and char == "{":
            depth -= 1
            if depth == 0:
                return text[index:]
    return ""


def _escaped(text: str, index: int) -> bool:
    slashes = 0
    while index - slashes > 0 and text[index - slashes - 1] == "\\":
        slashes += 1
    return slashes % 2 == 1
