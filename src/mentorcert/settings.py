"""The settings, and the only reader of the environment."""

import os
from pathlib import Path
from typing import Any, Literal, get_args

from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ProgrammingError
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mentorcert import secret_files
from mentorcert.errors import SecretUnreadableError, SettingError

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
MailSecurity = Literal["starttls", "tls", "none"]


def file_variable(name: str) -> str | None:
    """Return the variable that names a file with the value of a setting; None for one that is a file or folder itself."""
    return None if name.endswith(("_FILE", "_DIR")) else f"{name}_FILE"


def _file_of(name: str) -> str:
    naming = file_variable(name)
    return os.environ.get(naming, "") if naming else ""


class _Files(PydanticBaseSettingsSource):
    """Reads the setting NAME from the file that NAME_FILE names, as container engines hand secrets over."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the text of the file, if one is named; raises SettingError where the setting is given twice."""
        name = str(field.validation_alias)
        path = _file_of(name)
        if not path:
            return None, field_name, False
        if os.environ.get(name):
            raise SettingError(f"{name} and {name}_FILE are both set.", hint="Leave one of them out.")
        text = secret_files.read(Path(path), f"{name}_FILE, {path},")
        if not text:
            raise SettingError(f"{name}_FILE, {path}, is empty.", hint="Write the value into it.")
        return text, name, False

    def __call__(self) -> dict[str, Any]:
        """Return what the files say."""
        found = (self.get_field_value(field, name) for name, field in self.settings_cls.model_fields.items())
        return {name: text for text, name, _ in found if text is not None}


