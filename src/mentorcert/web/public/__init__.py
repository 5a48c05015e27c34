"""What is open to everybody: an organisation's list, its site map and picture, the check of a certificate, and calendar feeds."""

from fastapi import APIRouter

from mentorcert.web.public import check, feed, listing, picture, sitemap

router = APIRouter()
for _topic in (sitemap, picture, listing, check, feed):
    router.include_router(_topic.router)
