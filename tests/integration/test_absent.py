"""The erased are nowhere, and those who left are where they should be: asked of whatever can be asked.

Every named query of the source, every table of the Data API and every function of it is asked three times by
everybody, in one transaction: without a person, with the person, and once the person was erased or has left.
So a query that is written tomorrow is asked as well.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import aiosql
import psycopg
import pytest

import mentorcert
from mentorcert.db.connection import Connection, become, connect
from tests.support.registry import Organisation, join, rows, set_up
from tests.support.servers import on_embedded_18

pytestmark = on_embedded_18

SOURCE: Final = Path(mentorcert.__file__).parent
# By what the answers of jobs are known, which ask as the owner; all others are asked for clients.
OF_JOBS: Final = ("notices", "operations")
MANY: Final = 60
"""How many of the answers must show the person who is there: otherwise nothing is proven."""

# What keeps the erased, without a name, and why.
KEEPS_THE_ERASED: Final = {
    r"audit_log(\.\w+)?": "The log of what was changed, the erasure included.",
    r"(control|staging_portal|health)\.(unconfirmed|figures)": "The portal must learn that the person is gone.",
    r"figures(\.\w+)?": "Numbers alone: past years count who was there.",
    r"letters\.holders": "By certifications that were chosen; to the erased nobody writes.",
    r"peer_mentors\.enter": "Refused either way.",
    r"snapshot\.audit_log": "That log, for audits.",
}
# What goes on to show those who left, and why.
KEEPS_THOSE_WHO_LEFT: Final = {
    r"audit_log(\.\w+)?": "The log of what was changed.",
    r"(peer_mentors|peer_mentor_certifications|peer_mentor_chapters|listing_consents|certification_renewal_events)": (
        "The rows themselves: past years and histories need them."
    ),
    r"(actions|certificates|timeline|repository|bulk|history|calendar_feeds|consents|explanation|data_subjects|own|organisation_file"
    r"|sample_people|peer_mentors|mentor_chapters|departures|contacts|topics|notes|renewal_requests|closing|sign_ups|courses"
    r"|reminders)\.\w+": "Of one person, by name or id.",
    r"(on_day\.on_day|certifications_on)": "On a day before they left.",
    r"figures(\.\w+)?": "Numbers alone: past years count who was there, and who left.",
    r"(certification_history|certification_as_of|current_status|consent_as_of|check_certificate|certificate_details|preview_changes"
    r"|revert_change|change_certifications|renew_certification|suspend_certification|reinstate_certification"
    r"|register_certification|set_contact|set_listing_consent|peer_mentor_topics|set_peer_mentor_topics"
    r"|mark_left|mark_returned|readmit_erased|pause_reminders|remind_now|reminders_of"
    r"|peer_mentor_notes|note_responsibles|follow_ups|write_note|change_note|settle_note|remove_note"
    r"|renewal_requests|request_renewal|\w+_renewal_request"
    r"|\w*courses?|course_sign_ups|course_responsibles|missing_for_course|set_course_attendance|preview_course_closing)": (
        "Of one person or course, by id."
    ),
    r"(saved_filters\.\w+|saved_filters|save_filter|rename_filter|remove_filter)": "Filters of the reader.",
    r"(control|staging_portal|health)\.(unconfirmed|figures)": "The portal must learn that the person left.",
    r"invitations\.(candidates|search)": "Who is not invited because of it, and the result of earlier invitations.",
    r"letters\.holders": "By certifications that were chosen; the preview says who has left.",
    r"invitations\.peer_mentors_at": "Of one person, by address; who has left is not invited.",
    r"peer_mentors_to_invite": "Who is not invited because of it.",
    r"extensions\.outcomes": "Who comes back has the day of everybody.",
    r"memberships\.link_peer_mentor": "Of one person, by number.",
    r"(snapshot|history_storage|doctor)\.\w+": "The rows themselves, for audits and checks.",
    r"directory\.get": "Of one person, by id.",
    r"finding\.everywhere": "Found by name, and marked: who looks for somebody may not know that the person left.",
    r"exporting\.rows": "The file of the registry holds them with their day.",
}

_CLOCK: Final = re.compile(r"datetime\.datetime\(\d+, \d+, \d+, \d+, \d+, \d+, \d+, .*?\)\)?")

Answers = dict[tuple[str, str], str]


class World:
    """An organisation, and the person of whom every statement is asked."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.organisation: Organisation = set_up(conn)
        self.coordinator = uuid4()
        join(self.organisation, self.coordinator, "coordinator", self.organisation.chapter)
        self.mentor, self.certification, self.login = uuid4(), uuid4(), uuid4()
        conn.execute("insert into auth.users (id, email) values (%s, 'sought@example.org')", (self.login,))
        self.organisation.certify(self.organisation.mentor("other"), last_day=_day(30))
        self.values: Mapping[str, Any] = {
            "organisation_id": self.organisation.id, "organisation": self.organisation.id,
            "organisation_ids": [self.organisation.id], "slug": self.organisation.slug,
            "peer_mentor_id": self.mentor, "peer_mentor_ids": [self.mentor], "mentor_id": self.mentor,
            "certification_id": self.certification, "certification_ids": [self.certification],
            "id": self.certification, "code": self.certification, "user_id": self.login, "user_ids": [self.login],
            "chapter_id": None, "chapter_ids": [self.organisation.chapter], "external_id": "sought",
            "email": "sought@example.org", "full_name": "Sought", "query": None, "search": None,
            "certification_type": "basic", "types": ["basic"], "change": "suspend", "reason": "why", "note": "why",
            "page_size": 1000, "size": 1000, "limit": 1000, "batch_size": 1000, "at_most": 1000, "sort": "name",
            "descending": False, "with_left": False, "months": 12, "days": 90, "as_of": datetime.now(UTC),
            "at": datetime.now(UTC), "known_at": datetime.now(UTC), "time_zone": "Europe/Oslo", "reach_days": 90,
            "last_valid_day": _day(90), "first_day": _day(-900), "last_day": _day(900), "language": "nb",
            "is_given": False, "left_on": _day(0), "state": "current", "only_due": False, "midnight": _day(0),
            "standing": "held", "on_day": _day(0),
        }  # fmt: skip

    def arrive(self) -> None:
        """Have the person stand in every list: consenting, certified, in a chapter, with a login."""
        organisation = self.organisation
        self.conn.execute(
            "insert into mentorcert.peer_mentors"
            " (id, organisation_id, external_id, full_name, email, phone, listing_consent, user_id)"
            " values (%s, %s, 'sought', 'Sought', 'sought@example.org', '12345678', true, %s)",
            (self.mentor, organisation.id, self.login),
        )
        self.conn.execute(
            "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
            " values (%s, %s, %s)",
            (organisation.id, self.mentor, organisation.chapter),
        )
        self.conn.execute(
            "insert into public.peer_mentor_certifications"
            " (id, organisation_id, peer_mentor_id, certification_type, issued_at, expires_at) values (%s, %s,"
            " %s, 'basic', mentorcert_private.day_starts(%s, 'Europe/Oslo'), mentorcert_private.day_starts(%s, 'Europe/Oslo'))",
            (self.certification, organisation.id, self.mentor, _day(-300), _day(30)),
        )

    def answers(self) -> Answers:
        """Return what everybody is answered by everything."""
        found: Answers = {}
        for name, is_of_jobs, statement, parameters in [
            *named_queries(),
            *tables(self.conn),
            *functions(self.conn),
        ]:
            values = {parameter: self.values.get(parameter) for parameter in parameters}
            actors: dict[str, UUID | Mapping[str, Any] | None] = {
                "administrator": self.organisation.admin, "coordinator": self.coordinator, "person": self.login,
                "anybody": {"role": "anon"},
            }  # fmt: skip
            if is_of_jobs:
                actors = {"owner": None}
            for actor, user in actors.items():
                found[name, actor] = self._ask(user, statement, values)
        return found

    def _ask(self, user: UUID | Mapping[str, Any] | None, statement: str, values: Mapping[str, Any]) -> str:
        answer = ""
        with self.conn.transaction(force_rollback=True):
            try:
                with self.conn.transaction():
                    if user is not None:
                        become(self.conn, user)
                    cursor = self.conn.execute(statement.encode(), values)
                    answer = repr(cursor.fetchall() if cursor.description else cursor.rowcount)
            except psycopg.Error as error:
                answer = f"{error.sqlstate} {error.diag.constraint_name}"
        # Clocks differ each time, and say of nobody who it is.
        return _CLOCK.sub("…", answer)


