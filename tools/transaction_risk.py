"""transaction-risk as an MCP server: what the payment itself says."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from fraudray.domain.decision import RiskLevel
from fraudray.domain.evidence import TRANSACTION_RISK
from fraudray.domain.text import FreeText
from fraudray.domain.transaction import Channel, ProcessorOutcome
from fraudray.tools.catalogue import find
from fraudray.tools.finding import EvidenceById, Finding, PolicyUsed, Reasons, Score, look
from fraudray.tools.history import add_history_tools
from fraudray.tools.main import main
from fraudray.tools.parameters import (
    NOT_GIVEN,
    CustomerId,
    OptionalChannel,
    OptionalDevice,
    OptionalFlag,
    OptionalFunding,
    OptionalId,
    OptionalInstrument,
    OptionalLatitude,
    OptionalLongitude,
    OptionalMemo,
    OptionalMoment,
    OptionalText,
    OptionalType,
    TransactionId,
)
from fraudray.tools.partial import Amount, parse_partial
from fraudray.tools.provider import AppProvider
from fraudray.tools.server import READS, ToolServer

_NAMES = {"timestamp": "transaction_time"}


class RiskIndicator(BaseModel):
    """One reason in short."""

    code: str
    text: str
    points: int = Field(description="What it added to the score.")


class TransactionRiskResult(Finding):
    """What the payment itself says about risk."""

    transaction_id: str
    customer_id: str
    risk_score: Score
    risk_category: RiskLevel = Field(description="That score in words.")
    risk_indicators: list[RiskIndicator]
    recommendation: str = Field(description="What the policy recommends for that score; the decision weighs all tools.")
    evidence: EvidenceById
    reasons: Reasons
    policy: PolicyUsed


def build_server(provider: AppProvider) -> ToolServer:
    """The server, answering from what `provider` opens."""
    server = ToolServer(
        find(TRANSACTION_RISK),
        title="Transaction risk",
        instructions="Says what a payment itself tells about fraud risk, and what happened before: to the customer, "
        "with the merchant, in similar cases. It reads only; a call changes no state.",
    )

    @server.tool(title="Check transaction risk", annotations=READS)
    def check_transaction_risk(
        transaction_id: TransactionId,
        customer_id: CustomerId,
        amount: Amount,
        merchant: Annotated[FreeText, Field(description="The merchant's name as on the transaction.")],
        location: Annotated[
            OptionalText,
            Field(description='Where the card was, "Seattle, WA" or "Moscow, Russia"; card-not-present: where the '
                  "customer says to be; null if unknown."),
        ],
        transaction_time: OptionalMoment,
        card_present: Annotated[
            OptionalFlag,
            Field(description="Whether the card was there; null if unknown. False beside channel pos or atm counts as "
                  "not given: the channel decides."),
        ] = False,
        currency: Annotated[str | None, NOT_GIVEN, Field(description="ISO 4217 code; USD when left out.")] = None,
        merchant_category: Annotated[OptionalText, Field(description="The category in words.")] = None,
        mcc: Annotated[str | None, NOT_GIVEN, Field(description="Merchant category code, four digits.")] = None,
        terminal_id: Annotated[OptionalId, Field(description="The terminal or ATM; null if unknown.")] = None,
        channel: OptionalChannel = None,
        transaction_type: OptionalType = None,
        original_transaction_id: Annotated[
            OptionalId, Field(description="The purchase that a capture, increment, reversal or refund continues.")
        ] = None,
        processor_outcome: Annotated[
            ProcessorOutcome | None,
            NOT_GIVEN,
            Field(description="What the processor or issuer answered, where it is known already."),
        ] = None,
        latitude: OptionalLatitude = None,
        longitude: OptionalLongitude = None,
        instrument_id: OptionalInstrument = None,
        funding: OptionalFunding = None,
        device_id: OptionalDevice = None,
        memo: OptionalMemo = None,
    ) -> TransactionRiskResult:  # fmt: skip
        """Judge a payment by its amount, merchant and category, country, channel, local hour, the customer's habit and
        velocity.

        Give what you know and leave out (or send null for) the rest: it counts as not given and is never guessed.
        Send the amount in units of its currency. The score rests on this tool's evidence alone: ask identity-verifier
        and geolocation-checker too before you conclude. Calling it changes nothing and decides nothing.
        """
        with provider.app() as app:
            tx = parse_partial(
                {
                    "transaction_id": transaction_id, "customer_id": customer_id, "amount": amount,
                    "merchant": merchant, "location": location, "timestamp": transaction_time,
                    "card_present": _card_present(card_present, channel), "currency": currency,
                    "merchant_category": merchant_category, "mcc": mcc, "terminal_id": terminal_id,
                    "channel": channel, "transaction_type": transaction_type,
                    "original_transaction_id": original_transaction_id, "processor_outcome": processor_outcome,
                    "latitude": latitude, "longitude": longitude, "instrument_id": instrument_id,
                    "funding": funding, "device_id": device_id, "memo": memo,
                },
                now=app.clock.now(), names=_NAMES,
            )  # fmt: skip
            found = look(app, TRANSACTION_RISK, tx)
            judgement = found.judgement
            return TransactionRiskResult(
                transaction_id=tx.transaction_id,
                customer_id=tx.customer_id,
                risk_score=judgement.score,
                risk_category=judgement.level,
                risk_indicators=[RiskIndicator(code=r.code, text=r.text, points=r.points) for r in judgement.reasons],
                recommendation=found.policy.document.recommendations.get(judgement.outcome, judgement.outcome.value),
                **found.common,
            )

    add_history_tools(server, provider)
    return server


def _card_present(stated: bool | None, channel: Channel | None) -> bool | None:
    """`False` is the parameter's default, so it is no statement against a channel where the card is there."""
    return None if stated is False and channel in (Channel.POS, Channel.ATM) else stated


if __name__ == "__main__":
    main(TRANSACTION_RISK)
