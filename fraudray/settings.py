"""Settings: environment `FRAUDRAY_…`, then one TOML file, then defaults; every value knows where it came from."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings import SettingsError as SettingsSourceError

from fraudray.domain.case_life import CaseTimes
from fraudray.domain.errors import SettingsError

PREFIX = "FRAUDRAY_"
_SECRET_IN_URL = re.compile(r"(://[^:/?#@]*:)[^/?#]*(?=@)|(password=)[^&]*")
_OWN = ("CONFIG", "RUN", "RUN_CONFIG")  # the TOML file's name, and the server's marks on its own processes


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fraudray"


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Names = Annotated[list[str], NoDecode, BeforeValidator(_listed)]
"""In the environment a list is written with commas."""


class RemoteTool(BaseModel):
    """Where an MCP server is that a policy's evidence names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://[^\s@]+$", description="Its streamable HTTP address, without credentials.")
    token: SecretStr | None = Field(None, description="Sent as bearer token.")
    limit_ms: float = Field(400, gt=0, le=1500, description="What one answer may take.")


class Settings(BaseSettings):
    """Everything that can be set. Paths may be relative to the working folder; times carry their unit."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=_default_data_dir, description="The one folder that holds all state.")
    database_url: str | None = Field(
        None, repr=False, description="postgresql://role:password@host/database; a SQLite file in the data folder."
    )
    fsync: Literal["full", "normal"] = Field("full", description="`normal` may lose the last commits on power loss.")

    policy_file: Path | None = Field(
        None, description="Policy, or book of policies, to decide with; the packaged default otherwise."
    )
    customers_file: Path | None = Field(None, description="Registered customers to load into an empty store.")
    sample_customers: bool = Field(True, description="Load the packaged sample customers into an empty store.")
    histories_dir: Path | None = Field(
        None, description="Stores of histories that back-tests may be started on; `histories` in the data folder."
    )
    places_file: Path | None = Field(None, description="Gazetteer; the packaged GeoNames cities otherwise.")
    networks_file: Path | None = Field(None, description="List of Tor, VPN, hosting, ... ranges; packaged otherwise.")
    countries_file: Path | None = Field(None, description="IP-to-country database (mmdb); packaged otherwise.")
    rates_file: Path | None = Field(None, description="Currency rates; the packaged, dated file otherwise.")
    high_risk_countries_file: Path | None = Field(None, description="The FATF's lists; packaged otherwise.")
    mccs_file: Path | None = Field(None, description="Merchant category codes; packaged otherwise.")
    biometric_matcher: str = Field("salted-hash", description="What compares biometric samples; packages add others.")
    tools_limit_ms: float = Field(150, gt=0, le=1500, description="What the read tools may take together.")
    remote_tools: dict[str, RemoteTool] = Field(
        default_factory=dict, description="MCP servers by the name of a policy's evidence: url, token, limit_ms (JSON)."
    )
    remote_hosts: Names = Field(default=[], description="The only hosts (`name` or `name:port`) they may be on.")
    reload_s: float = Field(
        2, ge=0, le=3600, description="How often changed policies and lists of the world are looked for; 0: never."
    )

    llm_url: str | None = Field(
        None, pattern=r"^https?://[^\s@]+$",
        description="OpenAI-compatible endpoint (…/v1) of the model that investigates; without it the policy decides "
        "alone.",
    )  # fmt: skip
    llm_model: str | None = Field(None, description="The model's name there.")
    llm_app: str | None = Field(
        None, pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="In place of llm_url: the Serve application of this cluster whose model is asked, by its handle.",
    )  # fmt: skip
    llm_serve: str | None = Field(
        None, max_length=1024,
        description="A model that this server serves itself, under /llm, with vLLM on the CPU: `tiny`, its folder, or "
        "a YAML file that describes its serving.",
    )  # fmt: skip
    llm_api_key: SecretStr | None = Field(None, description="Sent as bearer token.")
    llm_tools: Literal["native", "actions", "none"] = Field(
        "actions", description="How the model asks for more: native tool calls, schema-bound actions, or not at all."
    )
    llm_temperature: float | None = Field(
        0.6, ge=0, le=2,
        description="How the model draws its tokens. 0.6 is what the makers of the DeepSeek-R1 distills name, which at "
        "0 repeat themselves without end.",
    )  # fmt: skip
    llm_extra: dict[str, Any] = Field(
        default_factory=dict, description="Further members of every request to the model (JSON), as its engine takes "
        "them: chat_template_kwargs, top_k, ...",
    )  # fmt: skip
    llm_ca_file: Path | None = Field(None, description="Certificates (PEM) to trust instead of the system's.")
    llm_priorities: bool = Field(False, description="Whether the engine takes `priority` (vLLM's priority scheduling).")
    llm_concurrent_max: int = Field(32, ge=1, le=1000, description="Most investigations at once; more are not begun.")

    llm_usd_per_hour: float | None = Field(
        None, ge=0, le=100_000, description="What the model's machines cost an hour, for the cost that is shown."
    )
    llm_usd_per_mtok_in: float | None = Field(None, ge=0, le=10_000, description="The same by a million tokens read.")
    llm_usd_per_mtok_out: float | None = Field(None, ge=0, le=10_000, description="And by a million written.")

    otlp_url: str | None = Field(
        None, pattern=r"^https?://[^\s@]+$",
        description="Where traces go (OpenTelemetry, OTLP over HTTP): http://collector:4318/v1/traces.",
    )  # fmt: skip

    host: str = Field("127.0.0.1", description="Address to listen on; others than loopback need an API key.")
    port: int = Field(8000, ge=1, le=65535)
    api_key: SecretStr | None = Field(None, description="The key for a server; its data folder's own token otherwise.")
    public_url: str | None = Field(None, description="How others reach this server; used in report addresses.")
    allowed_hosts: Names = Field(
        default=["127.0.0.1", "127.0.0.1:*", "localhost", "localhost:*", "[::1]", "[::1]:*"],
        description="Host headers that the MCP endpoints accept, with and without port (`name`, `name:*`).",
    )
    allowed_origins: Names = Field(
        default=["http://127.0.0.1:*", "http://localhost:*"], description="Origin headers that they accept."
    )
    handover_url: str | None = Field(
        None, pattern=r"^http://[^\s@/]+:[0-9]+$",
        description="How another gateway on the same data folder reaches this one (http://10.0.1.7:8000): one that "
        "starts then takes over from the one before, and no request is lost between them.",
    )  # fmt: skip
    page: bool = Field(
        True, description="Whether `fraudray serve` serves the analysts' page too, where it is installed."
    )
    page_root_path: str = Field(
        "", pattern=r"^(/[A-Za-z0-9._~-]+)*$", max_length=200,
        description="What the page's paths begin with for those who reach it through a proxy: /fraud.",
    )  # fmt: skip
    body_limit_kib: int = Field(64, ge=1, description="Largest single transaction.")
    bulk_limit_mib: int = Field(16, ge=1, description="Largest bulk body.")
    bulk_rows_max: int = Field(10_000, ge=1, description="Most rows of a bulk body.")

    case_due_block_h: float = Field(8, gt=0, le=8760, description="Hours in which a case of a block is to be closed.")
    case_due_review_h: float = Field(24, gt=0, le=8760, description="The same for one of a review.")
    case_lock_min: float = Field(
        30, gt=0, le=1440, description="How long a claimed case is its holder's alone, minutes."
    )

    mail_by: Literal["folder", "smtp", "ses"] | None = Field(
        None,
        description="How alerts leave; without it by SMTP where smtp_host is set, else as files.",
    )
    sms_by: Literal["folder", "sns"] = Field("folder", description="How SMS leave: as files, or by Amazon SNS.")
    sms_sender_id: str | None = Field(
        None, max_length=11, pattern=r"^[0-9]*[A-Za-z][A-Za-z0-9]*$",
        description="The sender that an SMS by SNS shows, where its country allows one.",
    )  # fmt: skip
    outbox_dir: Path | None = Field(None, description="Where mails and SMS are written as files.")
    smtp_host: str | None = Field(None, description="Send alerts by this SMTP server.")
    smtp_port: int = Field(25, ge=1, le=65535)
    smtp_starttls: bool = Field(False, description="Encrypt; a server that cannot gets no mail.")
    smtp_ca_file: Path | None = Field(None, description="Certificates (PEM) to trust instead of the system's.")
    smtp_user: str | None = Field(None, description="Log in, over STARTTLS or to this machine only.")
    smtp_password: SecretStr | None = None
    smtp_timeout_s: float = Field(10, gt=0, le=120)
    alert_sender: str = "fraudray@example.com"
    alert_recipients: Names = Field(default=["fraud-team@example.com"], description="Who gets fraud alerts.")
    alert_domains: Names = Field(default=["example.com"], description="The only domains that mail is sent to.")

    webhook_hosts: Names = Field(
        default=[], description="The only hosts that webhooks go to: name, *.name, name:port, name:* (any port)."
    )
    webhook_private: bool = Field(False, description="Webhooks may go to loopback and private addresses too.")
    webhook_insecure: bool = Field(False, description="Webhooks may go to public addresses over plain http.")
    webhook_ca_file: Path | None = Field(None, description="Certificates (PEM) to trust beside the public ones.")
    webhook_timeout_s: float = Field(15, gt=0, le=30, description="What one sending may take.")
    reports_bucket: str | None = Field(
        None, pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{2,254}|arn:[!-~]+)$",
        description="Put reports into this S3 bucket (or access point, by its ARN) too.",
    )  # fmt: skip
    reports_prefix: str = Field("reports", description="What their keys begin with: prefix/case/report.html.")
    reports_link_s: int = Field(86_400, ge=60, le=604_800, description="How long their addresses open, in seconds.")
    reports_kms_key: str | None = Field(None, description="KMS key that encrypts them; S3's own key otherwise.")
    aws_region: str | None = Field(None, description="Region of SES, SNS and S3; else AWS_REGION or the profile's.")
    aws_endpoint_url: str | None = Field(None, pattern=r"^https?://", description="What stands in for AWS, in tests.")
    aws_timeout_s: float = Field(5, gt=0, le=60, description="To connect, and to wait for an answer, each of 3 times.")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments before environment before the TOML file."""
        return init_settings, env_settings, _TomlFile(settings_cls)

    @property
    def investigates(self) -> bool:
        """Whether a model is set."""
        return self.llm_url is not None or self.llm_app is not None

    @property
    def histories(self) -> Path:
        """The folder with the stores that back-tests may be started on."""
        return self.histories_dir or self.data_dir / "histories"

    @property
    def case_times(self) -> CaseTimes:
        """By when cases are due, and how long a claim locks one."""
        return CaseTimes(
            timedelta(hours=self.case_due_block_h), timedelta(hours=self.case_due_review_h),
            timedelta(minutes=self.case_lock_min),
        )  # fmt: skip

    @property
    def mails_by(self) -> Literal["folder", "smtp", "ses"]:
        """How alerts leave."""
        return self.mail_by or ("smtp" if self.smtp_host else "folder")

    @property
    def mail_dir(self) -> Path:
        """Where mails and SMS are written when nothing sends them."""
        return self.outbox_dir or self.data_dir / "outbox"


