"""History entries: every version is read, only the current one is written."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from mentorcert.errors import HistoryEntryError, UnknownHistoryVersionError

CURRENT_VERSION: Final = 1

Kind = Literal[
    "issued",
    "renewed",
    "extended",
    "expired",
    "suspended",
    "reinstated",
    "corrected",
    "reverted",
    "imported",
]
Status = Literal["active", "expired", "suspended"]
# What is outdated is expired, and no refresher renews it any more.
WantedStatus = Literal["active", "expired", "suspended", "outdated"]
CountedFrom = Literal["end", "renewal"]
Basis = Literal["course", "registration"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class State(_Part):
    """What a certification says: in an entry only the fields that changed (`model_fields_set`)."""

    certification_type: str | None = None
    issued_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    status: Status | None = None


class UserActor(_Part):
    """A signed-in user; without a user id, a person who worked with a role of the database."""

    user_id: UUID | None
    role: str


class JobActor(_Part):
    """A job, such as `nightly` or `import`."""

    job: str


class Evidence(_Part):
    """What was seen, on which day, by whom; never a file.

    `request_id`: what a peer mentor said in a request; `course_id`: the course that the person attended. `basis`: the
    renewal is based on the whole course, or on a new registration, and not on a refresher.
    """

    seen: str
    seen_on: date
    seen_by: str | None
    request_id: UUID | None = None
    course_id: UUID | None = None
    basis: Basis | None = None


class EntryV1(_Part):
    """One change of a certification, as docs/history.md describes it."""

    schema_version: Literal[1]
    entry_id: UUID
    kind: Kind
    recorded_at: AwareDatetime
    effective_at: AwareDatetime
    actor: UserActor | JobActor
    before: State | None
    after: State
    note: str | None = None
    evidence: Evidence | None = None
    batch_id: UUID | None = None
    reverts: UUID | None = None
    counted_from: CountedFrom | None = None


Entry = EntryV1
Versions = Mapping[int, type[BaseModel]]
VERSIONS: Final[Versions] = {1: EntryV1}


def parse(entries: Iterable[Mapping[str, Any]], versions: Versions = VERSIONS) -> list[BaseModel]:
    """Read entries, each in the version that it says it has.

    Raises UnknownHistoryVersionError, and HistoryEntryError that names the place but no value.
    """
    return [_parse_one(position, entry, versions) for position, entry in enumerate(entries, start=1)]


def _parse_one(position: int, entry: Mapping[str, Any], versions: Versions) -> BaseModel:
    version = entry.get("schema_version")
    # In a mapping True equals 1. A value that is no number is not quoted: it may be anything.
    number = version if isinstance(version, int) and not isinstance(version, bool) else None
    model = None if number is None else versions.get(number)
    if model is None:
        said = "no schema_version" if number is None else f"schema_version {number}"
        raise UnknownHistoryVersionError(
            f"Entry {position} of the history has {said}; known are {sorted(versions)}.",
            hint="Use the release of mentorcert that wrote it, or a newer one.",
        )
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) for fault in error.errors())
        raise HistoryEntryError(f"Entry {position} of the history is not valid: {fields}.") from None


def dump(entry: BaseModel) -> dict[str, Any]:
    """Write an entry of the current version as JSON; raises UnknownHistoryVersionError for any other."""
    if not isinstance(entry, VERSIONS[CURRENT_VERSION]):
        raise UnknownHistoryVersionError(
            f"Entries are written in schema_version {CURRENT_VERSION} only.",
            hint="Lift the history first: mentorcert history upgrade.",
        )
    # What was left out stays out: an absent field of a state says that it did not change.
    return entry.model_dump(mode="json", exclude_unset=True)
