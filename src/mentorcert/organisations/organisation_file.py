"""An organisation, its certification types, chapters and topics as a TOML file: setting them up by it, and writing it."""

import json
import zoneinfo
from collections import Counter
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from psycopg.types.json import Jsonb
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from mentorcert.db import rows
from mentorcert.db.connection import Connection
from mentorcert.errors import InvalidInputError
from mentorcert.organisations import toml_file
from mentorcert.organisations.organisations import Organisation

_QUERIES = rows.beside(__file__)


class OrganisationFileError(InvalidInputError):
    """The organisation file is not valid."""


def known_time_zone(name: str) -> str:
    """Return the name of a time zone; raises ValueError for one that is not known."""
    if name not in zoneinfo.available_timezones():
        raise ValueError("unknown time zone; give an IANA name such as Europe/Oslo")
    return name


Name = Annotated[str, Field(min_length=1, max_length=200)]
TypeCode = Annotated[str, Field(pattern=r"^[a-z0-9]+([_-][a-z0-9]+)*$")]
ChapterCode = Annotated[str, Field(pattern=r"^[^\s|;,]+$")]
ChapterName = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^|\r\n]+$")]


Email = Annotated[str, Field(max_length=254, pattern=r"^([^@\s]+@[^@\s.]+(\.[^@\s.]+)+)?$")]
Phone = Annotated[str, Field(max_length=40, pattern=r"^([(]?\+?[0-9][0-9 ()./-]*)?$")]
Website = Annotated[str, Field(max_length=300, pattern=r"^(https?://[^\s\"<>\\]+\.[^\s\"<>\\]+)?$")]
Place = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\r\n]+$")]
TopicName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\r\n]+$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class OrganisationEntry(_Part):
    """The organisation itself; slug and time zone are given once and for all."""

    slug: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Name
    time_zone: Annotated[str, AfterValidator(known_time_zone)] = "Europe/Oslo"


class _Coded(_Part):
    code: str


class TypeEntry(_Coded):
    """A certification type; `validity_months` is left out where the rule is unlimited."""

    code: TypeCode
    name_nb: Name
    name_en: Name
    validity_rule: Literal["months", "end_of_year", "unlimited"]
    validity_months: Annotated[int, Field(ge=0, le=1200)] | None = None
    required_for_listing: bool = False
    reminder_days: Annotated[tuple[Annotated[int, Field(ge=0, le=365)], ...], Field(max_length=6)] = (
        90,
        30,
        7,
    )
    early_renewal_days: Annotated[int, Field(ge=1, le=364)] | None = None
    refresher_months: Annotated[int, Field(ge=0, le=1200)] | None = None
    after_lapse: Literal["course", "registration"] = "course"

    @field_validator("reminder_days")
    @classmethod
    def _are_distinct(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(days)) < len(days):
            raise ValueError("the same number of days comes twice")
        return days

    @model_validator(mode="after")
    def _months_fit_the_rule(self) -> Self:
        if self.validity_rule == "unlimited":
            if self.validity_months is not None:
                raise ValueError("an unlimited type has no validity_months")
        elif self.validity_months is None:
            raise ValueError(f"the rule {self.validity_rule} needs validity_months")
        elif self.validity_rule == "months" and self.validity_months == 0:
            raise ValueError("the rule months needs validity_months of at least 1")
        if self.early_renewal_days is not None:
            if self.validity_rule == "unlimited":
                raise ValueError("an unlimited type has no early_renewal_days")
            if self.validity_rule == "months" and self.early_renewal_days >= 28 * (self.validity_months or 0):
                raise ValueError("early_renewal_days are fewer than the days of validity_months")
        return self


class ChapterEntry(_Coded):
    """A chapter; `parent` is the code of the chapter above it.

    Contact and places are what the public finds; what is left out stays as it is, and an empty one is removed.
    """

    code: ChapterCode
    name: ChapterName
    parent: ChapterCode | None = None
    contact_email: Email | None = None
    contact_phone: Phone | None = None
    website: Website | None = None
    places: Annotated[tuple[Place, ...], Field(max_length=100)] | None = None


class TopicEntry(_Part):
    """What peer mentors can talk about, or a language; known by its kind and Norwegian name, whatever its case."""

    kind: Literal["topic", "language"] = "topic"
    name_nb: TopicName
    name_en: TopicName
    is_offered: bool = True


class OrganisationFile(_Part):
    """Everything that `mentorcert organisation apply` sets up."""

    organisation: OrganisationEntry
    certification_types: tuple[TypeEntry, ...] = ()
    chapters: tuple[ChapterEntry, ...] = ()
    topics: Annotated[tuple[TopicEntry, ...], Field(max_length=200)] = ()

    @field_validator("topics")
    @classmethod
    def _topics_are_distinct(cls, topics: tuple[TopicEntry, ...]) -> tuple[TopicEntry, ...]:
        counts = Counter((topic.kind, topic.name_nb.casefold()) for topic in topics)
        if twice := sorted(f"{kind} {name}" for (kind, name), count in counts.items() if count > 1):
            raise ValueError(f"more than one has the same kind and name: {', '.join(twice)}")
        return topics

    @field_validator("certification_types", "chapters")
    @classmethod
    def _codes_are_unique(cls, parts: tuple[_Coded, ...]) -> tuple[_Coded, ...]:
        twice = [code for code, count in Counter(part.code for part in parts).items() if count > 1]
        if twice:
            raise ValueError(f"more than one has the code {', '.join(twice)}")
        return parts

    @field_validator("chapters")
    @classmethod
    def _parents_form_a_tree(cls, chapters: tuple[ChapterEntry, ...]) -> tuple[ChapterEntry, ...]:
        parents = {chapter.code: {chapter.parent} if chapter.parent else set[str]() for chapter in chapters}
        if unknown := sorted(set().union(*parents.values()) - parents.keys()):
            raise ValueError(f"parents that are no chapter of the file: {', '.join(unknown)}")
        try:
            TopologicalSorter(parents).prepare()
        except CycleError as error:
            raise ValueError(f"chapters that lie under themselves: {', '.join(error.args[1])}") from None
        return chapters


