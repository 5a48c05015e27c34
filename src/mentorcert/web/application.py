"""Puts the pages and the API together."""

from collections.abc import Callable
from typing import Final

from fastapi import Depends, FastAPI, Request, Response

from mentorcert.db.connection import Connection
from mentorcert.organisations.sample_people import Person
from mentorcert.web import (
    administrator,
    api,
    coordinator,
    demonstration,
    error_handlers,
    guides,
    home,
    language_choice,
    mentor,
    oidc_sign_in,
    probes,
    public,
    sign_in,
    tasks,
)
from mentorcert.web.administrator.alarms import alarms
from mentorcert.web.compression import CompressionMiddleware
from mentorcert.web.csrf import check_form
from mentorcert.web.middleware import HeadMiddleware, RequestMiddleware
from mentorcert.web.public_cache import PublicCacheMiddleware
from mentorcert.web.services import Services
from mentorcert.web.static_files import HashedFiles

# The API first: it sees by the beginning of a path whether it is meant.
_AREAS: Final = (
    api,
    probes,
    home,
    guides,
    sign_in,
    language_choice,
    oidc_sign_in,
    coordinator,
    mentor,
    public,
    administrator,
    tasks,
)


def application(
    services: Services, people: list[Person] | None = None, owner: Callable[[], Connection] | None = None
) -> FastAPI:
    """Return the application; `people` are the sample people of a demonstration, `owner` connects to its database."""
    is_demonstration = services.configuration.is_demonstration
    guards = [demonstration.check_machine, check_form] if is_demonstration else [check_form]
    # The API documents itself under its own path; the pages are no API.
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(guard) for guard in guards],
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.alarms = alarms
    app.add_middleware(CompressionMiddleware)
    app.add_middleware(HeadMiddleware)
    if services.configuration.public_cache_s:
        app.add_middleware(PublicCacheMiddleware, seconds=services.configuration.public_cache_s)
    app.add_middleware(RequestMiddleware, is_secure=services.configuration.is_secure)
    error_handlers.install(app)
    files = HashedFiles()
    app.mount("/static", files, "static")

    async def icon(request: Request) -> Response:
        """Answer with the icon where browsers look for one that no page names, as beside a file."""
        return await files.get_response("icon.svg", request.scope)

    app.add_route("/favicon.ico", icon)
    if is_demonstration:
        app.include_router(demonstration.router(people or [], owner))
    for area in _AREAS:
        app.include_router(area.router)
    return app
