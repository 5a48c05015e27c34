"""Memberships in the pages: given by address, taken away, but never the last administrator's."""

import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch, join, rows
from tests.web.administrator.conftest import HOSTILE, Browser


@pytest.fixture
def login(conn: Connection) -> UUID:
    """A login kari@example.org without any membership."""
    user: UUID = fetch(
        conn, "insert into auth.users (id, email) values (%s, 'kari@example.org') returning id", uuid4()
    )
    return user


def test_giving(admin: Browser, conn: Connection, organisation: Organisation, login: UUID) -> None:
    where = admin.post(
        "/admin/memberships", email="Kari@example.org", role="coordinator", chapter_id=organisation.chapter
    )
    html = admin.get(where)
    assert "Access is given." in html
    assert "kari@example.org" in html
    assert rows(conn, "select role, chapter_id from mentorcert.memberships where user_id = %s", login) == [
        ("coordinator", organisation.chapter)
    ]


def test_a_peer_mentors_login_is_linked(
    admin: Browser, conn: Connection, organisation: Organisation, login: UUID
) -> None:
    mentor = organisation.mentor("7")
    admin.post("/admin/memberships", email="kari@example.org", role="peer_mentor", external_id="7")
    assert fetch(conn, "select user_id from mentorcert.peer_mentors where id = %s", mentor) == login


@in_turn(
    ("form", "said"),
    [
        ({"email": "nobody@example.org"}, "This address has no login yet."),
        ({"email": "%@example.org"}, "This address has no login yet."),
        ({"email": ""}, "Write the e-mail address."),
        ({"role": "coordinator"}, "A coordinator needs a chapter"),
        ({"chapter_id": "00000000-0000-4000-8000-000000000000"}, "A coordinator needs a chapter"),
        (
            {"role": "coordinator", "chapter_id": "00000000-0000-4000-8000-000000000000"},
            "Choose a chapter from",
        ),
        ({"external_id": "404"}, "No peer mentor without a login has this number"),
    ],
)
def test_bad_input_comes_back_with_its_error(
    admin: Browser, conn: Connection, login: UUID, form: dict[str, str], said: str
) -> None:
    given = {"email": "kari@example.org", "role": "peer_mentor", **form}
    assert said in admin.post("/admin/memberships", 422, **given)
    assert rows(conn, "select 1 from mentorcert.memberships where user_id = %s", login) == []


def test_twice(admin: Browser, login: UUID) -> None:
    admin.post("/admin/memberships", email="kari@example.org", role="org_admin")
    html = admin.post("/admin/memberships", 422, email="kari@example.org", role="org_admin")
    assert "The login has this role already." in html


def test_a_look_up_without_result_is_logged(admin: Browser, conn: Connection) -> None:
    admin.post("/admin/memberships", 422, email="nobody@example.org")
    assert (
        fetch(conn, "select count(*) from mentorcert_private.access_log where endpoint = 'find_login'") == 1
    )


def test_a_look_up_is_logged_though_the_rest_fails(
    admin: Browser, conn: Connection, organisation: Organisation, login: UUID
) -> None:
    admin.post(
        "/admin/memberships", 422,
        email="kari@example.org", role="coordinator", chapter_id=str(organisation.chapter), external_id="\0",
    )  # fmt: skip
    assert rows(conn, "select 1 from mentorcert.memberships where user_id = %s", login) == []
    assert (
        fetch(conn, "select count(*) from mentorcert_private.access_log where endpoint = 'find_login'") == 1
    )


def test_ending(admin: Browser, conn: Connection, organisation: Organisation, coordinator: UUID) -> None:
    membership: UUID = fetch(conn, "select id from mentorcert.memberships where user_id = %s", coordinator)
    page = f"/admin/memberships/{membership}/end"
    assert "Coordinator" in admin.get(page)
    assert "your own membership" not in admin.get(page)
    shown = re.search(r'name="shown" value="([0-9a-f]{64})"', admin.get(page))
    assert shown
    admin.post(page, 422, shown=shown[1], version="9" * 30)
    admin.post(page, shown=shown[1])
    assert fetch(conn, "select ended_at is not null from mentorcert.memberships where id = %s", membership)
    admin.post(page, 404)
    assert "Coordinator</td>" not in admin.get("/admin/memberships")
    assert "Coordinator</td>" in admin.get("/admin/memberships?state=ended")


def test_the_last_administrator_stays(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    membership: UUID = fetch(
        conn, "select id from mentorcert.memberships where user_id = %s", organisation.admin
    )
    page = f"/admin/memberships/{membership}/end"
    html = admin.get(page)
    assert "your own membership" in html
    assert ("The last administrator stays." in html, "End the membership</button>" in html) == (True, False)
    assert "The last administrator stays." in admin.post(page, 422)
    join(organisation, uuid4(), "org_admin")
    assert "End the membership</button>" in admin.get(page)
    admin.post(page)
    admin.get("/admin", 303)


def test_filters_and_pages(admin: Browser, organisation: Organisation) -> None:
    for _ in range(60):
        join(organisation, uuid4(), "coordinator", organisation.chapter)
    html = admin.get(f"/admin/memberships?role=coordinator&chapter_id={organisation.chapter}&email=")
    assert html.count('scope="row"') == 50
    following = html.partition('rel="next" href="')[2].partition('"')[0]
    assert admin.get(following).count('scope="row"') == 10
    assert "No results." in admin.get("/admin/memberships?email=nobody")
    admin.get("/admin/memberships?role=king", 422)
    admin.get("/admin/memberships?colour=red")


def test_names_are_no_markup(
    admin: Browser, conn: Connection, organisation: Organisation, hostile: UUID
) -> None:
    join(organisation, login := uuid4(), "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (login, hostile))
    assert HOSTILE in admin.get("/admin/memberships")


def test_an_end_that_lies_ahead(
    admin: Browser, conn: Connection, organisation: Organisation, coordinator: UUID
) -> None:
    membership: UUID = fetch(conn, "select id from mentorcert.memberships where user_id = %s", coordinator)
    page = f"/admin/memberships/{membership}"
    organisation.mentor("7")
    html = admin.get(f"{page}/end")
    assert "Coordinators who lose peer mentors (how many): 1" in html
    sent = dict(re.findall(r'name="(shown|version)" value="([0-9a-f]+)"', html))
    assert "The day has passed." in admin.post(f"{page}/end", 422, **sent, last_day="2020-06-30")
    assert fetch(conn, "select ended_at from mentorcert.memberships where id = %s", membership) is None
    day = f"{datetime.now(UTC).year + 1}-06-30"
    # What was shown is what is confirmed, for a later day as for now.
    admin.post(f"{page}/end", 409, last_day=day, version=sent["version"], shown="0" * 64)
    admin.post(f"{page}/end", **sent, last_day=day)
    assert fetch(
        conn, "select (ended_at at time zone 'Europe/Oslo')::text from mentorcert.memberships where id = %s", membership
    ) == f"{day[:4]}-07-01 00:00:00"  # fmt: skip
    assert f"ends 30 June {day[:4]}" in admin.get("/admin/memberships")
    admin.post(f"{page}/end", 409, **sent, last_day=day)
    html = admin.get(f"{page}/end")
    assert "Coordinators who lose peer mentors (how many): 1" in html
    version = re.findall(r'name="version" value="(\d+)"', html)[0]
    admin.post(f"{page}/keep", version=version)
    assert fetch(conn, "select ended_at from mentorcert.memberships where id = %s", membership) is None
