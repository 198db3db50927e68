"""identity-verifier: is this the customer's own device and address?"""

from __future__ import annotations

from fraudray.domain.evidence import IDENTITY_VERIFIER, Item
from fraudray.evidence.context import Inquiry

_DAY_US = 86_400 * 1_000_000


class IdentityVerifier:
    """Compares device, address and biometric sample with what is registered and what was seen and trusted."""

    name = IDENTITY_VERIFIER
    local = True
    limit_s = None

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """Items `profile`, `device`, `address`, `biometric`."""
        return {
            "profile": _profile(inquiry),
            "device": _device(inquiry),
            "address": _address(inquiry),
            "biometric": _biometric(inquiry),
        }


def _profile(inquiry: Inquiry) -> Item:
    profile = inquiry.profile
    if profile is None:
        return {"known": False}
    age = (inquiry.at - profile.registered_at).days if profile.registered_at else None
    return {"known": True, "customer_for_days": age}


def _device(inquiry: Inquiry) -> Item:
    tx, profile = inquiry.tx, inquiry.profile
    device_id = tx.device_id or tx.device_fingerprint
    if device_id is None:
        return inquiry.absent("device_id")
    registered = profile.device(device_id) if profile else None
    seen = inquiry.state.devices.get(device_id)
    others = inquiry.owners_of_device(device_id) - {tx.customer_id}
    age_days = (inquiry.at_us - seen.first_us) / _DAY_US if seen else 0.0
    if registered and registered.registered_at:
        age_days = max(age_days, (inquiry.at - registered.registered_at).total_seconds() / 86_400)
    known = registered is not None or age_days >= inquiry.parameters.device_trust_days
    return {
        "registered": registered is not None,
        "known": known,
        # A device of one's own that is also another's (a family tablet) is no sign.
        "belongs_to_another": bool(others) and registered is None,
        "other_customers": len(others),
        "age_days": round(age_days, 2),
        "trusted_uses": seen.count if seen else 0,
        "compared": profile is not None and bool(profile.devices),
    }


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
    }


def _biometric(inquiry: Inquiry) -> Item:
    sample, profile = inquiry.tx.biometric_sample, inquiry.profile
    if sample is None:
        return inquiry.absent("biometric_sample")
    if profile is None or profile.biometric is None:
        return {"enrolled": False}
    return {"enrolled": True, "matched": profile.biometric.matches(sample)}
