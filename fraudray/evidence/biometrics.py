"""The matcher of biometric samples that a setting names: the built-in one, or one of an installed package.

A package offers its own through an entry point of the group `fraudray.biometrics`: its name, and a class without
arguments that is a `fraudray.ports.biometrics.BiometricMatcher`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from fraudray.domain.customer import BiometricTemplate, CustomerProfile, ForeignTemplate
from fraudray.domain.errors import FieldProblem, InvalidTransaction, SettingsError
from fraudray.policy.extensions import installed, load
from fraudray.ports.biometrics import BiometricMatcher, Match, Template

GROUP = "fraudray.biometrics"
SALT_BYTES = 16
_PARTS = ("check", "enrol", "match")


class SaltedHash:
    """Compares salted hashes in constant time: whether a sample is, bit for bit, the enrolled one.

    It is no biometric recognition: two scans of one finger differ, and a copied sample matches. Use it for samples that
    a device's own secure hardware makes, or install a matcher that measures similarity.
    """

    name = "salted-hash"
    limits = "equality of an enrolled sample; no liveness, no similarity"

    def check(self, template: Template) -> None:
        """See `BiometricMatcher.check`."""
        if set(template) != {"salt", "sha256"}:
            raise ValueError('a template of salted-hash is {"salt": …, "sha256": …}')

    def enrol(self, sample: str) -> dict[str, Any]:
        """See `BiometricMatcher.enrol`."""
        salt = secrets.token_bytes(SALT_BYTES)
        return {"salt": salt.hex(), "sha256": BiometricTemplate.digest(salt, sample)}

    def match(self, template: Template, sample: str) -> Match:
        """See `BiometricMatcher.match`."""
        return Match(BiometricTemplate.model_validate(template).matches(sample))


def find_matcher(name: str) -> BiometricMatcher:
    """The matcher of that name. Raises SettingsError that names what is installed."""
    if name == SaltedHash.name:
        return SaltedHash()
    offered = installed(GROUP)
    if name not in offered:
        known = ", ".join(sorted({SaltedHash.name, *offered}))
        raise SettingsError(f"biometric_matcher: no matcher {name!r} is installed (there are: {known})")
    return _load(name)


def check_templates(
    matcher: BiometricMatcher, profiles: Sequence[CustomerProfile], *, path: str = "{}.biometric"
) -> None:
    """Let the matcher check what is to be registered. Raises InvalidTransaction naming every bad template, where
    `path` says what a field is called, given its number."""
    problems = []
    for number, profile in enumerate(profiles):
        template = profile.biometric
        if template is None:
            continue
        enrolled_by = matcher_of(template)
        try:
            if enrolled_by != matcher.name:
                raise ValueError(f"is a template of {enrolled_by}; the matcher in force is {matcher.name}")
            matcher.check(template.model_dump())
        except ValueError as error:
            problems.append(FieldProblem(path.format(number), "biometric_template", str(error)))
    if problems:
        raise InvalidTransaction(problems)


def matcher_of(template: BiometricTemplate | ForeignTemplate) -> str:
    """The name of the matcher that can read it."""
    return SaltedHash.name if isinstance(template, BiometricTemplate) else template.matcher


def _load(name: str) -> BiometricMatcher:
    try:
        matcher: BiometricMatcher = load(GROUP, name)()
    except Exception as error:
        raise SettingsError(f"biometric_matcher: {name} does not load: {error}") from error
    missing = [part for part in _PARTS if not callable(getattr(matcher, part, None))]
    missing += [part for part in ("name", "limits") if not isinstance(getattr(matcher, part, None), str)]
    if missing or matcher.name != name:
        wrong = f"has no {', '.join(missing)}" if missing else f"calls itself {matcher.name!r}, not {name!r}"
        raise SettingsError(f"biometric_matcher: {name} {wrong}; see fraudray.ports.biometrics")
    return matcher
