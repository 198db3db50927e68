"""What a decision leaves behind in what is known of its customer, for the next transaction."""

from __future__ import annotations

from fraudray.effects import Effects
from fraudray.evidence.context import Inquiry
from fraudray.evidence.geolocation import trusted_place
from fraudray.evidence.transaction_risk import amount_base_minor, habit_hour
from fraudray.features.state import record_attempt, record_trusted
from fraudray.policy.policy import Judgement
from fraudray.ports.ledger import CustomerRecord


def remember(inquiry: Inquiry, customer: CustomerRecord, judgement: Judgement, effects: Effects) -> None:
    """Change the record in place. What was blocked counts as an attempt, and teaches nothing else."""
    tx, state = inquiry.tx, customer.state
    at_us, keeps = inquiry.at_us, inquiry.keeps
    base_minor = amount_base_minor(inquiry) or 0
    if judgement.outcome.severity < 2:
        place = trusted_place(inquiry) if keeps.places or keeps.haunts else None
        hour = habit_hour(inquiry, inquiry.at) if keeps.hours else None
        record_trusted(state, tx, at_us, base_minor, place=place, local_hour=hour, keeps=keeps)
    record_attempt(
        state, tx, at_us, base_minor, outcome=judgement.outcome, received_us=inquiry.received_us, keeps=keeps
    )
    remember_effects(customer, effects)


def remember_effects(customer: CustomerRecord, effects: Effects) -> None:
    """Know the customer's new freeze and open case."""
    if effects.freeze is not None:
        customer.freeze = effects.freeze
    if effects.open_case is not None:
        customer.open_case = effects.open_case
