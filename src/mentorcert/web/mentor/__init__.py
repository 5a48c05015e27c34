"""The peer mentor's own pages: certifications, history, calendar, certificate."""

from fastapi import APIRouter

from mentorcert.web.mentor import calendar, certificate, certifications, history

router = APIRouter()
for _topic in (certifications, history, calendar, certificate):
    router.include_router(_topic.router)
