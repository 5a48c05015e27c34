"""What a coordinator works with: the overview, the certifications, the peer mentors and their history."""

from fastapi import APIRouter

from mentorcert.web.coordinator import (
    batches,
    bulk,
    certificates,
    certification,
    chapters,
    consent,
    contact,
    editing,
    export,
    figures,
    leaving,
    letters,
    listing,
    mentor_export,
    mentor_listing,
    mentor_selection,
    mentors,
    notes,
    on_day,
    overview,
    registering,
    reminders,
    requests,
    saved_filters,
    searching,
    topics,
)

router = APIRouter()
# What has a name comes before what is found by an id.
for _topic in (
    overview,
    figures,
    letters,
    searching,
    export,
    listing,
    saved_filters,
    bulk,
    batches,
    certificates,
    registering,
    on_day,
    certification,
    chapters,
    consent,
    topics,
    contact,
    reminders,
    requests,
    leaving,
    notes,
    editing,
    mentor_export,
    mentor_listing,
    mentor_selection,
    mentors,
):
    router.include_router(_topic.router)
