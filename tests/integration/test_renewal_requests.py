"""Requests for renewals beside what happens at once, and beside many of others: nothing is lost, nobody waits in a circle."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from mentorcert.certifications import renewal_requests
from mentorcert.db.connection import Connection, acting_as, become, connect
from mentorcert.errors import MissingRightError, TransitionError
from tests.integration.test_request_mails import Scene
from tests.support.processes import DEADLINE_S
from tests.support.registry import join, kinds, rows, today
from tests.support.sessions import meanwhile, wait_until, waiting

Work = Callable[[Connection], object]


@pytest.fixture
def scene(conn: Connection) -> Scene:
    return Scene(conn)


def states(scene: Scene) -> list[str]:
    return [state for (state,) in rows(scene.conn, "select state from mentorcert_private.renewal_requests")]


def erase(scene: Scene) -> Work:
    return lambda conn: conn.execute("select mentorcert_private.erase_peer_mentor(%s)", (scene.mentor,))


def leave(scene: Scene) -> Work:
    def do(conn: Connection) -> None:
        become(conn, scene.organisation.admin)
        conn.execute("select public.mark_left(%s, %s)", (scene.mentor, today(conn)))

    return do


def ask(scene: Scene) -> Work:
    def do(conn: Connection) -> UUID:
        become(conn, scene.login)
        return renewal_requests.ask(conn, scene.held, "Course", today(conn, -1))

    return do


@pytest.mark.parametrize("gone", [erase, leave])
def test_who_is_gone_meanwhile_asks_for_nothing(
    scene: Scene, database: str, gone: Callable[[Scene], Work]
) -> None:
    with pytest.raises(MissingRightError):
        meanwhile(scene.conn, database, gone(scene), ask(scene))
    assert states(scene) == []


@pytest.mark.parametrize("reply", [renewal_requests.refuse, renewal_requests.ask_back])
def test_who_is_erased_meanwhile_gets_no_reply(
    scene: Scene, database: str, reply: Callable[[Connection, UUID, str], None]
) -> None:
    """Who replies reads that there is none any more."""
    request = scene.ask()

    def do(conn: Connection) -> None:
        become(conn, scene.coordinator)
        reply(conn, request, "Not this one")

    with pytest.raises(MissingRightError):
        meanwhile(scene.conn, database, erase(scene), do)
    assert states(scene) == []


def test_an_approval_beside_a_departure(scene: Scene, database: str) -> None:
    """Both change the person, the request and the public list: one waits for the other, and not in a circle."""
    request = scene.ask()
    # Whose trigger closes the request comes after this one.
    scene.conn.execute(
        """
        create function public.wait() returns trigger language plpgsql as
        $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
        create trigger a_departure_waits after update of left_on on mentorcert.peer_mentors
        for each row execute function public.wait();
        """
    )

    def approve(conn: Connection) -> None:
        become(conn, scene.coordinator)
        renewal_requests.approve(conn, request)

    def done(work: Work) -> None:
        with connect(database) as own, own.transaction():
            work(own)

    with connect(database) as gate, ThreadPoolExecutor(2) as threads:
        gate.execute("select pg_advisory_xact_lock(1)")
        departure = threads.submit(done, leave(scene))
        wait_until(lambda: departure.done() or waiting(scene.conn) == 1, "the departure to wait")
        approval = threads.submit(done, approve)
        wait_until(lambda: approval.done() or waiting(scene.conn) == 2, "the approval to wait")
        gate.commit()
        assert departure.exception(DEADLINE_S) is None
        assert isinstance(approval.exception(DEADLINE_S), TransitionError)
    assert states(scene) == ["closed"]
    assert kinds(scene.conn, scene.held) == ["issued"]


def test_an_approval_settles_whatever_its_day(scene: Scene) -> None:
    """Also where the day of issue was corrected after the request to an earlier one."""
    conn, organisation = scene.conn, scene.organisation
    for days, ask_then in ((-10, True), (-30, False)):
        with organisation.as_admin():
            conn.execute(
                "update public.peer_mentor_certifications set issued_at = %s where id = %s",
                (organisation.midnight(today(conn, days)), scene.held),
            )
        if ask_then:
            request = scene.ask()
    with acting_as(conn, scene.coordinator) as acting:
        renewal_requests.approve(acting, request, renewed_on=today(conn, -20))
    assert states(scene) == ["approved"]


def test_own_requests_are_read_beside_many_of_others(scene: Scene) -> None:
    """Also by who coordinates others, of whom more are kept than are read at once."""
    conn, organisation = scene.conn, scene.organisation
    organisation.certify_many(renewal_requests.MOST + 1, last_day=today(conn, 20))
    conn.execute(
        "insert into mentorcert_private.renewal_requests"
        " (organisation_id, certification_id, text, done_on, held_from, asked_at, state, settled_at)"
        " select organisation_id, id, 'Course', current_date, issued_at, now() - interval '9 days', 'withdrawn', now()"
        " from public.peer_mentor_certifications where id <> %s",
        (scene.held,),
    )
    join(organisation, scene.login, "org_admin")
    request = scene.ask()
    with acting_as(conn, scene.login) as acting:
        assert [one.id for one in renewal_requests.own(acting)] == [request]


def test_of_who_is_gone_nothing_waits(scene: Scene) -> None:
    """As the pages and the mails say, the command line does: also where the day of leaving has come since it was written."""
    conn = scene.conn
    scene.ask()
    assert len(renewal_requests.of_organisation(conn, None)) == 1
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        conn.execute("update mentorcert.peer_mentors set left_on = %s", (today(conn),))
    assert renewal_requests.of_organisation(conn, None) == []
