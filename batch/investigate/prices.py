"""What the machines of a model cost by the hour, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fraudray.domain.money import minor_units
from fraudray.policy.located import locate_yaml, read_text

HOUR_S = 3600


def _known_currency(code: str) -> str:
    minor_units(code)
    return code


class Prices(BaseModel):
    """The price of everything that the engines of an investigation run on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_hour: float = Field(ge=0, le=1e6, allow_inf_nan=False, description="Of all machines together.")
    currency: Annotated[str, AfterValidator(_known_currency)] = "USD"
    machines: str = Field("", max_length=200, description="What is priced, and by whom and when, for the report.")


def load_prices(path: Path) -> Prices:
    """The prices in a YAML file. Raises PolicyError with line and column."""
    located = locate_yaml(read_text(path), file=str(path))
    try:
        return Prices.model_validate(located.data)
    except ValidationError as error:
        raise located.shape_error(error, "a file of prices") from None
