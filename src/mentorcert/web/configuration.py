"""The configuration of the pages: their database, their secret, and the service that signs people in."""

import hmac
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
OIDC_RETURN = "/sign-in/oidc/return"


@dataclass(frozen=True, slots=True)
class Auth:
    """Supabase Auth: its URL (`None`: nobody signs in by it), its key, and how tokens are verified.

    Tokens name the issuer, but for those of Supabase Lite, which name none (`None`).
    """

    issuer: str | None
    url: str | None = None
    public_key: str = ""
    shared_secret: SecretStr | None = None
    audience: str = "authenticated"


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """An OpenID Connect provider, and what the pages are there; `name` is for the sign-in page."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    scopes: str = "openid email"
    name: str = "OpenID Connect"


@dataclass(frozen=True, slots=True)
class Configuration:
    """How one process serves the pages.

    `database_url` connects as `mentorcert_web`, and so does `read_url`, to a standby (`None`: there is none) that may be
    `read_lag_s` seconds behind; `public_url` is where the world finds the pages, without a
    slash at its end. With `is_demonstration`, all users of this machine may sign in as the sample people.
    `public_cache_s` is how long the process keeps an answer of the public list: shorter than anybody takes to look after a
    withdrawal.
    """

    database_url: str
    secret: SecretStr
    public_url: str
    auth: Auth
    is_demonstration: bool = False
    oidc: OidcProvider | None = None
    read_url: str | None = None
    read_lag_s: float = 10
    public_cache_s: float = 2.0

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the pages by TLS only."""
        return self.public_url.startswith("https://")

    @property
    def oidc_redirect_uri(self) -> str:
        """Where the provider sends people back to; it must know this address."""
        return f"{self.public_url}{OIDC_RETURN}"

    @property
    def oidc_sessions(self) -> Auth:
        """How the pages sign the sessions of those who come from the provider, which knows no database roles."""
        return _oidc_sessions(self.secret, self.public_url)


def _oidc_sessions(secret: SecretStr, public_url: str) -> Auth:
    key = hmac.digest(secret.get_secret_value().encode(), b"sessions by OpenID Connect", "sha256").hex()
    return Auth(f"{public_url}/sign-in/oidc", shared_secret=SecretStr(key))


def is_of_this_machine(url: str) -> bool:
    """Return whether the host of a URL is a loopback address, or `localhost`."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.username is None and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


def oidc_from_settings(environment: Settings) -> OidcProvider | None:
    """Return the provider, if there is one; raises SettingError where the settings are not whole, or not safe."""
    if environment.oidc_issuer is None:
        return None
    if environment.oidc_client_id is None or environment.oidc_client_secret is None:
        raise SettingError(
            "MENTORCERT_OIDC_ISSUER needs MENTORCERT_OIDC_CLIENT_ID and MENTORCERT_OIDC_CLIENT_SECRET.",
            hint="Register the pages at the provider, which gives both; docs/oidc.md says how.",
        )
    if not is_confidential(environment.oidc_issuer):
        raise SettingError(
            "At MENTORCERT_OIDC_ISSUER anybody on the way could sign in as anybody.",
            hint="Give an https:// address.",
        )
    return OidcProvider(
        environment.oidc_issuer,
        environment.oidc_client_id,
        environment.oidc_client_secret,
        environment.oidc_scopes,
        environment.oidc_name,
    )


def is_confidential(url: str) -> bool:
    """Return whether nobody on the way can read what is sent to a URL."""
    return url.startswith("https://") or is_of_this_machine(url)


def from_settings(environment: Settings, public_url: str) -> Configuration:
    """Return the configuration for DATABASE_URL; raises SettingError for a missing setting."""
    oidc = oidc_from_settings(environment)
    url = environment.supabase_url and environment.supabase_url.rstrip("/")
    if environment.database_url is None or not (url or oidc) or environment.web_secret is None:
        missing = [
            name
            for name, value in (
                ("DATABASE_URL", environment.database_url),
                ("SUPABASE_URL or MENTORCERT_OIDC_ISSUER", url or oidc),
                ("MENTORCERT_WEB_SECRET", environment.web_secret),
            )
            if value is None
        ]
        raise SettingError(
            f"The pages need {', '.join(missing)}.",
            hint="docs/pages.md says what each is; without any of them, samples are served.",
        )
    at = environment.public_url or public_url
    if not is_confidential(at):
        raise SettingError(
            f"At {at} sessions could be read on their way.",
            hint="Set MENTORCERT_PUBLIC_URL to the https:// address where the world finds the pages.",
        )
    return Configuration(
        environment.database_url.get_secret_value(),
        environment.web_secret,
        at,
        Auth(f"{url}/auth/v1", url, environment.supabase_key, environment.supabase_jwt_secret)
        if url
        else _oidc_sessions(environment.web_secret, at),
        oidc=oidc,
        read_url=environment.read_url.get_secret_value() if environment.read_url else None,
        read_lag_s=environment.read_lag_s,
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
