"""How often a client may try to sign in, or to guess a code."""

import hashlib
import hmac
import ipaddress
import secrets
from typing import Final

from fastapi import Request
from psycopg_pool import ConnectionPool
from pydantic import SecretStr

from mentorcert.access import attempts
from mentorcert.db.pipeline import PipelineConnection
from mentorcert.errors import TooManyAttemptsError
from mentorcert.web.security.cookies import Cookies

# Within five minutes.
SIGN_INS: Final = 10
GUESSES: Final = 30
CHECKS: Final = 300

_IPV6_CLIENT_BITS: Final = 64


class RateLimiter:
    """Counts attempts in the database, for all processes; Supabase Auth has limits of its own."""

    def __init__(self, pool: ConnectionPool[PipelineConnection], secret: SecretStr) -> None:
        """Take connections that nothing else waits for: a request may hold one of the others meanwhile."""
        self.pool = pool
        self._secret = secret.get_secret_value().encode()

    def hit(self, *counted: tuple[int, str]) -> None:
        """Count one attempt by each limit and key; raises TooManyAttemptsError where there were too many."""
        limits = {
            hmac.digest(self._secret, f"attempts {key}".encode(), "sha256"): limit for limit, key in counted
        }
        with self.pool.connection() as conn:
            is_allowed = attempts.count(conn, limits)
        if not is_allowed:
            raise TooManyAttemptsError(hint="Wait a few minutes.")

    def hit_sign_in(self, request: Request, cookies: Cookies, way: str, email: str | None = None) -> None:
        """Count one attempt to sign in by a way; raises TooManyAttemptsError where there were too many.

        A browser in which this login has signed in before is counted by itself, so that no stranger's guesses
        lock the owner out. All others are counted by their address, and together by the login at which they
        guess. Each way is counted by itself, so that guesses at a password leave the code and the link open.
        """
        if email is not None and (browser := known_browser(cookies, email)):
            self.hit((SIGN_INS, f"{way} browser {browser}"))
            return
        by_address = (SIGN_INS, f"{way} address {address_of(request)}")
        by_login = [(GUESSES, f"{way} login {_digest(email)}")] if email is not None else []
        self.hit(by_address, *by_login)


def known_browser(cookies: Cookies, email: str) -> str | None:
    """Return the id of the browser, if this login has signed in there within the last year."""
    browser, _, owner = (cookies.signed("browser") or "").partition(" ")
    return browser if owner and secrets.compare_digest(owner, _digest(email)) else None


def remember_browser(cookies: Cookies, email: str) -> None:
    """Note that this login has signed in in this browser; the cookie opens nothing."""
    browser = known_browser(cookies, email) or secrets.token_urlsafe(16)
    cookies.sign("browser", f"{browser} {_digest(email)}")


def address_of(request: Request) -> str:
    """Return the client address of a request; of IPv6 the network, of which a client has all addresses."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), _IPV6_CLIENT_BITS), strict=False))


def _digest(email: str) -> str:
    return hashlib.sha256(email.lower().encode()).hexdigest()
