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
