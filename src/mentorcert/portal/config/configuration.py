"""The configuration of one connection, a TOML file."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from mentorcert.errors import PortalConfigurationError
from mentorcert.portal.config.credentials import Auth, EntraAuth, OAuth2Auth, Url
from mentorcert.portal.config.mapping import STRICT, Columns, Name
from mentorcert.portal.config.rules import Inbound, did_you_mean
from mentorcert.portal.config.secret import Secret
from mentorcert.portal.contract.message import CONTRACTS

EXPIRY_NOTICE_DAYS: Final = 30

_SENT_FIELDS: Final = frozenset(
    {"status", "listed", "listed_until", "effective_at", "mentor_version", "certifications"}
)
_KINDS: Final = frozenset(
    {"webhook", "dataverse", "file", "hmac", "header", "query", "oauth2", "entra", "code"}
)


def _is_time_zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError("must be an IANA name such as Europe/Oslo")
    return text


def _is_contract(text: str) -> str:
    if text not in CONTRACTS:
        raise ValueError(f"must be a version of the contract: {', '.join(CONTRACTS)}")
    return text


class _Part(BaseModel):
    model_config = STRICT


class WebhookTarget(_Part):
    """A portal that implements our own contract; its list is read at `state_url`, if it has one."""

    adapter: Literal["webhook"]
    url: Url
    state_url: Url | None = None
    contract_version: Annotated[str, AfterValidator(_is_contract)] = "v1"


class DataverseTarget(_Part):
    """A Dataverse table; `key` is its alternate key, `key_holds` what it contains."""

    adapter: Literal["dataverse"]
    url: Url
    api: str = Field("/api/data/v9.2", pattern=r"^(/[A-Za-z0-9._-]+)+$")
    table: Name
    key: Name
    key_holds: Literal["peer_mentor_id", "external_id"] = "peer_mentor_id"
    create_missing: bool = True
    filter: str | None = None
    page_size: int = Field(500, ge=1, le=5000)
    time_zone: Annotated[str, AfterValidator(_is_time_zone)] = "Europe/Oslo"
    columns: Columns

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of date-only columns."""
        return ZoneInfo(self.time_zone)


class FileTarget(_Part):
    """A folder that the portal reads a file from, for one without an API."""

    adapter: Literal["file"]
    folder: Path
    format: Literal["csv", "json"] = "csv"


Target = Annotated[WebhookTarget | DataverseTarget | FileTarget, Field(discriminator="adapter")]


class Limits(_Part):
    """Seconds to connect and for a whole call, token included; calls at once; Dataverse allows 52."""

    connect_s: float = Field(5.0, gt=0)
    total_s: float = Field(15.0, gt=0, le=120)
    concurrency: int = Field(8, ge=1, le=52)


