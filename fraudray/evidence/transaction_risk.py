"""transaction-risk: what the payment itself says: amount, merchant, country, channel, hour, habit, velocity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN
from functools import lru_cache
from zoneinfo import ZoneInfo

from fraudray.domain.evidence import TRANSACTION_RISK, Item
from fraudray.domain.features import Key, WindowFeature, item_of
from fraudray.domain.money import Rates, from_minor, minor_units, to_minor
from fraudray.domain.transaction import Transaction, TransactionType
from fraudray.evidence.context import Inquiry
from fraudray.evidence.geolocation import resolve_current
from fraudray.features.habit import amount_deviation, hour_share, minutes_since_last, novelty, robust_deviation
from fraudray.features.state import CustomerState, retry_key
from fraudray.features.windows import typical_high_base_minor, velocity


class TransactionRisk:
    """Facts about the payment, in the policy's base currency and the place's own time."""

    name = TRANSACTION_RISK
    local = True
    limit_s = None

    def gather(self, inquiry: Inquiry) -> dict[str, Item]:
        """Items `amount`, `habit`, `deviation`, `robust_deviation`, `merchant`, `channel`, `country`, `hour`,
        `velocity`, `purchase`, `novelty`, `routine`, and `<key>_windows` for each key whose windows are asked for."""
        base_minor = amount_base_minor(inquiry)
        items = {name: make(inquiry, base_minor) for name, make in inquiry.chosen(self.name, _ITEMS).items()}
        for key, features in inquiry.features.items():
            items[item_of(key)] = _windows(inquiry, key, features)
        return items


def purchase_minor(state: CustomerState, tx: Transaction) -> int:
    """What the purchase costs once this message counts, in minor units: an increment adds to its estimate."""
    purchase = state.purchases.get(state.purchase_id(tx))
    if purchase is None or purchase.currency != tx.currency:
        return tx.amount_minor
    match tx.transaction_type:
        case TransactionType.INCREMENTAL_AUTHORIZATION:
            return purchase.authorized_minor + tx.amount_minor
        case TransactionType.CAPTURE:
            return purchase.captured_minor + tx.amount_minor
        case _:
            return tx.amount_minor


def to_base_minor(rates: Rates, amount_minor: int, currency: str, base_currency: str) -> int | None:
    """An amount in minor units of the base currency, rounded half to even; None where no rate is known."""
    if currency == base_currency:
        return amount_minor
    converted = rates.to_base(from_minor(amount_minor, currency), currency, base_currency)
    if converted is None:
        return None
    unit = from_minor(1, base_currency)
    return to_minor(converted.quantize(unit, rounding=ROUND_HALF_EVEN), base_currency)


def amount_base_minor(inquiry: Inquiry) -> int | None:
    """The purchase in minor units of the base currency; None where no amount or no rate is given."""
    tx = inquiry.tx
    if tx.amount is None:
        return None
    minor = purchase_minor(inquiry.state, tx)
    return to_base_minor(inquiry.reference.rates, minor, tx.currency, inquiry.base_currency)


def _amount(inquiry: Inquiry, base_minor: int | None) -> Item:
    tx = inquiry.tx
    if tx.amount is None:
        return inquiry.absent("amount")
    item: Item = {"amount": str(tx.amount), "currency": tx.currency, "rated": base_minor is not None}
    if base_minor is not None:
        item["amount_base"] = float(from_minor(base_minor, inquiry.base_currency))
        item["base_currency"] = inquiry.base_currency
    if tx.currency != inquiry.base_currency:
        item["rate_date"] = inquiry.reference.rates.date_of(tx.currency).isoformat()
    return item


def _registered_high_minor(inquiry: Inquiry) -> int | None:
    usual = inquiry.profile.usual_amounts if inquiry.profile else None
    if usual is None:
        return None
    high_minor = to_minor(usual.high, usual.currency)
    return to_base_minor(inquiry.reference.rates, high_minor, usual.currency, inquiry.base_currency)


def _habit(inquiry: Inquiry, base_minor: int | None) -> Item:
    high = typical_high_base_minor(inquiry.state, _registered_high_minor(inquiry))
    if high is None or base_minor is None:
        return {"status": "nothing_known"}
    scale = 10 ** minor_units(inquiry.base_currency)
    return {"typical_high_base": high / scale, "ratio": round(base_minor / high, 3) if high else None}


def _deviation(inquiry: Inquiry, base_minor: int | None) -> Item:
    if base_minor is None:
        return {"status": "nothing_known"}
    scale = 10 ** minor_units(inquiry.base_currency)
    return amount_deviation(inquiry.state.habit_base_minor, base_minor, scale) or {"status": "nothing_known"}


def _robust_deviation(inquiry: Inquiry, base_minor: int | None) -> Item:
    robust_z = None if base_minor is None else robust_deviation(inquiry.state.habit_base_minor, base_minor)
    return {"status": "nothing_known"} if robust_z is None else {"robust_z": robust_z}


def _merchant(inquiry: Inquiry, _base_minor: int | None) -> Item:
    tx = inquiry.tx
    if tx.merchant is None:
        return inquiry.absent("merchant")
    name, group = inquiry.reference.mccs.by_code.get(tx.mcc or "", (None, None))
    classes = inquiry.parameters.classify_merchant(tx.merchant, tx.merchant_category, tx.mcc)
    return {
        "name": tx.merchant,
        "category": tx.merchant_category,
        "mcc": tx.mcc,
        "mcc_name": name,
        "mcc_group": group,
        "class": classes[0] if classes else "",
        "classes": list(classes),
    }


def _channel(inquiry: Inquiry, _base_minor: int | None) -> Item:
    tx = inquiry.tx
    present = tx.card_present
    if present is None and tx.channel is not None:
        present = tx.channel in ("pos", "atm")
    if present is None:
        return inquiry.absent("card_present", "channel")
    return {"card_present": present, "channel": tx.channel.value if tx.channel else None}


def _country(inquiry: Inquiry, _base_minor: int | None) -> Item:
    current = resolve_current(inquiry)
    if current is None:
        return inquiry.absent("location")
    if current.place is None:
        return {"code": None}
    code, countries = current.place.country_code, inquiry.reference.high_risk
    return {
        "code": code,
        "name": current.place.country_name,
        "high_risk": code in countries.listed_as,
        "listed_as": countries.listed_as.get(code),
        "list_date": countries.date.isoformat(),
    }


def _hour(inquiry: Inquiry, _base_minor: int | None) -> Item:
    """The hour on the place's own clocks: only for a time and a place that were given."""
    if inquiry.tx.timestamp is None:
        return inquiry.absent("timestamp")
    current = resolve_current(inquiry)
    if current is None or current.place is None:
        return inquiry.absent("location")
    zone = _zone(current.place.time_zone)
    if zone is None or current.place.precision == "country":
        return {"status": "no_time_zone"}
    return {"local_hour": inquiry.at.astimezone(zone).hour, "time_zone": current.place.time_zone}


