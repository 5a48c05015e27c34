"""Maintenance: records of stripped messages are fetched and processed; outdated rows are deleted."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection, async_pool
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.inbound import inbox
from mentorcert.portal.sync.connections import Connections
from mentorcert.portal.sync.maintenance import Maintenance
from tests.portal.connections import SECRETS, dataverse
from tests.portal.inbound import RULES, inbound, receive, state
from tests.portal.staging import Api, Staging, running
from tests.support.registry import Organisation, fetch, rows, set_up

RULE = {
    **RULES[2],
    "entity": "hlf_peermentor",
    "columns": {"hlf_listed": False},
    "mentor": {"column": "hlf_externalid"},
}
TABLES = {"hlf_peermentor": "hlf_peermentors"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def staging() -> Iterator[Staging]:
    with running() as portal:
        yield portal


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    organisation = set_up(conn)
    conn.execute("select mentorcert_portal.connect(%s, 'dataverse', 'v1', 'test')", (organisation.id,))
    return organisation


def connection(url: str, *rules: dict[str, Any], tables: dict[str, Any] | None = None) -> Configuration:
    understood = inbound(rules=[*rules] or [RULE], tables=TABLES if tables is None else tables)
    return dataverse(url, organisation="demo", inbound=understood.model_dump())


def record(staging: Staging, number: str, *, listed: bool) -> UUID:
    """Store a record in the portal's table; return its id."""
    api, id_ = Api(staging), uuid4()
    api.call(
        "PATCH", f"/api/data/v9.2/hlf_peermentors({id_})", {"hlf_externalid": number, "hlf_listed": listed}
    )
    return id_


def stripped(conn: Connection, record_id: object, entity: str = "hlf_peermentor") -> int:
    """A message that came without contents, and was looked at."""
    context = {
        "MessageName": "Update", "PrimaryEntityName": entity, "PrimaryEntityId": str(record_id),
        "InitiatingUserId": str(uuid4()), "InputParameters": None, "PostEntityImages": None,
    }  # fmt: skip
    id_ = receive(conn, json.dumps(context).encode(), stripped=True)
    inbox.work(conn, {"demo": inbound()})
    assert state(conn, id_)[0] == "needs_fetch"
    return id_


def do_chores(database: str, *configurations: Configuration) -> None:
    async def once() -> None:
        async with async_pool(make_conninfo(database, user="mentorcert_portal")) as pool:
            await Maintenance(pool, Connections(configurations)).run(asyncio.Event(), once=True)

    asyncio.run(once())


def work(conn: Connection, of: Configuration) -> None:
    assert of.inbound is not None
    inbox.work(conn, {"demo": of.inbound})


def consent(conn: Connection, mentor: UUID) -> bool:
    given: bool = fetch(conn, "select listing_consent from mentorcert.peer_mentors where id = %s", mentor)
    return given


def test_the_record_of_a_stripped_message_is_read_and_the_message_worked(
    conn: Connection, database: str, organisation: Organisation, staging: Staging
) -> None:
    mentor = organisation.mentor("4711")
    id_ = stripped(conn, record(staging, "4711", listed=False))
    of = connection(staging.url)
    do_chores(database, of)
    assert state(conn, id_) == ("received", None)
    # Only what the rules need was asked for.
    assert fetch(conn, "select fetched from mentorcert_portal.inbox") == {
        "hlf_externalid": "4711", "hlf_listed": False, "versionnumber": 1,
    }  # fmt: skip
    work(conn, of)
    assert state(conn, id_) == ("worked", None)
    assert not consent(conn, mentor)


def test_a_record_that_says_something_else_does_nothing(
    conn: Connection, database: str, organisation: Organisation, staging: Staging
) -> None:
    mentor = organisation.mentor("4711")
    id_ = stripped(conn, record(staging, "4711", listed=True))
    of = connection(staging.url)
    do_chores(database, of)
    work(conn, of)
    assert state(conn, id_) == ("unknown", "no rule fits")
    assert consent(conn, mentor)


