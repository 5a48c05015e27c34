"""What Supabase Lite really sends reads no more than its caller may see: its statements, taken from the server's log."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from mentorcert.db.connection import Connection, acting_as
from tests.supabase import lite
from tests.supabase.lite import Lite, Session, needs_lite
from tests.support.large_registry import PEOPLE, executed, filled, key, touched
from tests.support.servers import DEBIAN_15, EMBEDDED_18, Server

pytestmark = [needs_lite, pytest.mark.parametrize("server", [EMBEDDED_18, DEBIAN_15], indirect=True)]

PAGE: Final = 50
_CERTIFICATIONS: Final = "peer_mentor_certifications"
_JSON: Final = "application/vnd.pgrst.object+json"
# The address, the schema, the tables that it reads; then further headers.
_REQUESTS: Final[tuple[tuple[str, str, tuple[str, ...], dict[str, str]], ...]] = (
    (f"{_CERTIFICATIONS}?select=*", "public", (), {}),
    (f"{_CERTIFICATIONS}?select=*", "public", (), {"Prefer": "count=exact"}),
    (f"{_CERTIFICATIONS}?select=*&order=expires_at.asc&limit=50", "public", (), {}),
    (f"{_CERTIFICATIONS}?select=id&order=expires_at.desc&limit=50&offset=50", "public", (), {}),
    (f"{_CERTIFICATIONS}?select=*&status=eq.active&order=expires_at&limit=50", "public", (), {}),
    (f"{_CERTIFICATIONS}?select=*&certification_type=eq.type-1&order=expires_at&limit=50", "public", (), {}),
    (
        f"{_CERTIFICATIONS}?select=*&chapter_ids=cs.{{{{{{chapter}}}}}}&order=expires_at&limit=50",
        "public",
        (),
        {},
    ),
    (f"{_CERTIFICATIONS}?select=*&peer_mentor_id=eq.{{mentor}}", "public", (), {}),
    (f"{_CERTIFICATIONS}?select=*&id=eq.{{certification}}", "public", (), {"Accept": _JSON}),
    (
        f"{_CERTIFICATIONS}?select=*,peer_mentors(full_name,peer_mentor_chapters(chapter_id))&order=expires_at&limit=50",
        "mentorcert",
        ("mentorcert.peer_mentors", "mentorcert.peer_mentor_chapters"),
        {},
    ),
    ("peer_mentors?select=*&order=full_name&limit=50", "mentorcert", (), {}),
    (
        f"peer_mentors?select=full_name,{_CERTIFICATIONS}(*),listing_consents(is_given)&order=full_name&limit=50",
        "mentorcert",
        (f"mentorcert.{_CERTIFICATIONS}", "mentorcert.listing_consents"),
        {},
    ),
    ("peer_mentor_chapters?select=*", "mentorcert", (), {}),
    (
        "listing_consents?select=*,peer_mentors!inner(full_name)&order=recorded_at.desc&limit=50",
        "mentorcert",
        ("mentorcert.peer_mentors", "mentorcert.peer_mentors"),
        {},
    ),
    ("memberships?select=*", "mentorcert", (), {}),
    ("audit_log?select=*&order=recorded_at.desc&limit=50", "mentorcert", (), {}),
    (
        "listed_peer_mentors?select=*&organisation_slug=eq.organisation-1&order=display_name&limit=50",
        "public",
        (),
        {},
    ),
)
_STATEMENT: Final = re.compile(
    r"LOG:  (?:statement|execute [^:]+): (select .*?)\n(?:[^\n]*DETAIL:  (?i:parameters): ([^\n]*)\n)?",
    re.DOTALL,
)
_PARAMETER: Final = re.compile(r"\$(\d+) = ('(?:[^']|'')*'|NULL)")


@dataclass(frozen=True)
class Listened:
    """A Lite whose statements stand in the server's log."""

    conn: Connection
    lite: Lite
    sessions: dict[str, Session]

    def sent(self, who: str, address: str, schema: str, headers: dict[str, str]) -> list[str]:
        """Ask, and return what Lite has sent about it as this person, with the parameters in their places."""
        start = self._log_size()
        bearer = {"apikey": lite.PUBLISHABLE_KEY, "Authorization": f"Bearer {self.sessions[who].token}"}
        answer = httpx.get(
            f"{self.lite.url}/rest/v1/{address}",
            headers=bearer | {"Accept-Profile": schema} | headers,
            timeout=60,
        )
        assert answer.is_success, answer.text
        row = self.conn.execute(
            "select pg_catalog.pg_read_file('log', %s, %s)", [start, self._log_size() - start]
        ).fetchone()
        assert row is not None
        statements = [
            _filled_in(statement, dict(_PARAMETER.findall(parameters)))
            for statement, parameters in _STATEMENT.findall(row[0])
            if '"auth"."' not in statement and "set_config" not in statement
        ]
        assert statements, row[0]
        return statements

    def _log_size(self) -> int:
        row = self.conn.execute("select size from pg_catalog.pg_stat_file('log')").fetchone()
        assert row is not None
        return int(row[0])


