"""What is open to everybody: an organisation's list, the check of a certificate, and calendar feeds."""

from fastapi import APIRouter

from mentorcert.web.public import check, feed, listing

router = APIRouter()
for _topic in (listing, check, feed):
    router.include_router(_topic.router)