def _novelty(inquiry: Inquiry, _base_minor: int | None) -> Item:
    current = resolve_current(inquiry)
    country_code = current.place.country_code if current is not None and current.place is not None else None
    return novelty(inquiry.state, inquiry.tx, country_code) or {"status": "nothing_known"}


def _routine(inquiry: Inquiry, _base_minor: int | None) -> Item:
    found = {
        "hour_share": hour_share(inquiry.state.hours, habit_hour(inquiry, inquiry.at)),
        "minutes_since_last": minutes_since_last(inquiry.state, inquiry.at_us),
    }
    return {name: value for name, value in found.items() if value is not None} or {"status": "nothing_known"}


def habit_hour(inquiry: Inquiry, at: datetime) -> int:
    """The hour (0-23) on the customer's clocks: those of the place or, where none is known, the policy's."""
    current = resolve_current(inquiry)
    place = current.place if current is not None else None
    zone = _zone(place.time_zone) if place is not None and place.precision != "country" else None
    return at.astimezone(zone or _zone(inquiry.parameters.time_zone)).hour


def _windows(inquiry: Inquiry, key: Key, features: Sequence[WindowFeature]) -> Item:
    found = inquiry.windows.of(inquiry, key, features) if inquiry.windows is not None else None
    return inquiry.absent(*(feature.field for feature in features)) if found is None else found


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def _velocity(inquiry: Inquiry, base_minor: int | None) -> Item:
    tx = inquiry.tx
    counted = velocity(
        inquiry.state, inquiry.at_us, instrument=tx.instrument_key, purchase_id=inquiry.state.purchase_id(tx),
        repeats=retry_key(tx) if tx.amount is not None and tx.merchant is not None else "",
    )  # fmt: skip
    spends = tx.transaction_type.spends
    spent = counted.spent_24h_base_minor + (base_minor or 0) * spends
    return {
        "attempts_10m": counted.attempts_10m + spends,
        "attempts_1h": counted.attempts_1h + spends,
        "attempts_24h": counted.attempts_24h + spends,
        "instrument_attempts_10m": counted.instrument_attempts_10m + spends,
        "spent_24h_base": float(from_minor(spent, inquiry.base_currency)),
    }


def _purchase(inquiry: Inquiry, _base_minor: int | None) -> Item:
    """How a later message fits the purchase it names."""
    tx = inquiry.tx
    if not tx.transaction_type.follows or tx.amount is None:
        return {"follows": False}
    purchase = inquiry.state.purchases.get(inquiry.state.purchase_id(tx))
    if purchase is None:
        return {"follows": True, "original_known": False}
    item: Item = {"follows": True, "original_known": True, "other_currency": purchase.currency != tx.currency}
    if purchase.currency == tx.currency:
        total = purchase.total_minor
        match tx.transaction_type:
            case TransactionType.REFUND:
                exceeds = purchase.refunded_minor + tx.amount_minor > total
            case TransactionType.REVERSAL:
                exceeds = tx.amount_minor > purchase.authorized_minor
            case TransactionType.CAPTURE:
                exceeds = purchase.captured_minor + tx.amount_minor > purchase.authorized_minor
            case _:
                exceeds = False
        item |= {"exceeds_original": exceeds, "total": str(from_minor(total, tx.currency))}
    return item


_ITEMS: dict[str, Callable[[Inquiry, int | None], Item]] = {
    "amount": _amount,
    "habit": _habit,
    "deviation": _deviation,
    "robust_deviation": _robust_deviation,
    "merchant": _merchant,
    "channel": _channel,
    "country": _country,
    "hour": _hour,
    "velocity": _velocity,
    "purchase": _purchase,
    "novelty": _novelty,
    "routine": _routine,
}