class Configuration(_Part):
    """One connection; `proxy` and `ca_file` come from here only, never from the environment.

    `database` names the one that has the organisation, where the worker serves several.
    """

    organisation: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    database: str | None = None
    target: Target
    auth: tuple[Auth, ...] = ()
    limits: Limits = Limits()
    proxy: Url | None = None
    ca_file: Path | None = None
    inbound: Inbound | None = None

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Which portal it is: address, tenant, table and key; what may change with the same portal is left out."""
        tenants = [
            one.tenant if isinstance(one, EntraAuth) else one.token_url
            for one in self.auth
            if isinstance(one, EntraAuth | OAuth2Auth)
        ]
        names = {"adapter", "url", "state_url", "api", "table", "key", "key_holds", "folder"}
        target = self.target.model_dump(mode="json", include=names, exclude_none=True)
        return target | ({"tenant": tenants[0]} if tenants else {})

    @model_validator(mode="after")
    def _signs_our_contract(self) -> Self:
        methods = [one.method for one in self.auth]
        if len({*methods}) < len(methods):
            raise ValueError("auth: give each method once; while keys rotate, give both under `keys`")
        if self.target.adapter == "webhook" and "hmac" not in methods:
            raise ValueError('auth: our contract is signed; add an entry with method = "hmac"')
        if self.target.adapter != "webhook" and "hmac" in methods:
            raise ValueError("auth: hmac signs our own contract; only the webhook adapter uses it")
        return self

    @property
    def _written(self) -> frozenset[str]:
        """The columns, or the fields of our contract, that we write."""
        if isinstance(self.target, DataverseTarget):
            return frozenset(column.name for column in self.target.columns.every())
        return _SENT_FIELDS

    @model_validator(mode="after")
    def _writes_its_own_columns(self) -> Self:
        for name in self.inbound.own_columns if self.inbound else ():
            near = did_you_mean(name, self._written)
            # A portal with our contract has columns of its own names.
            if name not in self._written and (near or isinstance(self.target, DataverseTarget)):
                raise ValueError(f"inbound.own_columns: we do not write {name}, so it is no echo{near}")
        return self

    @model_validator(mode="after")
    def _knows_its_own_writes(self) -> Self:
        if self.inbound is None or self.inbound.own_users:
            return self
        written = self._written
        for rule in self.inbound.rules:
            if ours := sorted(written.intersection(rule.columns)):
                raise ValueError(
                    f"inbound.rules: {rule.name} names {ours[0]}, which we write: name our application user under"
                    f" own_users, or our own write comes back as {rule.action}"
                )
        return self


@dataclass(frozen=True, slots=True)
class ExpiringSecret:
    """A secret that expires soon or has expired (`days_left` below 1): its place and its reference."""

    organisation: str
    where: str
    reference: str
    expires: date
    days_left: int


def load(path: Path) -> Configuration:
    """Read a file; raises PortalConfigurationError, which names the place of each error but no value."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PortalConfigurationError(
            f"{path}: cannot be read: {type(error).__name__}.", hint="Check the path and the file's rights."
        ) from None
    except ValueError as error:
        reason = "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise PortalConfigurationError(f"{path}: not TOML: {reason}.", hint="Fix the line.") from None
    try:
        return Configuration.model_validate(given)
    except ValidationError as error:
        faults = "".join(f"\n  {_place(fault['loc'])}: {_reason(fault)}" for fault in error.errors())
        raise PortalConfigurationError(
            f"{path}: not a valid connection:{faults}",
            hint="Compare with docs/portal/connection.example.toml.",
        ) from None


def expiring(
    configuration: Configuration, today: date, within_days: int = EXPIRY_NOTICE_DAYS
) -> list[ExpiringSecret]:
    """List the secrets that expire within `within_days`, the most urgent first."""
    found = [
        ExpiringSecret(configuration.organisation, where, one.secret, one.expires, (one.expires - today).days)
        for where, one in secrets(configuration)
        if isinstance(one.expires, date) and (one.expires - today).days <= within_days
    ]
    return sorted(found, key=lambda one: (one.days_left, one.where))


def secrets(value: Any, where: str = "") -> list[tuple[str, Secret]]:
    """List the secrets of a configuration, or of a part of it, each with its place."""
    if isinstance(value, Secret):
        return [(where, value)]
    if isinstance(value, BaseModel):
        return [
            found
            for name in type(value).model_fields
            for found in secrets(getattr(value, name), f"{where}.{name}".lstrip("."))
        ]
    if isinstance(value, dict):
        return [found for name, one in value.items() for found in secrets(one, f"{where}.{name}")]
    if isinstance(value, tuple):
        return [found for at, one in enumerate(value) for found in secrets(one, f"{where}[{at}]")]
    return []


def _place(location: tuple[int | str, ...]) -> str:
    """Return the place as in the file: pydantic adds the discriminator of a union."""
    steps = [
        f"[{step}]" if isinstance(step, int) else f".{step}"
        for before, step in zip(("", *location), location, strict=False)
        if step not in _KINDS or not (isinstance(before, int) or before == "target")
    ]
    return "".join(steps).lstrip(".") or "file"


def _reason(fault: Any) -> str:
    message: str = fault["msg"].removeprefix("Value error, ")
    return f"{message} [{fault['type']}]" if fault["type"] != "value_error" else message
