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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from fraudray.domain.transaction import Channel, Transaction, TransactionType
from fraudray.policy.compiling import nearest
from fraudray.policy.located import Located, locate_yaml, read_text
from fraudray.policy.policy import Policy
from fraudray.policy.source import policy_of, read_policy

_Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]


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


class BookDocument(_Part):
    """A book as written."""

    policies: list[str] = Field(min_length=1, max_length=64)
    choose: list[Choice] = Field(default_factory=list, max_length=256)
    default: _Name


@dataclass(frozen=True)
class PolicyBook:
    """The policies in force. `files` are what they were read from; none for the packaged default."""

    policies: Mapping[str, Policy]
    default: Policy
    choices: tuple[tuple[Choice, Policy], ...] = ()
    files: tuple[Path, ...] = ()

    @classmethod
    def of(cls, policy: Policy, files: tuple[Path, ...] = ()) -> PolicyBook:
        """A book of one."""
        return cls({policy.document.name: policy}, policy, files=files)

    @classmethod
    def load(cls, path: Path | None = None) -> PolicyBook:
        """The policy or book in `path`, or the packaged default. Raises PolicyError."""
        if path is None:
            return cls.of(Policy.load())
        located = locate_yaml(read_text(path), file=str(path))
        return _open(located, path) if "policies" in located.data else cls.of(Policy(policy_of(located)), (path,))

    def choose(self, tx: Transaction) -> Policy:
        """The policy that decides this transaction."""
        for choice, policy in self.choices:
            if choice.takes(tx):
                return policy
        return self.default

    def __iter__(self) -> Iterator[Policy]:
        return iter(self.policies.values())


def _open(located: Located, path: Path) -> PolicyBook:
    document = _shape(located)
    policies: dict[str, Policy] = {}
    files = [path]
    for index, name in enumerate(document.policies):
        file = path.parent / name
        policy = Policy(read_policy(file))
        files.append(file)
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
    return PolicyBook(policies, named(document.default, ("default",)), choices, tuple(files))


def _shape(located: Located) -> BookDocument:
    try:
        return BookDocument.model_validate(located.data)
    except ValidationError as error:
        raise located.shape_error(error, "a book of policies") from None


def describe(book: PolicyBook) -> dict[str, Any]:
    """Which policies there are and what each is for, as a document."""
    return {
        "default": book.default.document.name,
        "policies": [policy.ref.model_dump() for policy in book],
        "choose": [choice.model_dump(mode="json", exclude_none=True) for choice, _ in book.choices],
    }
