"""The settings, and the only reader of the environment."""

import os
from pathlib import Path
from typing import Literal

from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import ProgrammingError
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mentorcert.errors import SettingError

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
MailSecurity = Literal["starttls", "tls", "none"]


class Settings(BaseSettings):
    """What the environment says; an empty variable counts as absent."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, hide_input_in_errors=True)

    database_url: SecretStr | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL 15 to 18 or Supabase; empty: the embedded PostgreSQL 18.",
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
    log_level: LogLevel = Field(
        "WARNING",
        validation_alias="MENTORCERT_LOG",
        description="Lowest level that is logged to stderr.",
    )

    @field_validator("database_url")
    @classmethod
    def _is_connection_string(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                conninfo_to_dict(value.get_secret_value())
            except ProgrammingError:
                # libpq's message quotes the string, and with it the password.
                raise ValueError("not a PostgreSQL connection string") from None
        return value


def settings() -> Settings:
    """Read the environment; raises SettingError that names the variable but never its value."""
    try:
        return Settings()
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise SettingError(f"The environment is not valid: {faults}.") from None


def variable(name: str) -> str:
    """Return a variable that a configuration names, such as one that holds a secret; empty where not set."""
    return os.environ.get(name, "")
