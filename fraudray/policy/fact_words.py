"""What facts are called in a sentence: what it means that one is true or not, or what it measures."""

from __future__ import annotations

from fraudray.domain.facts import Fact

YES_NO: dict[str, tuple[str, str]] = {
    "spending": ("money is asked for", "no money is asked for"),
    "currency_rated": ("the currency has a rate", "the currency has no rate"),
    "account_frozen": ("the account is frozen", "the account is not frozen"),
    "transaction_risk_available": ("the payment was checked in time", "the payment could not be checked in time"),
    "identity_available": ("identity was checked in time", "identity could not be checked in time"),
    "place_available": ("the place was checked in time", "the place could not be checked in time"),
    "merchant_new": ("the merchant is new to the customer", "the customer has bought at the merchant before"),
    "terminal_new": ("the terminal is new to the customer", "the customer has used the terminal before"),
    "device_new": ("the device is new to the customer", "the customer has used the device before"),
    "country_new": ("the country is new to the customer", "the customer has bought in the country before"),
    "card_present": ("the card is present", "the card is not present"),
    "country_high_risk": ("the country is on the FATF’s lists", "the country is not on the FATF’s lists"),
    "original_known": ("the purchase that it continues is known", "the purchase that it continues is not known"),
    "exceeds_original": ("it asks for more than its purchase allows", "it asks for no more than its purchase allows"),
    "original_in_other_currency": (
        "its purchase was in another currency", "its purchase was in the same currency"
    ),
    "profile_known": ("the customer is registered", "the customer is not registered"),
    "device_registered": ("the device is registered", "the device is not registered"),
    "device_known": ("the device is known for this customer", "the device is not known for this customer"),
    "device_of_another": ("the device is another customer’s", "the device is not another customer’s"),
    "device_shared": ("other customers use the device too", "no other customer uses the device"),
    "device_compared": ("the customer has registered devices", "the customer has no registered device"),
    "address_known": ("the network address is known", "the network address is not known"),
    "address_compared": ("the customer has registered addresses", "the customer has no registered address"),
    "address_anonymising": ("the network address hides its user", "the network address does not hide its user"),
    "address_hosting": ("the network address is a data centre’s", "the network address is no data centre’s"),
    "biometric_matched": ("the biometric sample matches", "the biometric sample does not match"),
    "place_known": ("the place is known", "the place is not known"),
    "place_ambiguous": ("several places have that name", "only one place has that name"),
    "previous_known": ("the previous place is known", "the previous place is not known"),
    "travel_feasible": ("the journey is possible in the time", "the journey is not possible in the time"),
    "previous_contradicted": (
        "the previous place contradicts what was seen", "the previous place does not contradict what was seen"
    ),
    "ip_country_differs": (
        "the network address is of another country", "the network address is of the same country"
    ),
}  # fmt: skip
NAMES: dict[str, str] = {
    "transaction_type": "the kind of message", "currency": "the currency",
    "stated_amount_base": "the amount as stated", "frozen_until": "the end of the freeze",
    "amount_base": "the amount", "typical_high_base": "the customer’s usual upper amount",
    "habit_ratio": "the amount over the customer’s usual upper amount",
    "habit_mean_base": "the customer’s mean amount", "amount_to_mean": "the amount over the customer’s mean",
    "amount_z": "the standard deviations above the customer’s mean",
    "amount_robust_z": "the median deviations above the customer’s median",
    "hour_share": "the customer’s share of purchases at this hour",
    "minutes_since_last": "the minutes since the attempt before", "merchant": "the merchant",
    "merchant_class": "the merchant’s class", "mcc": "the merchant category code", "mcc_name": "the merchant category",
    "mcc_group": "the merchant’s group", "channel": "the channel", "country_code": "the country’s code",
    "country_name": "the country", "country_listed_as": "the FATF’s list", "local_hour": "the hour at the place",
    "attempts_10m": "the number of attempts in 10 minutes", "attempts_1h": "the number of attempts in an hour",
    "attempts_24h": "the number of attempts in a day",
    "instrument_attempts_10m": "the number of attempts with the instrument in 10 minutes",
    "spent_24h_base": "what was spent in a day", "original_total": "the purchase’s total",
    "device_age_days": "the device’s age in days", "device_uses": "the number of uses of the device",
    "device_first_seen": "the device’s first use", "device_last_seen": "the device’s last use",
    "device_seen_days": "the days since the device’s first use",
    "device_customers": "the number of customers of the device", "address_uses": "the number of uses of the address",
    "address_first_seen": "the address’s first use", "address_last_seen": "the address’s last use",
    "address_seen_days": "the days since the address’s first use", "address_kind": "the kind of network address",
    "biometric_similarity": "the biometric similarity", "place": "the place", "travel_from": "the previous place",
    "travel_to": "the place travelled to", "travel_mode": "the way of travelling",
    "distance_mi": "the distance in miles", "elapsed_min": "the minutes between", "elapsed": "the time between",
    "required_speed_mph": "the speed needed in miles an hour", "previous_given": "the previous place as given",
    "previous_seen": "the place last seen", "ip_country": "the network address’s country", "score": "the score",
}  # fmt: skip


def said_of(fact: Fact | None, name: str, *, true: bool) -> str:
    """What it means that a fact is true, or is not."""
    if name in YES_NO:
        return YES_NO[name][0 if true else 1]
    return f"{name_of(fact, name)} is {'true' if true else 'false'}"


def name_of(fact: Fact | None, name: str) -> str:
    """What a fact is called: as here, as its source says it, or its name."""
    if name in NAMES:
        return NAMES[name]
    if name in YES_NO:
        return YES_NO[name][0]
    return fact.meaning if fact is not None and fact.meaning else name.replace("_", " ")
