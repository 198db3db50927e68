"""A policy file as text, and the document it holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from fraudray.domain.errors import PolicyError
from fraudray.policy.located import Located, Path_, locate_yaml, read_text
from fraudray.policy.schema import PolicyDocument


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A policy as read: its text with the place of every value, and the parsed document."""

    located: Located
    document: PolicyDocument

    @property
    def text(self) -> str:
        """The text as written."""
        return self.located.text

    @property
    def file(self) -> str:
        """Where it came from."""
        return self.located.file

    @property
    def hash(self) -> str:
        """`sha256:` of the text, which names this exact policy."""
        return "sha256:" + hashlib.sha256(self.text.encode()).hexdigest()

    def error(self, message: str, path: Path_, *, rule: str | None = None, offset: int | None = None) -> PolicyError:
        """See `Located.error`."""
        return self.located.error(message, path, rule=rule, offset=offset)


def default_policy_text() -> str:
    """The packaged default policy."""
    return resources.files("fraudray.policy").joinpath("default.yaml").read_text(encoding="utf-8")


def read_policy(path: Path | None = None) -> PolicySource:
    """The policy in `path`, or the default one.

    Raises:
        PolicyError: unreadable, not YAML, or not of the policy's shape; with line and column.
    """
    if path is None:
        return parse_policy(default_policy_text(), file="default.yaml")
    return parse_policy(read_text(path), file=str(path))


def parse_policy(text: str, *, file: str) -> PolicySource:
    """Parse policy text; see `read_policy`."""
    return policy_of(locate_yaml(text, file=file))


def policy_of(located: Located) -> PolicySource:
    """The policy that a YAML file holds. Raises PolicyError when it is not of the policy's shape."""
    try:
        return PolicySource(located, PolicyDocument.model_validate(located.data))
    except ValidationError as error:
        raise located.shape_error(error, "a policy") from None
