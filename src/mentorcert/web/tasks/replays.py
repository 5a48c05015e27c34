"""How far a replay to the portal has come."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import aiosql
from fastapi import APIRouter, Response
from psycopg.rows import class_row

from mentorcert.errors import MissingRightError
from mentorcert.web.context import CurrentAdministrator
from mentorcert.web.tasks.polling import Follow, followed

router = APIRouter(prefix="/admin/portal/replays")

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay: of how many it was when it began, and how many are marked to be told again."""

    id: UUID
    selection: dict[str, Any]
    marked: int
    total: int
    reason: str
    started_at: datetime
    finished_at: datetime | None
    is_requested: bool


@router.get("/{replay_id}")
def one(context: CurrentAdministrator, replay_id: UUID, query: Follow) -> Response:
    """Show a replay."""
    with context.conn.cursor(row_factory=class_row(Replay)) as cursor:
        replay = cursor.execute(_QUERIES.get.sql, {"id": replay_id}).fetchone()
    if replay is None:
        raise MissingRightError(code="42501", constraint="replay_right")
    page = context.page("tasks/replay.html", replay=replay, follow=query.follow)
    return followed(page, is_open=replay.finished_at is None, follow=query.follow)
