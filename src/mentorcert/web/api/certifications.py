"""Certifications: lists, one, and whether it was valid then."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from mentorcert.certifications import documents, repository
from mentorcert.certifications.history import Basis, Status, WantedStatus
from mentorcert.web.api.caller import ApiMember
from mentorcert.web.api.documents import document
from mentorcert.web.api.etags import WITH_TAG, tagged
from mentorcert.web.api.fields import Id, Instant, PageCursor, Size, Word
from mentorcert.web.api.operation import API, LISTING, READING, Operation, bearer
from mentorcert.web.context import RequestContext

router = APIRouter(
    prefix=f"{API}/certifications", tags=["certifications"], route_class=Operation, dependencies=[bearer]
)


class Certification(BaseModel):
    """What a peer mentor is certified for, from when, until when, and what holds now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "2f6f3f5a-6c33-44a6-8f1e-3f2ab2b8b0f8",
                    "peer_mentor_id": "0b7f1f5c-3d3e-4b5c-9a64-5b1d7c1f0d55",
                    "certification_type": "basic",
                    "status": "active",
                    "issued_on": "2026-03-02",
                    "last_valid_day": "2027-03-02",
                    "issued_at": "2026-03-01T23:00:00Z",
                    "expires_at": "2027-03-02T23:00:00Z",
                    "chapter_ids": ["5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01"],
                    "early_renewal_from": "2026-12-02",
                    "refresher_until": "2028-03-02",
                    "after_lapse": "course",
                    "is_outdated": False,
                }
            ]
        }
    )

    id: UUID = Field(description="It outlives every renewal.")
    peer_mentor_id: UUID = Field(description="Who is certified.")
    certification_type: str = Field(description="Code of the organisation's type.")
    status: Status = Field(description="What is true at this moment.")
    issued_on: date = Field(description="Day of issue or latest renewal, on the organisation's calendar.")
    last_valid_day: date | None = Field(description="Null: it does not expire.")
    issued_at: datetime = Field(description="The instant at which that day begins.")
    expires_at: datetime | None = Field(description="The first instant at which it no longer holds.")
    chapter_ids: list[UUID] = Field(description="The peer mentor's chapters at present.")
    early_renewal_from: date | None = Field(
        description="First day on which a renewal counts on from the last valid day; before it, and always"
        " where it is null, a renewal counts from its own day."
    )
    refresher_until: date | None = Field(
        description="The last day as of which a refresher renews it. Null: it does not end, or is renewed without limit."
    )
    after_lapse: Basis | None = Field(
        description="What a renewal as of a later day is based on, which its evidence says: the whole course, or a new"
        " registration."
    )
    is_outdated: bool = Field(description="Whether it is expired, and a renewal takes `after_lapse` now.")

    @classmethod
    def of(cls, row: repository.Certification, time_zone: str) -> Self:
        """Return a row with its days in the organisation's time zone."""
        zone = ZoneInfo(time_zone)
        ends = row.expires_at
        return cls(
            id=row.id,
            peer_mentor_id=row.peer_mentor_id,
            certification_type=row.certification_type,
            status=row.status,
            issued_on=row.issued_at.astimezone(zone).date(),
            last_valid_day=ends.astimezone(zone).date() - timedelta(days=1) if ends else None,
            issued_at=row.issued_at.astimezone(UTC),
            expires_at=ends.astimezone(UTC) if ends else None,
            chapter_ids=row.chapter_ids,
            early_renewal_from=row.early_renewal_from,
            refresher_until=row.refresher_until,
            after_lapse=row.after_lapse,
            is_outdated=row.is_outdated,
        )


class CertificationPage(BaseModel):
    """Certifications in the order in which they expire; those that do not expire come last."""

    items: list[Certification]
    next: str | None = Field(description="Send it as `after` for the next page; null: this was the last.")


class CertificationFilter(BaseModel):
    """What to list."""

    model_config = ConfigDict(extra="forbid")

    status: WantedStatus | None = Field(
        None,
        description="What is true at this moment; `outdated` is what is expired and no refresher renews any more.",
    )
    certification_type: Word | None = Field(None, description="Code of a type.")
    chapter_id: Id | None = Field(None, description="A chapter, with those under it.")
    expiring_before: Instant | None = Field(
        None, description="Only what expires before this instant.", examples=["2027-01-01T00:00:00+01:00"]
    )
    with_left: bool = Field(False, description="Also those of peer mentors who have left.")
    size: Size = Field(50, description="Rows a page.")
    after: PageCursor | None = Field(None, description="`next` of the page before.")


class Validity(BaseModel):
    """Whether a certification was valid."""

    valid: bool = Field(description="Suspended is not valid.")
    at: datetime = Field(description="At this instant,")
    known_at: datetime | None = Field(
        description="by what was known at this one; null: by what is known now."
    )


class ValidityQuestion(BaseModel):
    """When, and by what was known when."""

    model_config = ConfigDict(extra="forbid")

    at: Instant = Field(description="The instant in question.", examples=["2026-06-01T10:00:00Z"])
    known_at: Instant | None = Field(None, description="By what the registry knew then; else: now.")


def shown(context: RequestContext, row: repository.Certification) -> Certification:
    """Return a row as the API shows it to a member."""
    _, organisation = context.member()
    return Certification.of(row, organisation.time_zone)


@router.get("", operation_id="list_certifications", response_model=CertificationPage, responses=LISTING)
def list_certifications(context: ApiMember, wanted: Annotated[CertificationFilter, Query()]) -> Response:
    """List the certifications within your reach: your own, those of your chapters, or the organisation's."""
    page = documents.page(
        context.conn,
        after=wanted.after,
        size=wanted.size,
        status=wanted.status,
        certification_type=wanted.certification_type,
        chapter_id=wanted.chapter_id,
        expiring_before=wanted.expiring_before,
        with_left=wanted.with_left,
        time_zone=context.member()[1].time_zone,
    )
    return document(page.items, page.next)


@router.get("/{certification_id}", operation_id="get_certification", responses={**WITH_TAG, **READING})
def get_certification(context: ApiMember, response: Response, certification_id: Id) -> Certification:
    """Get one certification."""
    certification = shown(context, repository.get(context.conn, certification_id))
    tagged(response, certification)
    return certification


@router.get("/{certification_id}/as-of", operation_id="was_certification_valid", responses=READING)
def was_certification_valid(
    context: ApiMember, certification_id: Id, asked: Annotated[ValidityQuestion, Query()]
) -> Validity:
    """Ask whether a certification was valid at an instant, by what the registry knew at another."""
    repository.get(context.conn, certification_id)
    valid = repository.was_valid(context.conn, certification_id, asked.at, asked.known_at)
    return Validity(valid=valid, at=asked.at, known_at=asked.known_at)
