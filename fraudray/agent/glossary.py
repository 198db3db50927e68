"""What the model knows before it sees a payment: the meaning of the facts, and how fraud shows.

It is part of what never changes, so that an engine reads it once and keeps it. The facts' meanings are the catalogue's
own (`fraudray policy facts`).
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from fraudray.domain.facts import CATALOGUE

REPEATED = frozenset({
    "amount", "currency", "category", "class", "distance_km", "elapsed", "from", "latitude", "list_date", "longitude",
    "mcc_name", "name", "place_country_code", "provider", "shared", "time_zone", "to", "written",
})  # fmt: skip
"""Facts of our own tools that repeat others or the transaction's text, or say nothing about fraud: not told."""

USUAL = {"rated": True, "follows": False, "ambiguous": False, "weak": False, "precision": "city"}
"""Facts of our own tools that are told only where they are otherwise."""

_FURTHER = {
    "transaction-risk/amount": {
        "base_currency": "the policy's currency", "rated": "its currency has a rate to that (told where not)",
    },
    "transaction-risk/merchant": {"classes": "the policy's merchant classes that fit"},
    "transaction-risk/purchase": {"follows": "it continues an earlier purchase (told where so)"},
    "identity-verifier/profile": {"customer_for_days": "days since the customer was registered"},
    "identity-verifier/device": {"other_customers": "how many others it is registered to"},
    "identity-verifier/biometric": {
        "enrolled": "a sample was enrolled", "matcher": "what compares them", "limits": "what it cannot tell",
    },
    "identity-verifier/address": {"registered": "the customer registered it"},
    "geolocation-checker/place": {
        "country_code": "its country", "alternatives": "other places of that name",
        "weak": "it may only be what a VPN, relay, satellite or Tor address pretends",
        "precision": "region or country (told where it is no city)",
    },
    "geolocation-checker/previous": {
        "source": "given by the transaction, or seen by the system", "minutes_before": "minutes between the two",
        "label": "where the customer was before", "country_code": "its country", "time": "whether a time was given",
    },
    "geolocation-checker/travel": {"minimum_min": "minutes that the journey takes at best"},
    "geolocation-checker/consistency": {"apart": "time between the two", "distance_mi": "miles between the two"},
}  # fmt: skip
"""Facts that rules cannot name."""

PATTERNS = """\
How fraud shows
- Taken-over account: an unknown device or an anonymising address, in another place than usual, for more than usual,
  often for what is turned into money at once (crypto, gift cards, transfers, electronics).
- Stolen card details: card not present, the address in another country than the place, several merchants in a short
  time, amounts just below a limit.
- Card testing: many small attempts within minutes, mostly of one instrument; a large one follows.
- Stolen card: present, suddenly far from where the customer was, in a journey that nobody can make.
- Shared by a ring: a device or address of several customers whose cases ended as fraud.
How honest payments look like it
- A new phone: the device is unknown, while the address, place, merchant and amount are as ever.
- A traveller: far away, but the journey is feasible, and amounts and merchants fit a journey.
- A household or an office: the device or address is shared, and no case of the others ended as fraud.
- A purchase that is tried again after a decline: several attempts at one merchant for one amount.
What weighs
- Independent signs together weigh more than one strong sign; two facts that follow from one another are one sign.
- What is missing (not_given) says nothing. An old, registered device weighs more than a place that is weak.
- A place is uncertain where it is ambiguous or weak, so is a journey from or to it.
The risk that you give
- 0-19: nothing speaks for fraud. 20-39: a sign, with an honest explanation that fits better.
- 40-74: signs that a person has to weigh. 75-100: independent signs that no honest explanation fits.
- Where you see nothing that the policy has not weighed, it is the policy's score.
The analysis that you give
- First what decides, with its figures and units; then what speaks against it; last what stays uncertain.
- What to check next is something that a person can do: call the customer on the registered number, ask the merchant
  for the order and the delivery address, compare with the customer's other devices, look at a case that is alike.
- The customer is told what happens to the payment, in plain words, never what was noticed.
"""


@cache
def meanings() -> str:
    """The facts of the read tools, an item a line."""
    told: dict[str, dict[str, str]] = defaultdict(dict)
    for fact in CATALOGUE.values():
        if fact.evidence_id is not None and fact.key not in REPEATED:
            told[fact.evidence_id][fact.key] = fact.meaning
    for evidence_id, further in _FURTHER.items():
        told[evidence_id] |= further
    lines = [f"  {item}: " + "; ".join(f"{key} = {said}" for key, said in of.items()) for item, of in told.items()]
    return "\n".join(["Facts (one word alone, such as not_given, says why there are none)", *lines])


def glossary() -> str:
    """`meanings`, then `PATTERNS`."""
    return f"{meanings()}\n\n{PATTERNS}"
