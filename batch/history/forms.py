"""The forms of a mapping's values: where a field comes from, and how it is read. What YAML holds is taken as text."""

from __future__ import annotations

import codecs
import string
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
"""Formats of times that are numbers, with the µs that one stands for."""
ISO = "iso"


class Form(BaseModel):
    """What all forms share."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _column(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"there is no time zone {name!r}; write an IANA name such as Europe/Paris")
    ZoneInfo(name)
    return name


def _encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError(f"there is no text encoding {name!r}; write for example utf-8, latin-1 or utf-16") from None


def template_columns(template: str) -> tuple[str, ...]:
    """The columns that a template names, in order. Raises ValueError: a brace without its partner, or no name in it."""
    found = []
    for _, name, spec, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if not name or spec or conversion:
            raise ValueError("names columns in braces, nothing else: 'terminal {TERMINAL_ID}'; {{ is a brace")
        found.append(name)
    return tuple(found)


class Token(Form):
    """A stand-in for what must not be kept, such as a card number: `prefix` and 20 letters of an HMAC-SHA256."""

    prefix: Annotated[str, Field(max_length=32)] = ""
    key_variable: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="The environment variable that holds the secret key. Without one, whoever sees a token can find "
        "the number behind it by trying them all: only for made-up numbers.",
    )


class TextForm(Form):
    """A text: from a column, a constant, or put together. In this order: nulls, strip_prefix, map, token."""

    column: str | None = None
    value: str | None = Field(None, description="The same for every row.")
    template: str | None = Field(None, description="Text with columns in braces: 'terminal {TERMINAL_ID}'.")
    strip_prefix: str | None = Field(None, description="Taken off where a value begins with it.")
    map: dict[str, str] | None = Field(None, description="The source's words and ours.")
    default: str | None = Field(None, description="For words that `map` lacks; without it such a row is rejected.")
    token: Token | None = None
    optional: bool = Field(False, description="The column may be absent: then the field is not recorded.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(given is not None for given in (self.column, self.value, self.template)) != 1:
            raise ValueError("give exactly one of column, value and template")
        if self.template is not None and not template_columns(self.template):
            raise ValueError("the template names no column; a constant is `value:`")
        if self.default is not None and self.map is None:
            raise ValueError("`default` belongs to `map`")
        if self.optional and self.column is None:
            raise ValueError("only a column is optional")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads."""
        if self.template is not None:
            return template_columns(self.template)
        return () if self.column is None else (self.column,)


class _ColumnForm(Form):
    column: str
    optional: bool = Field(False, description="The column may be absent: then the field is not recorded.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads."""
        return (self.column,)


class AmountForm(_ColumnForm):
    """An amount in units of the row's currency, or in its minor units."""

    scale: Literal["minor"] | None = Field(None, description="Whole numbers of minor units (cents).")
    round: Literal["half_even"] | None = Field(
        None, description="What to do with more decimal places than the currency has; without it the row is rejected."
    )
    decimal: Literal[".", ","] = Field(".", description="The decimal mark of texts.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.scale == "minor" and self.round is not None:
            raise ValueError("minor units are whole: there is nothing to round")
        return self


class TimeForm(_ColumnForm):
    """A moment. A text needs its `format`; a Parquet timestamp needs none (what is given is for texts then)."""

    format: str | None = Field(
        None, description="iso, epoch_s, epoch_ms, epoch_us, or a strptime format such as '%d/%m/%Y %H:%M'."
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field("UTC", description="IANA zone of times that name none.")
    ambiguous: Literal["earlier", "later"] | None = Field(
        None, description="Which moment a local time means that came twice when clocks went back; else it is rejected."
    )

    @model_validator(mode="after")
    def _known_format(self) -> Self:
        if self.format is not None and self.format not in (ISO, *EPOCHS) and "%" not in self.format:
            raise ValueError(
                "format is iso, epoch_s, epoch_ms, epoch_us, or a strptime format such as '%d/%m/%Y %H:%M'"
            )
        return self


class FlagForm(Form):
    """True or false, and the source's words for it."""

    column: str | None = None
    value: bool | None = Field(None, description="The same for every row.")
    true: tuple[str, ...] = ("1", "true", "True", "TRUE")
    false: tuple[str, ...] = ("0", "false", "False", "FALSE")
    optional: bool = Field(False, description="The column may be absent: then the field is not recorded.")

    @model_validator(mode="after")
    def _tellable(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError("give either column or value")
        if both := sorted(set(self.true) & set(self.false)):
            raise ValueError(f"{', '.join(both)}: cannot be true and false")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads."""
        return () if self.column is None else (self.column,)


class DegreesForm(_ColumnForm):
    """A latitude or longitude in decimal degrees."""


class ScenarioForm(_ColumnForm):
    """The kind of fraud, as the source names it."""

    none: tuple[str, ...] = Field((), description="The source's words for no scenario.")


class CsvForm(Form):
    """How CSV files are written."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"


Text = Annotated[TextForm, BeforeValidator(_column, json_schema_input_type=str | TextForm)]
Amount = Annotated[AmountForm, BeforeValidator(_column, json_schema_input_type=str | AmountForm)]
Time = Annotated[TimeForm, BeforeValidator(_column, json_schema_input_type=str | TimeForm)]
Flag = Annotated[FlagForm, BeforeValidator(_column, json_schema_input_type=str | FlagForm)]
Degrees = Annotated[DegreesForm, BeforeValidator(_column, json_schema_input_type=str | DegreesForm)]
Scenario = Annotated[ScenarioForm, BeforeValidator(_column, json_schema_input_type=str | ScenarioForm)]
AnyForm = TextForm | AmountForm | TimeForm | FlagForm | DegreesForm | ScenarioForm
