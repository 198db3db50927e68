"""The price file: dated prices in USD, each with its source, read and checked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fraudray.cli.exits import InputError
from fraudray.cli.session import read_text

Purchase = Literal["on_demand", "spot", "one_year", "three_year", "before_june_2025"]
"""How an instance is paid for; `before_june_2025` is on demand as it was before AWS lowered GPU prices."""
ESTIMATE = "estimate"
PACKAGED = "data/prices.yaml"
_FILE_BYTES_MAX = 1024 * 1024


class Price(BaseModel):
    """One price: USD a unit, and where it is from. `source: estimate` says that nobody has published it so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd: Decimal = Field(ge=0, le=1_000_000, allow_inf_nan=False)
    source: str = Field(min_length=3, max_length=300)
    note: str | None = Field(None, max_length=300)

    @property
    def is_estimate(self) -> bool:
        """Whether no source was found."""
        return self.source == ESTIMATE


class Item(BaseModel):
    """What is paid for, by the unit; services have one price, which is on demand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: Literal["hour", "GB-month", "month", "GB", "million", "LCU-hour", "metric-month"]
    prices: dict[Purchase, Price] = Field(min_length=1)


class Prices(BaseModel):
    """All of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: date
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    currency: Literal["USD"]
    hours_per_month: int = Field(730, ge=672, le=744, description="By which a monthly price becomes an hourly one.")
    items: dict[Annotated[str, Field(min_length=1, max_length=64)], Item] = Field(min_length=1, max_length=1000)

    def price(self, item: str, purchase: Purchase = "on_demand") -> Price:
        """One price. Raises InputError where the file has none."""
        found = self.find(item, purchase)
        if found is None:
            raise InputError(f"the price file has no price of {item} ({purchase}); add it under items.{item}.prices")
        return found

    def find(self, item: str, purchase: Purchase) -> Price | None:
        """One price, or None."""
        entry = self.items.get(item)
        return entry.prices.get(purchase) if entry else None

    def per_hour(self, item: str, purchase: Purchase = "on_demand") -> Decimal:
        """USD an hour for one unit; prices by the month divided by its hours. Raises InputError."""
        price = self.price(item, purchase)
        monthly = self.items[item].unit.endswith("month")
        return price.usd / self.hours_per_month if monthly else price.usd


def load_prices(path: Path | None = None) -> Prices:
    """The prices of a file, or those that come with fraudray. Raises InputError with the place of what is wrong."""
    name = str(path) if path else PACKAGED
    if path is None:
        text = (resources.files(__package__) / PACKAGED).read_text(encoding="utf-8")
    else:
        text = read_text(path, _FILE_BYTES_MAX)
    try:
        content: Any = yaml.safe_load(text)
        return Prices.model_validate(content)
    except yaml.YAMLError as error:
        raise InputError(f"{name} is not YAML: {error}") from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise InputError(f"{name}: {wrong}") from None
