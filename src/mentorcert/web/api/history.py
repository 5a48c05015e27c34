"""The history of a certification, page by page."""

from pathlib import Path
from typing import Annotated

import aiosql
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import history
from mentorcert.certifications.history import EntryV1
from mentorcert.web.api import cursor
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.certifications import visible
from mentorcert.web.api.fields import Id, Place, Size
from mentorcert.web.api.operation import API, READING, Operation, bearer

router = APIRouter(
    prefix=f"{API}/certifications", tags=["history"], route_class=Operation, dependencies=[bearer]
)

_QUERIES = aiosql.from_path(Path(__file__).with_suffix(".sql"), "psycopg")


class HistoryPage(BaseModel):
    """Entries, oldest first; docs/history.md says what each key holds."""

    items: list[EntryV1]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class HistoryWanted(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    size: Size = Field(50, description="Entries a page.")
    after: Place | None = Field(None, description="`next` of the page before.")


class _Position(BaseModel):
    """Where a page of a history begins; entries never move."""

    model_config = ConfigDict(extra="forbid", strict=True)

    position: int = Field(ge=1, lt=2**31)


@router.get(
    "/{certification_id}/history",
    operation_id="get_history",
    responses=READING,
    # In a state, what is left out says that it did not change.
    response_model_exclude_unset=True,
)
def get_history(
    context: ApiMember, certification_id: Id, wanted: Annotated[HistoryWanted, Query()]
) -> HistoryPage:
    """Get how a certification came to be as it is."""
    visible(context, certification_id)
    after = cursor.read(_Position, wanted.after)
    begins = after.position if after else 0
    rows = _QUERIES.entries(
        context.conn, certification_id=certification_id, after=begins, page_size=wanted.size + 1
    )
    entries = history.parse(entry for (entry,) in rows)
    more = len(entries) > wanted.size
    return HistoryPage.model_validate(
        {
            "items": entries[: wanted.size],
            "next": cursor.write(_Position(position=begins + wanted.size)) if more else None,
        }
    )
