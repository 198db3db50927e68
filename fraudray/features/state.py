"""What the system itself has seen of one customer, and how an event changes it.

Two kinds of state (DESIGN 4). Attempts are decision-free: every attempt counts, blocked or not. Places, habit,
devices, addresses and purchases are decision-dependent: a blocked attempt never moves them. Sums are integers
(minor units of the base currency, microseconds), so that every kernel agrees exactly.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from fraudray.domain.decision import Outcome
from fraudray.domain.transaction import ProcessorOutcome, Transaction, TransactionType
from fraudray.features.track import Track, is_attempt
from fraudray.geo.places import Place

ATTEMPTS_MAX = 512
ATTEMPT_AGE_MAX_US = 24 * 3600 * 1_000_000
PURCHASES_MAX = 256
SEEN_MAX = 64
INSTRUMENTS_MAX = 32
HABIT_MAX = 64
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC


class Keeps(NamedTuple):
    """Which parts of a customer's state are kept; a replay keeps what its policies read."""

    attempts: bool = True
    track: bool = True
    purchases: bool = True
    places: bool = True
    seen: bool = True
    haunts: bool = True
    hours: bool = True


KEEPS_ALL = Keeps()


class Attempt(msgspec.Struct, array_like=True):
    """One purchase attempt that counts for velocity."""

    purchase_id: str
    at_us: int
    instrument: str
    repeats: str  # what a retry of it would look like
    amount_base_minor: int  # 0 when the currency has no rate
    declined: bool
    spent: bool


class Purchase(msgspec.Struct, array_like=True):
    """The life of one purchase: estimate, increments, capture, refunds; minor units of its own currency."""

    at_us: int
    currency: str
    authorized_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    amount_base_minor: int = 0

    @property
    def total_minor(self) -> int:
        """What the purchase costs as known now: the capture, or what is authorised so far."""
        return self.captured_minor or self.authorized_minor


class Sighting(msgspec.Struct, array_like=True):
    """A trusted place and when the customer was there."""

    at_us: int
    place: Place


class Seen(msgspec.Struct, array_like=True):
    """First and last trusted use of a device or address."""

    first_us: int
    last_us: int
    count: int = 1


class CustomerState(msgspec.Struct, array_like=True):
    """Everything remembered of one customer between transactions; every collection is bounded."""

    attempts: list[Attempt] = msgspec.field(default_factory=list)
    purchases: dict[str, Purchase] = msgspec.field(default_factory=dict)
    sightings: dict[str, Sighting] = msgspec.field(default_factory=dict)  # by instrument key
    devices: dict[str, Seen] = msgspec.field(default_factory=dict)
    addresses: dict[str, Seen] = msgspec.field(default_factory=dict)
    habit_base_minor: list[int] = msgspec.field(default_factory=list)
    links: dict[str, str] = msgspec.field(default_factory=dict)  # a later message's id to its purchase
    track: Track = msgspec.field(default_factory=Track)
    last_attempt_us: int | None = None
    merchants: dict[str, int] = msgspec.field(default_factory=dict)  # to the last trusted purchase, as the next two
    terminals: dict[str, int] = msgspec.field(default_factory=dict)
    countries: dict[str, int] = msgspec.field(default_factory=dict)
    hours: list[int] = msgspec.field(default_factory=lambda: [0] * 24)  # trusted purchases by local hour

    def purchase_id(self, tx: Transaction) -> str:
        """The transaction that began this purchase, also where a later message of it is named as the original."""
        return self.links.get(tx.purchase_id, tx.purchase_id)

    def last_sighting(self, instrument_key: str) -> Sighting | None:
        """Where the instrument was last seen; for a transaction that names none, where the customer was."""
        if instrument_key != "customer":
            return self.sightings.get(instrument_key)
        return max(self.sightings.values(), key=lambda sighting: sighting.at_us, default=None)


