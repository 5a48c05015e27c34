"""The doctor's checks of the services that sign people in to the pages."""

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Final

from mentorcert.errors import SignInUnavailableError
from mentorcert.operations.doctor import Finding, survived
from mentorcert.settings import Settings
from mentorcert.web.configuration import OIDC_RETURN, Auth, oidc_from_settings
from mentorcert.web.security.gotrue import GoTrue
from mentorcert.web.security.oidc import OidcClient

OIDC: Final = "OpenID Connect provider answers"
CONFIRMED: Final = "Supabase Auth lets addresses be confirmed"


def run_checks(environment: Settings) -> Iterator[Finding]:
    """Yield the findings about the services that are set."""
    if environment.oidc_issuer is not None:
        yield survived(OIDC, partial(_provider, environment))
    if environment.supabase_url is not None:
        url = environment.supabase_url.rstrip("/")
        yield survived(CONFIRMED, partial(_confirmed, Auth(None, url, environment.supabase_key)))


def _provider(environment: Settings) -> Finding:
    provider = oidc_from_settings(environment)
    if provider is None or environment.public_url is None:
        return Finding(
            OIDC, "wrong", "MENTORCERT_PUBLIC_URL is not set.", "Set it as for `mentorcert serve`."
        )
    redirect_uri = f"{environment.public_url}{OIDC_RETURN}"
    try:
        OidcClient(provider, redirect_uri).metadata()
    except SignInUnavailableError as error:
        advice = error.hint or "Ask it for /.well-known/openid-configuration below the issuer."
        return Finding(OIDC, "wrong", str(error), advice)
    return Finding(OIDC, "ok", f"It must know the redirect URI {redirect_uri}.")


def _confirmed(auth: Auth) -> Finding:
    # Invitations, and mentors without a login, are matched by the address of a login.
    with closing(GoTrue(auth)) as gotrue:
        if gotrue.confirms_addresses():
            return Finding(CONFIRMED, "ok", "")
    return Finding(
        CONFIRMED,
        "wrong",
        "Every address counts as confirmed: anybody can take up what is meant for somebody else's address.",
        "Switch “Confirm email” on in the project's settings of Auth (enable_confirmations in config.toml).",
    )
