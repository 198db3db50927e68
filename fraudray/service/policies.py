"""Policies: in words, checked, compared, tried on what was decided; their versions, and which is in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import ValidationError

from fraudray.adapters.sql.recent_decisions import recent_decisions
from fraudray.bootstrap import App
from fraudray.desk import checked_text
from fraudray.domain.backtest_job import TEXT_MAX
from fraudray.domain.errors import FieldProblem, InvalidTransaction, NotFound, PolicyError
from fraudray.domain.policy_version import NewVersion, PolicyVersion
from fraudray.domain.transaction import field_problems
from fraudray.policy.book import PolicyBook
from fraudray.policy.condition_form import Group, cel_of, comparisons_of, kinds_of
from fraudray.policy.condition_reading import form_of
from fraudray.policy.condition_words import condition_words
from fraudray.policy.difference import differences
from fraudray.policy.fact_words import name_of
from fraudray.policy.policy import Policy
from fraudray.policy.words import policy_words
from fraudray.policy.writing import text_of, with_version
from fraudray.rules.standing import Place
from fraudray.service.policy_impact import ROWS_MAX, Impact

Document = dict[str, Any]
LIST_MAX = 500
ACTS_SHOWN = 50
REASON = "reason"


class Policies(Protocol):
    """What every face offers of policies. `name` is one of the book in force, its default one where left out."""

    def words(self, name: str | None = None) -> Document:
        """The policy in force in words, in the order in which its parts act. Raises NotFound."""
        ...

    def facts(self, name: str | None = None) -> Document:
        """What conditions of the policy in force may name: facts with their kinds and comparisons, lists, families."""
        ...

    def condition(self, condition: Mapping[str, Any], *, name: str | None = None) -> Document:
        """A condition as `cel`, `form` (None where there is none) and `words`; given as one of the first two. It is of
        the policy in force, or of the one whose `text` stands beside it.

        Raises InvalidTransaction naming every bad field of a form, PolicyError for what is not CEL or names no fact.
        """
        ...

    def check(
        self, *, text: str | None = None, document: Mapping[str, Any] | None = None, facts: bool = False
    ) -> Document:
        """Whether a policy, as text or as its values, can be used: `usable` with its words, values, text and what it
        has otherwise than what is in force; or the `problem` with its place. With `facts`, also what its conditions
        may name. Changes nothing."""
        ...

    def impact(self, text: str, *, limit: int = 1000) -> Document:
        """What a policy would have made of the newest decisions, beside the one in force of its name. Raises
        PolicyError."""
        ...

    def versions(self, name: str | None = None, *, limit: int = 50, offset: int = 0) -> Document:
        """Versions, newest first, what is in force, what a rollback brings back, and what was in force when."""
        ...

    def version(self, number: int, *, name: str | None = None) -> Document:
        """One version with its text, its words, and what it has otherwise than what is in force. Raises NotFound."""
        ...

    def differences(self, a: int, b: int, *, name: str | None = None) -> Document:
        """What version `b` has otherwise than version `a`, in words. Raises NotFound, PolicyError."""
        ...

    def save(
        self, text: str, *, reason: str, author: str, based_on: int | None = None, version: str | None = None
    ) -> Document:
        """Keep a policy as a new version; nothing decides by it yet. The same text again is the version that it is
        (`saved` false). Raises InvalidTransaction, PolicyError with line and column, Refused."""
        ...

    def promote(
        self, number: int, *, reason: str, author: str, name: str | None = None, seen: str | None = None
    ) -> Document:
        """Put a version in force from the next transaction on, where what is in force is what was `seen` (its tag).
        Raises NotFound, Changed, Refused, PolicyError."""
        ...

    def rollback(self, *, reason: str, author: str, name: str | None = None, seen: str | None = None) -> Document:
        """Put in force what was before. Raises NotFound, Changed, Refused, PolicyError."""
        ...


class LocalPolicies:
    """Policies of this process's own App."""

    def __init__(self, app: App) -> None:
        self._app, self._store = app, app.store.policies

    def words(self, name: str | None = None) -> Document:
        """See `Policies.words`."""
        return policy_words(self._in_force(name))

    def facts(self, name: str | None = None) -> Document:
        """See `Policies.facts`."""
        policy = self._in_force(name)
        document = policy.document
        return {
            "name": document.name, "facts": _facts(policy),
            "lists": {name: list(of) for name, of in document.lists.items()},
            "families": {name: family.cap for name, family in document.families.items()},
        }  # fmt: skip

    def condition(self, condition: Mapping[str, Any], *, name: str | None = None) -> Document:
        """See `Policies.condition`."""
        text = condition.get("text")
        policy = self._in_force(name) if text is None else self._usable(str(text))
        kinds, lists = kinds_of(policy.catalogue), policy.document.lists
        given = [field for field in ("cel", "form") if condition.get(field) is not None]
        if len(given) != 1:
            raise InvalidTransaction([FieldProblem("cel", "one_of", "give one of cel and form")])
        if given == ["form"]:
            cel = cel_of(Group.parse(condition["form"]), kinds, lists)
        else:
            cel = condition["cel"]
            if not isinstance(cel, str) or not cel.strip():
                raise InvalidTransaction([FieldProblem("cel", "string_type", "is a condition, in text")])
        policy.check_condition(cel)
        form = form_of(cel, kinds, lists)
        shown = None if form is None else form.document()
        words = cel if shown is None else condition_words(shown, policy.catalogue, lists)
        return {"cel": cel, "form": shown, "words": words}

    def check(
        self, *, text: str | None = None, document: Mapping[str, Any] | None = None, facts: bool = False
    ) -> Document:
        """See `Policies.check`."""
        if (text is None) == (document is None):
            raise InvalidTransaction([FieldProblem("text", "one_of", "give one of text and document")])
        try:
            text = text_of(document) if document is not None else text
            assert text is not None  # noqa: S101 - one of them was given
            policy = self._usable(text)
        except PolicyError as error:
            return {"usable": False, "text": text, "problem": error.members}
        in_force = self._app.engine.book.policies[policy.document.name]
        named = {"facts": _facts(policy)} if facts else {}
        return named | {
            "usable": True, "text": text, **policy.ref.model_dump(), "words": policy_words(policy),
            "document": _values(policy),
            "in_force": in_force.ref.model_dump(), "differences": _differences(in_force, policy),
        }  # fmt: skip

    def impact(self, text: str, *, limit: int = 1000) -> Document:
        """See `Policies.impact`."""
        policy = self._usable(text)
        in_force = self._app.engine.book.policies[policy.document.name]
        found = Impact(in_force, policy, self._app.reference)
        found.take(recent_decisions(self._app.store, policy.document.name, limit=min(limit, ROWS_MAX)))
        sides = {"in_force": in_force.ref.model_dump(), "policy": policy.ref.model_dump()}
        return sides | found.document()

    def versions(self, name: str | None = None, *, limit: int = 50, offset: int = 0) -> Document:
        """See `Policies.versions`."""
        place = self._app.watch.place(name)
        found = self._store.versions(place.name, limit=min(limit, LIST_MAX), offset=offset)
        return self._standing(place) | {
            "names": list(self._app.engine.book.policies),
            "versions": [version.model_dump(mode="json") for version in found],
            "acts": [act.model_dump(mode="json") for act in reversed(place.acts[-ACTS_SHOWN:])],
        }

    def version(self, number: int, *, name: str | None = None) -> Document:
        """See `Policies.version`."""
        place = self._app.watch.place(name)
        version, text = self._store.version(place.name, number), self._store.text(place.name, number)
        found: Document = version.model_dump(mode="json") | {"text": text}
        try:
            policy = Policy.parse(text, file=f"{place.name} version {number}")
        except PolicyError as error:
            return found | {"usable": False, "problem": error.members}
        changes = _differences(place.policy, policy)
        return found | {"usable": True, "words": policy_words(policy), "differences": changes}

    def differences(self, a: int, b: int, *, name: str | None = None) -> Document:
        """See `Policies.differences`."""
        name = self._app.watch.place(name).name
        first, second = (
            Policy.parse(self._store.text(name, number), file=f"{name} version {number}") for number in (a, b)
        )
        return {"name": name, "a": a, "b": b, "differences": _differences(first, second)}

    def save(
        self, text: str, *, reason: str, author: str, based_on: int | None = None, version: str | None = None
    ) -> Document:
        """See `Policies.save`."""
        wanted = _wish({"text": text, "reason": reason, "based_on": based_on, "version": version})
        reason, now = checked_text(wanted.reason, REASON), self._app.clock.now()
        text = wanted.text if wanted.version is None else with_version(wanted.text, wanted.version)
        policy = self._usable(text)
        ref = policy.ref
        before = self._app.watch.keep(ref.name)
        self._check_named(policy)
        if wanted.based_on is not None:
            self._store.version(ref.name, wanted.based_on)
        new = PolicyVersion(
            name=ref.name, number=1, version=ref.version, hash=ref.hash, author=author, at=now, reason=reason,
            based_on=wanted.based_on or before.number,
        )  # fmt: skip
        known = self._store.same(ref.name, ref.hash)
        kept = known or self._store.add(new, text)
        return kept.model_dump(mode="json") | {"saved": known is None}

    def promote(
        self, number: int, *, reason: str, author: str, name: str | None = None, seen: str | None = None
    ) -> Document:
        """See `Policies.promote`."""
        reason = checked_text(reason, REASON)
        return self._standing(self._app.watch.promote(name, number, reason=reason, actor=author, seen=seen))

    def rollback(self, *, reason: str, author: str, name: str | None = None, seen: str | None = None) -> Document:
        """See `Policies.rollback`."""
        reason = checked_text(reason, REASON)
        return self._standing(self._app.watch.roll_back(name, reason=reason, actor=author, seen=seen))

    def _in_force(self, name: str | None) -> Policy:
        book: PolicyBook = self._app.engine.book
        policy = book.default if name is None else book.policies.get(name)
        if policy is None:
            raise NotFound("policy", str(name))
        return policy

    def _usable(self, text: str) -> Policy:
        """A policy that could take the place of the one of its name. Raises PolicyError."""
        if len(text) > TEXT_MAX:
            raise PolicyError(f"is larger than {TEXT_MAX:,} characters", file="text")
        policy = Policy.parse(text, file="text")
        book: PolicyBook = self._app.engine.book
        name, base = policy.document.name, policy.document.base_currency
        if name not in book.policies:
            there = ", ".join(book.policies)
            message = f"no policy named {name} is in force; a version takes the place of one of its name: {there}"
            raise policy.source.error(message, ("name",))
        if base != book.default.document.base_currency:
            message = f"is {base}, but what is known of customers is in {book.default.document.base_currency}"
            raise policy.source.error(message, ("base_currency",))
        return policy

    def _check_named(self, policy: Policy) -> None:
        """Decisions name a policy by its version: two texts must not share one."""
        ref = policy.ref
        called = self._store.called(ref.name, ref.version)
        if called is not None and called.hash != ref.hash and self._store.same(ref.name, ref.hash) is None:
            message = f"{ref.version} is what version {called.number} calls itself already; give this one another"
            raise policy.source.error(message, ("version",))

    def _standing(self, place: Place) -> Document:
        """What is in force of a policy, since when, and what would come back."""
        version = self._store.same(place.name, place.policy.ref.hash)
        last = place.acts[-1] if place.acts else None
        return {
            "name": place.name,
            "tag": place.tag,
            "in_force": place.policy.ref.model_dump() | {
                "number": version and version.number,
                "from": place.source,
                "since": last and last.at.isoformat(), "author": last and last.author, "reason": last and last.reason,
            },
            "before": place.before,
        }  # fmt: skip


def _facts(policy: Policy) -> list[Document]:
    return [
        {
            "name": fact.name, "kind": fact.kind, "called": name_of(fact, fact.name), "meaning": fact.meaning,
            "tool": fact.tool, "comparisons": list(comparisons_of(fact.kind)),
        }
        for fact in policy.catalogue.values()
    ]  # fmt: skip


def _values(policy: Policy) -> Document:
    """What the text sets, in its order."""
    values = policy.document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {name: values[name] for name in policy.source.located.data if name in values}


def _differences(a: Policy, b: Policy) -> list[Document]:
    return [found.document() for found in differences(PolicyBook.of(a), PolicyBook.of(b))]


def _wish(data: Document) -> NewVersion:
    try:
        return NewVersion.model_validate(data)
    except ValidationError as error:
        raise InvalidTransaction(field_problems(error)) from None