def microseconds(moment: datetime) -> int:
    """UTC microseconds since 1970, exactly."""
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def moment(at_us: int) -> datetime:
    """The moment (UTC) of `microseconds`."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(microsecond=at_us % 1_000_000)


def rfc3339(at_us: int) -> str:
    """The same as text; without a time zone object, which costs as much as all the rest."""
    return (_EPOCH + timedelta(microseconds=at_us)).isoformat() + "Z"


def retry_key(tx: Transaction) -> str:
    """What a retry of a declined purchase has in common with it: instrument, merchant, amount, currency."""
    return f"{tx.instrument_key}|{tx.merchant}|{tx.amount_minor}|{tx.currency}"


def is_retry(state: CustomerState, tx: Transaction, at_us: int) -> bool:
    """Whether a declined attempt of the same purchase lies within the day before."""
    wanted = retry_key(tx)
    return any(
        attempt.declined and attempt.repeats == wanted and 0 <= at_us - attempt.at_us <= ATTEMPT_AGE_MAX_US
        for attempt in reversed(state.attempts)
    )


def record_attempt(
    state: CustomerState, tx: Transaction, at_us: int, amount_base_minor: int, *, outcome: Outcome, received_us: int,
    keeps: Keeps = KEEPS_ALL,
) -> None:  # fmt: skip
    """Remember an attempt, whatever was decided on it; a retry of one that was declined counts for windows, not for
    velocity. Age is measured from arrival, so that one wrong clock cannot empty the window of the others."""
    if not is_attempt(tx):
        return
    state.last_attempt_us = at_us
    if keeps.track:
        state.track.add(at_us, amount_base_minor, tx.instrument_key, received_us)
    if not keeps.attempts or is_retry(state, tx, at_us):
        return
    declined = outcome is Outcome.BLOCK or (tx.processor_outcome is not None and tx.processor_outcome.declined)
    state.attempts.append(
        Attempt(
            tx.purchase_id, at_us, tx.instrument_key, retry_key(tx), amount_base_minor, declined=declined,
            spent=not declined,
        )
    )  # fmt: skip
    if len(state.attempts) > ATTEMPTS_MAX or received_us - state.attempts[0].at_us > ATTEMPT_AGE_MAX_US:
        fresh = [attempt for attempt in state.attempts if received_us - attempt.at_us <= ATTEMPT_AGE_MAX_US]
        state.attempts = fresh[-ATTEMPTS_MAX:]


def record_trusted(
    state: CustomerState, tx: Transaction, at_us: int, amount_base_minor: int, *, place: Place | None,
    local_hour: int | None, keeps: Keeps = KEEPS_ALL,
) -> None:  # fmt: skip
    """Remember what only an unblocked transaction may teach. `place` is None when it is unknown or weak; `local_hour`
    (0-23) is the hour on the customer's clocks, None where it is not kept."""
    if keeps.purchases:
        _record_purchase(state, tx, at_us, amount_base_minor)
    if not tx.transaction_type.spends or _unreached(tx):
        return
    if place is not None:
        last = state.sightings.get(tx.instrument_key)
        if last is None or last.at_us <= at_us:
            state.sightings[tx.instrument_key] = Sighting(at_us, place)
            _trim(state.sightings, INSTRUMENTS_MAX)
    if tx.processor_outcome is not None and tx.processor_outcome.declined:
        return
    if keeps.seen:
        for seen, key in ((state.devices, tx.device_key), (state.addresses, tx.ip_address)):
            if key is not None:
                _record_seen(seen, key, at_us)
    if not is_attempt(tx):
        return
    if keeps.haunts:
        for known, name in _haunts(state, tx, place):
            known[name] = max(at_us, known.pop(name, at_us))
            _trim(known, SEEN_MAX)
    if local_hour is not None:
        state.hours[local_hour] += 1


def _haunts(state: CustomerState, tx: Transaction, place: Place | None) -> list[tuple[dict[str, int], str]]:
    """Where the customer was known to shop, and what of it this transaction names."""
    names = (tx.merchant, tx.terminal_id, place.country_code if place is not None else None)
    seen = (state.merchants, state.terminals, state.countries)
    return [(known, name) for known, name in zip(seen, names, strict=True) if name is not None]


