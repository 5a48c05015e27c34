"""`mentorcert audit access --csvlog`: real logs of sessions as PostgREST, others, and we have them."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mentorcert.access import access_log, postgres_log
from mentorcert.access.access_log import Access, Coverage
from mentorcert.certifications import repository
from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.errors import MissingRightError
from tests.support import command
from tests.support.logging_server import LoggingServer, logging_15, needs_pgaudit
from tests.support.registry import Organisation, join, set_up
from tests.support.servers import DEBIAN_15

pytestmark = [needs_pgaudit, *DEBIAN_15.marks]

# As PostgREST asks: settings as parameters, one row as the answer whatever was found.
SETTINGS = (
    "select set_config('search_path', %s, true), set_config('role', %s, true),"
    " set_config('request.jwt.claims', %s, true), set_config('request.method', %s, true)"
)
READ = (
    "WITH pgrst_source AS ( SELECT public.peer_mentor_certifications.* "
    "FROM public.peer_mentor_certifications WHERE "
    "public.peer_mentor_certifications.id = %s ) SELECT null::bigint AS total_result_set, "
    "pg_catalog.count(_postgrest_t) AS page_total, coalesce(json_agg(_postgrest_t), '[]') AS body "
    "FROM ( SELECT * FROM pgrst_source ) _postgrest_t"
)
PLAIN = "select id, 'Kari Nordmann' as secret from public.peer_mentor_certifications where id = %s"


@dataclass(frozen=True)
class World:
    """Two organisations on a server that logs, with a certification each."""

    logging: LoggingServer
    url: str
    conn: Connection
    one: Organisation
    other: Organisation
    own: UUID
    foreign: UUID

    def configure(self, **settings: str) -> None:
        """Change settings of the database, for sessions to come."""
        for name, value in settings.items():
            setting = name.replace("__", ".")
            self.conn.execute(f"alter database {self.conn.info.dbname} set {setting} = '{value}'".encode())

    def audit(self) -> list[Access]:
        """Judge the log of everything that was done until now."""
        objects = access_log.objects(self.conn)
        named = postgres_log.read(self.logging.written(), objects, Coverage())
        return list(access_log.named(self.conn, named))

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command on that log."""
        log = self.logging.written()
        return command.run_forked("audit", "access", "--csvlog", log, *arguments, database_url=self.url)


@pytest.fixture(scope="module")
def logging_server() -> Iterator[LoggingServer]:
    with logging_15() as server:
        yield server


@pytest.fixture(scope="module")
def logged_template(logging_server: LoggingServer) -> Iterator[str]:
    with logging_server.server.migrated_template() as name:
        yield name


@pytest.fixture
def world(logging_server: LoggingServer, logged_template: str) -> Iterator[World]:
    with (
        logging_server.server.new_database(logged_template) as url,
        connect(url, autocommit=True) as conn,
    ):
        one, other = set_up(conn, "one"), set_up(conn, "other")
        own, foreign = one.certify(one.mentor()), other.certify(other.mentor())
        yield World(logging_server, url, conn, one, other, own, foreign)


def postgrest(world: World, user: UUID | None, certification: UUID, role: str = "authenticated") -> None:
    """Read a certification as PostgREST does for a user."""
    claims = json.dumps({"role": role, **({"sub": str(user)} if user else {})})
    with connect(world.url) as conn, conn.transaction():
        conn.execute(SETTINGS, ("public", role, claims, "GET"))
        conn.execute(READ, (certification,), prepare=True)


def ours(world: World, user: UUID, certification: UUID, statement: str = PLAIN) -> None:
    """Read a certification as our own code does."""
    with connect(world.url, autocommit=True) as conn, acting_as(conn, user) as acting:
        acting.execute(statement.encode(), (certification,))


def session_level(world: World, user: UUID, certification: UUID) -> None:
    """Read a certification with the older claim and the role set for the session, and no transaction."""
    with connect(world.url, autocommit=True) as conn:
        conn.execute("select set_config('request.jwt.claim.sub', %s, false)", (str(user),))
        conn.execute("set role authenticated")
        conn.execute(PLAIN.encode(), (certification,))


def literal(world: World, user: UUID, certification: UUID) -> None:
    """Read a certification with everything written out, in one string."""
    with connect(world.url) as conn, conn.transaction():
        claims = json.dumps({"sub": str(user)})
        conn.execute(
            f"set local role authenticated; set local \"request.jwt.claims\" to '{claims}';"
            f" select id from public.peer_mentor_certifications where id = '{certification}'".encode()
        )


WAYS = [postgrest, ours, session_level, literal]


@pytest.mark.parametrize("read", WAYS)
def test_own_rows_are_no_finding(world: World, read: Any) -> None:
    read(world, world.one.admin, world.own)
    assert world.audit() == []


@pytest.mark.parametrize(
    ("read", "outcome"),
    [(postgrest, "unknown"), (ours, "rows"), (session_level, "rows"), (literal, "unknown")],
)
def test_a_leak_is_found(world: World, read: Any, outcome: str) -> None:
    world.conn.execute("alter table public.peer_mentor_certifications disable row level security")
    read(world, world.one.admin, world.own)
    read(world, world.one.admin, world.foreign)
    (access,) = world.audit()
    assert (access.user_id, access.organisations) == (world.one.admin, ["one"])
    assert (access.what, access.row_id) == ("peer_mentor_certifications", world.foreign)
    assert (access.row_organisation_id, access.row_organisation) == (world.other.id, "other")
    assert access.outcome == outcome
    line = int(access.place.removeprefix("line "))
    assert str(world.foreign) in "".join(
        world.logging.log.read_text().splitlines(keepends=True)[line - 1 :][:4]
    )


