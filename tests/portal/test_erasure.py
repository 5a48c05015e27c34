"""A person's requests where a portal is connected: what it was sent and has sent, and the end of it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from mentorcert.db.connection import Connection
from mentorcert.organisations import data_subjects
from mentorcert.portal.inbound import inbox
from tests.portal.inbound import DEMO, completed, receive, sent, withdrawn
from tests.portal.sending import certified
from tests.support.registry import Organisation, fetch, rows, today

EMAIL = "kari@hemmelig.example"


@pytest.fixture
def kari(conn: Connection, organisation: Organisation, work: Callable[..., int]) -> UUID:
    """A peer mentor whom the portal shows, and who has been in its messages, settled and not."""
    mentor = certified(organisation, "K-4711")
    certified(organisation, "K-47110")
    conn.execute("update mentorcert.peer_mentors set email = %s where id = %s", (EMAIL, mentor))
    work()
    receive(conn, completed(today(conn).isoformat(), "K-4711"))
    receive(conn, withdrawn("K-47110"))
    receive(conn, sent(entity="task", changed={"subject": f"Call {EMAIL}"}))
    inbox.work(conn, DEMO)
    work()
    return mentor


def named(conn: Connection) -> set[str]:
    """Return the tables of the portal in which the person still stands by name, number or address."""
    found = set()
    for (table,) in rows(
        conn, "select tablename from pg_catalog.pg_tables where schemaname = 'mentorcert_portal'"
    ):
        query = sql.SQL("select concat_ws(' ', t::text, {body}) from mentorcert_portal.{table} as t").format(
            table=sql.Identifier(table),
            body=sql.SQL("mentorcert_portal.body_text(t.body)" if table == "inbox" else "null"),
        )
        if any(EMAIL in text or "K-4711" in text.replace("K-47110", "") for (text,) in conn.execute(query)):
            found.add(table)
    return found


def received(exported: dict[str, Any]) -> list[tuple[str, bool]]:
    return [(message["state"], message["body"] is not None) for message in exported["portal"]["received"]]


def test_export_has_what_was_sent_and_received(
    conn: Connection, organisation: Organisation, kari: UUID
) -> None:
    conn.execute(
        "select mentorcert_portal.start_replay(%s, %s, 'Kari asked')",
        (organisation.id, Jsonb({"peer_mentor_ids": [str(kari)]})),
    )
    portal = data_subjects.export(conn, kari)["portal"]
    assert portal["state"]["confirmed"]["external_id"] == "K-4711"
    assert {attempt["outcome"] for attempt in portal["sent"]} == {"applied"}
    assert received({"portal": portal}) == [("worked", True), ("unknown", True)]
    assert "hlf_completedon" in portal["received"][0]["body"]
    assert [replay["reason"] for replay in portal["replays"]] == ["Kari asked"]
    assert portal["drift"] == []
    other = fetch(conn, "select id from mentorcert.peer_mentors where external_id = 'K-47110'")
    assert received(data_subjects.export(conn, other)) == [("worked", True)]


def test_an_erasure_empties_it_when_the_portal_has_confirmed(
    conn: Connection, kari: UUID, work: Callable[..., int]
) -> None:
    data_subjects.erase(conn, kari)
    # What is settled is empty; what the portal has not heard of yet waits for it.
    assert received(data_subjects.export(conn, kari)) == [("worked", False), ("unknown", True)]
    assert named(conn) == {"inbox", "states"}

    receive(conn, completed(today(conn).isoformat(), "K-4711"))
    inbox.work(conn, DEMO)
    assert work() > 0
    exported = data_subjects.export(conn, kari)
    assert exported["portal"]["state"]["confirmed"]["status"] == "erased"
    assert received(exported) == [("worked", False), ("lapsed", False), ("lapsed", False)]
    assert named(conn) == set()
    # The messages of others are theirs.
    other = fetch(conn, "select id from mentorcert.peer_mentors where external_id = 'K-47110'")
    assert received(data_subjects.export(conn, other)) == [("worked", True)]
