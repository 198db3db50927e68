"""From rows of numbers to the columns of `Transaction`, as Arrow tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
import pyarrow.compute as pc  # type: ignore[import-untyped, unused-ignore]

from fraudray.batch.synthetic import kinds
from fraudray.batch.synthetic.cities import CITIES, CURRENCIES, MINOR_UNITS
from fraudray.batch.synthetic.customers import FUNDINGS
from fraudray.batch.synthetic.draws import Ints, share
from fraudray.batch.synthetic.row import AUTHORIZATION, NOTHING, OUTCOMES, SCENARIOS, TYPES, Rows
from fraudray.batch.synthetic.spelling import Column, coded, dotted, looked_up, only, spelled
from fraudray.batch.synthetic.world import World

AMOUNT = pa.decimal128(14, 2)
MOMENT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("transaction_id", pa.string()), ("customer_id", pa.string()), ("currency", pa.string()), ("amount", AMOUNT),
        ("merchant", pa.string()), ("merchant_category", pa.string()), ("mcc", pa.string()),
        ("terminal_id", pa.string()), ("channel", pa.string()), ("card_present", pa.bool_()),
        ("location", pa.string()), ("timestamp", MOMENT), ("device_id", pa.string()),
        ("device_fingerprint", pa.string()), ("ip_address", pa.string()), ("email", pa.string()),
        ("instrument_id", pa.string()), ("funding", pa.string()), ("transaction_type", pa.string()),
        ("original_transaction_id", pa.string()), ("processor_outcome", pa.string()),
        ("is_fraud", pa.bool_()), ("fraud_scenario", pa.string()), ("label_known_at", MOMENT),
    ]
)  # fmt: skip
"""The fields of `Transaction` that a history needs, and the labels."""
EMAIL_SHARE = 0.7  # of online payments
_TRANSACTION, _DEVICE, _FINGERPRINT, _INSTRUMENT, _EMAIL = 41, 42, 43, 44, 45


def customer_ids(customers: Ints) -> Column:
    """The ids of customers by number, as a string array."""
    return spelled("C-", customers, 8)


def device_ids(seed: int, devices: Ints) -> Column:
    """The ids of devices by number, as a string array."""
    return coded("dev-", devices, seed, _DEVICE)


def emails(customers: Ints) -> Column:
    """The e-mail addresses of customers by number, as a string array."""
    return pc.binary_join_element_wise(spelled("c", customers, 8), "example.com", "@")


class Columns:
    """Spells the rows of one world."""

    def __init__(self, world: World) -> None:
        """With the names of the world's merchants at hand."""
        self._world, self._seed = world, world.plan.seed
        self._merchants = pa.array(world.merchants.names)
        self._categories = pa.array([kind.category for kind in kinds.KINDS])
        self._mccs = pa.array([kind.mcc for kind in kinds.KINDS])
        self._cities = pa.array([city.text for city in CITIES])
        self._currencies, self._scenarios = pa.array(CURRENCIES), pa.array(SCENARIOS)
        self._channels, self._fundings, self._types, self._outcomes = (
            pa.array([member.value for member in members]) for members in (kinds.CHANNELS, FUNDINGS, TYPES, OUTCOMES)
        )

    def table(self, rows: Rows) -> Column:
        """The rows as an Arrow table of `SCHEMA`, in their order."""
        customer, device, address, channel = rows["customer"], rows["device"], rows["address"], rows["channel"]
        kind = self._world.merchants.kind_of(rows["merchant"])
        signed_in = (channel == kinds.ECOMMERCE) | (channel == kinds.MOBILE)
        browser = (channel == kinds.ECOMMERCE) & (device != NOTHING)
        mailed = signed_in & (rows["kind"] == AUTHORIZATION) & (share(self._seed, _EMAIL, rows["number"]) < EMAIL_SHARE)
        slot = rows["slot"].astype(np.int64)
        columns = [
            self._ids(rows["number"]),
            customer_ids(customer),
            looked_up(self._currencies, rows["currency"]),
            _amounts(rows["amount"], rows["currency"]),
            self._merchant(rows["merchant"]),
            looked_up(self._categories, kind),
            looked_up(self._mccs, kind),
            only(spelled("T-", rows["terminal"], 8), rows["terminal"] != NOTHING),
            looked_up(self._channels, channel),
            pa.array(rows["present"] == 1),
            looked_up(self._cities, rows["city"]),
            _moments(rows["at"]),
            only(device_ids(self._seed, device), device != NOTHING),
            only(coded("fp-", device, self._seed, _FINGERPRINT), browser),
            only(dotted(address), address != NOTHING),
            only(emails(customer), mailed),
            coded("tok-", customer * 4 + slot, self._seed, _INSTRUMENT),
            looked_up(self._fundings, self._world.customers.funding(customer, slot)),
            looked_up(self._types, rows["kind"]),
            only(self._ids(rows["original"]), rows["original"] != NOTHING),
            looked_up(self._outcomes, rows["outcome"]),
            pa.array(rows["scenario"] != NOTHING),
            looked_up(self._scenarios, rows["scenario"]),
            _moments(rows["known_at"]),
        ]
        return pa.Table.from_arrays(columns, schema=SCHEMA)

    def _ids(self, numbers: Ints) -> Column:
        return coded("syn-", numbers, self._seed, _TRANSACTION)

    def _merchant(self, merchants: Ints) -> Column:
        """The names of merchants; a payee is named by the customer who gets the money."""
        count = len(self._world.merchants)
        payee = merchants >= count
        names = self._merchants.take(pa.array(np.where(payee, 0, merchants)))
        return pc.if_else(pa.array(payee), spelled("Transfer to C-", np.where(payee, merchants - count, 0), 8), names)


def _amounts(minor: Ints, currency: Ints) -> Column:
    """Minor units as exact decimals: the 128-bit little-endian whole numbers of hundredths that Arrow keeps."""
    words = np.zeros((len(minor), 2), np.int64)
    words[:, 0] = minor * 10 ** (2 - MINOR_UNITS[currency])
    return pa.Array.from_buffers(AMOUNT, len(minor), [None, pa.py_buffer(words)])


def _moments(microseconds: Ints) -> Column:
    return pa.array(np.ascontiguousarray(microseconds), pa.int64()).cast(MOMENT)
