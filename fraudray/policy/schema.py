"""The shape of a policy file. Every weight, list and threshold that decides is here, as data."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from fraudray.domain.decision import Outcome
from fraudray.domain.facts import Kind
from fraudray.domain.features import DAY_US, DELAY_MAX_DAYS, HOUR_US, Aggregate, Key
from fraudray.domain.money import minor_units
from fraudray.domain.text import fold
from fraudray.geo.travel import TravelRules

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Points = Annotated[int, Field(ge=0, le=100)]


def _known_currency(code: str) -> str:
    minor_units(code)
    return code


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ignored_types=(cached_property,))


class Thresholds(_Part):
    """Scores (0-100) from which a decision holds."""

    review: Points = 40
    block: Points = 75

    @model_validator(mode="after")
    def _ordered(self) -> Thresholds:
        if not 0 < self.review < self.block:
            raise ValueError("review must be above 0 and below block")
        return self


class RiskLevels(_Part):
    """Scores from which each level holds; below `low` it is MINIMAL."""

    low: Points = 5
    medium: Points = 40
    high: Points = 75
    critical: Points = 90

    @model_validator(mode="after")
    def _ordered(self) -> RiskLevels:
        if not self.low < self.medium < self.high < self.critical:
            raise ValueError("levels must rise: low < medium < high < critical")
        return self


class RiskCurve(_Part):
    """risk = 1 / (1 + exp(-(raw - midpoint) / scale)): raw points to a number between 0 and 1 for ranking."""

    midpoint: float = Field(57.5, gt=0)
    scale: float = Field(18.0, gt=0)


class Family(_Part):
    """A group of rules that together add at most `cap` points."""

    cap: Points


class MerchantClass(_Part):
    """A kind of merchant, recognised by MCC (ISO 18245) or by words in its name or category."""

    mcc: list[Annotated[str, StringConstraints(pattern=r"^\d{4}$")]] = Field(default_factory=list)
    words: list[str] = Field(default_factory=list)

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Matches any of the words at the beginning of a word of folded text."""
        folded = [re.escape(fold(word)) for word in self.words]
        return re.compile(r"(?<![^\W_])(?:" + "|".join(folded) + ")") if folded else None


class Travel(_Part):
    """How fast people travel; see `fraudray.geo.travel`."""

    air_speed_mph: float = Field(600.0, gt=0, allow_inf_nan=False)
    air_overhead_h: float = Field(2.0, ge=0, allow_inf_nan=False)
    ground_speed_mph: float = Field(70.0, gt=0, allow_inf_nan=False)
    distance_floor_mi: float = Field(30.0, ge=0, allow_inf_nan=False)
    clock_margin_min: float = Field(5.0, ge=0, allow_inf_nan=False)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; names are those of IANA, such as Europe/Berlin") from None
    return name


class Parameters(_Part):
    """What the read tools need from the policy to state facts."""

    travel_rules: Travel = Field(default_factory=Travel, alias="travel")
    device_trust_days: float = Field(30, ge=0, allow_inf_nan=False)
    device_sharing_days: float = Field(
        30, ge=0, le=3650, allow_inf_nan=False, description="Customers of one device are counted over this time."
    )
    feedback_delay_days: float = Field(
        7, ge=0, le=DELAY_MAX_DAYS, allow_inf_nan=False,
        description="Windows of shared keys (terminal, merchant, device, address) end so long before a transaction: "
        "what came after is not known well enough to be fraud or not.",
    )  # fmt: skip
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC", description="The clocks of customers whose place is not known, for their habits of the hour."
    )
    anonymising_networks: list[str] = ["tor", "vpn", "proxy", "relay"]
    hosting_networks: list[str] = ["hosting", "cdn"]
    weak_place_networks: list[str] = ["tor", "vpn", "proxy", "relay", "satellite"]
    merchant_classes: dict[Name, MerchantClass] = Field(default_factory=dict)

    @cached_property
    def feedback_delay_us(self) -> int:
        """The feedback delay in microseconds, to the hour."""
        return round(self.feedback_delay_days * DAY_US / HOUR_US) * HOUR_US

    @cached_property
    def travel(self) -> TravelRules:
        """The travel rules as the geography module takes them."""
        return TravelRules(**self.travel_rules.model_dump())

    def classify_merchant(self, name: str, category: str | None, mcc: str | None) -> tuple[str, ...]:
        """The classes a merchant falls into, in the policy's order."""
        key = (name, category, mcc)
        known = self._classified.get(key)
        if known is None:
            if len(self._classified) >= 10_000:
                self._classified.clear()
            text = fold(f"{name} | {category or ''}")
            known = self._classified[key] = tuple(
                label
                for label, kind in self.merchant_classes.items()
                if (mcc is not None and mcc in kind.mcc) or (kind.pattern is not None and kind.pattern.search(text))
            )
        return known

    @cached_property
    def _classified(self) -> dict[tuple[str, str | None, str | None], tuple[str, ...]]:
        return {}


class Feature(_Part):
    """A window feature beside those of the catalogue: what happened lately under one key."""

    key: Key
    aggregate: Aggregate = Field(
        description="customer, instrument: count, sum, mean; of the others: count, fraud_count, fraud_rate."
    )
    window: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description='A duration of at most 30 days: "2 hours", "3 days".'
    )


class Rule(_Part):
    """One piece of weighed evidence: `when` (CEL) holds, `weight` counts in `family`, `text` tells people why."""

    id: Slug
    code: Code
    family: Name
    weight: Points
    when: str
    text: str
    applies_to: Literal["spending", "refunds", "any"] = "spending"
    certain: bool = Field(False, description="Known, not inferred: the score is 100, above the ceiling.")


