"""What decisions cost and save, as a file that an institution fills in with its own figures.

The defaults are round assumptions, not measurements: they make the report say something before anybody has filled in a
file, and the report prints them beside every amount that rests on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fraudray.domain.errors import SettingsError
from fraudray.domain.money import minor_units
from fraudray.policy.located import read_model

COST_MAX = 1e9
Money = Annotated[float, Field(ge=0, le=COST_MAX, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Floats = NDArray[np.float64]


def _known_currency(code: str) -> str:
    minor_units(code)
    return code


Currency = Annotated[str, AfterValidator(_known_currency)]


class Costs(BaseModel):
    """Costs of decisions in the base currency, against approving everything. Rows without a label cost nothing here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: Currency | None = Field(
        None, description="Of these amounts: the policy's base currency, which it is where this is left out."
    )
    review_cost: Money = Field(3.0, description="Per REVIEW: a few minutes of an analyst.")
    review_friction: Money = Field(0.0, description="Per genuine REVIEW besides: the customer waits, some leave.")
    review_catch_share: Share = Field(1.0, description="Share of reviewed frauds that the review stops.")
    fraud_loss_share: Share = Field(1.0, description="Share of a missed fraud's amount that is lost.")
    chargeback_fee: Money = Field(20.0, description="Per missed fraud, besides its amount.")
    false_block_cost: Money = Field(5.0, description="Per genuine BLOCK: a call, an apology.")
    false_block_share: Share = Field(
        0.05, description="Share of a genuine BLOCK's amount besides: the margin of a payment that does not come back."
    )

    def in_base(self, currency: str) -> Costs:
        """These costs, sure to be in the policy's base currency. Raises SettingsError where they are in another."""
        if self.currency not in (None, currency):
            raise SettingsError(f"the costs are in {self.currency}, but the policy's base currency is {currency}")
        return self.model_copy(update={"currency": currency})

    def components(self) -> dict[str, tuple[Floats, Floats]]:
        """Each part of the net benefit as weights of counts and of amounts, [genuine, fraud] by decision."""
        caught = np.array([0.0, self.review_catch_share, 1.0])
        return {
            "losses_prevented": _weights(fraud_amount=self.fraud_loss_share * caught),
            "fees_prevented": _weights(fraud=self.chargeback_fee * caught),
            "reviews": _weights(genuine=_review(self.review_cost), fraud=_review(self.review_cost)),
            "friction": _weights(genuine=_review(self.review_friction)),
            "false_blocks": _weights(
                genuine=np.array([0.0, 0.0, -self.false_block_cost]),
                genuine_amount=np.array([0.0, 0.0, -self.false_block_share]),
            ),
        }

    def net(self) -> tuple[Floats, Floats]:
        """Weights of counts and of amounts, [genuine, fraud] by decision, whose sum is the net benefit."""
        parts = self.components().values()
        counts, amounts = np.zeros((2, 3)), np.zeros((2, 3))
        for of_counts, of_amounts in parts:
            counts, amounts = counts + of_counts, amounts + of_amounts
        return counts, amounts


def _review(cost: float) -> Floats:
    return np.array([0.0, -cost, 0.0])


def _weights(
    *,
    genuine: Floats | None = None,
    fraud: Floats | None = None,
    genuine_amount: Floats | None = None,
    fraud_amount: Floats | None = None,
) -> tuple[Floats, Floats]:
    none = np.zeros(3)
    counts = np.stack([none if genuine is None else genuine, none if fraud is None else fraud])
    amounts = np.stack(
        [none if genuine_amount is None else genuine_amount, none if fraud_amount is None else fraud_amount]
    )
    return counts, amounts


def load_costs(path: Path) -> Costs:
    """The costs in a YAML file. Raises PolicyError with line and column."""
    return read_model(path, Costs, "a file of costs")


def costs_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file of costs."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Costs.model_json_schema()
