"""geolocation-checker as an MCP server: could the customer have got from there to here in time?"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fraudray.domain.decision import RiskLevel
from fraudray.domain.duration import LONGEST
from fraudray.domain.evidence import GEOLOCATION_CHECKER
from fraudray.tools.catalogue import find
from fraudray.tools.finding import EvidenceById, Finding, Look, PolicyUsed, Reasons, Score, look
from fraudray.tools.main import main
from fraudray.tools.parameters import (
    NOT_GIVEN,
    CustomerId,
    OptionalAddress,
    OptionalFlag,
    OptionalFunding,
    OptionalInstrument,
    OptionalLatitude,
    OptionalLongitude,
    OptionalMoment,
    OptionalText,
    OptionalTransaction,
)
from fraudray.tools.partial import parse_partial
from fraudray.tools.provider import AppProvider
from fraudray.tools.server import READS, ToolServer

Minutes = Annotated[float, Field(ge=0, le=LONGEST.total_seconds() / 60, allow_inf_nan=False)]
_NAMES = {
    "location": "current_location",
    "previous_location": "previous_transaction_location",
    "timestamp": "transaction_time",
}


class GeolocationResult(Finding):
    """Whether the journey between two transactions is possible, and what else the places say."""

    customer_id: str
    travel_feasible: bool | None = Field(description="null when there are not two known places and a time between.")
    distance_miles: float | None = Field(description="Great-circle distance between the two places.")
    required_speed_mph: float | None = Field(description="That distance over the time between.")
    reason: str = Field(description="Why, in one sentence.")
    risk_score: Score
    risk_category: RiskLevel
    evidence: EvidenceById
    reasons: Reasons
    policy: PolicyUsed


def build_server(provider: AppProvider) -> ToolServer:
    """The server, answering from what `provider` opens."""
    server = ToolServer(
        find(GEOLOCATION_CHECKER),
        title="Geolocation checker",
        instructions="Resolves places offline and judges travel between two transactions. It reads only.",
    )

    @server.tool(title="Check geolocation risk", annotations=READS)
    def check_geolocation_risk(
        customer_id: CustomerId,
        current_location: Annotated[
            OptionalText, Field(description='"City, ST", "City, Country" or a native name; null if unknown.')
        ],
        previous_transaction_location: Annotated[
            OptionalText, Field(description="The place before; null: what the system itself saw last.")
        ],
        time_difference_minutes: Annotated[
            Minutes | None, NOT_GIVEN, Field(description="Minutes between the two; null: as the system itself saw.")
        ],
        latitude: OptionalLatitude = None,
        longitude: OptionalLongitude = None,
        previous_latitude: OptionalLatitude = None,
        previous_longitude: OptionalLongitude = None,
        previous_timestamp: Annotated[
            OptionalMoment, Field(description="When the previous one was, instead of time_difference_minutes.")
        ] = None,
        transaction_id: OptionalTransaction = None,
        transaction_time: OptionalMoment = None,
        ip_address: OptionalAddress = None,
        card_present: OptionalFlag = None,
        instrument_id: OptionalInstrument = None,
        funding: OptionalFunding = None,
    ) -> GeolocationResult:  # fmt: skip
        """Judge whether one person could be at both places: distance, required speed, feasibility by ground and air.

        Places may be written freely; an ambiguous or unknown name is reported as such in the evidence, never guessed.
        Coordinates win over names. Leave out (or send null for) what you do not know. With an IP address the evidence
        also says which country it belongs to and whether the place is weak (seen only through Tor, a VPN, ...).
        Calling it changes nothing.
        """
        minutes = time_difference_minutes
        with provider.app() as app:
            tx = parse_partial(
                {
                    "transaction_id": transaction_id, "customer_id": customer_id, "location": current_location,
                    "previous_location": previous_transaction_location, "latitude": latitude, "longitude": longitude,
                    "previous_latitude": previous_latitude, "previous_longitude": previous_longitude,
                    "timestamp": transaction_time, "previous_timestamp": previous_timestamp,
                    "time_since_last_transaction": None if minutes is None else f"{minutes:.6f} minutes",
                    "ip_address": ip_address, "card_present": card_present, "instrument_id": instrument_id,
                    "funding": funding,
                },
                now=app.clock.now(), names=_NAMES | {"time_since_last_transaction": "time_difference_minutes"},
            )  # fmt: skip
            found = look(app, GEOLOCATION_CHECKER, tx)
        return GeolocationResult(
            customer_id=customer_id,
            travel_feasible=found.fact("travel", "feasible"),
            distance_miles=found.fact("travel", "distance_mi"),
            required_speed_mph=found.fact("travel", "required_speed_mph"),
            reason=explain(found),
            risk_score=found.judgement.score,
            risk_category=found.judgement.level,
            **found.common,
        )

    return server


def explain(found: Look) -> str:
    """The heaviest reason about the journey or, when no rule spoke, what is known of it."""
    for reason in found.judgement.reasons:
        if f"{GEOLOCATION_CHECKER}/travel" in reason.evidence:
            return reason.text
    travel = found.items["travel"]
    if "feasible" in travel:
        if travel["mode"] == "local":
            return f"{travel['from']} and {travel['to']} are the same neighbourhood ({travel['distance_mi']:,.0f} mi)"
        return (
            f"{travel['from']} to {travel['to']}: {travel['distance_mi']:,.0f} mi in {travel['elapsed']} "
            f"is possible by {travel['mode']}"
        )
    for item, what in (("place", "current"), ("previous", "previous")):
        if found.fact(item, "known") is False:
            return f"the {what} place, {found.fact(item, 'written')}, is not a place that is known"
    missing = [
        what
        for what, lacks in (
            ("the current place", not found.fact("place", "known")),
            ("the previous place", not found.fact("previous", "known")),
            ("the time between", found.fact("previous", "time") == "not_given"),
        )
        if lacks
    ]
    return f"travel cannot be judged: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not given"


if __name__ == "__main__":
    main(GEOLOCATION_CHECKER)
