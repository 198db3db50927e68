"""Which version of a policy stands in the place of what the policy file says.

The last act wins, whichever it is. A promoted version stands in the place of exactly the text that the file had when
it was promoted. When the file says something else, that is a later act: a server that runs, or starts, takes up the
file, and puts on the trail that it did. Only the packaged default is no act of anybody's: what was promoted over it
stays when fraudray is updated. The version before comes back with a rollback, a file's text too, which is kept as a
version before anything takes its place.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fraudray.domain.errors import Changed, NotFound, PolicyError, Refused
from fraudray.domain.policy_version import FILE_AUTHOR, PolicyAct, PolicyVersion, before
from fraudray.policy.book import PolicyBook
from fraudray.policy.policy import Policy
from fraudray.ports.policies import PolicyVersions

log = logging.getLogger(__name__)
PACKAGED, ABSENT = "packaged", "absent"
_AS_IN_FILE = "As it was in force before any version was kept."
_FILE_CHANGED = "The policy file says something else than when the version in force was promoted."
_FILE_WITHOUT = "The policy file has no policy of this name."


@dataclass(frozen=True, slots=True)
class Place:
    """One policy of the book: what is in force, and how that came about."""

    name: str
    policy: Policy
    over: str
    """What the file says: the hash of its text, or `packaged`."""
    promoted: int | None
    """The version in force, where one was promoted or rolled back to."""
    acts: tuple[PolicyAct, ...]

    @property
    def tag(self) -> str:
        """Changes with whatever comes into force."""
        return f"{self.seq}-{self.policy.ref.hash.partition(':')[2][:12]}"

    @property
    def source(self) -> str:
        """Where what is in force comes from: `version`, `file` or `packaged`."""
        if self.promoted is not None:
            return "version"
        return PACKAGED if self.over == PACKAGED else "file"

    @property
    def seq(self) -> int:
        """The last act's number."""
        return self.acts[-1].seq if self.acts else 0

    @property
    def before(self) -> int | None:
        """What a rollback brings back."""
        return before(self.acts)

    def check(self, seen: str | None) -> None:
        """Raise Changed when something else is in force than what the caller saw, named by its tag."""
        if seen is None or seen == self.tag:
            return
        by = f" by {self.acts[-1].author}" if self.acts else ""
        raise Changed(f"what is in force of {self.name} was changed meanwhile{by}; look at it again", self.seq)


class Standing:
    """Reads and records which versions stand. The caller sees to it that one thread at a time records."""

    def __init__(self, versions: PolicyVersions, *, packaged: bool) -> None:
        """`packaged`: the policy is fraudray's own and no file of anybody's."""
        self._versions, self._packaged = versions, packaged

    def over(self, book: PolicyBook) -> PolicyBook:
        """What the files say, with the versions that stand in its place. Raises PolicyError for one that cannot be
        used."""
        found = {}
        for name, policy in book.policies.items():
            acts = self._versions.acts(name)
            number = self._promoted(acts, policy)
            if number is not None:
                found[name] = self.load(name, number, acts[-1])
        return book.replacing(found)

    def load(self, name: str, number: int, act: PolicyAct | None = None) -> Policy:
        """A version, compiled. Raises NotFound, PolicyError; where `act` put it in force, the error says so."""
        text = self._versions.text(name, number)
        try:
            return Policy.parse(text, file=f"{name} version {number}")
        except PolicyError as error:
            if act is None:
                raise
            message = (
                f"{error.message} (this version is in force since {act.at:%Y-%m-%d %H:%M} UTC, by {act.author}, and "
                "cannot be used any more: provide what it needs, or let another policy file take its place)"
            )
            raise PolicyError(
                message, file=error.file, rule=error.rule, line=error.line, column=error.column
            ) from error

    def place(self, name: str, files: PolicyBook, in_force: PolicyBook) -> Place:
        """One policy as it stands. Raises NotFound."""
        policy, file = in_force.policies.get(name), files.policies.get(name)
        if policy is None or file is None:
            raise NotFound("policy", name)
        acts = self._versions.acts(name)
        return Place(name, policy, self._key(file), self._promoted(acts, file), tuple(acts))

    def keep(self, policy: Policy, at: datetime) -> PolicyVersion:
        """The version that has a policy's text; kept now where there is none."""
        ref = policy.ref
        known = self._versions.same(ref.name, ref.hash)
        if known is not None:
            return known
        version = PolicyVersion(
            name=ref.name, number=1, version=ref.version, hash=ref.hash, author=FILE_AUTHOR, at=at, reason=_AS_IN_FILE
        )
        return self._versions.add(version, policy.source.text)

    def settle(self, files: PolicyBook, *, actor: str, at: datetime) -> None:
        """Record where the files say something else than when a version was put in their place: they win."""
        for name in self._versions.names():
            last, policy = self._versions.acts(name)[-1], files.policies.get(name)
            over = ABSENT if policy is None else self._key(policy)
            if last.over == over:
                continue
            number = None if policy is None else self.keep(policy, at).number
            why = _FILE_WITHOUT if policy is None else _FILE_CHANGED
            act = PolicyAct(
                name=name, seq=last.seq + 1, kind="file", number=number, over=over, author=actor, at=at, reason=why
            )
            self._versions.act([act])
            log.warning("policy %s: the policy file wins over version %s. %s", name, last.number, why)

    def put(self, place: Place, act: PolicyAct, at: datetime) -> None:
        """Record an act; before the first one, what it takes the place of."""
        if place.acts:
            self._versions.act([act])
            return
        kept = self.keep(place.policy, at)
        first = act.model_copy(
            update={"kind": "file", "number": kept.number, "author": FILE_AUTHOR, "reason": _AS_IN_FILE, "seq": 1}
        )
        self._versions.act([first, act.model_copy(update={"seq": 2})])

    def _key(self, file: Policy) -> str:
        return PACKAGED if self._packaged else file.ref.hash

    def _promoted(self, acts: Sequence[PolicyAct], file: Policy) -> int | None:
        """The version that stands in the place of the file's text; None where the file itself is in force."""
        if not acts or acts[-1].kind == "file" or acts[-1].over != self._key(file):
            return None
        return acts[-1].number


def wanted_before(place: Place) -> int:
    """The version that a rollback brings back. Raises Refused where nothing was in force before."""
    if place.before is None:
        raise Refused(f"nothing was in force of {place.name} before what is in force now")
    return place.before
