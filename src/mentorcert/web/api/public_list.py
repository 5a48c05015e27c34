"""The public list of an organisation: who may be shown today, for anybody, and no longer than that."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import aiosql
import psycopg
from fastapi import APIRouter, Query, Response
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.errors import from_postgres
from mentorcert.web.api import cursor
from mentorcert.web.api.caller import ApiAnybody
from mentorcert.web.api.fields import Id, Named, Place, Size, Slug, Word
from mentorcert.web.api.operation import API, PUBLIC, Operation

router = APIRouter(prefix=f"{API}/public", tags=["public list"], route_class=Operation)

LONGEST_CACHED_S: Final = 60
# Between the question and the beginning of the answer, and for clocks that differ.
_MARGIN_S: Final = 2

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


@dataclass(frozen=True, slots=True)
class _Row:
    peer_mentor_id: UUID
    display_name: str
    chapters: list[str]
    listed_until: datetime


class Listed(BaseModel):
    """All that the public may see of a peer mentor."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"display_name": "Kari N.", "chapters": ["Midtvik"], "listed_until": "2027-03-02T23:00:00Z"}
            ]
        }
    )

    display_name: str
    chapters: list[str] = Field(description="Names of chapters.")
    listed_until: datetime = Field(
        description="The lease: whoever keeps the list shows nobody from this instant on."
    )


class PublicList(BaseModel):
    """Peer mentors of an organisation, by name."""

    items: list[Listed]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class PublicListWanted(BaseModel):
    """Whom to list."""

    model_config = ConfigDict(extra="forbid")

    chapter: Word | None = Field(None, description="Name of a chapter.", examples=["Midtvik"])
    size: Size = Field(50, description="Rows a page.")
    after: Place | None = Field(None, description="`next` of the page before.")


class _Name(BaseModel):
    """Where a page of the public list begins."""

    model_config = ConfigDict(extra="forbid")

    name: Named
    id: Id


@router.get(
    "/{organisation}",
    operation_id="list_public",
    responses={
        200: {
            "headers": {
                "Cache-Control": {
                    "description": "For how many seconds it may be kept: never beyond a lease.",
                    "required": True,
                    "schema": {"type": "string"},
                }
            }
        },
        **PUBLIC,
    },
)
def list_public(
    context: ApiAnybody,
    response: Response,
    organisation: Slug,
    wanted: Annotated[PublicListWanted, Query()],
) -> PublicList:
    """List who may be shown to the public today. No token is needed; an unknown organisation has nobody."""
    after = cursor.read(_Name, wanted.after)
    try:
        with context.conn.cursor(row_factory=class_row(_Row)) as cursor:
            found = cursor.execute(
                _QUERIES.page.sql,
                {
                    "organisation": organisation,
                    "chapter": wanted.chapter,
                    "after_name": after.name if after else None,
                    "after_id": after.id if after else None,
                    "page_size": wanted.size + 1,
                },
            ).fetchall()
        now: datetime = _QUERIES.clock(context.conn)
    except psycopg.Error as error:
        raise from_postgres(error) from error
    rows = [row for row in found[: wanted.size] if row.listed_until > now]
    response.headers["Cache-Control"] = cache_control(rows, now)
    last = found[wanted.size - 1] if len(found) > wanted.size else None
    return PublicList(
        items=[
            Listed(
                display_name=row.display_name,
                chapters=row.chapters,
                listed_until=row.listed_until.astimezone(UTC),
            )
            for row in rows
        ],
        next=cursor.write(_Name(name=last.display_name, id=last.peer_mentor_id)) if last else None,
    )


def cache_control(rows: list[_Row], now: datetime) -> str:
    """Return for how long rows may be kept: a minute, as consent may be withdrawn, and within each lease."""
    left_s = [math.floor((row.listed_until - now).total_seconds()) - _MARGIN_S for row in rows]
    seconds = min([LONGEST_CACHED_S, *left_s])
    # Without must-revalidate a cache that cannot reach us may go on showing what it has.
    return f"public, max-age={seconds}, must-revalidate" if seconds > 0 else "no-store"