def test_no_statement_is_printed(world: World) -> None:
    world.conn.execute("alter table public.peer_mentor_certifications disable row level security")
    ours(world, world.one.admin, world.foreign)
    done = world.command()
    assert done.returncode == 1
    assert f"{world.one.admin} (member of one): peer_mentor_certifications {world.foreign}" in done.stdout
    assert "Kari" not in done.stdout + done.stderr
    assert "1 accesses" in done.stdout


@pytest.mark.parametrize("read", [ours, session_level])
def test_what_did_not_come_back_was_an_attempt(world: World, read: Any) -> None:
    read(world, world.one.admin, world.foreign)
    (access,) = world.audit()
    assert (access.row_id, access.outcome) == (world.foreign, "none")


def test_an_attempt_is_listed_on_demand_and_does_not_count(world: World) -> None:
    ours(world, world.one.admin, world.foreign)
    quiet = world.command("--json")
    assert (quiet.returncode, json.loads(quiet.stdout)["accesses"]) == (0, [])
    listed = world.command("--json", "--attempts")
    assert listed.returncode == 0
    assert [access["row_id"] for access in json.loads(listed.stdout)["accesses"]] == [str(world.foreign)]


def test_one_row_of_postgrest_may_be_an_empty_answer(world: World) -> None:
    postgrest(world, world.one.admin, world.foreign)
    (access,) = world.audit()
    assert access.outcome == "unknown"


def test_a_refused_change_is_an_attempt(world: World) -> None:
    world.configure(pgaudit__log="none")
    with (
        connect(world.url, autocommit=True) as conn,
        pytest.raises(MissingRightError),
        acting_as(conn, world.one.admin),
    ):
        repository.suspend(conn, world.foreign, "because")
    (access,) = world.audit()
    assert (access.row_id, access.outcome) == (world.foreign, "none")


def test_a_table_without_a_grant_is_an_attempt(world: World) -> None:
    asked = f"select id from public.peer_mentor_certifications where id = '{world.foreign}'"
    with connect(world.url) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(f"set local role anon; {asked}".encode())
    (access,) = world.audit()
    assert (access.user_id, access.organisations, access.outcome) == (None, [], "none")


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [({"pgaudit__log": "none"}, "unknown"), ({"log_statement": "none"}, "rows")],
    ids=["statements only", "pgaudit only"],
)
def test_either_kind_of_log_will_do(world: World, settings: dict[str, str], outcome: str) -> None:
    world.configure(**settings)
    world.conn.execute("alter table public.peer_mentor_certifications disable row level security")
    ours(world, world.one.admin, world.foreign)
    (access,) = world.audit()
    assert access.outcome == outcome


def test_the_organisation_named_as_a_filter(world: World) -> None:
    world.conn.execute("alter table mentorcert.peer_mentors disable row level security")
    ours(
        world,
        world.one.admin,
        world.other.id,
        "select id from mentorcert.peer_mentors where organisation_id = %s",
    )
    (access,) = world.audit()
    assert (access.what, access.row_id) == ("organisations", world.other.id)


def test_the_organisation_that_a_token_names_is_no_access(world: World) -> None:
    with (
        connect(world.url, autocommit=True) as conn,
        acting_as(conn, world.one.admin, organisation_id=world.other.id) as acting,
    ):
        acting.execute("select id from mentorcert.peer_mentors")
    assert world.audit() == []


def test_the_public_list_is_open_to_all(world: World) -> None:
    ours(
        world, world.one.admin, world.other.id,
        "select peer_mentor_id from public.listed_peer_mentors where organisation_id = %s",
    )  # fmt: skip
    assert world.audit() == []


def test_services_and_owners_may(world: World) -> None:
    postgrest(world, None, world.foreign, role="service_role")
    world.conn.execute(PLAIN.encode(), (world.foreign,))
    assert world.audit() == []


def test_memberships_of_the_time_decide(world: World) -> None:
    world.conn.execute("alter table public.peer_mentor_certifications disable row level security")
    membership = join(world.other, world.one.admin, "peer_mentor")
    ours(world, world.one.admin, world.foreign)
    assert world.audit() == []
    world.conn.execute(
        "update mentorcert.memberships set ended_at = now() - interval '1 hour' where id = %s", (membership,)
    )
    (access,) = world.audit()
    assert access.organisations == ["one"]
    world.conn.execute(
        "update mentorcert.memberships set ended_at = now() + interval '1 hour' where id = %s", (membership,)
    )
    assert world.audit() == []


def test_two_users_in_one_transaction_are_distinguished(world: World) -> None:
    with connect(world.url) as conn, conn.transaction():
        for user, certification in ((world.one.admin, world.own), (world.other.admin, world.foreign)):
            claims = json.dumps({"sub": str(user), "role": "authenticated"})
            conn.execute(SETTINGS, ("public", "authenticated", claims, "GET"))
            conn.execute(PLAIN.encode(), (certification,))
    assert world.audit() == []


def test_since(world: World) -> None:
    postgrest(world, world.one.admin, world.foreign)
    assert world.command("--since", "10m").returncode == 1
    assert world.command("--since", "2999-01-01").returncode == 0


def test_a_log_without_statements_shows_nothing(world: World) -> None:
    name = f"quiet_{uuid4().hex}.csv"
    quiet = world.logging.log.with_name(name)
    text = world.logging.written().read_text()
    quiet.write_text(text[: text.index("\n") + 1])
    done = command.run_forked("audit", "access", "--csvlog", quiet, database_url=world.url)
    assert done.returncode == 2
    assert f"{name}: there is no statement in this log" in done.stderr
