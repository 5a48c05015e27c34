"""The audit log and the switches in the pages."""

from uuid import UUID, uuid4

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, join, set_up, today
from tests.web.administrator.conftest import HOSTILE, Browser


def test_who_changed_what(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    conn.execute("update auth.users set email = 'anne@example.org' where id = %s", (organisation.admin,))
    path = f"/admin/chapters/{organisation.chapter}"
    admin.post(path, page=path, name="Oslo nord", code="OSL", parent_id="")
    html = admin.get("/admin/audit?table_name=chapters&actor=Anne%40example.org")
    assert "anne@example.org" in html
    assert "before: </span>Oslo</del> → <ins>" in html
    assert "after: </span>Oslo nord</ins>" in html
    assert html.count('class="entry"') == 1
    assert "<dt>Name</dt>" in html
    assert "anne@example.org changed the chapter “Oslo nord”: name" in html
    assert "the operator added the certification type" in admin.get(
        "/admin/audit?table_name=certification_types"
    )


def test_filters(admin: Browser, conn: Connection) -> None:
    assert "No results." in admin.get(f"/admin/audit?from_day={today(conn, 1)}")
    assert "No results." in admin.get(f"/admin/audit?to_day={today(conn, -1)}")
    assert 'class="entry"' in admin.get(
        f"/admin/audit?from_day={today(conn)}&to_day={today(conn)}&table_name="
    )
    assert "No member has this address." in admin.get("/admin/audit?actor=nobody%40example.org")
    admin.get("/admin/audit?table_name=users", 422)
    admin.get("/admin/audit?from_day=yesterday", 422)
    admin.get("/admin/audit?colour=red")


def test_pages(admin: Browser, organisation: Organisation) -> None:
    for _ in range(120):
        join(organisation, uuid4(), "coordinator", organisation.chapter)
    page, seen = "/admin/audit?table_name=memberships", 0
    while page:
        html = admin.get(page)
        seen += html.count('class="entry"')
        page = html.partition('rel="next" href="')[2].partition('"')[0]
    assert seen == 121


def test_nothing_of_others(admin: Browser, conn: Connection) -> None:
    set_up(conn, "other")
    assert "Organisation other" not in admin.get("/admin/audit")


def test_names_are_no_markup(admin: Browser, hostile: UUID) -> None:
    assert HOSTILE in admin.get("/admin/audit")


def test_endpoints(admin: Browser, conn: Connection) -> None:
    assert ">Off<" not in admin.get("/admin/endpoints")
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('peer_mentors', 'secret why')"
    )
    html = admin.get("/admin/endpoints")
    assert html.count(">Off<") == 1
    assert "secret why" not in html
    assert "1 is off" in admin.get("/admin")
    # What is switched off has no names; the log itself is still there.
    assert 'class="entry"' in admin.get("/admin/audit")
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('audit_log', 'x')"
    )
    admin.get("/admin/audit", 503)


def test_which_personal_data_changed_is_a_sentence(
    admin: Browser, conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor("M1")
    conn.execute(
        "update mentorcert.peer_mentors set phone = '22222222', email = 'kari@example.org' where id = %s",
        (mentor,),
    )
    html = admin.get("/admin/audit?table_name=peer_mentors")
    assert "Changed: the e-mail address, the telephone number. What stood there is not kept." in html
    assert "kari@example.org" not in html
