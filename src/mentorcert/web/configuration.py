"""The configuration of the pages: their database, their secret, and the service that signs people in."""

import ipaddress
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from mentorcert.db import embedded
from mentorcert.errors import SettingError
from mentorcert.settings import Settings

WEB_ROLE = "mentorcert_web"


@dataclass(frozen=True, slots=True)
class Auth:
    """Supabase Auth: its URL (`None`: nobody signs in by it), its key, and how tokens are verified."""

    issuer: str
    url: str | None = None
    public_key: str = ""
    shared_secret: SecretStr | None = None
    audience: str = "authenticated"


@dataclass(frozen=True, slots=True)
class Configuration:
    """How one process serves the pages.

    `database_url` connects as `mentorcert_web`; `public_url` is where the world finds the pages, without a
    slash at its end. With `is_demonstration`, all users of this machine may sign in as the sample people.
    """

    database_url: str
    secret: SecretStr
    public_url: str
    auth: Auth
    is_demonstration: bool = False

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the pages by TLS only."""
        return self.public_url.startswith("https://")


def is_of_this_machine(url: str) -> bool:
    """Return whether the host of a URL is a loopback address, or `localhost`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.username is None and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


def from_settings(environment: Settings, public_url: str) -> Configuration:
    """Return the configuration for DATABASE_URL; raises SettingError for a missing setting."""
    if environment.database_url is None or environment.supabase_url is None or environment.web_secret is None:
        missing = [
            name
            for name, value in (
                ("DATABASE_URL", environment.database_url),
                ("SUPABASE_URL", environment.supabase_url),
                ("MENTORCERT_WEB_SECRET", environment.web_secret),
            )
            if value is None
        ]
        raise SettingError(
            f"The pages need {', '.join(missing)}.",
            hint="docs/pages.md says what each is; without any of them, samples are served.",
        )
    at = environment.public_url or public_url
    if not (at.startswith("https://") or is_of_this_machine(at)):
        raise SettingError(
            f"At {at} sessions could be read on their way.",
            hint="Set MENTORCERT_PUBLIC_URL to the https:// address where the world finds the pages.",
        )
    url = environment.supabase_url.rstrip("/")
    return Configuration(
        environment.database_url.get_secret_value(),
        environment.web_secret,
        at,
        Auth(f"{url}/auth/v1", url, environment.supabase_key, environment.supabase_jwt_secret),
    )


def demonstration(home: Path, public_url: str) -> Configuration:
    """Return the configuration of the embedded database, with its sample people.

    Its secrets end with the process. Only for addresses of this machine.
    """
    return Configuration(
        make_conninfo(embedded.start(home), user=WEB_ROLE),
        SecretStr(secrets.token_urlsafe(32)),
        public_url,
        Auth("mentorcert serve", shared_secret=SecretStr(secrets.token_urlsafe(32))),
        is_demonstration=True,
    )
