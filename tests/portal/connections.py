"""Connections for tests: configurations of the staging portal, secrets that must not show, answers."""

import asyncio
import logging
import queue
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final, TypeVar

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from mentorcert import http_server
from mentorcert.errors import MentorcertError, PortalError
from mentorcert.portal import adapters
from mentorcert.portal.adapters.port import Portal, Receipt
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.model import PortalRecord
from mentorcert_staging.options import DEMO_CLIENT_ID, DEMO_CLIENT_KEY, DEMO_WEBHOOK_KEY
from tests.portal.staging import STATE
from tests.support.processes import Thread

T = TypeVar("T")

SECRETS: Final = {
    "PORTAL_KEY": DEMO_WEBHOOK_KEY,
    "PORTAL_OTHER_KEY": "whsec_YW5vdGhlci1kZW1vLWtleS1vZi10aGUtdGVzdHM=",
    "PORTAL_CLIENT_SECRET": DEMO_CLIENT_KEY,
    "PORTAL_API_KEY": "api-key-that-must-not-show",
}

COLUMNS: Final[dict[str, Any]] = {
    "version": "hlf_mentorversion",
    "epoch": "hlf_mentorepoch",
    "status": "hlf_status",
    "listed": "hlf_listed",
    "listed_until": {"name": "hlf_listeduntil", "date_only": True},
    "effective_at": "hlf_effectiveat",
    "certifications": {"hearing": {"expires_at": {"name": "hlf_cert_hearing", "date_only": True}}},
}


def secret(name: str) -> dict[str, str]:
    return {"secret": f"env:{name}", "expires": "never"}


def hmac(*names: str) -> dict[str, Any]:
    return {"method": "hmac", "keys": [secret(name) for name in names or ("PORTAL_KEY",)]}


def oauth2(url: str) -> dict[str, Any]:
    return {
        "method": "oauth2",
        "token_url": f"{url}/tenant/oauth2/v2.0/token",
        "client_id": DEMO_CLIENT_ID,
        "client_secret": secret("PORTAL_CLIENT_SECRET"),
        "scope": f"{url}/.default",
    }


def webhook(url: str, *auth: dict[str, Any], **more: Any) -> Configuration:
    """The webhook of a staging portal; `target` and other tables may be replaced."""
    target = {
        "adapter": "webhook",
        "url": f"{url}/webhook",
        "state_url": f"{url}/state.json",
        **more.pop("target", {}),
    }
    return Configuration.model_validate(
        {"organisation": "hlf", "target": target, "auth": auth or (hmac(),), **more}
    )


def dataverse(url: str, *auth: dict[str, Any], **more: Any) -> Configuration:
    """The table of a staging portal."""
    target = {
        "adapter": "dataverse",
        "url": url,
        "table": "hlf_peermentors",
        "key": "hlf_mentorcertid",
        "columns": COLUMNS,
        **more.pop("target", {}),
    }
    return Configuration.model_validate(
        {"organisation": "hlf", "target": target, "auth": auth or (oauth2(url),), **more}
    )


def do(configuration: Configuration, work: Callable[[Portal], Awaitable[T]]) -> T:
    """Connect, do the work, close."""

    async def run() -> T:
        async with connected(configuration) as portal:
            return await work(portal)

    return asyncio.run(run())


@asynccontextmanager
async def connected(configuration: Configuration) -> AsyncIterator[Portal]:
    portal = adapters.connect(configuration)
    try:
        yield portal
    finally:
        await portal.aclose()


def failure(configuration: Configuration, work: Callable[[Portal], Awaitable[object]]) -> PortalError:
    """Return the error that the work ends in, which shows no secret."""
    with pytest.raises(PortalError) as caught:
        do(configuration, work)
    assert_harmless(caught.value)
    return caught.value


def assert_harmless(error: MentorcertError) -> None:
    """Neither the error nor what lies behind it shows a secret, as far as a traceback is printed."""
    text = "".join(traceback.format_exception(error)) + str(error.hint) + repr(error)
    assert_no_secret(text)


def assert_no_secret_logged(caplog: pytest.LogCaptureFixture) -> None:
    """No log record of the test shows a secret; `caplog.text` would have those of its end only."""
    logged = [logging.Formatter().format(record) for record in caplog.get_records("call")]
    assert_no_secret("\n".join(logged))


def assert_no_secret(text: str) -> None:
    assert not [name for name, value in SECRETS.items() if value in text], "a secret shows"


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve any application at a free port of loopback; yields its URL."""
    server = uvicorn.Server(http_server.config(app, lifespan="off", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Answers:
    """Gives prepared answers, one after the other, the last again and again; keeps the requests."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.answers = list(answers)
        self.requests = queue.SimpleQueue[Scope]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        self.requests.put(scope)
        status, headers, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


async def apply(portal: Portal) -> Receipt:
    """Send the state of the tests to the portal."""
    return await portal.apply(STATE)


async def read(portal: Portal) -> list[PortalRecord]:
    """Return what the portal says."""
    return [one async for one in portal.fetch_state()]
