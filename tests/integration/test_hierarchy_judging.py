"""What is said of each row of a project that cannot be fed, and of each that is fed with a remark."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

import pytest

from mentorcert.db import migrate
from mentorcert.db.connection import Connection, connect
from mentorcert.organisations.hierarchy import generation, installation
from mentorcert.organisations.hierarchy.generation import Types
from mentorcert.organisations.hierarchy.mapping import Mapping

_A, _B, _KARI, _OLA, _NOBODY = (f"00000000-0000-4000-8000-00000000000{digit}" for digit in "12345")

# Without any constraint of its own, so that every fault can be in it.
_PROJECT: Final = f"""
create schema theirs;
create table theirs.organisations (id uuid, name text, slug text);
create table theirs.chapters (id integer, organisation uuid, parent integer, name text, code text);
create table theirs.members (usr uuid, organisation uuid, chapter integer, role text);
create table theirs.mentors (id integer, organisation uuid, number text, name text, usr uuid, email text, phone text);
create table theirs.places (mentor integer, chapter integer);
insert into auth.users (id, email) values ('{_KARI}', 'kari@example.org'), ('{_OLA}', 'ola@example.org');
insert into theirs.organisations values
  ('{_A}', 'A', 'a'), ('{_B}', 'B', 'b'), (null, 'C', 'c'), (md5('twice')::uuid, 'D', 'd'), (md5('twice')::uuid, 'D', 'e'),
  (md5('unnamed')::uuid, ' ', 'f'), (md5('slug')::uuid, 'G', 'G g'), (md5('same')::uuid, 'H', 'h'),
  (md5('other')::uuid, 'I', 'h');
insert into theirs.chapters values
  (1, '{_A}', null, 'Oslo', 'oslo'), (2, '{_B}', null, 'Voss', 'voss'), (null, '{_A}', null, 'Key', 'key'),
  (3, '{_A}', null, 'Twice', '3a'), (3, '{_A}', null, 'Twice', '3b'), (4, null, null, 'None', '4'),
  (5, '{_NOBODY}', null, 'Missing', '5'), (6, '{_A}', null, null, '6'), (7, '{_A}', null, 'a|b', '7'),
  (8, '{_A}', null, 'Code', 'a b'), (9, '{_A}', null, 'Same', 'same'), (10, '{_A}', null, 'Same', 'same'),
  (11, '{_A}', 2, 'Of another', '11');
insert into theirs.members values
  ('{_KARI}', '{_A}', 1, 'coordinator'), ('{_KARI}', '{_A}', 1, 'boss'), (null, '{_A}', 1, 'org_admin'),
  ('{_NOBODY}', '{_A}', 1, 'org_admin'), ('{_OLA}', '{_A}', null, 'coordinator'), ('{_OLA}', '{_A}', 99, 'coordinator'),
  ('{_OLA}', null, null, 'peer_mentor'), ('{_OLA}', '{_NOBODY}', null, 'peer_mentor'), ('{_OLA}', '{_A}', 2, 'coordinator'),
  ('{_OLA}', '{_B}', 2, 'coordinator'), ('{_OLA}', '{_A}', null, 'org_admin');
insert into theirs.mentors values
  (1, '{_A}', '1', 'Kari', '{_KARI}', 'kari@example.org', '22334455'), (null, '{_A}', '2', 'Key', null, null, null),
  (3, '{_A}', '3a', 'Twice', null, null, null), (3, '{_A}', '3b', 'Twice', null, null, null),
  (4, null, '4', 'None', null, null, null),
  (5, '{_NOBODY}', '5', 'Missing', null, null, null), (6, '{_A}', '6', '', null, null, null),
  (7, '{_A}', 'Ж7', 'Number', null, null, null),
  (8, '{_A}', 'N8', 'Same', null, null, null), (9, '{_A}', 'n8', 'Same', null, null, null),
  (10, '{_A}', '10', 'Login', '{_OLA}', null, null), (11, '{_A}', '11', 'Login', '{_OLA}', null, null),
  (12, '{_A}', '12', 'Erased', null, null, null), (13, '{_A}', '13', 'Merged', null, null, null),
  (14, '{_A}', '14', 'Stranger', '{_NOBODY}', null, null), (15, '{_A}', '15', 'Mail', null, 'none', null),
  (16, '{_A}', '16', 'Phone', null, null, 'none');
