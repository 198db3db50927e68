"""CEL read back as a form, where it is of that shape: comparisons with constants, `&&`, `||`, brackets."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from fraudray.domain.errors import InvalidTransaction
from fraudray.policy.condition_form import METHODS, SIGNS, Comparison, Group, Kinds, NamedList, cel_of

TEXT_MAX = 10_000
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign>&&|\|\||==|!=|<=|>=|[<>!()\[\],.])
    )""",
    re.VERBOSE,
)
_MIRRORED = {"==": "==", "!=": "!=", ">": "<", ">=": "<=", "<": ">", "<=": ">="}
_COMPARISON = {sign: name for name, sign in SIGNS.items()}
_METHOD = {name: said for said, name in METHODS.items()}
_ESCAPES = frozenset('"\\/bfnrtu')


class _NoForm(Exception):
    """It says something that a form cannot."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def form_of(cel: str, kinds: Kinds, lists: Collection[str] = ()) -> Group | None:
    """The form that says the same; None where there is none. Whether it is CEL at all is not looked at."""
    if len(cel) > TEXT_MAX:
        return None
    try:
        reader = _Reader(_tokens(cel), kinds, lists)
        read = reader.either()
        reader.end()
        form = (read if isinstance(read, Group) else Group(match="all", parts=[read])).simplest()
        cel_of(form, kinds, lists)
    except (_NoForm, InvalidTransaction, ValueError, RecursionError):
        return None
    return form


def _tokens(cel: str) -> list[_Token]:
    found, at, text = [], 0, cel.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise _NoForm
        found.append(_Token(match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class _Reader:
    """Recursive descent over the tokens; `||` binds weaker than `&&`, as in CEL."""

    def __init__(self, tokens: list[_Token], kinds: Kinds, lists: Collection[str]) -> None:
        self._tokens, self._at, self._kinds, self._lists = tokens, 0, kinds, lists

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise _NoForm

    def either(self) -> Group | Comparison:
        return self._joined("||", "any", self._both)

    def _both(self) -> Group | Comparison:
        return self._joined("&&", "all", self._one)

    def _joined(self, sign: str, match: Any, part: Any) -> Group | Comparison:
        parts = [part()]
        while self._take(sign):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Group(match=match, parts=parts)

    def _one(self) -> Group | Comparison:
        if self._take("("):
            inner = self.either()
            self._need(")")
            return inner
        if self._take("!"):
            return self._negated()
        return self._comparison()

    def _negated(self) -> Comparison:
        if not self._take("("):
            return Comparison(fact=self._fact(), comparison="false")
        inner = self.either()
        self._need(")")
        opposite = {"true": "false", "one of": "none of"}
        if not isinstance(inner, Comparison) or inner.comparison not in opposite:
            raise _NoForm
        return Comparison(fact=inner.fact, comparison=opposite[inner.comparison], value=inner.value)

    def _comparison(self) -> Comparison:
        if self._peek("text", "number"):
            value, sign = self._constant(), self._sign()
            fact = self._fact()
            return self._compared(fact, _MIRRORED[sign], value)
        fact = self._fact()
        if self._take("."):
            method = self._next("name")
            self._need("(")
            value = self._constant()
            self._need(")")
            if method not in _METHOD or not isinstance(value, str):
                raise _NoForm
            return Comparison(fact=fact, comparison=_METHOD[method], value=value)
        if self._take("in"):
            return Comparison(fact=fact, comparison="one of", value=self._members())
        if self._at < len(self._tokens) and self._tokens[self._at].text in _MIRRORED:
            return self._compared(fact, self._sign(), self._constant())
        return Comparison(fact=fact, comparison="true")

    def _compared(self, fact: str, sign: str, value: Any) -> Comparison:
        if isinstance(value, bool):
            if sign not in ("==", "!="):
                raise _NoForm
            return Comparison(fact=fact, comparison="true" if value == (sign == "==") else "false")
        if self._kinds.get(fact) == "double" and isinstance(value, int):
            value = float(value)
        return Comparison(fact=fact, comparison=_COMPARISON[sign], value=value)

    def _fact(self) -> str:
        name = self._next("name")
        if name not in self._kinds:
            raise _NoForm
        return name

    def _members(self) -> Any:
        if self._peek("name"):
            name = self._next("name")
            if name not in self._lists:
                raise _NoForm
            return NamedList(list=name)
        self._need("[")
        members = [self._constant()]
        while self._take(","):
            members.append(self._constant())
        self._need("]")
        if not all(isinstance(member, str) for member in members):
            raise _NoForm
        return members

    def _constant(self) -> Any:
        if self._at < len(self._tokens) and self._tokens[self._at].text in ("true", "false"):
            return self._next("name") == "true"
        if self._peek("number"):
            text = self._next("number")
            return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        return _unquoted(self._next("text"))

    def _sign(self) -> str:
        sign = self._next("sign")
        if sign not in _MIRRORED:
            raise _NoForm
        return sign

    def _peek(self, *kinds: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].kind in kinds

    def _next(self, kind: str) -> str:
        if not self._peek(kind):
            raise _NoForm
        self._at += 1
        return self._tokens[self._at - 1].text

    def _take(self, text: str) -> bool:
        """Whether the next token is this sign or word; then it is read."""
        here = self._at < len(self._tokens) and self._tokens[self._at]
        if not here or here.kind == "text" or here.text != text:
            return False
        self._at += 1
        return True

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise _NoForm


def _unquoted(literal: str) -> str:
    """A CEL string with the escapes that JSON has too."""
    inner = literal[1:-1]
    if literal[0] == "'":  # as if it were in double quotes
        inner = re.sub(r'\\(.)|(")', lambda found: "'" if found[1] == "'" else f"\\{found[1] or found[2]}", inner)
    if any(escape not in _ESCAPES for escape in re.findall(r"\\(.)", inner)):
        raise _NoForm
    found = json.loads(f'"{inner}"', strict=False)
    if not isinstance(found, str) or any(0xD800 <= ord(char) < 0xE000 for char in found):
        raise _NoForm
    return found
