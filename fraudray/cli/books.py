"""Policies and customers as commands name them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fraudray.cli.session import Session
    from fraudray.domain.customer import CustomerProfile
    from fraudray.policy.book import PolicyBook

DEFAULT, CURRENT = "default", "current"


def named_book(name: str, session: Session) -> PolicyBook:
    """`default` or `handbook` (packaged), `current` (in force on the data folder, or in the server on it), or a policy
    or book file.

    Raises PolicyError.
    """
    from fraudray.policy.book import PolicyBook
    from fraudray.policy.packaged import packaged_policy
    from fraudray.policy.policy import Policy

    packaged = packaged_policy(name)
    if packaged is not None:
        return PolicyBook.of(packaged)
    if name != CURRENT:
        return PolicyBook.load(Path(name))
    with session.service() as service:
        document = service.policy()["book"]
        sources = {ref["name"]: service.policy(ref["name"])["source"] for ref in document["policies"]}
    return PolicyBook.restore((Policy.parse(source, file=name) for name, source in sources.items()), document)


def named_customers(name: str | None) -> list[CustomerProfile]:
    """`samples` (packaged), a file as `fraudray customers import` reads it, or nobody. Raises SettingsError."""
    from importlib import resources

    from fraudray.bootstrap import read_customers
    from fraudray.trial.cases import SAMPLES

    if name is None:
        return []
    if name != SAMPLES:
        return read_customers(Path(name))
    with resources.as_file(resources.files("fraudray.data").joinpath("sample_customers.yaml")) as path:
        return read_customers(path)
