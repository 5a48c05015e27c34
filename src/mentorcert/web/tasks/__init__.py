"""Long work in the pages: imports with a preview, exports, and the progress of replays."""

from fastapi import APIRouter

from mentorcert.web.tasks import exports, imports, replays

router = APIRouter()
for _topic in (imports, exports, replays):
    router.include_router(_topic.router)
