"""identity-verifier: is this the customer's own device and address?"""

from __future__ import annotations

import logging

from fraudray.domain.evidence import IDENTITY_VERIFIER, Absence, Item
from fraudray.evidence.biometrics import SaltedHash, matcher_of
from fraudray.evidence.context import Inquiry
from fraudray.features.state import Seen, rfc3339
from fraudray.ports.biometrics import BiometricMatcher, Match

log = logging.getLogger(__name__)
_DAY_US = 86_400 * 1_000_000


class IdentityVerifier:
    """Compares device, address and biometric sample with what is registered and what was seen and trusted."""

    name = IDENTITY_VERIFIER
    local = True
    limit_s = None

    def __init__(self, matcher: BiometricMatcher | None = None) -> None:
        """With the built-in matcher where none is given."""
        self._matcher = matcher or SaltedHash()

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """Items `profile`, `device`, `address`, `biometric`."""
        items = {"profile": _profile, "device": _device, "address": _address, "biometric": self._biometric}
        return {name: make(inquiry) for name, make in inquiry.chosen(self.name, items).items()}

    def _biometric(self, inquiry: Inquiry) -> Item:
        """A matcher that fails leaves the rest of the evidence standing, and the policy told (`identity_available`)."""
        sample, profile, matcher = inquiry.tx.biometric_sample, inquiry.profile, self._matcher
        if sample is None:
            return inquiry.absent("biometric_sample")
        if profile is None or profile.biometric is None:
            return {"enrolled": False}
        template = profile.biometric
        enrolled_by = matcher_of(template)
        item: Item = {"enrolled": True, "matcher": enrolled_by}
        if enrolled_by != matcher.name:
            return item | _unavailable(f"the template is of {enrolled_by}, the matcher in force is {matcher.name}")
        try:
            found = _plausible(matcher.match(template.model_dump(), sample))
        except Exception as error:
            log.error("the biometric matcher %s failed: %s", matcher.name, type(error).__name__, exc_info=error)
            return item | _unavailable(f"failed: {type(error).__name__}")
        return item | {"matched": found.matched, "similarity": found.similarity, "limits": matcher.limits}


def _plausible(found: Match) -> Match:
    similarity = found.similarity
    if not isinstance(found.matched, bool) or not (similarity is None or 0.0 <= similarity <= 1.0):
        raise ValueError("a match is true or false, and a similarity lies between 0 and 1")
    return found


def _unavailable(why: str) -> Item:
    return {"status": Absence.UNAVAILABLE.value, "error": why}


def _profile(inquiry: Inquiry) -> Item:
    profile = inquiry.profile
    if profile is None:
        return inquiry.absent("profile") if "profile" in inquiry.not_recorded else {"known": False}
    age = (inquiry.at - profile.registered_at).days if profile.registered_at else None
    return {"known": True, "customer_for_days": age}


def _device(inquiry: Inquiry) -> Item:
    tx, profile = inquiry.tx, inquiry.profile
    device_id = tx.device_key
    if device_id is None:
        return inquiry.absent("device_id")
    registered = profile.device(device_id) if profile else None
    seen = inquiry.state.devices.get(device_id)
    others = inquiry.owners_of_device(device_id) - {tx.customer_id}
    age_days = (inquiry.at_us - seen.first_us) / _DAY_US if seen else 0.0
    if registered and registered.registered_at:
        age_days = max(age_days, (inquiry.at - registered.registered_at).total_seconds() / 86_400)
    known = registered is not None or age_days >= inquiry.parameters.device_trust_days
    since_us = inquiry.at_us - round(inquiry.parameters.device_sharing_days * _DAY_US)
    customers = inquiry.customers_of_device(device_id, since_us)
    return {
        "registered": registered is not None,
        "known": known,
        # A device of one's own that is also another's (a family tablet) is no sign.
        "belongs_to_another": bool(others) and registered is None,
        "other_customers": len(others),
        "age_days": round(age_days, 2),
        "compared": profile is not None and bool(profile.devices),
        "customers": customers,
        "shared": customers > 1,
    } | _history(seen, inquiry)


def _address(inquiry: Inquiry) -> Item:
    address = inquiry.tx.ip_address
    if address is None:
        return inquiry.absent("ip_address")
    facts = inquiry.reference.addresses.look_up(address)
    profile, parameters = inquiry.profile, inquiry.parameters
    seen = inquiry.state.addresses.get(address)
    registered = profile is not None and address in profile.addresses
    trusted = seen is not None and (inquiry.at_us - seen.first_us) / _DAY_US >= parameters.device_trust_days
    return {
        "registered": registered,
        "known": registered or trusted,
        "compared": profile is not None and bool(profile.addresses),
        "kind": facts.kind,
        "provider": facts.provider,
        "anonymising": facts.kind in parameters.anonymising_networks,
        "hosting": facts.kind in parameters.hosting_networks,
        "list_date": facts.list_date.isoformat(),
    } | _history(seen, inquiry)


def _history(seen: Seen | None, inquiry: Inquiry) -> Item:
    """Trusted use so far: how often, and from when to when."""
    if seen is None:
        return {"uses": 0}
    return {
        "uses": seen.count,
        "first_seen": rfc3339(seen.first_us),
        "last_seen": rfc3339(seen.last_us),
        "seen_days": round(max(0, inquiry.at_us - seen.first_us) / _DAY_US, 2),
    }
