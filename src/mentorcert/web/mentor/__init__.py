"""The peer mentor's own pages: certifications, history, calendar, certificate, contact details."""

from fastapi import APIRouter

from mentorcert.web.mentor import (
    calendar,
    certificate,
    certifications,
    contact,
    courses,
    history,
    requests,
    topics,
)

router = APIRouter()
for _topic in (certifications, history, calendar, topics, certificate, requests, courses, contact):
    router.include_router(_topic.router)
