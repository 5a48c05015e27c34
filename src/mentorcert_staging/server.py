"""The staging portal as an application, and as a server."""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import ASGIApp

from mentorcert.errors import InvalidInputError
from mentorcert_staging import dataverse, entra, pages, webhook
from mentorcert_staging.fault_injection import Disturbance, Protocol
from mentorcert_staging.odata import ODataError
from mentorcert_staging.options import Options
from mentorcert_staging.portal import StagingPortal
from mentorcert_staging.store import Store


class Server(uvicorn.Server):
    """A server that says when it takes connections, and under which address.

    `run` serves until `should_exit` is set, or until SIGINT or SIGTERM where it is run by the main thread.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        """Take what is to be called once with the base URL."""
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections; raises InvalidInputError where somebody else has the port."""
        try:
            await super().startup(sockets)
        except SystemExit:
            at = f"{self.config.host}:{self.config.port}"
            raise InvalidInputError(
                f"The staging portal cannot listen at {at}.", hint="Choose another port, or 0 for any."
            ) from None
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        scheme = "https" if self.config.is_ssl else "http"
        self._ready(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")


def application(options: Options, store: Store) -> ASGIApp:
    """Return the portal with its faults around it, to be served by `Protocol`; raises SettingError."""
    portal = StagingPortal.of(options, store)
    app = FastAPI(title="The staging portal", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.portal = portal
    for part in (webhook, dataverse, entra, pages, emission):
        app.include_router(part.router)
    app.add_exception_handler(webhook.RefusedError, _answer)
    app.add_exception_handler(ODataError, _answer)
    return Disturbance(app, portal.faults, portal.tokens)


def server(
    options: Options,
    store: Store,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ready: Callable[[str], None],
    certificate: Path | None = None,
    certificate_key: Path | None = None,
) -> Server:
    """Return a server on this store, not yet running; `ready` is called with the base URL.

    Port 0 takes any that is free. With a certificate and its key, PEM files, it serves HTTPS, which `msal`
    insists on.
    """
    config = uvicorn.Config(
        application(options, store),
        host=host,
        port=port,
        http=Protocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        # A delay that nobody waits for any more does not keep the server from ending.
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=certificate_key,
    )
    return Server(config, ready)


async def _answer(_request: Request, error: Exception) -> Response:
    """Let a refusal answer for itself."""
    if isinstance(error, (webhook.RefusedError, ODataError)):
        return error.response()
    raise error