class Floor(_Part):
    """The least score that a combination may have, whatever the weights add up to."""

    id: Slug
    code: Code
    score: Points
    when: str
    text: str
    applies_to: Literal["spending", "refunds", "any"] = "spending"


class AnswerFact(_Part):
    """A fact that an MCP tool's structured answer states under `key`."""

    kind: Kind
    key: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    meaning: str = ""


class McpCall(_Part):
    """A tool of an MCP server, and what its answer states. Where the server is says the setting `remote_tools`."""

    tool: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    arguments: dict[str, str] = Field(
        description="Argument → the transaction's field that is sent as it.", min_length=1
    )
    facts: dict[Name, AnswerFact] = Field(min_length=1)


class EvidenceSource(_Part):
    """Evidence beside the three read tools: a Python class by entry point `fraudray.evidence` or, with `mcp`, a tool
    of an MCP server."""

    mcp: McpCall | None = None
    optional: bool = Field(False, description="True: when it fails, decide without it. False: nothing is approved.")


class Scoring(_Part):
    """A Python function, by entry point `fraudray.scoring`, that gives points (0-100) in a family of its own cap."""

    id: Slug
    function: Slug
    code: Code
    family: Name
    facts: list[Name] = Field(min_length=1, max_length=100, description="The facts that it is given, where known.")
    text: str = Field(description="Why, for people; may name facts, {points} and {why}.")
    applies_to: Literal["spending", "refunds", "any"] = "spending"


class StepUpPolicy(_Part):
    """A check with the customer that the caller carries out on a REVIEW; the first whose `when` holds is asked for."""

    method: Literal["3ds", "call"] = Field(description="3-D Secure challenge, or a call.")
    when: str = Field("true", description="CEL over facts and `score`.")
    valid_min: float = Field(15, gt=0, le=60 * 24 * 30, description="Minutes within which it may lift the review.")


class CasePolicy(_Part):
    """A further alert of the same customer within the window joins the open case."""

    join_window_h: float = Field(72, ge=0, le=24 * 365)


class FreezePolicy(_Part):
    """How long a freeze lasts."""

    duration_h: float = Field(24, gt=0, le=24 * 365)


class LowerBand(_Part):
    """Scores between which a verdict may lower the decision, by one level and never below a floor that held."""

    low: Points
    high: Points

    @model_validator(mode="after")
    def _ordered(self) -> LowerBand:
        if not self.low <= self.high:
            raise ValueError("low must not be above high")
        return self


class Investigate(_Part):
    """What an investigation may use, and who waits for it. Which decisions are looked at says `escalate`."""

    wait: str = Field(
        "true", description="CEL over facts and `score`: whether the answer waits; otherwise a revision comes later."
    )
    limit_s: float = Field(1.7, gt=0, le=30, description="For one that is waited for, in seconds.")
    later_limit_s: float = Field(120, gt=0, le=3600, description="For one that nobody waits for, in seconds.")
    first_token_s: float = Field(1.2, gt=0, le=600, description="The model's first token must come within it.")
    stall_s: float = Field(1.0, gt=0, le=600, description="Longest gap between two tokens.")
    steps_max: int = Field(3, ge=1, le=20, description="Round trips to the model.")
    tool_calls_max: int = Field(6, ge=0, le=50)
    tokens_max: int = Field(1500, ge=16, le=100_000, description="Completion tokens, all round trips together.")
    thinking_tokens_max: int = Field(400, ge=0, le=100_000, description="Reasoning tokens of one round trip.")
    two_levels_from: Points = Field(
        25, description="A raise from APPROVE to BLOCK must cite evidence that is not free text and that rules of so "
        "much weight together rest on, and be reached again without the payment's text.",
    )  # fmt: skip
    lower: LowerBand | None = Field(None, description="Off unless set: a verdict only confirms or raises.")


ActionKind = Literal["open_case", "freeze_account", "email_alert", "customer_sms", "report", "manual_review"]


class PolicyDocument(_Part):
    """One policy file."""

    name: Slug
    version: str = Field(min_length=1, max_length=64)
    description: str = ""
    base_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_known_currency)] = "USD"
    thresholds: Thresholds = Field(default_factory=Thresholds)
    ceiling: Points = Field(95, description="Inferred evidence never scores above it.")
    risk_levels: RiskLevels = Field(default_factory=RiskLevels)
    risk: RiskCurve = Field(default_factory=RiskCurve)
    parameters: Parameters = Field(default_factory=Parameters)
    lists: dict[Name, list[str]] = Field(default_factory=dict, description="Named lists for `x in name` in rules.")
    evidence: dict[Slug, EvidenceSource] = Field(
        default_factory=dict, max_length=16, description="Evidence of your own, beside the three read tools."
    )
    features: dict[Name, Feature] = Field(
        default_factory=dict, max_length=64, description="Window features of your own, by the name that rules use."
    )
    families: dict[Name, Family]
    scoring: list[Scoring] = Field(default_factory=list, max_length=16, description="Scoring functions of your own.")
    rules: list[Rule] = Field(min_length=1, max_length=500)
    floors: list[Floor] = Field(default_factory=list, max_length=100)
    actions: dict[Outcome, list[ActionKind]]
    actions_when_listed: list[ActionKind] = Field(
        default_factory=list, description="What else follows a block that a list entry caused."
    )
    recommendations: dict[Outcome, str]
    step_up: list[StepUpPolicy] = Field(default_factory=list, max_length=32)
    cases: CasePolicy = Field(default_factory=CasePolicy)
    freeze: FreezePolicy = Field(default_factory=FreezePolicy)
    escalate: str | None = Field(None, description="CEL: which decisions an investigator looks at, when there is one.")
    investigate: Investigate = Field(default_factory=Investigate)