@dataclass(frozen=True, slots=True)
class _Written:
    code: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """What `apply` did, or by a dry run would have done; lists of codes."""

    organisation: str
    organisation_is: Literal["added", "changed", "unchanged"]
    types_added: list[str]
    types_changed: list[str]
    types_not_in_file: list[str]
    chapters_added: list[str]
    chapters_changed: list[str]
    chapters_not_in_file: list[str]
    topics_added: list[str]
    topics_changed: list[str]
    topics_not_in_file: list[str]


def read(path: Path) -> OrganisationFile:
    """Read and check an organisation file. Raises OrganisationFileError with all that is wrong, OSError."""
    return toml_file.read(path, OrganisationFile, OrganisationFileError, "examples/small/organisation.toml")


def apply(conn: Connection, file: OrganisationFile, *, dry_run: bool = False) -> Summary:
    """Set up or change the organisation as the file says, in one transaction; nothing is removed.

    Applied again, it changes nothing. Raises OrganisationFileError where the file would change what never
    changes, and DatabaseError.
    """
    slug = file.organisation.slug
    types = Jsonb([kind.model_dump() for kind in file.certification_types])
    chapters = Jsonb([chapter.model_dump() for chapter in file.chapters])
    topics = Jsonb([topic.model_dump() for topic in file.topics])
    with conn.transaction(force_rollback=dry_run):
        found = rows.fetch_optional(conn, Organisation, _QUERIES.lock_organisation, slug=slug)
        if found is not None and found.time_zone != file.organisation.time_zone:
            stated = file.organisation.time_zone
            raise OrganisationFileError(
                f"organisation.time_zone: “{slug}” has {found.time_zone}, not {stated}. "
                "It never changes: every certification's first and last instant were reckoned by it.",
                hint=f'Write time_zone = "{found.time_zone}", '
                "or set up a new organisation with another slug.",
            )
        organisation = rows.fetch_optional(
            conn, _Written, _QUERIES.write_organisation, **file.organisation.model_dump()
        )
        types_written = rows.fetch_all(conn, _Written, _QUERIES.write_types, slug=slug, types=types)
        chapters_written = rows.fetch_all(
            conn, _Written, _QUERIES.write_chapters, slug=slug, chapters=chapters
        )
        moved = {
            *rows.fetch_all(conn, str, _QUERIES.detach_chapters, slug=slug, chapters=chapters),
            *rows.fetch_all(conn, str, _QUERIES.attach_chapters, slug=slug, chapters=chapters),
            *rows.fetch_all(conn, str, _QUERIES.write_contacts, slug=slug, chapters=chapters),
        }
        topics_written = rows.fetch_all(conn, _Written, _QUERIES.write_topics, slug=slug, topics=topics)
        chapters_added = {chapter.code for chapter in chapters_written if chapter.is_new}
        return Summary(
            organisation=slug,
            organisation_is="unchanged"
            if organisation is None
            else "added"
            if organisation.is_new
            else "changed",
            types_added=sorted(type_.code for type_ in types_written if type_.is_new),
            types_changed=sorted(type_.code for type_ in types_written if not type_.is_new),
            types_not_in_file=rows.fetch_all(conn, str, _QUERIES.types_not_stated, slug=slug, types=types),
            chapters_added=sorted(chapters_added),
            chapters_changed=sorted(
                {chapter.code for chapter in chapters_written if not chapter.is_new} | moved - chapters_added
            ),
            chapters_not_in_file=rows.fetch_all(
                conn, str, _QUERIES.chapters_not_stated, slug=slug, chapters=chapters
            ),
            topics_added=sorted(topic.code for topic in topics_written if topic.is_new),
            topics_changed=sorted(topic.code for topic in topics_written if not topic.is_new),
            topics_not_in_file=rows.fetch_all(
                conn, str, _QUERIES.topics_not_stated, slug=slug, topics=topics
            ),
        )


@dataclass(frozen=True, slots=True)
class _Stated:
    file: dict[str, Any]


def stated(conn: Connection, slug: str) -> OrganisationFile:
    """Return an organisation as its file would say it, without what is retired; raises InvalidInputError for none."""
    found = rows.fetch_optional(conn, _Stated, _QUERIES.stated, slug=slug)
    if found is None:
        raise InvalidInputError(
            f"There is no organisation “{slug}”.", hint="mentorcert organisation list names them."
        )
    return OrganisationFile.model_validate(found.file)


def written(file: OrganisationFile) -> str:
    """Return the text of the file, which `read` takes."""
    document = file.model_dump(exclude_none=True)
    tables = [("[organisation]", document["organisation"])]
    for name in ("certification_types", "chapters", "topics"):
        tables += [(f"[[{name}]]", entry) for entry in document[name]]
    return "\n".join(
        "\n".join([heading, *(f"{key} = {_value(value)}" for key, value in entry.items()), ""])
        for heading, entry in tables
    )


def _value(value: object) -> str:
    """Write a value as TOML; of what a file may hold, JSON writes the same."""
    return json.dumps(value, ensure_ascii=False)
