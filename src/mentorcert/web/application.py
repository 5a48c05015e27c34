"""Puts the pages and the API together."""

from pathlib import Path
from typing import Final

from fastapi import Depends, FastAPI
from starlette.staticfiles import StaticFiles

from mentorcert.organisations.sample_people import Person
from mentorcert.web import (
    administrator,
    api,
    coordinator,
    demonstration,
    error_handlers,
    home,
    mentor,
    public,
    sign_in,
    tasks,
)
from mentorcert.web.administrator.alarms import alarms
from mentorcert.web.csrf import check_form
from mentorcert.web.middleware import HeadMiddleware, RequestMiddleware
from mentorcert.web.services import Services

_STATIC: Final = Path(__file__).parent / "static"
_AREAS: Final = (home, sign_in, coordinator, mentor, public, administrator, tasks, api)


def application(services: Services, persons: list[Person] | None = None) -> FastAPI:
    """Return the application; `persons` are the sample people of a demonstration."""
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
    app.add_middleware(HeadMiddleware)
    app.add_middleware(RequestMiddleware, is_secure=services.configuration.is_secure)
    error_handlers.install(app)
    app.mount("/static", StaticFiles(directory=_STATIC), "static")
    if is_demonstration:
        app.include_router(demonstration.router(persons or []))
    for area in _AREAS:
        app.include_router(area.router)
    return app
