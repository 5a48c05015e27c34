"""A staging portal for tests: served by a thread, over real HTTP on loopback."""

import queue
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2

from mentorcert.portal.contract import message, signature
from mentorcert.portal.contract.message import Message
from mentorcert.portal.model import CertificationState, DesiredState
from mentorcert_staging.options import DEMO_CLIENT_ID, DEMO_CLIENT_KEY, DEMO_WEBHOOK_KEY, Options
from mentorcert_staging.server import server
from mentorcert_staging.store import Store
from tests.support.processes import DEADLINE_S, Thread

ORGANISATION = UUID("0f9c5a52-7d5c-4d0e-9a53-3b1d6f1c0001")
MENTOR = UUID("0f9c5a52-7d5c-4d0e-9a53-3b1d6f1c0002")
OTHER_MENTOR = UUID("0f9c5a52-7d5c-4d0e-9a53-3b1d6f1c0003")
TABLE = "/api/data/v9.2/hlf_peermentors"
STATE = DesiredState(
    organisation_id=ORGANISATION,
    organisation="hlf",
    peer_mentor_id=MENTOR,
    external_id="4711",
    version=7,
    status="certified",
    listed=True,
    listed_until=datetime(2999, 1, 1, tzinfo=UTC),
    effective_at=datetime(2026, 3, 1, 23, tzinfo=UTC),
    certifications=(
        CertificationState(
            certification_type="hearing",
            status="active",
            issued_at=datetime(2026, 3, 1, 23, tzinfo=UTC),
            expires_at=datetime(2999, 1, 1, tzinfo=UTC),
        ),
    ),
)


def state(version: int = 7, mentor: UUID = MENTOR, **changes: Any) -> DesiredState:
    """STATE with changes."""
    return replace(STATE, version=version, peer_mentor_id=mentor, **changes)


@dataclass(frozen=True)
class Staging:
    """A running staging portal, and a client of it."""

    url: str
    client: httpx2.Client

    def send(
        self,
        sent: DesiredState = STATE,
        *,
        version: str = "v1",
        fault: str | None = None,
        keys: Sequence[str] = (DEMO_WEBHOOK_KEY,),
        timeout: float = 30.0,
    ) -> httpx2.Response:
        """Send one signed message of our contract."""
        rendered = message.render(sent, target=self.url, version=version)
        headers = signed(rendered, keys) | ({"x-staging-fault": fault} if fault else {})
        return self.client.post("/webhook", content=rendered.body, headers=headers, timeout=timeout)

    def applied(self, mentor: UUID = MENTOR) -> list[int]:
        """The versions that were applied, in order."""
        mentors = self.client.get("/history").json()["peer_mentors"]
        versions: list[int] = mentors.get(str(mentor), {"applied": []})["applied"]
        return versions

    def use(self, *rules: dict[str, Any], seed: int = 0) -> None:
        """Take these rules and no others."""
        self.client.post("/faults", json={"seed": seed, "rules": rules}).raise_for_status()

    def token(self) -> str:
        """A token for the Web API."""
        form = {
            "grant_type": "client_credentials",
            "client_id": DEMO_CLIENT_ID,
            "client_secret": DEMO_CLIENT_KEY,
            "scope": f"{self.url}/.default",
        }
        token: str = self.client.post("/tenant/oauth2/v2.0/token", data=form).json()["access_token"]
        return token


class Api:
    """A client of the Web API, signed in."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self._headers = {"authorization": f"Bearer {staging.token()}"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.staging.client.request(method, path, json=body, headers=self._headers | named)

    def row(self, mentor: object = MENTOR) -> str:
        return f"{TABLE}(hlf_mentorcertid='{mentor}')"

    def error(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        answer = self.call(method, path, body, **headers)
        assert answer.json().keys() == {"error"}
        assert answer.json()["error"].keys() == {"code", "message"}
        return answer.status_code, answer.json()["error"]["code"]


def signed(rendered: Message, keys: Sequence[str] = (DEMO_WEBHOOK_KEY,)) -> dict[str, str]:
    """The headers of a message that is sent now."""
    headers = signature.headers(
        rendered.id, rendered.body, [signature.key(one) for one in keys], datetime.now(UTC)
    )
    return {**headers, "content-type": message.CONTENT_TYPE}


@contextmanager
def running(
    options: Options | None = None,
    *,
    database: Path | None = None,
    certificate: Path | None = None,
    certificate_key: Path | None = None,
    any_version: bool = False,
) -> Iterator[Staging]:
    """Serve a portal at a free port, and end it."""
    heard = queue.SimpleQueue[str | None]()
    with closing(Store(database, any_version=any_version)) as store:
        serving = server(
            options or Options(),
            store,
            ready=heard.put,
            certificate=certificate,
            certificate_key=certificate_key,
        )

        def serve() -> None:
            try:
                serving.run()
            finally:
                heard.put(None)

        thread = Thread(target=serve)
        thread.start()
        try:
            url = heard.get(timeout=DEADLINE_S)
            assert url, "the staging portal did not start"
            verify = ssl.create_default_context(cafile=certificate) if certificate else True
            with httpx2.Client(base_url=url, trust_env=False, verify=verify, timeout=DEADLINE_S) as client:
                yield Staging(url, client)
        finally:
            serving.should_exit = True
            thread.join()