class _TomlFile(PydanticBaseSettingsSource):
    """The file named by FRAUDRAY_CONFIG, else `fraudray.toml` in the working folder when there is one."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # the whole file is read at once

    def __call__(self) -> dict[str, Any]:
        path = config_file()
        return {} if path is None else _read_toml(path)


def config_file() -> Path | None:
    """The TOML file in force, if any. Raises SettingsError when the one named does not exist."""
    named = os.environ.get(PREFIX + "CONFIG")
    if named:
        if not Path(named).is_file():
            raise SettingsError(f"{PREFIX}CONFIG names {named}, which is no file")
        return Path(named)
    here = Path("fraudray.toml")
    return here if here.is_file() else None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read {path}: {error}") from None


def address_of(host: str, port: int) -> str:
    """The address of a server that listens there, without a slash at the end. A wildcard is reached on loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def load_settings(**overrides: Any) -> Settings:
    """The settings in force. Raises SettingsError naming every setting that cannot be used."""
    _refuse_unknown_variables(os.environ)
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except SettingsSourceError as error:
        name = str(error).split('"')[1]
        raise SettingsError(f"{name}: is not JSON (see `fraudray config show`)") from None
    except ValidationError as error:
        wrong = [
            f"{'.'.join(str(part) for part in detail['loc'])}: "
            + ("there is no such setting" if detail["type"] == "extra_forbidden" else detail["msg"])
            for detail in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("; ".join(wrong) + " (see `fraudray config show`)") from None


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    """A misspelt variable must not be ignored: it may name a policy or a folder."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {PREFIX + name for name in _OWN}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingsError(f"unknown environment variable {', '.join(unknown)} (see `fraudray config show`)")


def origins(settings: Settings, arguments: Collection[str] = ()) -> dict[str, tuple[str, str]]:
    """Setting → (value in force, where it came from); secrets are hidden. `arguments` names what the caller set."""
    path = config_file()
    in_file = _read_toml(path) if path else {}
    shown = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name in arguments:
            source = "argument"
        elif PREFIX + name.upper() in os.environ:
            source = PREFIX + name.upper()
        else:
            source = str(path) if name in in_file else "default"
        if name == "database_url" and value:
            value = _SECRET_IN_URL.sub(r"\1\2***", value)
        shown[name] = (_shown(value), source)
    return shown


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} ({entry.url})" for name, entry in value.items())
    return "" if value is None else ", ".join(value) if isinstance(value, list) else str(value)


def to_environment(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, for processes that must see the same."""
    variables = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is None:
            continue
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        elif isinstance(value, Path):
            value = value.resolve()
        variables[PREFIX + name.upper()] = _written(value)
    return variables


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps({name: _plain(entry) for name, entry in value.items()})
    return ",".join(value) if isinstance(value, list) else str(value)


def _plain(entry: Any) -> Any:
    if not isinstance(entry, RemoteTool):
        return entry
    token = {"token": entry.token.get_secret_value()} if entry.token else {}
    return entry.model_dump(exclude={"token"}) | token
