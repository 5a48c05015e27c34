"""The JSON API: what the pages do, for programs, under the same rules."""

from functools import cache
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import Match
from starlette.types import Scope

from mentorcert.web.api import (
    certifications,
    changes,
    courses,
    figures,
    forecast,
    history,
    peer_mentors,
    public_list,
    renewal_requests,
)
from mentorcert.web.api.document import describe
from mentorcert.web.api.operation import API
from mentorcert.web.context import render


class _ApiRouter(APIRouter):
    """Compares a path with those of the API only where it is one of them."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return super().matches(scope) if API in scope["path"] else (Match.NONE, {})


router = _ApiRouter()
for _topic in (
    certifications,
    changes,
    renewal_requests,
    courses,
    figures,
    forecast,
    history,
    peer_mentors,
    public_list,
):
    router.include_router(_topic.router)


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document of all operations."""
    return describe(router.routes)


@router.get(f"{API}/openapi.json", include_in_schema=False)
def show_document() -> JSONResponse:
    """Answer with the OpenAPI document."""
    return JSONResponse(document(), headers={"Cache-Control": "public, max-age=300"})


@router.get(f"{API}/docs", include_in_schema=False)
def show_documentation(request: Request) -> Response:
    """Answer with the same, to be read by people."""
    return render(request, "api/docs.html", document=document())
