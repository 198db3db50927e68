"""The facts that rules may name: what each is called, where it comes from, its type and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fraudray.domain.evidence import GEOLOCATION_CHECKER, IDENTITY_VERIFIER, TRANSACTION_RISK

Kind = Literal["double", "int", "bool", "string"]
NEUTRAL: dict[Kind, float | int | bool | str] = {"double": 0.0, "int": 0, "bool": False, "string": ""}
"""What stands in for a fact that is not there while the whole program runs; its rules are left out of the result."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One variable of the rule language. Those without a tool are the engine's own and always known."""

    name: str
    kind: Kind
    meaning: str
    tool: str | None = None
    item: str = ""
    key: str = ""

    @property
    def evidence_id(self) -> str | None:
        """What a reason resting on it cites."""
        return f"{self.tool}/{self.item}" if self.tool else None


def _of(tool: str, rows: list[tuple[str, Kind, str, str, str]]) -> list[Fact]:
    return [Fact(name, kind, meaning, tool, item, key) for name, kind, item, key, meaning in rows]


CATALOGUE: dict[str, Fact] = {
    fact.name: fact
    for fact in [
        Fact("spending", "bool", "asks for the customer's money (not a reversal or refund)"),
        Fact("transaction_type", "string", "authorization, incremental_authorization, capture, reversal, refund"),
        Fact("currency", "string", "ISO 4217 code of the transaction"),
        Fact("currency_rated", "bool", "the currency has a rate to the base currency"),
        Fact("stated_amount_base", "double", "this message's amount in the base currency; needs no tool"),
        Fact("account_frozen", "bool", "a freeze lies on the customer's account"),
        Fact("frozen_until", "string", "when that freeze ends, UTC"),
        Fact("transaction_risk_available", "bool", "transaction-risk answered in time"),
        Fact("identity_available", "bool", "identity-verifier answered in time, its biometric matcher too"),
        Fact("place_available", "bool", "geolocation-checker answered in time"),
        *_of(
            TRANSACTION_RISK,
            [
                ("amount_base", "double", "amount", "amount_base", "the purchase in the base currency"),
                (
                    "typical_high_base",
                    "double",
                    "habit",
                    "typical_high_base",
                    "upper end of the customer's usual amounts",
                ),
                ("habit_ratio", "double", "habit", "ratio", "the purchase over that upper end"),
                (
                    "habit_mean_base",
                    "double",
                    "deviation",
                    "mean_base",
                    "mean of the customer's last purchases",
                ),
                ("amount_to_mean", "double", "deviation", "to_mean", "the purchase over that mean"),
                ("amount_z", "double", "deviation", "z", "standard deviations above that mean"),
                (
                    "amount_robust_z",
                    "double",
                    "robust_deviation",
                    "robust_z",
                    "the same by median and median deviation",
                ),
                ("merchant_new", "bool", "novelty", "merchant_new", "the customer has not bought there before"),
                ("terminal_new", "bool", "novelty", "terminal_new", "nor at this terminal"),
                ("device_new", "bool", "novelty", "device_new", "nor from this device"),
                ("country_new", "bool", "novelty", "country_new", "nor in this country"),
                (
                    "hour_share",
                    "double",
                    "routine",
                    "hour_share",
                    "share of purchases within an hour of it by the clock",
                ),
                ("minutes_since_last", "double", "routine", "minutes_since_last", "minutes since the attempt before"),
                ("merchant", "string", "merchant", "name", "the merchant as sent"),
                (
                    "merchant_class",
                    "string",
                    "merchant",
                    "class",
                    "first merchant class of the policy that fits, or empty",
                ),
                ("mcc", "string", "merchant", "mcc", "merchant category code, ISO 18245"),
                ("mcc_name", "string", "merchant", "mcc_name", "what that code means"),
                ("mcc_group", "string", "merchant", "mcc_group", "the group of codes that it is in"),
                ("card_present", "bool", "channel", "card_present", "the card was there"),
                ("channel", "string", "channel", "channel", "pos, ecommerce, moto, atm, ..."),
                ("country_code", "string", "country", "code", "ISO 3166-1 alpha-2 country of the place"),
                ("country_name", "string", "country", "name", "its name"),
                ("country_high_risk", "bool", "country", "high_risk", "that country is on one of the FATF's lists"),
                ("country_listed_as", "string", "country", "listed_as", "call for action, or increased monitoring"),
                ("local_hour", "int", "hour", "local_hour", "0-23 on the place's own clocks; for a supplied timestamp"),
                (
                    "attempts_10m",
                    "int",
                    "velocity",
                    "attempts_10m",
                    "purchase attempts in 10 minutes, this one included",
                ),
                ("attempts_1h", "int", "velocity", "attempts_1h", "purchase attempts in an hour"),
                ("attempts_24h", "int", "velocity", "attempts_24h", "purchase attempts in a day"),
                (
                    "instrument_attempts_10m",
                    "int",
                    "velocity",
                    "instrument_attempts_10m",
                    "the same of this instrument",
                ),
                ("spent_24h_base", "double", "velocity", "spent_24h_base", "spent in a day, this purchase included"),
                ("original_known", "bool", "purchase", "original_known", "the purchase that it continues was seen"),
                ("exceeds_original", "bool", "purchase", "exceeds_original", "more than its purchase allows"),
                (
                    "original_in_other_currency",
                    "bool",
                    "purchase",
                    "other_currency",
                    "its purchase was in another currency",
                ),
                ("original_total", "string", "purchase", "total", "what that purchase comes to, in its own currency"),
            ],
        ),
        *_of(
            IDENTITY_VERIFIER,
            [
                ("profile_known", "bool", "profile", "known", "the customer is registered"),
                ("device_registered", "bool", "device", "registered", "the device is registered to this customer"),
                ("device_known", "bool", "device", "known", "registered, or trusted for long enough"),
                ("device_of_another", "bool", "device", "belongs_to_another", "the device is another customer's"),
                ("device_age_days", "double", "device", "age_days", "days since its first trusted use or registration"),
                ("device_uses", "int", "device", "uses", "how often it was used and trusted"),
                ("device_first_seen", "string", "device", "first_seen", "its first trusted use, UTC"),
                ("device_last_seen", "string", "device", "last_seen", "its last trusted use, UTC"),
                ("device_seen_days", "double", "device", "seen_days", "days since its first trusted use"),
                (
                    "device_customers",
                    "int",
                    "device",
                    "customers",
                    "customers it was seen with lately, this one too",
                ),
                ("device_shared", "bool", "device", "shared", "it was seen with other customers lately"),
                ("device_compared", "bool", "device", "compared", "there were registered devices to compare with"),
                ("address_known", "bool", "address", "known", "the address is registered or long trusted"),
                ("address_compared", "bool", "address", "compared", "there were registered addresses to compare with"),
                ("address_uses", "int", "address", "uses", "how often it was used and trusted"),
                ("address_first_seen", "string", "address", "first_seen", "its first trusted use, UTC"),
                ("address_last_seen", "string", "address", "last_seen", "its last trusted use, UTC"),
                ("address_seen_days", "double", "address", "seen_days", "days since its first trusted use"),
                ("address_kind", "string", "address", "kind", "private, hosting, tor, vpn, ..."),
                ("address_anonymising", "bool", "address", "anonymising", "Tor, VPN, proxy or relay"),
                ("address_hosting", "bool", "address", "hosting", "a data centre's address"),
                ("biometric_matched", "bool", "biometric", "matched", "the sample is the enrolled one"),
                ("biometric_similarity", "double", "biometric", "similarity", "0-1, of matchers that measure it"),
            ],
        ),
        *_of(
            GEOLOCATION_CHECKER,
            [
                ("place", "string", "place", "label", "where the transaction is"),
                ("place_known", "bool", "place", "known", "its place could be resolved"),
                ("place_ambiguous", "bool", "place", "ambiguous", "several places are called so"),
                ("previous_known", "bool", "previous", "known", "the previous place could be resolved"),
                ("travel_from", "string", "travel", "from", "the previous place"),
                ("travel_to", "string", "travel", "to", "the place of this transaction"),
                ("travel_feasible", "bool", "travel", "feasible", "the journey is possible in the time"),
                ("travel_mode", "string", "travel", "mode", "local, ground, air or none"),
                ("distance_mi", "double", "travel", "distance_mi", "great-circle distance in miles"),
                ("elapsed_min", "double", "travel", "elapsed_min", "minutes between the two"),
                ("elapsed", "string", "travel", "elapsed", "the same in words"),
                ("required_speed_mph", "double", "travel", "required_speed_mph", "miles an hour that it would take"),
                ("previous_contradicted", "bool", "consistency", "contradicted", "given and seen cannot both be true"),
                ("previous_given", "string", "consistency", "given", "the previous place as given"),
                ("previous_seen", "string", "consistency", "seen", "the place that the system saw last"),
                ("ip_country", "string", "ip_country", "country_code", "country of the address"),
                ("ip_country_differs", "bool", "ip_country", "differs", "it is not the place's country"),
            ],
        ),
    ]
}