def test_a_record_that_is_gone_waits_for_a_person(
    conn: Connection, database: str, organisation: Organisation, staging: Staging
) -> None:
    id_ = stripped(conn, uuid4())
    nameless = stripped(conn, "no id")
    do_chores(database, connection(staging.url))
    assert state(conn, id_) == ("needs_person", "the portal no longer has the record")
    assert state(conn, nameless)[0] == "needs_person"


def test_a_portal_that_does_not_answer_is_asked_again_later(
    conn: Connection, database: str, organisation: Organisation, staging: Staging
) -> None:
    id_ = stripped(conn, record(staging, "4711", listed=False))
    staging.use({"kind": "server_error", "route": "dataverse"})
    of = connection(staging.url)
    do_chores(database, of)
    assert state(conn, id_) == ("needs_fetch", "the record could not be read: unavailable")
    staging.use()
    do_chores(database, of)
    assert state(conn, id_)[0] == "needs_fetch"
    conn.execute("update mentorcert_portal.inbox set next_attempt_at = now()")
    do_chores(database, of)
    assert state(conn, id_) == ("received", None)


@pytest.mark.parametrize("tables", [{}, {"hlf_peermentor": "hlf_wrong"}])
def test_without_the_right_table_it_stays_to_be_read(
    conn: Connection, database: str, organisation: Organisation, staging: Staging, tables: dict[str, str]
) -> None:
    id_ = stripped(conn, record(staging, "4711", listed=False))
    do_chores(database, connection(staging.url, tables=tables))
    assert state(conn, id_)[0] in {"needs_fetch", "needs_person"}
    assert fetch(conn, "select fetched is null from mentorcert_portal.inbox")


def test_another_adapter_cannot_and_says_so(
    conn: Connection, database: str, organisation: Organisation
) -> None:
    conn.execute("select mentorcert_portal.connect(%s, 'file', 'v1', 'test')", (organisation.id,))
    id_ = stripped(conn, uuid4())
    of = Configuration.model_validate(
        {
            "organisation": "demo",
            "target": {"adapter": "file", "folder": "/nowhere"},
            "inbound": inbound(tables=TABLES, own_columns=[]).model_dump(),
        }
    )
    do_chores(database, of)
    assert state(conn, id_) == ("needs_fetch", "this portal's records cannot be read through its adapter")


def test_records_are_read_also_while_nothing_that_is_sent_succeeds(
    conn: Connection, database: str, organisation: Organisation, staging: Staging
) -> None:
    """It may be a consent that was withdrawn."""
    id_ = stripped(conn, record(staging, "4711", listed=False))
    conn.execute("update mentorcert_portal.connections set breaker = 'open'")
    do_chores(database, connection(staging.url))
    assert state(conn, id_)[0] != "needs_fetch"


def test_lookups_have_another_name_in_the_api() -> None:
    of = inbound(tables={"contact": {"set": "contacts", "lookups": ["parent"]}}).tables["contact"]
    assert (of.set, of.api_name("parent"), of.api_name("name")) == ("contacts", "_parent_value", "name")


def test_what_is_outdated_goes_and_the_fetched_record_goes_with_the_body(
    conn: Connection, database: str, organisation: Organisation, staging: Staging
) -> None:
    organisation.mentor("4711")
    id_ = stripped(conn, record(staging, "4711", listed=False))
    of = connection(staging.url)
    do_chores(database, of)
    work(conn, of)
    conn.execute("update mentorcert_portal.inbox set worked_at = worked_at - interval '31 days'")
    inbox.tidy(conn, {"demo": inbound()})
    old = stripped(conn, "no id")
    conn.execute(
        "update mentorcert_portal.inbox set received_at = now() - interval '181 days' where id = %s", (old,)
    )
    do_chores(database)
    assert rows(conn, "select id, state, body, fetched from mentorcert_portal.inbox order by id") == [
        (id_, "worked", None, None),
        (old, "lapsed", None, None),
    ]
