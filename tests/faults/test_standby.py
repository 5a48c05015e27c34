"""Pages on a standby: what is open to all is read there while it is close behind, and nowhere else than where it is true."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import pytest
from httpx2 import Response
from psycopg.conninfo import make_conninfo

from mentorcert import loops
from mentorcert.db.connection import Connection, connect
from mentorcert.operations import heartbeat
from mentorcert.web.configuration import Configuration
from tests.support.registry import Organisation, fetch, set_up
from tests.support.servers import DEBIAN_15, EMBEDDED_18, Server, free_port, standby_of
from tests.support.sessions import wait_until
from tests.web.conftest import configuration, opened, post

__all__ = ["configuration"]

pytestmark = pytest.mark.parametrize("server", [EMBEDDED_18, DEBIAN_15], indirect=True)

_PATHS: Final = ("/public/demo", "/public/demo/embed", "/api/v1/public/demo")
_NAME: Final = "Person 1"
_BOUND_S: Final = 3.0


@pytest.fixture
def standby(server: Server, conn: Connection) -> Iterator[Connection]:
    """A connection to the test's database on a standby."""
    with standby_of(server) as second:
        url = make_conninfo(second.url, dbname=conn.info.dbname)
        with connect(url, autocommit=True) as there:
            yield there


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    """An organisation with somebody on its public list."""
    organisation = set_up(conn)
    organisation.certify(organisation.mentor())
    return organisation


@pytest.fixture
def reading(configuration: Configuration, standby: Connection) -> Configuration:
    """Pages with a standby that may be far behind."""
    url = make_conninfo(configuration.database_url, host=standby.info.host, port=standby.info.port)
    return replace(configuration, read_url=url, read_lag_s=600)


def level(conn: Connection, standby: Connection) -> None:
    """Wait until the standby has replayed what was written until now."""
    written = fetch(conn, "select pg_current_wal_insert_lsn()")
    wait_until(
        lambda: fetch(standby, "select pg_last_wal_replay_lsn() >= %s::pg_lsn", written), "the standby"
    )


def withdraw(organisation: Organisation) -> None:
    with organisation.as_admin() as conn:
        conn.execute(
            "select public.set_listing_consent(id, false, 'in_writing') from mentorcert.peer_mentors"
        )


def shown(configuration: Configuration) -> list[bool]:
    """Return whether each of the public pages names the person."""
    with opened(configuration) as site:
        client = site.client()
        answers = [client.get(path) for path in _PATHS]
    assert {answer.status_code for answer in answers} == {200}
    return [_NAME in answer.text for answer in answers]


def test_a_withdrawn_person_is_shown_no_longer_than_the_bound(
    conn: Connection, standby: Connection, organisation: Organisation, reading: Configuration, database: str
) -> None:
    """Replay stands still while the heart beats on."""
    heartbeat.beat(conn)
    level(conn, standby)
    standby.execute("select pg_wal_replay_pause()")
    wait_until(
        lambda: fetch(standby, "select pg_get_wal_replay_pause_state()") == "paused", "replay to stand still"
    )
    withdraw(organisation)
    assert shown(reading) == [True] * len(_PATHS), "it is the standby that is read"
    assert shown(replace(reading, read_url=None)) == [False] * len(_PATHS)
    beating = partial(heartbeat.run_forever, partial(connect, database, autocommit=True))
    with loops.in_threads(beating):
        wait_until(lambda: (heartbeat.seconds_behind(standby) or 0) > _BOUND_S, "the bound to be passed")
        bounded = replace(reading, read_lag_s=_BOUND_S)
        assert shown(bounded) == [False] * len(_PATHS), "the primary is read"
        away = replace(
            bounded, database_url=make_conninfo(reading.database_url, host="127.0.0.1", port=free_port())
        )
        with opened(away) as site:
            client = site.client()
            for answer in map(client.get, _PATHS):
                assert unavailable(answer)
                assert _NAME not in answer.text
        standby.execute("select pg_wal_replay_resume()")
        level(conn, standby)
        # Now it is close behind, and says so without the primary.
        assert shown(replace(away, read_lag_s=600)) == [False] * len(_PATHS)


def test_what_is_known_of_a_standby_decides(
    conn: Connection, standby: Connection, organisation: Organisation, reading: Configuration
) -> None:
    """Without a heartbeat, with one of the future, or unreachable, it is not read; nor for users, nor feeds."""
    level(conn, standby)
    standby.execute("select pg_wal_replay_pause()")
    withdraw(organisation)
    assert not any(shown(reading)), "there is no heartbeat"
    standby.execute("select pg_wal_replay_resume()")
    conn.execute("insert into mentorcert_private.heartbeats (beaten_at) values (now() + interval '1 hour')")
    level(conn, standby)
    standby.execute("select pg_wal_replay_pause()")
    conn.execute("update mentorcert.organisations set name = 'Changed'")
    with opened(reading) as site:
        assert "Changed" in site.client().get("/public/demo").text, "a clock is wrong"
    gone = replace(reading, read_url=make_conninfo(reading.database_url, host="127.0.0.1", port=free_port()))
    with opened(gone) as site:
        assert "Changed" in site.client().get("/public/demo").text
    standby.execute("select pg_wal_replay_resume()")


def test_a_connection_that_may_do_more_is_not_read(
    conn: Connection, standby: Connection, organisation: Organisation, reading: Configuration
) -> None:
    heartbeat.beat(conn)
    level(conn, standby)
    standby.execute("select pg_wal_replay_pause()")
    withdraw(organisation)
    owner = replace(reading, read_url=make_conninfo(reading.read_url or "", user="postgres"))
    with opened(owner) as site:
        assert _NAME not in site.client().get(_PATHS[0]).text
        # What the pool asks of connections that it then refuses is no round trip of the page.
        site.watched.exceeding.clear()
    standby.execute("select pg_wal_replay_resume()")


def test_what_a_standby_cannot_do_is_said(
    conn: Connection, standby: Connection, organisation: Organisation, reading: Configuration
) -> None:
    """Pages that name a standby as their database: what is open to all is shown, and what must be written down is not."""
    level(conn, standby)
    with opened(replace(reading, database_url=reading.read_url or "", read_url=None)) as site:
        assert _NAME in site.client().get("/public/demo").text
        client = site.client(organisation.admin)
        for answer in (
            client.get("/certifications"),
            client.get("/admin/memberships"),
            post(client, "/admin/organisation", {"name": "Changed"}, page="/sign-in"),
            site.client().get("/check/00000000000000000000000000000000"),
        ):
            assert unavailable(answer)
        assert "The database takes no changes just now." in client.get("/certifications").text


def unavailable(answer: Response) -> bool:
    return answer.status_code == 503 and "retry-after" in answer.headers