insert into theirs.places values (1, 1), (null, 1), (99, 1), (1, 2);
insert into mentorcert.organisations (id, slug, name) values ('{_A}', 'a', 'A');
set session_replication_role = replica; -- what the registry does not let one write at once
insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, erased_at)
values (md5('theirs.mentors:12')::uuid, '{_A}', 'erased-' || md5('theirs.mentors:12')::uuid, 'erased', now());
insert into mentorcert.peer_mentors (id, organisation_id, external_id, full_name, merged_into)
values (md5('theirs.mentors:13')::uuid, '{_A}', '13', 'Merged', md5('theirs.mentors:1')::uuid);
reset session_replication_role;
"""

MAPPED: Final = Mapping.model_validate(
    {
        "organisations": {"table": "theirs.organisations", "id": "id", "name": "name", "slug": "slug"},
        "chapters": {
            "table": "theirs.chapters", "id": "id", "organisation": "organisation", "parent": "parent", "name": "name",
            "code": "code",
        },
        "memberships": [
            {
                "table": "theirs.members", "user": "usr", "organisation": "organisation", "chapter": "chapter",
                "role": "role", "roles": {role: role for role in ("org_admin", "coordinator", "peer_mentor")},
            }
        ],
        "peer_mentors": {
            "table": "theirs.mentors", "id": "id", "organisation": "organisation", "full_name": "name",
            "number": "number", "user": "usr", "email": "email", "phone": "phone",
        },
        "peer_mentor_chapters": {"table": "theirs.places", "peer_mentor": "mentor", "chapter": "chapter"},
    }
)  # fmt: skip
_KEY, _TWICE, _NO_NAME = "its key is empty", "its key comes twice", "it has no name"
_NO_ORGANISATION, _NOT_FED = "it has no organisation", "its organisation is missing, or not fed itself"
_SAME_SLUG, _SAME_CODE = (
    "another organisation has the same slug",
    "another chapter of the organisation has the same code",
)
_SAME_NUMBER = "another peer mentor of the organisation has the same number"
_SAME_LOGIN = "another peer mentor of the organisation has the same login"
_SEVERAL = "its user has roles in several organisations: get_user_organisation_id() says in which one the person acts"

LEFT_OUT: Final = {
    "organisations": [
        _KEY, _TWICE, _TWICE, _NO_NAME, _SAME_SLUG, _SAME_SLUG,
        "its slug is not valid: small letters a to z, digits and hyphens, at most 63",
    ],
    "chapters": [
        _KEY, _TWICE, _TWICE, _NO_ORGANISATION, _NOT_FED, _NO_NAME, "its name has a |", _SAME_CODE, _SAME_CODE,
        "its code is empty, or has a space or one of | ; ,",
    ],
    "memberships": [
        "the mapping does not know the role 'boss'", "it has no user", "its user is not in auth.users",
        "a coordinator needs a chapter", "its chapter is missing, or not fed", _NO_ORGANISATION, _NOT_FED,
        "its chapter is of another organisation",
    ],
    "peer_mentors": [
        _KEY, _TWICE, _TWICE, _NO_ORGANISATION, _NOT_FED, _NO_NAME,
        "its number is not valid: it is empty, or has letters that are not Latin",
        _SAME_NUMBER, _SAME_NUMBER, _SAME_LOGIN, _SAME_LOGIN,
        "the person was erased in the registry, and stays erased: delete the row",
        "the person was merged into another one in the registry",
    ],
    "peer_mentor_chapters": [
        "it has no peer mentor", "its peer mentor is missing, or not fed",
        "its chapter is missing, not fed, or of another organisation",
    ],
}  # fmt: skip
REMARKS: Final = {
    "chapters": [
        "the chapter above it is missing, not fed itself, or of another organisation: it lies at the top",
    ],
    "memberships": [_SEVERAL, _SEVERAL],
    "peer_mentors": [
        "its login is not in auth.users", "its e-mail address is not valid", "its telephone number is not valid",
    ],
}  # fmt: skip
_JUDGING: Final = files("mentorcert.organisations.hierarchy").joinpath("judging.sql").read_text("utf-8")
_CONDITION: Final = re.compile(
    r"\bwhen ((?:(?!\bwhen\b)[^'])(?:(?!\bwhen\b).)*?)\s+then (?:'|format)", re.DOTALL
)


@pytest.fixture
def project(empty_database: str) -> Iterator[Connection]:
    """The owner's connection to a project with every fault, and the registry beside it."""
    with connect(empty_database, autocommit=True) as conn:
        migrate.lay_supabase(conn)
        list(migrate.migrate(conn, migrate.read()))
        conn.execute(_PROJECT.encode())
        yield conn


def said(conn: Connection) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return what is said of rows that are left out, and of those that are not, by part."""
    found: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    for one in installation.plan(conn, MAPPED)[0].problems:
        found[not one.is_left_out].setdefault(one.part, []).append(one.problem)
    for by_part in found:
        for problems in by_part.values():
            problems.sort()
    return found


def test_each_fault_has_its_words(project: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a condition that is missing is noticed: by other words for its row, or none."""
    expected = tuple({part: sorted(words) for part, words in of.items()} for of in (LEFT_OUT, REMARKS))
    assert said(project) == expected
    whole = generation.views
    unnoticed = []
    for condition in _CONDITION.finditer(
        _JUDGING, 0, _JUDGING.index("-- Where the registry says something else")
    ):
        start, end = condition.span(1)
        broken = f"{_JUDGING[:start]}false and ({_JUDGING[start:end]}){_JUDGING[end:]}"

        def views(mapping: Mapping, types: Types, broken: str = broken) -> str:
            return whole(mapping, types).replace(_JUDGING, broken)

        monkeypatch.setattr(generation, "views", views)
        if said(project) == expected:
            unnoticed.append(condition[1])
    assert (unnoticed, condition[1].startswith("min(")) == ([], True), "up to the last one"
