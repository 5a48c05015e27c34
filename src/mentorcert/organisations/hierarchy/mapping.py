"""The mapping file: which tables of a project are its organisations, chapters, people and roles."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mentorcert.errors import InvalidInputError
from mentorcert.organisations import toml_file
from mentorcert.organisations.memberships import Role
from mentorcert.organisations.organisation_file import known_time_zone


class MappingFileError(InvalidInputError):
    """The mapping file is not valid, or does not fit the project's tables."""


Table = Annotated[str, Field(pattern=r"^[^.]+\.[^.]+$", description="schema.table")]
Column = Annotated[str, Field(min_length=1, max_length=63)]
Words = Annotated[tuple[str, ...], Field(min_length=1)]


# What in a source is the name of a column.
_NAMES = {
    "id", "organisation", "name", "slug", "parent", "code", "user", "chapter", "role", "ends_at", "full_name", "number",
    "email", "phone", "peer_mentor",
}  # fmt: skip


class Source(BaseModel):
    """A table of the project; of its rows those count whose columns, as text, have one of these words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Table
    where: dict[Column, Words] = {}

    def columns(self) -> dict[str, str]:
        """Return what each named column is for, and its name; those of `where` come as where.column."""
        named = {name: getattr(self, name) for name in sorted(_NAMES & type(self).model_fields.keys())}
        return {name: column for name, column in named.items() if column} | {
            f"where.{column}": column for column in self.where
        }


class Organisations(Source):
    """Each row is an organisation; without a slug the id is one."""

    id: Column
    name: Column
    slug: Column | None = None
    time_zone: Annotated[str, AfterValidator(known_time_zone)] = "Europe/Oslo"


class Chapters(Source):
    """Each row is a chapter; without a code the id is one."""

    id: Column
    organisation: Column
    name: Column
    parent: Column | None = None
    code: Column | None = None


class Memberships(Source):
    """Each row gives a user a role: that of a word in a column, or the same in every row.

    Without `organisation` it is that of the chapter. A word that gives no role is `nothing`; the word of an empty column is "".
    """

    user: Column
    organisation: Column | None = None
    chapter: Column | None = None
    role: Column | None = None
    roles: dict[str, Role | Literal["nothing"]] = {}
    role_of_all: Role | None = None
    ends_at: Column | None = None

    @model_validator(mode="after")
    def _has_what_its_roles_need(self) -> Self:
        if (self.role is None) == (self.role_of_all is None):
            raise ValueError("give either role, a column, or role_of_all")
        if (self.role is None) != (not self.roles):
            raise ValueError("roles says what each word of the column role means, and comes with it")
        if self.organisation is None and self.chapter is None:
            raise ValueError("give organisation or chapter: a role is held somewhere")
        if self.chapter is None and "coordinator" in self.given_roles:
            raise ValueError("a coordinator needs chapter")
        return self

    @property
    def given_roles(self) -> set[str]:
        """The roles that a row may give."""
        return (
            {self.role_of_all}
            if self.role_of_all
            else {role for role in self.roles.values() if role != "nothing"}
        )


class PeerMentors(Source):
    """Each row is a peer mentor; without a number the id is one."""

    id: Column
    organisation: Column
    full_name: Column
    number: Column | None = None
    user: Column | None = None
    email: Column | None = None
    phone: Column | None = None


class PeerMentorChapters(Source):
    """Each row puts a peer mentor into a chapter; rows without a chapter do not."""

    peer_mentor: Column
    chapter: Column
    ends_at: Column | None = None


class Mapping(BaseModel):
    """The whole file; what it leaves out is entered in the registry, as without a mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    organisations: Organisations
    chapters: Chapters
    memberships: Annotated[tuple[Memberships, ...], Field(min_length=1)]
    peer_mentors: PeerMentors | None = None
    peer_mentor_chapters: PeerMentorChapters | None = None

    @model_validator(mode="after")
    def _links_have_peer_mentors(self) -> Self:
        if self.peer_mentor_chapters and not self.peer_mentors:
            raise ValueError("peer_mentor_chapters needs peer_mentors")
        return self

    def sources(self) -> list[tuple[str, Source]]:
        """Return each table with the part of the registry that it feeds, in the order of feeding."""
        parts: list[tuple[str, Source | None]] = [
            ("organisations", self.organisations),
            ("chapters", self.chapters),
            ("peer_mentors", self.peer_mentors),
            ("peer_mentor_chapters", self.peer_mentor_chapters),
            *(("memberships", source) for source in self.memberships),
        ]
        return [(part, source) for part, source in parts if source]

    def fed_roles(self) -> list[str]:
        """Return the roles whose memberships are fed; those of others are entered in the registry."""
        return sorted(set[str]().union(*(source.given_roles for source in self.memberships)))


def read(path: Path) -> Mapping:
    """Read and check a mapping file. Raises MappingFileError with all that is wrong, OSError."""
    return toml_file.read(path, Mapping, MappingFileError, "examples/existing_project/hierarchy.toml")
