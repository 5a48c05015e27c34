"""Replays, and the commands that control the sync."""

import asyncio
import json
import signal
import threading
from pathlib import Path

from mentorcert.db.connection import Connection, async_pool, connect
from mentorcert.portal.sync import replay
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.maintenance import Maintenance
from mentorcert.portal.sync.replay import Selection
from tests.portal.sending import claim, connect_portal, report, settle, situation, stored
from tests.support.command import Mentorcert, start
from tests.support.registry import fetch, rows, set_up, today
from tests.support.sessions import wait_until

ALL = Selection()


def do_chores(database: str) -> None:
    async def once() -> None:
        async with async_pool(database) as pool:
            await Maintenance(pool, Connections([])).run(asyncio.Event(), once=True)

    asyncio.run(once())


def test_everybody_is_sent_again_though_all_was_confirmed(conn: Connection) -> None:
    organisation = set_up(conn)
    mentors = [organisation.mentor(str(number)) for number in range(3)]
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    *_, last = replay.replay(conn, organisation.id, ALL, reason="test")
    assert (last.marked, last.total, last.is_finished) == (3, 3, True)
    claims = claim(conn, organisation.id)
    assert {one["peer_mentor_id"] for one in claims if one["lease_token"]} == set(mentors)


def test_the_choice_is_narrowed(conn: Connection) -> None:
    organisation = set_up(conn)
    other = set_up(conn, "other")
    first, second, third = (organisation.mentor(number) for number in "123")
    other.mentor()
    connect_portal(conn, organisation.id)
    claims = claim(conn, organisation.id)
    report(conn, organisation.id, [one for one in claims if one["peer_mentor_id"] == first], "rejected")
    report(conn, organisation.id, [one for one in claims if one["peer_mentor_id"] != first])
    conn.execute(
        "update mentorcert_portal.states set changed_at = now() - interval '1 day', attempted_at = null"
        " where peer_mentor_id <> %s",
        (third,),
    )
    an_hour_ago = fetch(conn, "select now() - interval '1 hour'")

    def chosen(selection: Selection) -> set[object]:
        return {one.peer_mentor_id for one in replay.differences(conn, organisation.id, selection)}

    assert chosen(ALL) == {first, second, third}
    assert chosen(Selection(peer_mentor_ids=(second,))) == {second}
    assert chosen(Selection(error_class="rejected")) == {first}
    assert chosen(Selection(since=an_hour_ago)) == {third}


def test_a_dry_run_shows_the_difference_and_changes_nothing(conn: Connection) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor("1")
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    before = stored(conn, mentor)
    (one,) = replay.differences(conn, organisation.id, ALL)
    assert one.changes().keys() == {"listed", "listed_until"}
    assert one.changes()["listed"] == (True, False)
    assert stored(conn, mentor).version == before.version
    assert rows(conn, "select * from mentorcert_portal.replays") == []


def test_an_interrupted_replay_goes_on_where_it_was(conn: Connection) -> None:
    organisation = set_up(conn)
    mentors = [organisation.mentor(str(number)) for number in range(5)]
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    before = {mentor: stored(conn, mentor).version for mentor in mentors}
    stop = threading.Event()
    steps = replay.replay(conn, organisation.id, ALL, reason="test", rate=2, stop=stop)
    assert [next(steps).marked, next(steps).marked] == [0, 2]
    stop.set()
    assert list(steps) == []
    *_, last = replay.replay(conn, organisation.id, ALL, reason="test")
    assert (last.marked, last.is_finished) == (5, True)
    assert {mentor: stored(conn, mentor).version - before[mentor] for mentor in mentors} == dict.fromkeys(
        mentors, 1
    )
    assert fetch(conn, "select count(*) from mentorcert_portal.replays") == 1


