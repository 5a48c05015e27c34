"""The history of a certification, page by page."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import repository, timeline
from mentorcert.certifications.history import EntryV1
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.fields import Id, PageCursor, Size
from mentorcert.web.api.operation import API, READING, Operation, bearer

router = APIRouter(
    prefix=f"{API}/certifications", tags=["history"], route_class=Operation, dependencies=[bearer]
)


class HistoryPage(BaseModel):
    """Entries, oldest first; docs/history.md says what each key holds."""

    items: list[EntryV1]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class HistoryWanted(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    size: Size = Field(50, description="Entries a page.")
    after: PageCursor | None = Field(None, description="`next` of the page before.")


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
    repository.get(context.conn, certification_id)
    page = timeline.of_certification(context.conn, certification_id, after=wanted.after, size=wanted.size)
    return HistoryPage.model_validate({"items": page.rows, "next": page.next})
