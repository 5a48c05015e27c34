"""Figures of courses: how many were held, how many had a seat, came and stayed away, and what they were given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from mentorcert.certifications.figures import Period
from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translatable import LazyText

_QUERIES = rows.beside(__file__)

Kind = Literal["course", "refresher"]
KINDS: Final[Mapping[Kind | None, LazyText]] = {
    None: LazyText("All courses"),
    "course": LazyText("Course"),
    "refresher": LazyText("Refresher course"),
}
HEADINGS: Final[Mapping[str, LazyText]] = {
    "held": LazyText("Held"),
    "cancelled": LazyText("Called off"),
    "seats": LazyText("Seats"),
    "signed_up": LazyText("Signed up"),
    "attended": LazyText("Attended"),
    "people": LazyText("People"),
    "no_shows": LazyText("Did not come"),
    "unannounced": LazyText("Unannounced"),
    "issued": LazyText("Issued"),
    "renewed": LazyText("Renewed"),
}
DEFINITIONS: Final[Mapping[LazyText, LazyText]] = {
    HEADINGS["held"]: LazyText(
        "Courses whose last day lies in the period and that were not called off, also if they are not closed yet. All the other "
        "numbers but the next one are of these."
    ),
    HEADINGS["cancelled"]: LazyText("Courses that were called off and whose last day lies in the period."),
    HEADINGS["seats"]: LazyText("Seats of those courses that have a number of them."),
    HEADINGS["signed_up"]: LazyText(
        "Who had a seat at the end, once for each course. Those who withdrew or were on the waiting list do not count."
    ),
    HEADINGS["attended"]: LazyText(
        "Attendances: somebody who attended two courses counts twice, and in a course of several days once."
    ),
    HEADINGS["people"]: LazyText(
        "Peer mentors who attended at least one of the courses. Of somebody who was erased, each attendance counts as one person."
    ),
    HEADINGS["no_shows"]: LazyText(
        "Had a seat, and are ticked as absent, or are not ticked as attended in a course that is closed."
    ),
    HEADINGS["unannounced"]: LazyText("Attended without having a seat. They count as attended, too."),
    HEADINGS["issued"]: LazyText(
        "Certifications that closing the courses issued. What was undone does not count, nor what people who were erased got."
    ),
    HEADINGS["renewed"]: LazyText(
        "Renewals by closing the courses, one for each certification and course. What was undone does not count, nor what people "
        "who were erased got."
    ),
    LazyText("All courses"): LazyText(
        "A course that gives two types counts once for each of them, and once in the whole; issued and renewed count for the "
        "type that was given."
    ),
    LazyText("Chapters"): LazyText(
        "A course counts in the chapters for which it is and in those above them, wherever those who attended are. A course for "
        "several chapters counts in each, and once in the county and in the whole. One for the whole organisation counts in "
        "the whole alone."
    ),
}
MASKED: Final = LazyText(
    "The number of courses is shown as it is. Where the number of people is not shown, neither is what they attended and got."
)


@dataclass(frozen=True, slots=True)
class CourseFigures:
    """How many courses of a kind, of a type and for a chapter (None: of any, and in the whole), and who came; None is masked."""

    organisation_id: UUID
    kind: Kind | None
    certification_type: str | None
    chapter_id: UUID | None
    held: int
    cancelled: int
    seats: int | None
    signed_up: int | None
    attended: int | None
    people: int | None
    no_shows: int | None
    unannounced: int | None
    issued: int | None
    renewed: int | None

    @property
    def key(self) -> tuple[Kind | None, str | None, UUID | None]:
        """Of what the numbers are."""
        return self.kind, self.certification_type, self.chapter_id

    @property
    def numbers(self) -> Sequence[int | None]:
        """The numbers in the order of the headings."""
        return (
            self.held, self.cancelled, self.seats, self.signed_up, self.attended, self.people, self.no_shows, self.unannounced,
            self.issued, self.renewed,
        )  # fmt: skip


def of_reach(conn: Connection, period: Period) -> list[CourseFigures]:
    """Return the figures of courses for all chapters that the caller administers or coordinates, the whole first.

    Raises as `figures.of_reach` does.
    """
    return rows.fetch_all(
        conn,
        CourseFigures,
        _QUERIES.of_reach,
        first_day=period.first_day,
        last_day=period.last_day,
        known_on=period.known_on,
        masked=period.masked,
    )


def of_organisation(conn: Connection, organisation_id: UUID, period: Period) -> list[CourseFigures]:
    """Return the same of an organisation, for the owner of the tables."""
    return rows.fetch_all(
        conn,
        CourseFigures,
        _QUERIES.of_organisation_masked if period.masked else _QUERIES.of_organisation,
        organisation_id=organisation_id,
        first_day=period.first_day,
        last_day=period.last_day,
        known_on=period.known_on,
    )
