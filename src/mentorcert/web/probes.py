"""The addresses for monitors: `/healthz` touches nothing, `/readyz` says why requests cannot be answered now."""

from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from mentorcert.web.api import problem
from mentorcert.web.security.session import services_of

router = APIRouter()


@router.get("/healthz")
async def healthz() -> Response:
    """Say that the process runs; waits for nothing and nobody."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Say whether requests can be answered; else 503 with the reasons."""
    services = services_of(request)
    errors = await services.readiness.errors(is_busy=services.limiter.is_exhausted)
    if not errors:
        return JSONResponse({"status": "ok", "errors": []})
    return JSONResponse(
        {"status": "error", "errors": errors},
        HTTPStatus.SERVICE_UNAVAILABLE,
        {"Retry-After": str(problem.retry_after_s())},
    )