def forget_trusted(state: CustomerState, tx: Transaction, at_us: int, *, local_hour: int) -> None:
    """Take back what a payment taught that turned out to be another's: place, device, address, habit, merchant; the
    attempt stays and counts as declined."""
    sighting = state.sightings.get(tx.instrument_key)
    place = None
    if sighting is not None and sighting.at_us == at_us:
        place = state.sightings.pop(tx.instrument_key).place
    if is_attempt(tx):
        for haunts, name in _haunts(state, tx, place):
            if haunts.get(name) == at_us:
                del haunts[name]
        state.hours[local_hour] = max(0, state.hours[local_hour] - 1)
    for seen, key in ((state.devices, tx.device_key), (state.addresses, tx.ip_address)):
        known = seen.get(key) if key is not None else None
        if key is not None and known is not None:
            known.count -= 1
            if known.count <= 0 or known.first_us == at_us:
                del seen[key]
    purchase = state.purchases.pop(state.purchase_id(tx), None)
    if purchase is not None and purchase.amount_base_minor in state.habit_base_minor:
        state.habit_base_minor.remove(purchase.amount_base_minor)
    for attempt in state.attempts:
        if attempt.purchase_id == tx.purchase_id:
            attempt.declined, attempt.spent = True, False


def _unreached(tx: Transaction) -> bool:
    return tx.processor_outcome is not None and not tx.processor_outcome.reached_issuer


def _record_seen(seen: dict[str, Seen], key: str, at_us: int) -> None:
    known = seen.pop(key, None)
    seen[key] = (
        Seen(min(known.first_us, at_us), max(known.last_us, at_us), known.count + 1) if known else Seen(at_us, at_us)
    )
    _trim(seen, SEEN_MAX)


def _record_purchase(state: CustomerState, tx: Transaction, at_us: int, amount_base_minor: int) -> None:
    if tx.processor_outcome is not None and tx.processor_outcome is not ProcessorOutcome.APPROVED:
        return
    purchase_id = state.purchase_id(tx)
    purchase = state.purchases.get(purchase_id)
    if tx.transaction_type.follows and purchase is not None:
        state.links[tx.transaction_id] = purchase_id
        _trim(state.links, PURCHASES_MAX)
    if purchase is None:
        if not tx.transaction_type.spends:
            return
        purchase = state.purchases[purchase_id] = Purchase(at_us, tx.currency)
        _trim(state.purchases, PURCHASES_MAX)
    elif purchase.currency != tx.currency:
        return
    previous_base = purchase.amount_base_minor
    match tx.transaction_type:
        case TransactionType.AUTHORIZATION | TransactionType.INCREMENTAL_AUTHORIZATION:
            purchase.authorized_minor += tx.amount_minor
        case TransactionType.CAPTURE:
            purchase.captured_minor += tx.amount_minor
        case TransactionType.REVERSAL:
            purchase.authorized_minor = max(0, purchase.authorized_minor - tx.amount_minor)
        case TransactionType.REFUND:
            purchase.refunded_minor += tx.amount_minor
    if tx.transaction_type.spends:
        purchase.amount_base_minor = amount_base_minor
        _record_habit(state, previous_base, amount_base_minor)
    _correct_attempt(state, purchase_id, purchase)


def _record_habit(state: CustomerState, previous_base: int, amount_base: int) -> None:
    """One purchase is one entry of habit: an increment or capture replaces what its estimate left."""
    habit = state.habit_base_minor
    if previous_base and previous_base in habit:
        habit.remove(previous_base)
    if amount_base:
        habit.append(amount_base)
        del habit[:-HABIT_MAX]


def _correct_attempt(state: CustomerState, purchase_id: str, purchase: Purchase) -> None:
    """Spending follows the purchase: its latest total, nothing once all of it is reversed."""
    for attempt in reversed(state.attempts):
        if attempt.purchase_id == purchase_id:
            attempt.amount_base_minor = purchase.amount_base_minor
            attempt.spent = purchase.total_minor > 0
            return


def _trim(
    entries: dict[str, str] | dict[str, int] | dict[str, Sighting] | dict[str, Seen] | dict[str, Purchase], limit: int
) -> None:
    while len(entries) > limit:
        entries.pop(next(iter(entries)))
