"""A policy as it was kept: its versions, and which of them was in force when, by whom and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fraudray.domain.decision import Moment

NUMBER_MAX = 1_000_000
VERSIONS_MAX = 5_000
"""Versions of one policy; who wants more begins a policy of another name."""
FILE_AUTHOR = "policy-file"
ActKind = Literal["promoted", "rolled_back", "file"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyVersion(_Part):
    """One text of a policy. Nothing of it changes any more."""

    name: str = Field(description="The policy's own name.")
    number: int = Field(ge=1, description="Counts up from 1 for each name.")
    version: str = Field(description="What the text itself says its version is; decisions name it.")
    hash: str = Field(description="`sha256:` of the text.")
    author: str
    at: Moment
    reason: str
    based_on: int | None = Field(None, description="The version that it was made from.")


class PolicyAct(_Part):
    """What came into force, and what it stands in the place of."""

    name: str
    seq: int = Field(ge=1, description="Counts up from 1 for each name.")
    kind: ActKind = Field(description="`file`: what the policy file says came into force, since it had changed.")
    number: int | None = Field(None, description="The version in force since then; none: the file has no such policy.")
    over: str = Field(description="What the policy file said then: the hash of its text, `packaged`, or `absent`.")
    author: str
    at: Moment
    reason: str


class NewVersion(_Part):
    """A version to be kept, as a caller sends it."""

    text: Annotated[str, StringConstraints(min_length=1)] = Field(description="The policy as YAML.")
    reason: str
    based_on: int | None = Field(None, ge=1, le=NUMBER_MAX, description="The version it was made from.")
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        None, description="Put into the text as its `version`, so that decisions tell it from others."
    )


def stack_of(acts: Iterable[PolicyAct]) -> list[int]:
    """The versions that would come back one after the other, the one in force last."""
    stack: list[int] = []
    for act in acts:
        if act.kind == "rolled_back" and stack:
            stack.pop()
        elif act.number is not None and stack[-1:] != [act.number]:
            stack.append(act.number)
    return stack


def before(acts: Sequence[PolicyAct]) -> int | None:
    """The version that a rollback brings back; None where there is none."""
    stack = stack_of(acts)
    return stack[-2] if len(stack) > 1 else None