class Settings(BaseSettings):
    """What the environment says, or the files that it names; an empty variable counts as absent."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, hide_input_in_errors=True)

    database_url: SecretStr | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL 15 to 18 or Supabase; empty: the embedded PostgreSQL 18.",
    )
    database_urls: SecretStr | None = Field(
        None,
        validation_alias="MENTORCERT_DATABASE_URLS",
        description="Several databases instead, one a line: its name, a blank, its connection string."
        " For `worker`, `tasks work`, `portal worker` and `doctor`.",
    )
    databases_dir: Path | None = Field(
        None,
        validation_alias="MENTORCERT_DATABASES_DIR",
        description="The same as a folder: for each database a file with its connection string, or a folder with a file"
        " for each setting that is its own.",
    )
    read_url: SecretStr | None = Field(
        None,
        validation_alias="MENTORCERT_READ_URL",
        description="A standby of that database, on which pages and API read what is open to all; empty: there is none."
        " For `mentorcert serve`, and for `mentorcert worker`, whose heartbeat shows how far it is behind.",
    )
    read_lag_s: int = Field(
        10,
        ge=5,
        le=300,
        validation_alias="MENTORCERT_READ_LAG_S",
        description="By how many seconds the standby may be behind; beyond that it is not read.",
    )
    home: Path = Field(
        Path(".mentorcert"),
        validation_alias="MENTORCERT_HOME",
        description="Folder of the embedded PostgreSQL.",
    )
    supabase_url: str | None = Field(
        None,
        validation_alias="SUPABASE_URL",
        description="Project URL of Supabase, whose Auth signs people in to the pages.",
    )
    supabase_key: str = Field(
        "",
        validation_alias="SUPABASE_KEY",
        description="Publishable (anon) key of Supabase.",
    )
    supabase_jwt_secret: SecretStr | None = Field(
        None,
        validation_alias="SUPABASE_JWT_SECRET",
        description="Shared secret of tokens, where the project does not sign them by published keys.",
    )
    oidc_issuer: str | None = Field(
        None,
        validation_alias="MENTORCERT_OIDC_ISSUER",
        pattern=r"^https?://[^?#\s]+$",
        description="Issuer of an OpenID Connect provider that signs people in to the pages, exactly as it names itself.",
    )
    oidc_client_id: str | None = Field(
        None,
        validation_alias="MENTORCERT_OIDC_CLIENT_ID",
        description="Client id of the pages at this provider.",
    )
    oidc_client_secret: SecretStr | None = Field(
        None, validation_alias="MENTORCERT_OIDC_CLIENT_SECRET", description="Its client secret."
    )
    oidc_scopes: str = Field(
        "openid email",
        validation_alias="MENTORCERT_OIDC_SCOPES",
        pattern=r"^(\S+ )*openid( \S+)*$",
        description="Scopes that are asked for, with blanks between.",
    )
    oidc_name: str = Field(
        "OpenID Connect",
        validation_alias="MENTORCERT_OIDC_NAME",
        max_length=60,
        description="What the sign-in page calls the provider.",
    )
    public_url: str | None = Field(
        None,
        validation_alias="MENTORCERT_PUBLIC_URL",
        pattern="^https?://[^/?#]+$",
        description="Where the world finds the pages, such as https://register.example.org.",
    )
    web_secret: SecretStr | None = Field(
        None,
        validation_alias="MENTORCERT_WEB_SECRET",
        min_length=32,
        description="Secret of 32 characters or more that signs what the pages keep in cookies.",
    )
    smtp_host: str | None = Field(
        None,
        validation_alias="MENTORCERT_SMTP_HOST",
        description="Mail server that takes the notices; empty: none are sent.",
    )
    smtp_port: int = Field(
        587, ge=1, le=65535, validation_alias="MENTORCERT_SMTP_PORT", description="Port of the mail server."
    )
    smtp_tls: MailSecurity = Field(
        "starttls",
        validation_alias="MENTORCERT_SMTP_TLS",
        description="`starttls`, `tls` (from the start, usually port 465) or `none`.",
    )
    smtp_user: str | None = Field(
        None,
        validation_alias="MENTORCERT_SMTP_USER",
        description="Login at the mail server; empty: it asks for none.",
    )
    smtp_password: SecretStr | None = Field(
        None, validation_alias="MENTORCERT_SMTP_PASSWORD", description="Its password."
    )
    smtp_from: str | None = Field(
        None,
        validation_alias="MENTORCERT_SMTP_FROM",
        pattern=r"^[^\s@<>]+@[^\s@<>]+$",
        description="Address that the notices come from.",
    )
    service_key_file: Path | None = Field(
        None,
        validation_alias="MENTORCERT_SERVICE_KEY_FILE",
        description="File that holds the service key of Supabase, by which the worker makes logins for those invited; "
        "empty: it makes none. For `mentorcert worker` and `notices` alone, never where pages are served.",
    )
    journal: SecretStr | None = Field(
        None,
        validation_alias="MENTORCERT_JOURNAL",
        description="File on another disk, or `https://` address of an object, that keeps erasures and withdrawals as hashes;"
        " `mentorcert restored` repeats them.",
    )
    journal_put_url: SecretStr | None = Field(
        None,
        validation_alias="MENTORCERT_JOURNAL_PUT_URL",
        description="Address to PUT the journal's object to, where its signature is for GET only; empty: the same.",
    )
    journal_token_file: Path | None = Field(
        None,
        validation_alias="MENTORCERT_JOURNAL_TOKEN_FILE",
        description="File with the bearer token for the journal's object; empty: the address is signed.",
    )
    alerts_to: str | None = Field(
        None,
        validation_alias="MENTORCERT_ALERTS_TO",
        pattern=r"^[^\s@<>]+@[^\s@<>]+$",
        description="Address of the operator, who gets every alert of the portal; administrators get their own.",
    )
    alerts_webhook: SecretStr | None = Field(
        None,
        validation_alias="MENTORCERT_ALERTS_WEBHOOK",
        description="URL that gets every alert of the portal as JSON, by POST.",
    )
    alerts_escalate_to: str = Field(
        "",
        validation_alias="MENTORCERT_ALERTS_ESCALATE_TO",
        pattern=r"^([^\s@<>,]+@[^\s@<>,]+(, *[^\s@<>,]+@[^\s@<>,]+)*)?$",
        description="Addresses, with commas between, of those who get what nobody has acknowledged for a day.",
    )
    alerts_language: Literal["nb", "en"] = Field(
        "nb",
        validation_alias="MENTORCERT_ALERTS_LANGUAGE",
        description="Language of the mails to these addresses: `nb` or `en`.",
    )
    alerts_all_well: bool = Field(
        default=False,
        validation_alias="MENTORCERT_ALERTS_ALL_WELL",
        description="`true`: the operator gets a mail each morning as long as no error stands; its absence is an alarm.",
    )
    traces_url: str | None = Field(
        None,
        validation_alias="MENTORCERT_TRACES_URL",
        pattern=r"^https?://[^?#\s]+$",
        description="Address that takes traces by OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces; needs the extra"
        " `otel`. Empty: none are sent.",
    )
    traces_ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        validation_alias="MENTORCERT_TRACES_RATIO",
        description="Part of all requests that is traced, from 0 to 1.",
    )
    log_level: LogLevel = Field(
        "WARNING",
        validation_alias="MENTORCERT_LOG",
        description="Lowest level that is logged to stderr.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read variables, then files; no `.env` and no folder of secrets."""
        return init_settings, env_settings, _Files(settings_cls)

    @field_validator("database_url", "read_url")
    @classmethod
    def _is_connection_string(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                parts = conninfo_to_dict(value.get_secret_value())
            except ProgrammingError:
                # libpq's message quotes the string, and with it the password.
                parts = {}
            if not parts:
                raise ValueError("not a PostgreSQL connection string")
        return value


def settings() -> Settings:
    """Read the environment; raises SettingError that names the variable, or its file, but never the value."""
    return _read({}, "The environment")


def own_settings(values: dict[str, Any], name: str) -> Settings:
    """Read the environment, but for the settings that one of several databases has of its own; raises as `settings`."""
    return _read(values, f"What is set for {name or 'a database'}")


def _read(values: dict[str, Any], what: str) -> Settings:
    try:
        return Settings(**values)
    except ValidationError as error:
        faults = "; ".join(f"{_place(str(fault['loc'][0]))}: {fault['msg']}" for fault in error.errors())
        raise SettingError(f"{what} is not valid: {faults}.") from None
    except SecretUnreadableError as error:
        raise SettingError(str(error), hint=error.hint) from None


def _place(name: str) -> str:
    path = _file_of(name)
    return f"{name}_FILE, {path}" if path else name


def files_open_to_all() -> list[tuple[str, str]]:
    """Return the variables that name a file with a secret which every user of the machine may read, and the file."""
    named = []
    for field in Settings.model_fields.values():
        name = str(field.validation_alias)
        if SecretStr in get_args(field.annotation):
            named.append((f"{name}_FILE", _file_of(name)))
        elif name.endswith("_FILE"):
            named.append((name, os.environ.get(name, "")))
    return [(name, path) for name, path in named if path and secret_files.is_open_to_all(Path(path))]


def variable(name: str) -> str:
    """Return a variable that a configuration names, such as one that holds a secret; empty where not set."""
    return os.environ.get(name, "")
