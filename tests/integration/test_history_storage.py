"""The move of histories to the events table: complete, verified, resumable; no answer changes by it."""

import json
from datetime import date
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from mentorcert.certifications import history_storage, repository
from mentorcert.db.connection import Connection, acting_as
from mentorcert.operations import nightly
from tests.support.command import Mentorcert
from tests.support.registry import (
    Organisation,
    cached,
    fetch,
    histories,
    history,
    join,
    let_end,
    mode,
    rows,
    set_up,
    today,
    utc,
    with_long_history,
)
from tests.support.servers import on_embedded_18


def test_it_moves_verifies_switches_and_trims(conn: Connection) -> None:
    with_long_history(conn, 25)
    before = histories(conn)
    assert history_storage.size(conn) == ("jsonb", 25, 25 + 60)
    reported: list[tuple[str, int, int]] = []
    copied = history_storage.move_to_events(
        conn, batch_size=10, progress=lambda step, done, total: reported.append((step, done, total))
    )
    assert copied == 85
    expected = [
        (step, done, 25) for step in ("copy and verify", "leave the newest 50") for done in (0, 10, 20, 25)
    ]
    assert list(dict.fromkeys(reported)) == expected
    assert history_storage.size(conn) == ("events", 25, 85)
    assert histories(conn) == before
    for id_, entries in before.items():
        assert cached(conn, id_) == entries[-50:]
    assert rows(conn, "select distinct organisation_id from mentorcert.certification_renewal_events") == rows(
        conn, "select id from mentorcert.organisations"
    )
    assert history_storage.move_to_events(conn) == 0
    assert histories(conn) == before


@on_embedded_18
def test_the_command(conn: Connection, mentorcert: Mentorcert) -> None:
    with_long_history(conn, 3)
    assert (
        "would move: 63 entries of 3 certifications" in mentorcert("history", "to-events", "--dry-run").stdout
    )
    assert mode(conn) == "jsonb"
    assert "63 entries were copied and verified" in mentorcert("history", "to-events").stdout
    assert mode(conn) == "events"
    assert "is done already" in mentorcert("history", "to-events", "--dry-run").stdout


def story(organisation: Organisation, *, past: int) -> tuple[list[Any], ...]:
    """Do every kind of change by every path, and return what the history then answers, without its ids."""
    conn = organisation.conn
    mentor, other = organisation.mentor("1"), organisation.mentor("2")
    ended = organisation.certify(organisation.mentor("3"), last_day=date(2024, 5, 31), past=past)
    nightly.run(conn, utc(2024, 6, 1))
    with organisation.as_admin():
        first = repository.register(conn, mentor, "basic", issued_on=today(conn, -100)).id
        second = repository.register(conn, other, "basic", issued_on=today(conn, -90)).id
    with organisation.as_admin():
        repository.renew(conn, first)
        batch = repository.extend(conn, "basic", today(conn, 900), "illness")
        repository.suspend(conn, second, "complaint")
    conn.execute(
        "update public.peer_mentor_certifications set expires_at = %s where id = %s",
        (organisation.midnight(today(conn, 950)), first),
    )
    newest = history(conn, first)[-1]["entry_id"]
    with organisation.as_admin():
        repository.revert(conn, first, newest, "typing error")
    with organisation.as_admin():
        assert repository.revert_batch(conn, batch, "over") == 2
        repository.reinstate(conn, second)
    let_end(conn, second)
    nightly.run(conn)
    every = (ended, first, second)
    days = [-200, -95, -50, -1, 5, 300, 420, 1000]
    return (
        [[(entry["kind"], sorted(entry["after"])) for entry in history(conn, id_)] for id_ in every],
        [[repository.was_valid(conn, id_, utc(2030, 1, 1), utc(2020, 1, 1)) for id_ in every]],
        [
            [repository.was_valid(conn, id_, organisation.midnight(today(conn, day))) for day in days]
            for id_ in every
        ],
        [len(repository.history_of(conn, id_)) for id_ in every],
        [cached(conn, id_) == history(conn, id_)[-50:] for id_ in every[:1]],
    )


@pytest.mark.parametrize("past", [0, 60])
def test_both_homes_of_the_history_give_the_same(conn: Connection, past: int) -> None:
    in_jsonb = story(set_up(conn, "jsonb"), past=past)
    before = histories(conn)
    history_storage.move_to_events(conn)
    assert histories(conn) == before
    in_events = story(set_up(conn, "events"), past=past)
    assert in_events[:-1] == in_jsonb[:-1]
    assert in_events[-1] == [True]
    assert [kind for kind, _ in in_events[0][0]] == ["imported"] * past + ["issued", "expired"]
    assert [kind for kind, _ in in_events[0][1]] == [
        "issued", "renewed", "extended", "extended", "reverted", "reverted",
    ]  # fmt: skip
    assert [kind for kind, _ in in_events[0][2]] == [
        "issued", "extended", "suspended", "reverted", "reinstated", "expired",
    ]  # fmt: skip
    positions = rows(
        conn,
        "select certification_id from mentorcert.certification_renewal_events"
        " group by certification_id having max(position) <> count(*)",
    )
    assert positions == []


def test_who_reads_the_certification_reads_its_events(conn: Connection) -> None:
    organisation, stranger = set_up(conn), set_up(conn, "other")
    mine = organisation.certify(organisation.mentor(), issued=today(conn, -9))
    organisation.certify(organisation.mentor("2"), issued=today(conn, -9))
    other_chapter = fetch(
        conn,
        "insert into mentorcert.chapters (organisation_id, code, name) values (%s, 'X', 'X') returning id",
        organisation.id,
    )
    coordinator, peer_mentor = uuid4(), uuid4()
    join(organisation, coordinator, "coordinator", other_chapter)
    join(organisation, peer_mentor, "peer_mentor")
    conn.execute(
        "update mentorcert.peer_mentors set user_id = %s where id ="
        " (select peer_mentor_id from public.peer_mentor_certifications where id = %s)",
        (peer_mentor, mine),
    )
    history_storage.move_to_events(conn)
    events = "select certification_id from mentorcert.certification_renewal_events"
    for user, expected in [(organisation.admin, 2), (peer_mentor, 1), (coordinator, 0), (stranger.admin, 0)]:
        with acting_as(conn, user):
            assert len(rows(conn, events)) == expected
            assert len(history(conn, mine)) == min(expected, 1)
    for role in ("anon", "authenticated", "service_role"):
        for change in (
            "insert into mentorcert.certification_renewal_events default values",
            "update mentorcert.certification_renewal_events set position = 9",
            "delete from mentorcert.certification_renewal_events",
        ):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                acting_as(conn, organisation.admin, role=role),
            ):
                conn.execute(change.encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting_as(conn, None, role="anon"):
        conn.execute(events.encode())


@on_embedded_18
def test_a_long_history_is_worth_a_warning(conn: Connection, mentorcert: Mentorcert) -> None:
    organisation = set_up(conn)
    mentor = organisation.mentor("Kari")
    long = organisation.certify(mentor, past=500)
    short = organisation.certify(mentor, "half", past=499)
    said = mentorcert("history", "show", str(long), "--json")
    assert len(json.loads(said.stdout)) == 501
    (line,) = said.stderr.splitlines()
    logged = json.loads(line)
    assert (
        logged.items()
        >= {
            "level": "warning",
            "event": "long_history",
            "certification_id": str(long),
            "entries": 501,
        }.items()
    )
    said = mentorcert("history", "show", str(short))
    assert (said.returncode, said.stderr) == (0, "")
