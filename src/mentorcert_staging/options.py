"""How the staging portal is set up: its secrets, its limits, its faults."""

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
    """All settings; the secrets are demo values, safe because nothing but this portal takes them.

    `api_key`, where given, is asked for at the webhook too, as header `x-api-key` or as `?code=`.
    `client_public_key` is the PEM of the key pair with which a client may sign instead of a secret.
    `limits` None: none.
    """

    webhook_secrets: tuple[str, ...] = (DEMO_WEBHOOK_KEY,)
    api_key: str | None = None
    client_id: str = DEMO_CLIENT_ID
    client_secret: str = DEMO_CLIENT_KEY
    client_public_key: str | None = None
    token_lifetime_s: int = 3599
    script: Script = field(default_factory=Script)
    limits: ServiceLimits | None = None
