"""A published version of the contract never changes, and a later minor version only adds."""

import copy
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mentorcert.portal.contract.message import CONTRACTS
from tests.portal.contract_changes import breaking, changes
from tests.portal.contract_examples import ROOT

SCHEMAS = ROOT / "docs" / "portal" / "schemas"
PUBLISHED = Path(__file__).with_name("published")
FILES = sorted(path.relative_to(PUBLISHED) for path in PUBLISHED.glob("*/*.json"))

Schema = dict[str, Any]


def read(path: Path) -> Schema:
    schema: Schema = json.loads(path.read_text("utf-8"))
    return schema


def minor(path: Path) -> int:
    return int(path.stem.partition(".")[2])


def data() -> Schema:
    return read(PUBLISHED / "peer-mentor-status-changed" / "v1.0.json")


def test_version_1_and_the_envelope_are_published() -> None:
    assert [str(file) for file in FILES] == [
        "envelope/v1.0.json",
        "peer-mentor-status-changed/v1.0.json",
        "peer-mentor-status-changed/v1.1.json",
    ]


@pytest.mark.parametrize("file", FILES, ids=str)
def test_what_is_published_is_as_it_was(file: Path) -> None:
    old, new = read(PUBLISHED / file), read(SCHEMAS / file)
    assert list(changes(old, new)) == [], "published: add fields in the next minor version, all else in v2"
    assert old["$id"] == new["$id"]


@pytest.mark.parametrize("folder", sorted({file.parts[0] for file in FILES}))
def test_a_minor_version_only_adds(folder: str) -> None:
    versions = sorted((SCHEMAS / folder).glob("v1.*.json"), key=minor)
    assert [minor(path) for path in versions] == list(range(len(versions)))
    for older, newer in pairwise(versions):
        assert breaking(read(older), read(newer)) == []


def test_the_newest_minor_version_is_the_one_that_is_sent() -> None:
    for contract in CONTRACTS.values():
        newest = max((SCHEMAS / "peer-mentor-status-changed").glob(f"{contract.version}.*.json"), key=minor)
        assert minor(newest) == contract.minor
        assert read(newest)["$id"] == contract.dataschema


def test_no_draft_is_published() -> None:
    assert sorted(path.relative_to(SCHEMAS) for path in SCHEMAS.glob("*/*.json")) == FILES


def field(*names: str) -> Callable[[Schema], Schema]:
    def find(schema: Schema) -> Schema:
        for name in names:
            schema = schema["items"] if name == "[]" else schema["properties"][name]
        return schema

    return find


def rename(schema: Schema) -> None:
    schema["properties"]["version"] = schema["properties"].pop("mentor_version")


BREAKING: dict[str, Callable[[Schema], object]] = {
    "removed": lambda s: s["properties"].pop("listed"),
    "renamed": rename,
    "required added": lambda s: (
        s["properties"].update(county={"type": "string"}),
        s["required"].append("county"),
    ),
    "required of an old field removed": lambda s: s["required"].remove("listed_until"),
    "all requirements removed": lambda s: s.pop("required"),
    "type narrowed": lambda s: field("listed_until")(s).update(type="string"),
    "type widened": lambda s: field("listed")(s).update(type=["boolean", "null"]),
    "type changed": lambda s: field("mentor_version")(s).update(type="string"),
    "type removed": lambda s: field("listed")(s).pop("type"),
    "enum value added": lambda s: field("status")(s)["enum"].append("retired"),
    "enum value removed": lambda s: field("status")(s)["enum"].remove("erased"),
    "enum removed": lambda s: field("status")(s).pop("enum"),
    "pattern changed": lambda s: field("effective_at")(s).update(pattern="^.*$"),
    "format changed": lambda s: field("peer_mentor_id")(s).update(format="uri"),
    "minimum raised": lambda s: field("mentor_version")(s).update(minimum=2),
    "length limited": lambda s: field("external_id")(s).update(maxLength=10),
    "closed": lambda s: s.update(additionalProperties=False),
    "closed below": lambda s: field("certifications", "[]")(s).update(additionalProperties=False),
    "removed below": lambda s: field("certifications", "[]")(s)["properties"].pop("issued_at"),
    "enum below": lambda s: field("certifications", "[]", "status")(s)["enum"].append("revoked"),
    "items replaced": lambda s: field("certifications")(s).update(items=True),
    "another dialect": lambda s: s.update({"$schema": "http://json-schema.org/draft-07/schema#"}),
    "a condition": lambda s: s.update(dependentRequired={"listed": ["listed_until"]}),
}

HARMLESS: dict[str, Callable[[Schema], object]] = {
    "nothing": lambda _: None,
    "optional field": lambda s: s["properties"].update(county={"type": "string"}),
    "optional field below": lambda s: field("certifications", "[]")(s)["properties"].update(
        note={"type": "string"}
    ),
    "another wording": lambda s: field("status")(s).update(description="…", examples=["certified"]),
    "another order": lambda s: (s["required"].reverse(), field("status")(s)["enum"].reverse()),
    "another id": lambda s: s.update({"$id": "urn:mentorcert:peer-mentor-status-changed/v1.1.json"}),
}


@pytest.mark.parametrize("mutation", BREAKING)
def test_a_breaking_change_is_seen(mutation: str) -> None:
    changed = copy.deepcopy(data())
    BREAKING[mutation](changed)
    assert breaking(data(), changed)


@pytest.mark.parametrize("mutation", HARMLESS)
def test_a_harmless_change_is_let_be(mutation: str) -> None:
    changed = copy.deepcopy(data())
    HARMLESS[mutation](changed)
    assert breaking(data(), changed) == []


def test_an_addition_to_a_published_file_is_seen_though_it_breaks_nothing() -> None:
    changed = copy.deepcopy(data())
    HARMLESS["optional field"](changed)
    assert [change.at for change in changes(data(), changed)] == ["/properties/county"]
