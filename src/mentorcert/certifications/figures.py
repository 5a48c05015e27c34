"""Figures for grant reports and the board: how many peer mentors are valid, new, renewed, lapsed and have left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.translatable import LazyText

_QUERIES = rows.beside(__file__)

HEADINGS: Final[Mapping[str, LazyText]] = {
    "valid": LazyText("Valid"),
    "started": LazyText("Newly certified"),
    "renewed": LazyText("Renewed"),
    "lapsed": LazyText("Lapsed"),
    "stopped": LazyText("Left"),
    "outdated": LazyText("Outdated"),
}
DEFINITIONS: Final[Mapping[LazyText, LazyText]] = {
    HEADINGS["valid"]: LazyText(
        "Peer mentors with a certification that is valid at the end of the last day. "
        "Suspended certifications do not count, nor do people who have left."
    ),
    HEADINGS["started"]: LazyText("Peer mentors who were certified for the first time in the period."),
    HEADINGS["renewed"]: LazyText(
        "Peer mentors who renewed a certification in the period. Each counts once. An extension is no renewal."
    ),
    HEADINGS["lapsed"]: LazyText(
        "Peer mentors whose certification ended in the period, who hold none with a later end, and who have not left. "
        "A certification that is valid through 31 December ends on 1 January."
    ),
    HEADINGS["stopped"]: LazyText(
        "Peer mentors who left in the period, or were erased in it. Of a type: those who had ever held it."
    ),
    HEADINGS["outdated"]: LazyText(
        "Peer mentors whose certification ended so long ago that no refresher renews it on the last day, by the rule of its "
        "type. Suspended certifications do not count, nor do people who have left."
    ),
    LazyText("All types"): LazyText(
        "A person with two types counts once for each of them, and once in all types. "
        "There, newly certified are those who had never held any type, lapsed are those who hold no type any more, "
        "and outdated are those all of whose types are outdated."
    ),
    LazyText("Chapters"): LazyText(
        "A person counts in the chapter of the last day, or in the last one before it. A person in two chapters "
        "counts in both, and once in the county and in all chapters. A chapter lies under the county of today."
    ),
    LazyText("As known on"): LazyText(
        "Without a day, the figures are by what is known today: with what was registered late, corrected or undone since. "
        "With a day, they are by what the registry knew at its end. Two entries that were merged are one person."
    ),
}
MASKED: Final = LazyText(
    "For handing out: numbers are rounded down to a multiple of five. Where a number among the types, among the chapters, "
    "or among the chapters of one county is from 1 to 4, that column is not shown for any of them, or for what lies under them."
)


@dataclass(frozen=True, slots=True)
class Period:
    """A first and a last day, by the knowledge of a day (None: of today); `masked` is for handing out."""

    first_day: date
    last_day: date
    known_on: date | None = None
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """How many peer mentors of a type (None: of any) in a chapter (None: in the whole); None is masked."""

    organisation_id: UUID
    certification_type: str | None
    chapter_id: UUID | None
    valid: int | None
    started: int | None
    renewed: int | None
    lapsed: int | None
    stopped: int | None
    outdated: int | None

    @property
    def numbers(self) -> Sequence[int | None]:
        """The numbers in the order of the headings."""
        return self.valid, self.started, self.renewed, self.lapsed, self.stopped, self.outdated


def of_reach(conn: Connection, period: Period) -> list[Figures]:
    """Return the figures of all that the caller administers or coordinates, the whole first.

    Raises MissingRightError for others; InvalidArgumentError where the period ends before it begins, or what was known on the
    day is not kept; LaterError where it is not settled yet.
    """
    return rows.fetch_all(
        conn,
        Figures,
        _QUERIES.of_reach,
        first_day=period.first_day,
        last_day=period.last_day,
        known_on=period.known_on,
        masked=period.masked,
    )


def of_organisation(conn: Connection, organisation_id: UUID, period: Period) -> list[Figures]:
    """Return the same of an organisation, for the owner of the tables."""
    return rows.fetch_all(
        conn,
        Figures,
        _QUERIES.of_organisation_masked if period.masked else _QUERIES.of_organisation,
        organisation_id=organisation_id,
        first_day=period.first_day,
        last_day=period.last_day,
        known_on=period.known_on,
    )
