"""The administrator's pages: what the organisation is made of, and how the machinery behind it stands."""

from fastapi import APIRouter

from mentorcert.web.administrator import (
    audit,
    chapters,
    endpoints,
    extensions,
    landing,
    memberships,
    nightly,
    portal,
    replay,
    reversals,
    types,
)

router = APIRouter()
for _topic in (
    landing, types, chapters, memberships, extensions, reversals, nightly, portal, replay, endpoints, audit
):  # fmt: skip
    router.include_router(_topic.router)