def _day(days: int) -> Any:
    return (datetime.now(UTC) + timedelta(days)).date()


def named_queries() -> Iterator[tuple[str, bool, str, set[str]]]:
    for path in sorted(SOURCE.rglob("*.sql")):
        queries = aiosql.from_path(path, "psycopg")
        for name in filter(lambda name: not name.endswith("_cursor"), queries.available_queries):
            statement = getattr(queries, name).sql
            topic = f"{path.stem}.{name}"
            yield topic, path.parent.name in OF_JOBS, statement, set(re.findall(r"%\((\w+)\)s", statement))


def tables(conn: Connection) -> Iterator[tuple[str, bool, str, set[str]]]:
    for name, qualified in rows(
        conn,
        "select relname, oid::regclass::text from pg_catalog.pg_class where relkind in ('r', 'p', 'v')"
        " and relnamespace in ('public'::regnamespace, 'mentorcert'::regnamespace) order by 1, 2",
    ):
        yield name, False, f"select * from {qualified} as listed order by listed::text", set()


def functions(conn: Connection) -> Iterator[tuple[str, bool, str, set[str]]]:
    """Every function of the Data API; the arguments that it must have are those of the values by name."""
    for name, qualified, names, types in rows(
        conn,
        "select function.proname, function.oid::regproc::text,"
        " coalesce(function.proargnames, '{}')::text[],"
        " array(select pg_catalog.format_type(type, null) from unnest(function.proargtypes) as type)"
        " from pg_catalog.pg_proc as function where function.pronamespace in"
        " ('public'::regnamespace, 'mentorcert'::regnamespace) and function.prokind = 'f'"
        " and function.prorettype <> 'trigger'::regtype order by 1, 2",
    ):
        given = list(zip(names, types, strict=False))
        known = [(argument, type_) for argument, type_ in given if not argument.startswith("after")]
        call = ", ".join(f"{argument} => %({argument})s::{type_}" for argument, type_ in known)
        yield name, False, f"select * from {qualified}({call}) as listed", {argument for argument, _ in known}


