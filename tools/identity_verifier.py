"""identity-verifier as an MCP server: is this the customer's own device and address?"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from fraudray.domain.decision import RiskLevel
from fraudray.domain.errors import FieldProblem, InvalidTransaction
from fraudray.domain.evidence import IDENTITY_VERIFIER
from fraudray.tools.catalogue import find
from fraudray.tools.finding import EvidenceById, Finding, Look, PolicyUsed, Reasons, Score, look
from fraudray.tools.main import main
from fraudray.tools.parameters import (
    NOT_GIVEN,
    CustomerId,
    OptionalAddress,
    OptionalId,
    OptionalMoment,
    OptionalTransaction,
)
from fraudray.tools.partial import parse_partial
from fraudray.tools.provider import AppProvider
from fraudray.tools.server import READS, ToolServer
from fraudray.tools.sharing import add_sharing_tools

_NAMES = {"timestamp": "transaction_time", "biometric_sample": "biometric_data"}
DEVICE, ADDRESS, BIOMETRIC = "device_fingerprint", "ip_address", "biometric_data"


class VerificationStatus(StrEnum):
    """What the facts add up to; the policy's weights play no part in it.

    FAILED: the biometric sample is another's, or the device is registered to another customer and not to this one, or
    something failed and nothing matched. PARTIAL: something matched, but something failed, or nothing beyond the
    address matched, or the customer is not registered. VERIFIED: a registered customer's device or biometric sample
    matched and nothing failed. UNKNOWN: there was nothing to compare.
    """

    VERIFIED = "VERIFIED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


class IdentityResult(Finding):
    """Whether device, address and biometric sample are the customer's own."""

    customer_id: str
    verification_status: VerificationStatus = Field(
        description="VERIFIED: device or sample of a registered customer matched, nothing failed. PARTIAL: something "
        "matched, but not enough or something failed. FAILED: another customer's device, a wrong sample, or only "
        "failures. UNKNOWN: nothing to compare. What a matching sample does not prove is in the evidence (`limits`)."
    )
    confidence_score: int = Field(ge=0, le=100, description="100 less the policy's score on this tool's evidence.")
    matched_factors: list[str] = Field(description="Parameters that are registered or long trusted as this customer's.")
    failed_factors: list[str] = Field(description="Parameters that were compared and are not this customer's.")
    risk_score: Score
    risk_category: RiskLevel
    evidence: EvidenceById
    reasons: Reasons
    policy: PolicyUsed


def build_server(provider: AppProvider) -> ToolServer:
    """The server, answering from what `provider` opens."""
    server = ToolServer(
        find(IDENTITY_VERIFIER),
        title="Identity verifier",
        instructions="Says whether a device, address or biometric sample is a customer's own, and who else uses it. "
        "It reads only.",
    )

    @server.tool(title="Verify customer identity", annotations=READS)
    def verify_customer_identity(
        customer_id: CustomerId,
        device_fingerprint: Annotated[OptionalId, Field(description="The device's id; null if unknown.")],
        ip_address: OptionalAddress,
        biometric_data: Annotated[
            str | dict[str, Any] | None,
            NOT_GIVEN,
            Field(description="The sample as enrolled: text, or an object, as JSON with sorted keys, no spaces."),
        ] = None,
        device_id: Annotated[
            OptionalId, Field(description="The device's registered id where it differs from the fingerprint; it wins.")
        ] = None,
        transaction_id: OptionalTransaction = None,
        transaction_time: OptionalMoment = None,
    ) -> IdentityResult:
        """Compare a device, an IP address and a biometric sample with what is registered of the customer and what was
        seen and trusted before.

        Leave out (or send null for) what you do not have: it counts as not given, which is neither a match nor a
        failure. The evidence also says what kind of network the address belongs to (private, hosting, tor, vpn, ...)
        and whether the device belongs to another customer, since when and how often it was used, and for how many
        customers. A sample that could not be compared is in neither list, and the evidence says why. Calling it
        changes nothing.
        """
        with provider.app() as app:
            tx = parse_partial(
                {
                    "transaction_id": transaction_id, "customer_id": customer_id, "device_id": device_id,
                    "device_fingerprint": device_fingerprint, "ip_address": ip_address,
                    "biometric_sample": _sample(biometric_data), "timestamp": transaction_time,
                },
                now=app.clock.now(), names=_NAMES,
            )  # fmt: skip
            found = look(app, IDENTITY_VERIFIER, tx)
        matched, failed = factors(found)
        score = found.judgement.score
        return IdentityResult(
            customer_id=customer_id,
            verification_status=verification_status(found, matched, failed),
            confidence_score=100 - score,
            matched_factors=matched,
            failed_factors=failed,
            risk_score=score,
            risk_category=found.judgement.level,
            **found.common,
        )

    add_sharing_tools(server, provider)
    return server


def factors(found: Look) -> tuple[list[str], list[str]]:
    """The parameters that matched, and those that were compared and failed; the others are in neither."""
    known = {
        DEVICE: found.fact("device", "known"),
        ADDRESS: found.fact("address", "known"),
        BIOMETRIC: found.fact("biometric", "matched"),
    }
    against = {
        DEVICE: found.fact("device", "belongs_to_another") or found.fact("device", "compared"),
        ADDRESS: found.fact("address", "anonymising") or found.fact("address", "compared"),
        BIOMETRIC: found.fact("biometric", "matched") is not None,
    }
    if found.fact("device", "belongs_to_another"):
        known[DEVICE] = False
    matched = [name for name, holds in known.items() if holds]
    return matched, [name for name in known if name not in matched and against[name]]


def verification_status(found: Look, matched: list[str], failed: list[str]) -> VerificationStatus:
    """See `VerificationStatus`."""
    if BIOMETRIC in failed or found.fact("device", "belongs_to_another") or (failed and not matched):
        return VerificationStatus.FAILED
    if not matched:
        return VerificationStatus.UNKNOWN
    strong = DEVICE in matched or BIOMETRIC in matched
    if failed or not strong or not found.fact("profile", "known"):
        return VerificationStatus.PARTIAL
    return VerificationStatus.VERIFIED


def _sample(data: str | dict[str, Any] | None) -> str | None:
    if not isinstance(data, dict):
        return data
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except ValueError:
        raise InvalidTransaction([FieldProblem(BIOMETRIC, "json", "has a number that JSON cannot write")]) from None


if __name__ == "__main__":
    main(IDENTITY_VERIFIER)
