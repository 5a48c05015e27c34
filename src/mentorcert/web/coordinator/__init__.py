"""What a coordinator works with: the overview, the certifications, the peer mentors and their history."""

from fastapi import APIRouter

from mentorcert.web.coordinator import (
    bulk,
    certification,
    editing,
    export,
    listing,
    mentors,
    overview,
    registering,
)

router = APIRouter()
# What has a name comes before what is found by an id.
for _topic in (overview, export, listing, bulk, registering, certification, editing, mentors):
    router.include_router(_topic.router)
