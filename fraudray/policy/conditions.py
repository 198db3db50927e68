"""A CEL condition beside the rules: what it may name is checked when the policy loads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import cel

from fraudray.domain.facts import NEUTRAL
from fraudray.policy.compiling import Catalogue, inline_lists, nearest
from fraudray.policy.located import Path_
from fraudray.policy.source import PolicySource

SCORE = "score"


class Condition:
    """A compiled condition over facts and the score (0-100)."""

    def __init__(self, source: PolicySource, catalogue: Catalogue, path: Path_, text: str) -> None:
        """Raises PolicyError pointing into the condition."""
        self.text = text
        lists = source.document.lists
        try:
            self._program = cel.compile(inline_lists(text, lists))
            names = cel.compile(text).variables()
        except ValueError as error:
            found = re.search(r"<input>:(\d+):(\d+):\s*(.*)", str(error))
            offset = int(found.group(2)) - 1 if found else None
            raise source.error(f"is not CEL: {str(error).splitlines()[0]}", path, offset=offset) from None
        unknown = [name for name in names if name not in catalogue and name not in lists and name != SCORE]
        if unknown:
            message = f"there is no fact or list {unknown[0]}" + nearest(unknown[0], [*catalogue, SCORE])
            raise source.error(message, path, offset=max(0, text.find(unknown[0])))
        self.needs = frozenset(name for name in names if name in catalogue)
        try:
            answer = self._program.execute({SCORE: 0} | {name: NEUTRAL[catalogue[name].kind] for name in self.needs})
        except ZeroDivisionError:
            return
        except (TypeError, ValueError, RuntimeError, KeyError) as error:
            raise source.error(f"cannot be computed: {str(error).splitlines()[0]}", path) from None
        if not isinstance(answer, bool):
            raise source.error(f"answers {type(answer).__name__}, not true or false", path)

    def holds(self, facts: Mapping[str, Any], score: int) -> bool:
        """Whether it holds; it does not when a fact that it names is not known, or when it cannot be computed."""
        known = {name: facts.get(name) for name in self.needs}
        if any(value is None for value in known.values()):
            return False
        try:
            return bool(self._program.execute(known | {SCORE: score}))
        except (TypeError, ValueError, RuntimeError, KeyError, ArithmeticError):
            return False
