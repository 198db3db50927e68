"""What scenarios of fraud share: how long episodes take, and the devices and networks of strangers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fraudray.batch.synthetic import kinds
from fraudray.batch.synthetic.clock import DAY_US, MS_US, SECOND_US
from fraudray.batch.synthetic.customers import STRANGE_DEVICES
from fraudray.batch.synthetic.draws import Floats, Ints
from fraudray.batch.synthetic.row import SCENARIOS, Rows, outcomes
from fraudray.batch.synthetic.world import World, minor
from fraudray.domain.transaction import ProcessorOutcome

# Blocks of the packaged list: hosting (Hetzner, OVHcloud) and a network with many Tor exits.
_HOSTING = ((0x05090000, 1 << 16), (0x05870000, 1 << 16), (0x0FCC0000, 1 << 16))
_TOR = (0xB9DC6500, 1 << 6)
NETWORK_SHARES = (0.6, 0.28, 0.12)  # somebody's home anywhere, hosting, Tor
REFUSALS = outcomes(
    ProcessorOutcome.DO_NOT_HONOR, ProcessorOutcome.INSUFFICIENT_FUNDS, ProcessorOutcome.LOST_OR_STOLEN,
    ProcessorOutcome.INCORRECT_CVC,
)  # fmt: skip


@dataclass(frozen=True)
class Day:
    """One day for a scenario: its world, when the day starts (microseconds since 1970), and luck of its own."""

    world: World
    start_us: int
    rng: np.random.Generator

    def customers(self, count: int) -> Ints:
        """Any customers, perhaps one twice."""
        return self.rng.integers(0, len(self.world.customers), count)

    def moments(self, count: int) -> Ints:
        """Any moments of the day."""
        return self.start_us + self.rng.integers(0, DAY_US // MS_US, count) * MS_US


@dataclass(frozen=True)
class Episodes:
    """Rows that belong together: for each row its episode and its place in it, from 0."""

    of: Ints
    step: Ints

    @classmethod
    def sized(cls, sizes: Ints) -> Episodes:
        """Episodes of so many rows each."""
        of = np.repeat(np.arange(len(sizes)), sizes)
        return cls(of, np.arange(len(of)) - (np.cumsum(sizes) - sizes)[of])

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.of)

    def times(self, began: Ints, mean_s: float, rng: np.random.Generator) -> Ints:
        """Moments one after the other within each episode, at least a second and on average `mean_s` apart."""
        gaps = (rng.exponential(mean_s, len(self)) * 1000).astype(np.int64) * MS_US + SECOND_US
        gaps[self.step == 0] = 0
        running = np.cumsum(gaps)
        at: Ints = began[self.of] + running - running[self.step == 0][self.of]
        return at


def strange_devices(count: int, rng: np.random.Generator) -> Ints:
    """Numbers of devices that no customer owns."""
    return STRANGE_DEVICES + rng.integers(0, STRANGE_DEVICES, count)


def strange_addresses(world: World, count: int, rng: np.random.Generator) -> Ints:
    """IPv4 addresses as numbers: of homes in any country, of hosting companies, of Tor exits."""
    city = rng.integers(0, len(world.geography.first_address), count)
    first, size = world.geography.first_address[city], world.geography.addresses[city]
    network = rng.choice(len(NETWORK_SHARES), count, p=NETWORK_SHARES)
    hosting = np.array(_HOSTING, np.int64)[rng.integers(0, len(_HOSTING), count)]
    first = np.where(network == 1, hosting[:, 0], np.where(network == 2, _TOR[0], first))
    size = np.where(network == 1, hosting[:, 1], np.where(network == 2, _TOR[1], size))
    return first + (rng.random(count) * size).astype(np.int64)


def purchases(
    day: Day, scenario: str, at: Ints, customer: Ints, categories: Sequence[str], times: Floats | float
) -> Rows:
    """Online purchases of any of `categories` for `times` the usual price, said to be made in the customer's city.

    Device, network and outcome are left to the caller.
    """
    world, rng = day.world, day.rng
    kind = kinds.numbers(*categories)[rng.integers(0, len(categories), len(at))]
    rows = world.payments(at, customer, world.online(kind, rng.random(len(at))))
    rows["scenario"] = SCENARIOS.index(scenario)
    rows["amount"] = minor(world.prices(rows, rng, times), rows["currency"], charming=rng.random(len(at)) < 0.4)
    rows["city"] = world.customers.home[customer]
    world.unsay_places(rows, rng)
    return rows


def refuse(rows: Rows, chance: Floats | float, reasons: Ints, rng: np.random.Generator) -> None:
    """Let the processor decline each row with a chance, for one of the reasons."""
    refused = np.flatnonzero(rng.random(len(rows)) < chance)
    rows["outcome"][refused] = reasons[rng.integers(0, len(reasons), len(refused))]
