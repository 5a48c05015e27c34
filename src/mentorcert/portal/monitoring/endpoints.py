"""`/healthz`, `/readyz` and `/metrics` of the processes of the sync."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from mentorcert import http_server
from mentorcert.portal.monitoring.metrics import Metrics
from mentorcert.portal.monitoring.watch import HealthCache


def router(health_cache: HealthCache) -> APIRouter:
    """Return the three endpoints; none holds personal data."""
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz() -> JSONResponse:
        """Answer that the process is alive, without asking the database."""
        return JSONResponse({"status": "ok"})

    @routes.get("/readyz")
    def readyz() -> JSONResponse:
        """Answer 200 if there is no error; else 503 with the codes of docs/portal/alerts.md."""
        errors = health_cache.read().errors
        return JSONResponse({"status": "error" if errors else "ok", "errors": errors}, 503 if errors else 200)

    @routes.get("/metrics")
    def metrics() -> Response:
        """Answer in Prometheus's text format; 503 with only `mentorcert_up 0` without a snapshot."""
        reading = health_cache.read()
        registry = CollectorRegistry()
        registry.register(Metrics(reading.snapshot))
        return Response(
            generate_latest(registry),
            503 if reading.snapshot is None else 200,
            media_type=CONTENT_TYPE_PLAIN_0_0_4,
        )

    return routes


@contextmanager
def served(health_cache: HealthCache, host: str, port: int) -> Iterator[int]:
    """Serve the three endpoints in a thread; yields the port, for 0 a free one. Raises OSError."""
    app = FastAPI(title="mentorcert monitoring", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router(health_cache))
    running = uvicorn.Server(http_server.config(app, lifespan="off"))
    with socket.create_server((host, port)) as listener:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            running.should_exit = True
            thread.join()
