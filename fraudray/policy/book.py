"""Several named policies, and which of them decides a transaction.

A book is a small YAML file that names policy files and says, first match wins, for what each is:

    policies: [cards.yaml, wallets.yaml]
    choose:
      - {policy: wallets, channel: [ecommerce, mobile]}
      - {policy: wallets, transaction_type: [refund]}
    default: cards

A name is the policy's own `name`. Paths are relative to the book.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from fraudray.domain.transaction import Channel, Transaction, TransactionType
from fraudray.policy.compiling import nearest
from fraudray.policy.located import Located, locate_yaml, read_text
from fraudray.policy.policy import Policy
from fraudray.policy.source import policy_of

_Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Stamp = tuple[int, int, int, int] | None
"""How a file stood: times of its content and its entry, size, inode; None when it is not there."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Choice(_Part):
    """Transactions of these channels and types (of any, where left out) go to `policy`."""

    policy: _Name
    channel: list[Channel] | None = Field(None, min_length=1)
    transaction_type: list[TransactionType] | None = Field(None, min_length=1)

    def takes(self, tx: Transaction) -> bool:
        """Whether it is for this transaction. A channel that is not given is none of those named."""
        return (self.channel is None or tx.channel in self.channel) and (
            self.transaction_type is None or tx.transaction_type in self.transaction_type
        )

    def covers(self, other: Choice) -> bool:
        """Whether it takes all that `other` takes."""
        return _within(other.channel, self.channel) and _within(other.transaction_type, self.transaction_type)


class BookDocument(_Part):
    """A book as written."""

    policies: list[str] = Field(min_length=1, max_length=64)
    choose: list[Choice] = Field(default_factory=list, max_length=256)
    default: _Name


@dataclass(frozen=True)
class PolicyBook:
    """The policies in force. `files` are what they were read from, each as it stood before it was read; none for the
    packaged default."""

    policies: Mapping[str, Policy]
    default: Policy
    choices: tuple[tuple[Choice, Policy], ...] = ()
    files: Mapping[Path, Stamp] = field(default_factory=dict)

    @classmethod
    def of(cls, policy: Policy, files: Mapping[Path, Stamp] | None = None) -> PolicyBook:
        """A book of one."""
        return cls({policy.document.name: policy}, policy, files=files or {})

    @classmethod
    def load(cls, path: Path | None = None) -> PolicyBook:
        """The policy or book in `path`, or the packaged default. Raises PolicyError."""
        if path is None:
            return cls.of(Policy.load())
        before = stamp(path)
        return cls.parse(read_text(path), file=str(path), folder=path.parent, files={path: before})

    @classmethod
    def parse(cls, text: str, *, file: str, folder: Path, files: Mapping[Path, Stamp] | None = None) -> PolicyBook:
        """A policy or book from its text; what a book names is read from `folder`. Raises PolicyError."""
        located = locate_yaml(text, file=file)
        if "policies" in located.data:
            return _open(located, folder, dict(files or {}))
        return cls.of(Policy(policy_of(located)), files)

    @classmethod
    def restore(cls, policies: Iterable[Policy], document: Mapping[str, Any]) -> PolicyBook:
        """The book that `describe` described, of the same policies."""
        named = {policy.document.name: policy for policy in policies}
        choices = [Choice.model_validate(choice) for choice in document["choose"]]
        return cls(named, named[document["default"]], tuple((choice, named[choice.policy]) for choice in choices))

    def choose(self, tx: Transaction) -> Policy:
        """The policy that decides this transaction."""
        for choice, policy in self.choices:
            if choice.takes(tx):
                return policy
        return self.default

    def replacing(self, policies: Mapping[str, Policy]) -> PolicyBook:
        """The same book with these policies in the places of those of their names."""
        named = {name: policies.get(name, policy) for name, policy in self.policies.items()}
        choices = tuple((choice, named[policy.document.name]) for choice, policy in self.choices)
        return PolicyBook(named, named[self.default.document.name], choices, self.files)

    def why(self, tx: Transaction) -> Choice | None:
        """The choice that gives a transaction its policy; None where none fits and the default decides."""
        return next((choice for choice, _ in self.choices if choice.takes(tx)), None)

    def __iter__(self) -> Iterator[Policy]:
        return iter(self.policies.values())


def stamp(file: Path) -> Stamp:
    """How a file stands now: differs from an earlier one when it was written, replaced or pointed elsewhere."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def describe(book: PolicyBook) -> dict[str, Any]:
    """Which policies there are and what each is for, as a document; equal for the same texts, chosen alike."""
    return {
        "default": book.default.document.name,
        "policies": [policy.ref.model_dump() for policy in book],
        "choose": [choice.model_dump(mode="json", exclude_none=True) for choice, _ in book.choices],
    }


def _open(located: Located, folder: Path, files: dict[Path, Stamp]) -> PolicyBook:
    document = _shape(located)
    policies: dict[str, Policy] = {}
    for index, name in enumerate(document.policies):
        file = folder / name
        if not file.is_file():
            raise located.error(f"{file} is no file", ("policies", index))
        files[file] = stamp(file)
        entry = locate_yaml(read_text(file), file=str(file))
        if "policies" in entry.data:
            raise located.error(f"{name} is a book itself; a book names policies", ("policies", index))
        policy = Policy(policy_of(entry))
        if policy.document.name in policies:
            message = f"{name} is a second policy of the name {policy.document.name}"
            raise located.error(message, ("policies", index))
        policies[policy.document.name] = policy
    bases = {policy.document.base_currency for policy in policies.values()}
    if len(bases) > 1:
        message = f"their base currencies differ ({', '.join(sorted(bases))}); what is known of a customer is in one"
        raise located.error(message, ("policies",))

    def named(name: str, place: tuple[str | int, ...]) -> Policy:
        if name not in policies:
            hint = nearest(name, policies) or f"; there are {', '.join(policies)}"
            raise located.error(f"there is no policy {name}{hint}", place)
        return policies[name]

    choices = tuple(
        (choice, named(choice.policy, ("choose", index, "policy"))) for index, choice in enumerate(document.choose)
    )
    default = named(document.default, ("default",))
    _check_reach(located, document.choose)
    return PolicyBook(policies, default, choices, files)


def _shape(located: Located) -> BookDocument:
    try:
        return BookDocument.model_validate(located.data)
    except ValidationError as error:
        raise located.shape_error(error, "a book of policies") from None


def _check_reach(located: Located, choices: list[Choice]) -> None:
    """A choice that no transaction can reach is a mistake in their order."""
    for index, choice in enumerate(choices):
        if choice.channel is None and choice.transaction_type is None:
            message = "names no channel and no transaction_type; what is for all the rest is `default`"
            raise located.error(message, ("choose", index))
    for (first, wide), (second, narrow) in itertools.combinations(enumerate(choices), 2):
        if wide.covers(narrow):
            message = f"is never reached: choice {first + 1} takes all of it, and the first match wins"
            raise located.error(message, ("choose", second))


def _within(inner: Iterable[str] | None, outer: Iterable[str] | None) -> bool:
    return outer is None or (inner is not None and set(inner) <= set(outer))