def _is_kept(name: str, kept: Mapping[str, str]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in kept)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    with connect(database) as conn:
        yield World(conn)
        conn.rollback()


def test_the_erased_are_nowhere(world: World) -> None:
    without = world.answers()
    clocks = {asked for asked, answer in world.answers().items() if without[asked] != answer}
    world.arrive()
    present = world.answers()
    shown = {asked for asked in without.keys() - clocks if without[asked] != present[asked]}
    assert len(shown) > MANY, sorted(shown)
    world.conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (world.mentor,))
    after = world.answers()
    traces = {asked for asked in shown if after[asked] != without[asked]}
    assert {asked for asked in traces if not _is_kept(asked[0], KEEPS_THE_ERASED)} == set()


def test_those_who_left_are_in_no_list(world: World) -> None:
    without = world.answers()
    clocks = {asked for asked, answer in world.answers().items() if without[asked] != answer}
    world.arrive()
    present = world.answers()
    shown = {asked for asked in without.keys() - clocks if without[asked] != present[asked]}
    world.conn.execute(
        "update mentorcert.peer_mentors set left_on = current_date where id = %s", (world.mentor,)
    )
    after = world.answers()
    traces = {asked for asked in shown if after[asked] != without[asked] and asked[1] != "person"}
    assert {asked for asked in traces if not _is_kept(asked[0], KEEPS_THOSE_WHO_LEFT)} == set()
