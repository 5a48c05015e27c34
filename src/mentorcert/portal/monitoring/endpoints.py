"""`/healthz`, `/readyz` and `/metrics`: what a supervisor and Prometheus ask a process of the sync."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from mentorcert.portal.monitoring.metrics import Metrics
from mentorcert.portal.monitoring.watch import Monitor


def router(monitor: Monitor) -> APIRouter:
    """Return the three addresses; none says anything of a person."""
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz() -> JSONResponse:
        """Say that the process lives; nothing else is asked."""
        return JSONResponse({"status": "ok"})

    @routes.get("/readyz")
    def readyz() -> JSONResponse:
        """Say that all is well; or 503 with the codes of docs/portal/alerts.md."""
        errors = monitor.read().errors
        return JSONResponse({"status": "error" if errors else "ok", "errors": errors}, 503 if errors else 200)

    @routes.get("/metrics")
    def metrics() -> Response:
        """Give Prometheus's text; 503 with `mentorcert_up 0` alone where nothing can be read."""
        reading = monitor.read()
        registry = CollectorRegistry()
        registry.register(Metrics(reading.snapshot))
        return Response(
            generate_latest(registry),
            503 if reading.snapshot is None else 200,
            media_type=CONTENT_TYPE_PLAIN_0_0_4,
        )

    return routes


@contextmanager
def served(monitor: Monitor, host: str, port: int) -> Iterator[int]:
    """Serve the three addresses by a thread; yields the port, of 0 the one that was free. Raises OSError."""
    app = FastAPI(title="mentorcert monitoring", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router(monitor))
    config = uvicorn.Config(
        app, access_log=False, log_config=None, lifespan="off", ws="none", server_header=False
    )
    server = uvicorn.Server(config)
    with socket.create_server((host, port)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
