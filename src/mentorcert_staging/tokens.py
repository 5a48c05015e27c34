"""The tokens of OAuth 2 that are valid now."""

import time
from secrets import token_urlsafe


class Tokens:
    """The tokens that were issued; they end with the process."""

    def __init__(self, lifetime_s: int) -> None:
        """Issue tokens that are valid for so many seconds."""
        self.lifetime_s = lifetime_s
        self._valid_until: dict[str, float] = {}

    def issue(self) -> str:
        """Return a new token."""
        token = token_urlsafe(48)
        self._valid_until[token] = time.monotonic() + self.lifetime_s
        return token

    def valid(self, token: str) -> bool:
        """Say whether the token was issued here and has not expired."""
        return self._valid_until.get(token, 0) > time.monotonic()

    def expire(self, token: str) -> None:
        """End a token before its time."""
        self._valid_until.pop(token, None)


def bearer(authorization: str) -> str:
    """Return the token in the header `Authorization`; empty where there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
