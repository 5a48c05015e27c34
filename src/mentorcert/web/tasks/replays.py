"""How far a replay to the portal has come."""

from uuid import UUID

from fastapi import APIRouter, Response

from mentorcert.portal.sync import requests
from mentorcert.web.administrator.portal_reasons import reason_text
from mentorcert.web.context import CurrentAdministrator
from mentorcert.web.tasks.polling import PollingQuery, polling_page

router = APIRouter(prefix="/admin/portal/replays")


@router.get("/{replay_id}")
def show(context: CurrentAdministrator, replay_id: UUID, query: PollingQuery) -> Response:
    """Show a replay."""
    replay = requests.get_replay(context.conn, replay_id)
    page = context.page(
        "tasks/replay.html", replay=replay, reason=reason_text(context, replay.reason), follow=query.follow
    )
    return polling_page(page, is_open=replay.finished_at is None, follow=query.follow)