def _filled_in(statement: str, parameters: dict[str, str]) -> str:
    return re.sub(r"\$(\d+)", lambda place: parameters[place[1]], statement)


@pytest.fixture(scope="module")
def listened(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listened]:
    """Lite on an organisation of 30,000 certifications; the template has brought the roles."""
    with lite.new_database(server) as url, filled(url, organisations=1, mentors=7_500) as conn:
        conn.execute("alter role lite set log_statement = 'all'")
        with lite.serving(server, url, Path(tmp_path_factory.mktemp("lite"))) as running:
            sessions = {who: running.sign_up(f"{who}@example.org") for who in PEOPLE}
            for who, session in sessions.items():
                moved = f"set user_id = '{session.user_id}' where user_id = '{key(who)}'"
                conn.execute(
                    "begin; set local session_replication_role = replica;"
                    f" update mentorcert.memberships {moved}; update mentorcert.peer_mentors {moved}; commit".encode()
                )
            yield Listened(conn, running, sessions)
        conn.execute("alter role lite reset log_statement")


@pytest.mark.parametrize("who", PEOPLE)
def test_what_lite_sends(listened: Listened, who: str) -> None:
    mentor = key("mentor1-1" if who == "mentor" else "mentor1-50")
    row = listened.conn.execute(
        "select id from public.peer_mentor_certifications where peer_mentor_id = %s limit 1", [mentor]
    ).fetchone()
    assert row is not None
    values = {"chapter": key("chapter1-1"), "mentor": mentor, "certification": row[0]}
    exceeding = []
    for address, schema, embedded, headers in _REQUESTS:
        tables = (f"{schema}.{address.partition('?')[0]}", *embedded)
        for statement in listened.sent(who, address.format(**values), schema, headers):
            with acting_as(listened.conn, listened.sessions[who].user_id):
                listened.conn.execute(f"set local search_path = {schema}".encode())
                seen = listened.conn.execute(
                    f"select {' + '.join(f'(select count(*) from {table})' for table in tables)}".encode()
                ).fetchone()
                assert seen is not None
                # A client's statement has no parameters left, and may have a percent sign.
                plan = executed(listened.conn, statement.replace("%", "%%"), {})
            # A row that is embedded in several is read for each of them.
            if touched(plan) > len(tables) * seen[0] + 10 * plan["Actual Rows"] + PAGE:
                exceeding.append(f"{statement}: {touched(plan)} for {plan['Actual Rows']} of {seen[0]}")
    assert exceeding == []


def test_a_statement_is_found_in_the_log(listened: Listened) -> None:
    address = f"{_CERTIFICATIONS}?select=id&status=eq.active&order=expires_at&limit=5"
    of_active = 'from "public"."peer_mentor_certifications" where "status" = \'active\''
    assert listened.sent("mentor", address, "public", {"Prefer": "count=exact"}) == [
        f'select "id" {of_active} order by "expires_at" asc limit \'5\'',
        f'select count(*) as "__count" {of_active}',
    ]
