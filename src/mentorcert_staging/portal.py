"""The parts of a staging portal, injected into each request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from mentorcert.portal.contract import signature
from mentorcert_staging.faults import Faults
from mentorcert_staging.limits import ServiceProtection
from mentorcert_staging.options import Options
from mentorcert_staging.store import Store
from mentorcert_staging.tokens import Tokens


@dataclass(frozen=True, slots=True)
class StagingPortal:
    """The parts shared by all requests."""

    options: Options
    store: Store
    faults: Faults
    tokens: Tokens
    protection: ServiceProtection
    keys: tuple[bytes, ...]

    @classmethod
    def of(cls, options: Options, store: Store) -> "StagingPortal":
        """Create a portal; raises SettingError for an invalid webhook secret."""
        return cls(
            options=options,
            store=store,
            faults=Faults(options.script),
            tokens=Tokens(options.token_lifetime_s),
            protection=ServiceProtection(options.limits),
            keys=tuple(signature.key(secret) for secret in options.webhook_secrets),
        )


async def _portal(request: Request) -> StagingPortal:
    portal: StagingPortal = request.app.state.portal
    return portal


CurrentPortal = Annotated[StagingPortal, Depends(_portal)]
