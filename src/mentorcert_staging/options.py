"""The staging portal's options: secrets, limits, faults."""

from dataclasses import dataclass, field
from typing import Final

from mentorcert_staging.faults import Script

DEMO_WEBHOOK_KEY: Final = "whsec_bWVudG9yY2VydC1zdGFnaW5nLXBvcnRhbC1kZW1vLWtleQ=="
DEMO_CLIENT_ID: Final = "00000000-0000-4000-8000-000000000001"
DEMO_CLIENT_KEY: Final = "staging-demo-client-secret"


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Dataverse's service protection: requests and seconds of execution in a window, and calls at once."""

    window_s: float = 300
    requests: int = 6000
    execution_s: float = 1200
    concurrent: int = 52


@dataclass(frozen=True, slots=True, repr=False)
class Options:
    """All options; the secrets are demo values, safe because only this portal accepts them.

    `api_key`, if given, is also required at the webhook, as header `x-api-key` or as `?code=`.
    `client_public_key` is a PEM; a client may sign with its private key instead of using a secret.
    `limits` None: no limits.
    """

    webhook_secrets: tuple[str, ...] = (DEMO_WEBHOOK_KEY,)
    api_key: str | None = None
    client_id: str = DEMO_CLIENT_ID
    client_secret: str = DEMO_CLIENT_KEY
    client_public_key: str | None = None
    token_lifetime_s: int = 3599
    script: Script = field(default_factory=Script)
    limits: ServiceLimits | None = None