def test_the_commands(conn: Connection, mentorcert: Mentorcert, tmp_path: Path) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    organisation.certify(mentor, issued=today(conn, -10), last_day=today(conn, 30))
    file = tmp_path / "demo.toml"
    file.write_text(
        'organisation = "demo"\n[target]\nadapter = "file"\nfolder = "/nowhere"\n', encoding="utf-8"
    )
    assert mentorcert("portal", "mode", "demo", "live", "--reason", "x").returncode == 1
    assert mentorcert("portal", "connect", file, "--no-probe", "--reason", "first").returncode == 0
    assert mentorcert("portal", "status").returncode == 0
    assert mentorcert("portal", "mode", "nobody", "live", "--reason", "x").returncode == 2
    assert mentorcert("portal", "mode", "demo", "loud", "--reason", "x").returncode == 2
    assert mentorcert("portal", "mode", "demo", "live").returncode == 2
    stranger = mentorcert("portal", "mode", "demo", "canary", "--mentor", "99", "--reason", "x")
    assert (stranger.returncode, "no peer mentor '99'" in stranger.stderr) == (2, True)
    number: str = fetch(conn, "select external_id from mentorcert.peer_mentors")
    went = mentorcert("portal", "mode", "demo", "canary", "--mentor", number, "--reason", "try")
    assert (went.returncode, "1 peer mentors are not confirmed" in went.stdout) == (0, True)
    assert rows(conn, "select mode, reason, adapter from mentorcert_portal.connections") == [
        ("canary", "try", "file")
    ]

    status = mentorcert("portal", "status", "--json")
    assert status.returncode == 1
    (of,) = json.loads(status.stdout)["organisations"]
    assert (of["mode"], of["rows_by_state"], of["oldest_removal_s"]) == ("canary", {"pending": 1}, None)
    assert {one["code"] for one in json.loads(status.stdout)["findings"]} == {"no_worker", "unverified"}

    settle(conn, organisation.id)
    diff = mentorcert("portal", "replay", "demo", "--dry-run", "--json")
    assert json.loads(diff.stdout)[0]["changes"] == {}
    assert situation(conn, organisation.id, mentor) == "in_sync"
    again = mentorcert("portal", "replay", "demo", "--mentor", str(mentor), "--reason", "test")
    assert "1 peer mentors will be sent again" in again.stdout
    assert situation(conn, organisation.id, mentor) == "pending"


def test_ctrl_c_stops_a_replay_and_the_same_command_goes_on(
    conn: Connection, database: str, mentorcert: Mentorcert
) -> None:
    organisation = set_up(conn)
    for number in range(4):
        organisation.mentor(str(number))
    connect_portal(conn, organisation.id)
    running = start("portal", "replay", "demo", "--rate", "0.5", database_url=database)
    wait_until(
        lambda: rows(conn, "select marked from mentorcert_portal.replays") == [(1,)], "the first batch"
    )
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate()
    assert (running.returncode, "Stopped after 1 of 4" in said) == (0, True)
    assert "4 peer mentors will be sent again" in mentorcert("portal", "replay", "demo").stdout


def test_the_workers_carry_out_what_an_administrator_asks_for(conn: Connection, database: str) -> None:
    organisation, other = set_up(conn), set_up(conn, "other")
    for of in (organisation, other):
        connect_portal(conn, of.id)
        for number in range(3):
            of.mentor(str(number))
        settle(conn, of.id)
    with organisation.as_admin():
        asked = fetch(conn, "select mentorcert_portal.request_replay('{}', 'why')")
    begun = fetch(conn, "select id from mentorcert_portal.start_replay(%s, '{}', 'at a terminal')", other.id)
    do_chores(database)
    carried_out = "select marked, finished_at is not null from mentorcert_portal.replays where id = %s"
    assert rows(conn, carried_out, asked) == [(3, True)]
    # The one who began the other replay resumes it.
    assert rows(conn, carried_out, begun) == [(0, False)]
    assert len(claim(conn, organisation.id)) == 3
    do_chores(database)
    assert rows(conn, carried_out, asked) == [(3, True)]


def test_a_replay_waits_for_a_change_and_then_goes_on(conn: Connection, database: str) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor()
    connect_portal(conn, organisation.id)
    settle(conn, organisation.id)
    with organisation.as_admin():
        conn.execute("select mentorcert_portal.request_replay('{}', 'why')")
    unfinished = "select count(*) from mentorcert_portal.replays where finished_at is null"
    with connect(database) as somebody:
        somebody.execute(
            "select from mentorcert_portal.states where peer_mentor_id = %s for update", (mentor,)
        )
        do_chores(database)
        assert fetch(conn, unfinished) == 1
    do_chores(database)
    assert fetch(conn, unfinished) == 0
