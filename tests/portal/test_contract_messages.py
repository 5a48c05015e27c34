"""Messages are byte for byte the golden examples, follow their schemas, and others can read them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args
from uuid import UUID

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mentorcert.errors import MessageInvalidError
from mentorcert.portal.contract import message, schemas
from mentorcert.portal.contract.dates import to_text
from mentorcert.portal.contract.receiver import is_news
from mentorcert.portal.model import CertificationState, CertificationStatus, DesiredState, Status
from tests.portal import contract_v2
from tests.portal.contract_examples import FOLDER, PUBLISHED, ROOT, STATES, TARGET, files

VERSIONS = ("v1", "v2")

pytestmark = pytest.mark.usefixtures("version_2")
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(
    min_value=datetime.fromisoformat("1900-01-01"),
    max_value=datetime.fromisoformat("2200-01-01"),
    timezones=ZONES,
)
CERTIFICATIONS = st.builds(
    CertificationState,
    certification_type=st.text(min_size=1),
    status=st.sampled_from(get_args(CertificationStatus)),
    issued_at=INSTANTS,
    expires_at=st.none() | INSTANTS,
)
DESIRED = st.builds(
    DesiredState,
    organisation_id=st.uuids(),
    organisation=st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True),
    peer_mentor_id=st.uuids(),
    external_id=st.text(min_size=1),
    version=st.integers(1, 2**63 - 1),
    epoch=st.integers(0, 2**31 - 1),
    status=st.sampled_from(get_args(Status)),
    listed=st.booleans(),
    listed_until=st.none() | INSTANTS,
    effective_at=INSTANTS,
    certifications=st.lists(CERTIFICATIONS, max_size=3, unique_by=lambda one: one.certification_type).map(
        tuple
    ),
)


def test_the_golden_examples_are_what_is_sent() -> None:
    expected = dict(files())
    for path, content in expected.items():
        assert path.read_bytes() == content, f"{path}: run `python -m tests.portal.contract_examples`"
    assert {path for path in FOLDER.rglob("*") if path.is_file()} == expected.keys()


def test_the_examples_show_every_status_of_a_peer_mentor() -> None:
    assert {state.status for state in STATES.values()} == {*get_args(Status)}
    assert {one.status for state in STATES.values() for one in state.certifications} == {
        *get_args(CertificationStatus)
    }


def test_every_schema_is_valid() -> None:
    found = list((ROOT / "docs" / "portal" / "schemas").glob("*/*.json"))
    assert len(found) == 1 + sum(1 + message.CONTRACTS[version].minor for version in PUBLISHED)
    Draft202012Validator.check_schema(contract_v2.SCHEMA)
    for path in found:
        schema = json.loads(path.read_text("utf-8"))
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"urn:mentorcert:{path.relative_to(path.parents[1])}"
        assert schemas.schema(schema["$id"]) == schema


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", STATES)
def test_the_examples_follow_their_schemas_and_name_nothing_else(version: str, name: str) -> None:
    rendered = message.render(STATES[name], target=TARGET, version=version)
    schemas.check(rendered)
    assert_named(rendered.event, schemas.schema("urn:mentorcert:envelope/v1.0.json"))
    assert_named(rendered.event["data"], schemas.schema(rendered.event["dataschema"]))


def assert_named(value: Any, schema: dict[str, Any]) -> None:
    """Every field is in the schema, and every field of the schema is there: so nothing slips out unseen."""
    if isinstance(value, list):
        for one in value:
            assert_named(one, schema["items"])
    elif isinstance(value, dict) and "properties" in schema:
        assert value.keys() == schema["properties"].keys() >= set(schema["required"])
        for name, one in value.items():
            assert_named(one, schema["properties"][name])
    elif isinstance(value, dict) and "additionalProperties" in schema:
        for one in value.values():
            assert_named(one, schema["additionalProperties"])


@given(state=DESIRED, version=st.sampled_from(VERSIONS))
def test_whatever_the_registry_says_follows_the_schemas(state: DesiredState, version: str) -> None:
    rendered = message.render(state, target=TARGET, version=version)
    schemas.check(rendered)
    assert json.loads(rendered.body) == rendered.event
    # What means the same instant is the same message, whatever the zone it came in.
    moved = replace(state, effective_at=state.effective_at.astimezone(UTC))
    assert message.render(moved, target=TARGET, version=version).body == rendered.body


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", STATES)
def test_the_cloudevents_library_reads_our_messages(version: str, name: str) -> None:
    state = STATES[name]
    rendered = message.render(state, target=TARGET, version=version)
    event = from_http_event(HTTPMessage({"content-type": message.CONTENT_TYPE}, rendered.body))
    assert event.get_specversion() == "1.0"
    assert event.get_id() == rendered.id
    assert event.get_type() == f"mentorcert.peer-mentor.status-changed.{version}"
    assert event.get_source() == "urn:mentorcert:organisation:hlf"
    assert event.get_subject() == f"mentor/{state.peer_mentor_id}"
    assert event.get_time() == state.effective_at
    assert (
        event.get_dataschema()
        == f"urn:mentorcert:peer-mentor-status-changed/{version}.{message.CONTRACTS[version].minor}.json"
    )
    assert event.get_datacontenttype() == "application/json"
    assert event.get_extension("sequence") == f"{state.version:019d}"
    assert event.get_data() == rendered.event["data"]


def test_the_id_is_of_the_target_the_mentor_and_the_version_alone() -> None:
    state = STATES["certified"]

    def id_of(changed: DesiredState = state, target: str = TARGET, version: str = "v1") -> str:
        return message.render(changed, target=target, version=version).id

    same = {id_of(), id_of(), id_of(version="v2"), id_of(replace(state, status="expired"))}
    others = [
        id_of(target="https://other.example"),
        id_of(replace(state, version=4)),
        id_of(replace(state, peer_mentor_id=UUID(int=1))),
    ]
    assert len(same) == 1
    assert len(same | {*others}) == 4
    assert {UUID(one).version for one in same | {*others}} == {5}


@given(st.lists(st.integers(1, 2**63 - 1), min_size=2))
def test_sequences_sort_as_text_like_the_versions(versions: list[int]) -> None:
    sequences = [
        message.render(replace(STATES["certified"], version=version), target=TARGET).event["sequence"]
        for version in versions
    ]
    assert sorted(sequences) == [f"{version:019d}" for version in sorted(versions)]


@given(INSTANTS)
def test_an_instant_survives_and_has_one_form(at: datetime) -> None:
    text = to_text(at)
    assert datetime.fromisoformat(text) == at
    assert text == to_text(at.astimezone(UTC))
    assert text.endswith("Z")
    assert "+" not in text


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        to_text(datetime.fromisoformat("2026-03-01"))


def test_a_message_that_breaks_its_schema_is_held_back_without_a_quotation() -> None:
    broken = replace(STATES["certified"], external_id="", version=0)
    with pytest.raises(MessageInvalidError) as caught:
        schemas.check(message.render(broken, target=TARGET))
    assert "/data/external_id: minLength; /data/mentor_version: minimum" in str(caught.value)
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"specversion": "0.3"}, "/specversion: const"),
        ({"subject": "mentor/Kari"}, "/subject: pattern"),
        ({"time": "2026-03-01T23:00:00+01:00"}, "/time: pattern"),
        ({"sequence": "7"}, "/sequence: pattern"),
        ({"id": "7"}, "/id: format"),
        ({"dataschema": "urn:mentorcert:peer-mentor-status-changed/v1.7.json"}, "/dataschema: unknown"),
        ({"dataschema": "urn:mentorcert:peer-mentor-status-changed/v2.0.json"}, "/dataschema: unknown"),
        ({"data": {}}, "/data: required"),
    ],
)
def test_a_broken_envelope_is_seen(change: dict[str, Any], problem: str) -> None:
    event = message.render(STATES["certified"], target=TARGET).event | change
    assert schemas.problems(event)[0].startswith(problem)


def test_a_field_of_a_later_minor_version_is_no_problem() -> None:
    event = message.render(STATES["certified"], target=TARGET).event
    assert schemas.problems(event | {"data": event["data"] | {"county": "Oslo"}}) == []


@given(st.permutations(range(1, 8)), st.data())
def test_by_the_receiver_s_rule_the_newest_stays_in_whatever_order_they_come(
    order: list[int], data: st.DataObject
) -> None:
    stored: tuple[int, int] | None = None
    # The second epoch counts from a lower number.
    versions = [divmod(number, 5) for number in order]
    for version in versions + data.draw(st.lists(st.sampled_from(versions))):
        if is_news(version, stored):
            assert stored is None or version > stored
            stored = version
    assert stored == (1, 2)
