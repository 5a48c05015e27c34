"""History entries: every version is read, only the current one is written, and no error quotes a value."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from mentorcert.certifications import history
from mentorcert.certifications.history import EntryV1, State
from mentorcert.errors import HistoryEntryError, UnknownHistoryVersionError

INSTANTS = st.datetimes(timezones=st.just(UTC))
TEXT = st.text(min_size=1, max_size=20)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "certification_type": TEXT,
    "issued_at": INSTANTS.map(datetime.isoformat),
    "expires_at": st.none() | INSTANTS.map(datetime.isoformat),
    "status": st.sampled_from(["active", "expired", "suspended"]),
}
STATES = st.fixed_dictionaries({}, optional=FIELDS)
ACTORS = st.one_of(
    st.fixed_dictionaries({"user_id": st.none() | st.uuids().map(str), "role": TEXT}),
    st.fixed_dictionaries({"job": TEXT}),
)
EVIDENCE = st.fixed_dictionaries(
    {"seen": TEXT, "seen_on": st.dates().map(date.isoformat), "seen_by": st.none() | TEXT}
)
ENTRIES = st.fixed_dictionaries(
    {
        "schema_version": st.just(1),
        "entry_id": st.uuids().map(str),
        "kind": st.sampled_from(["issued", "renewed", "extended", "expired", "corrected", "reverted"]),
        "recorded_at": INSTANTS.map(datetime.isoformat),
        "effective_at": INSTANTS.map(datetime.isoformat),
        "actor": ACTORS,
        "before": st.none() | STATES,
        "after": STATES,
    },
    optional={
        "note": TEXT,
        "evidence": EVIDENCE,
        "batch_id": st.uuids().map(str),
        "reverts": st.uuids().map(str),
    },
)

EXAMPLE = {
    "schema_version": 1,
    "entry_id": "5f0d6b0c-0c9e-4a52-8f58-6b8f2f6f7a11",
    "kind": "renewed",
    "recorded_at": "2026-03-01T10:00:00.123456+00:00",
    "effective_at": "2026-02-28T23:00:00+00:00",
    "actor": {"user_id": "7d444840-9dc0-11d1-b245-5ffdce74fad2", "role": "coordinator"},
    "before": {"expires_at": "2026-03-31T22:00:00+00:00"},
    "after": {"expires_at": None},
    "note": "Kari Nordmann",
}


class EntryV2(BaseModel):
    """A version that only the tests know: it renames the note."""

    schema_version: Literal[2]
    entry_id: UUID
    remark: str


def instants_as_such(value: Any) -> Any:
    """Return JSON with the texts of instants read, since one instant can be written in several ways."""
    match value:
        case dict():
            return {key: instants_as_such(item) for key, item in value.items()}
        case str() if "T" in value and ":" in value:
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                return value
        case _:
            return value


@settings(max_examples=60)
@given(ENTRIES)
def test_what_is_read_and_written_is_the_same(entry: dict[str, Any]) -> None:
    (parsed,) = history.parse([entry])
    written = history.dump(parsed)
    assert instants_as_such(written) == instants_as_such(entry)
    assert history.parse([written]) == [parsed]


def test_an_absent_field_is_not_a_null_one() -> None:
    (entry,) = history.parse([EXAMPLE])
    assert isinstance(entry, EntryV1)
    assert entry.after.model_fields_set == {"expires_at"}
    assert history.dump(entry)["after"] == {"expires_at": None}
    assert "evidence" not in history.dump(entry)


def test_instants_keep_their_place_in_time() -> None:
    (entry,) = history.parse([EXAMPLE])
    assert isinstance(entry, EntryV1)
    assert entry.recorded_at.utcoffset() == timedelta()
    assert entry.recorded_at.microsecond == 123456


@pytest.mark.parametrize("version", [0, 2, "1", None, True, "Kari Nordmann", {"Kari": 1}])
def test_an_unknown_version_is_refused(version: object) -> None:
    with pytest.raises(UnknownHistoryVersionError, match="Entry 2 of the history") as caught:
        history.parse([EXAMPLE, {**EXAMPLE, "schema_version": version}])
    assert "Kari" not in str(caught.value)
    assert caught.value.hint


def test_an_entry_without_a_version_is_refused() -> None:
    with pytest.raises(UnknownHistoryVersionError):
        history.parse([{key: value for key, value in EXAMPLE.items() if key != "schema_version"}])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "Kari Nordmann"}, "kind"),
        ({"recorded_at": "Kari Nordmann"}, "recorded_at"),
        ({"recorded_at": "2026-03-01T10:00:00"}, "recorded_at"),
        ({"after": {"status": "Kari Nordmann"}}, "after.status"),
        ({"evidence": {"seen": "Kari Nordmann", "seen_by": None}}, "evidence.seen_on"),
        ({"entry_id": "Kari Nordmann"}, "entry_id"),
        ({"file": "Kari Nordmann"}, "file"),
        ({"actor": "Kari Nordmann"}, "actor"),
    ],
)
def test_the_error_names_the_place_and_no_value(change: dict[str, Any], field: str) -> None:
    with pytest.raises(HistoryEntryError) as caught:
        history.parse([EXAMPLE, EXAMPLE, {**EXAMPLE, **change}])
    assert str(caught.value).startswith("Entry 3 of the history is not valid: ")
    assert field in str(caught.value)
    assert "Kari" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    assert caught.value.__suppress_context__


def test_versions_side_by_side() -> None:
    versions: history.Versions = {**history.VERSIONS, 2: EntryV2}
    second = {"schema_version": 2, "entry_id": EXAMPLE["entry_id"], "remark": "new"}
    first, newer = history.parse([EXAMPLE, second], versions)
    assert isinstance(first, EntryV1)
    assert isinstance(newer, EntryV2)
    assert newer.remark == "new"


def test_only_the_current_version_is_written() -> None:
    other = EntryV2(schema_version=2, entry_id=UUID(int=1), remark="new")
    with pytest.raises(UnknownHistoryVersionError, match="schema_version 1 only"):
        history.dump(other)
    with pytest.raises(UnknownHistoryVersionError):
        history.dump(State())


def test_the_current_version_is_one_that_can_be_read() -> None:
    assert max(history.VERSIONS) == history.CURRENT_VERSION
