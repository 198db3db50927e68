"""What the machines of a model cost by the hour, as a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from fraudray.batch.report.costs import Currency
from fraudray.policy.located import read_model

HOUR_S = 3600


class Prices(BaseModel):
    """The price of everything that the engines of an investigation run on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_hour: float = Field(ge=0, le=1e6, allow_inf_nan=False, description="Of all machines together.")
    currency: Currency = "USD"
    machines: str = Field("", max_length=200, description="What is priced, and by whom and when, for the report.")


def load_prices(path: Path) -> Prices:
    """The prices in a YAML file. Raises PolicyError with line and column."""
    return read_model(path, Prices, "a file of prices")
