"""How often somebody may try to sign in, or to guess a code."""

from typing import Final

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from mentorcert.errors import TooManyAttemptsError

SIGN_INS: Final = RateLimitItemPerMinute(10, 5)
CHECKS: Final = RateLimitItemPerMinute(60, 1)


class RateLimiter:
    """Counts attempts in this process; Supabase Auth has limits of its own for all of them together."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def count(self, limit: RateLimitItemPerMinute, *whose: str) -> None:
        """Count one attempt; raises TooManyAttemptsError where there were too many."""
        if not self._limiter.hit(limit, *whose):
            raise TooManyAttemptsError(hint="Wait a few minutes.")


def address_of(request: Request) -> str:
    """Return from where a request came."""
    return request.client.host if request.client else "unknown"
