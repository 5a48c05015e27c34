"""The sign-in of somebody invited: it gives the access, and is never in the way."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from httpx2 import URL

from mentorcert.db.connection import Connection, connect
from mentorcert.organisations import invitations, sample_people
from mentorcert.web.configuration import Configuration
from tests.support.registry import Organisation, fetch, rows, set_up
from tests.web.auth_server import SIGNING_IN, AuthServer
from tests.web.conftest import opened, post
from tests.web.signing_in import EMAIL, sign_in

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def login(conn: Connection) -> UUID:
    user: UUID = fetch(
        conn,
        "insert into auth.users (id, email, email_confirmed_at) values (%s, %s, now()) returning id",
        uuid4(),
        EMAIL,
    )
    return user


def test_the_first_sign_in(
    configuration: Configuration,
    conn: Connection,
    organisation: Organisation,
    supabase: AuthServer,
    login: UUID,
) -> None:
    invitations.invite(conn, organisation.id, [EMAIL], "coordinator", organisation.chapter)
    supabase.answers[SIGNING_IN] = [supabase.signs_in(login, email=EMAIL)]
    with opened(replace(configuration, auth=supabase.auth)) as site:
        client = site.client()
        assert sign_in(client, "/").status_code == 303
        assert client.get("/").headers["location"] == "/overview"
    assert rows(conn, "select role, chapter_id from mentorcert.memberships where user_id = %s", login) == [
        ("coordinator", organisation.chapter)
    ]


@pytest.mark.parametrize(
    "harm",
    [
        "update auth.users set email_confirmed_at = null",
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('memberships', 'test')",
        "drop function public.accept_invitations()",
        "revoke execute on function public.accept_invitations() from authenticated",
    ],
)
def test_nobody_is_kept_from_signing_in(
    *,
    configuration: Configuration,
    conn: Connection,
    organisation: Organisation,
    supabase: AuthServer,
    login: UUID,
    harm: str,
) -> None:
    invitations.invite(conn, organisation.id, [EMAIL], "org_admin", None)
    conn.execute(harm.encode())
    supabase.answers[SIGNING_IN] = [supabase.signs_in(login, email=EMAIL)]
    with opened(replace(configuration, auth=supabase.auth)) as site:
        answer = sign_in(site.client(), "/organisation")
    assert (answer.status_code, answer.headers["location"]) == (303, "/organisation")
    assert rows(conn, "select 1 from mentorcert.memberships where user_id = %s", login) == []


def test_the_step_in_plays_it(configuration: Configuration, conn: Connection, database: str) -> None:
    organisation = set_up(conn, "hom")
    real = set_up(conn, "real")
    conn.execute("update auth.users set email = 'real@example.org' where id = %s", (real.admin,))
    people = sample_people.ensure(conn)
    invitations.invite(conn, organisation.id, [EMAIL, "real@example.org"], "org_admin", None)
    ids = dict(rows(conn, "select email, id from mentorcert_private.invitations"))
    demonstration = replace(configuration, is_demonstration=True, public_url=HERE)
    with opened(demonstration, people, lambda: connect(database, autocommit=True)) as site:
        client = site.client()
        client.base_url = URL(HERE)
        assert f"Invited: {EMAIL}" in client.get("/step-in").text
        for refused in (uuid4(), ids["real@example.org"]):
            assert (
                post(client, "/step-in/invited", {"invitation": refused}, page="/step-in").status_code == 404
            )
        answer = post(client, "/step-in/invited", {"invitation": ids[EMAIL]}, page="/step-in")
        assert answer.headers["location"] == "/"
        assert client.get("/admin").status_code == 200
        assert f"Invited: {EMAIL}" not in client.get("/step-in").text
