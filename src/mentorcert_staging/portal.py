"""The parts of a staging portal, lent to each request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from mentorcert.portal.contract import signature
from mentorcert_staging.faults import Faults
from mentorcert_staging.limits import Protection
from mentorcert_staging.options import Options
from mentorcert_staging.store import Store
from mentorcert_staging.tokens import Tokens


@dataclass(frozen=True, slots=True)
class StagingPortal:
    """Everything that outlives a request."""

    options: Options
    store: Store
    faults: Faults
    tokens: Tokens
    protection: Protection
    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, options: Options, store: Store) -> "StagingPortal":
        """Put a portal together; raises SettingError for a webhook secret that is none."""
        return cls(
            options=options,
            store=store,
            faults=Faults(options.script),
            tokens=Tokens(options.token_lifetime_s),
            protection=Protection(options.limits),
            keys=tuple(signature.key(secret) for secret in options.webhook_secrets),
        )


async def _lend(request: Request) -> StagingPortal:
    portal: StagingPortal = request.app.state.portal
    return portal


Lent = Annotated[StagingPortal, Depends(_lend)]
