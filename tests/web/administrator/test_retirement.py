"""Types and chapters are retired in the pages: consequences first, no choice afterwards, and back again."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from tests.support import mentor_file
from tests.support.registry import Organisation, fetch, join, today
from tests.web.administrator.conftest import HOSTILE, Browser
from tests.web.administrator.test_consequences import _shown as shown
from tests.web.conftest import Site, carried


@pytest.fixture
def chapter(conn: Connection, organisation: Organisation) -> UUID:
    """An empty chapter called Bergen."""
    chapter = uuid4()
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, 'BGO', 'Bergen')",
        (chapter, organisation.id),
    )
    return chapter


def address(admin: Browser, page: str, form: dict[str, Any]) -> str:
    """Ask for a preview; return its address."""
    sent = admin.client.post(page, data={**carried(admin.get("/overview")), **form})
    return sent.headers["location"]


def test_a_type_is_retired_and_comes_back(
    admin: Browser, conn: Connection, site: Site, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    held = organisation.certify(mentor, last_day=today(conn, 40))
    login = uuid4()
    join(organisation, login, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (login, mentor))
    basic: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    page = f"/admin/types/{basic}/retire"
    assert page in admin.get(f"/admin/types/{basic}")
    form: dict[str, Any] = {"retired_on": today(conn).isoformat(), "reason": HOSTILE}
    html = admin.post(page, 200, page=page, **form)
    assert "Hold it to its last valid day, and are not renewed: 1" in html
    assert "Leave the public list: 1" in html
    assert fetch(conn, "select retired_on from mentorcert.certification_types where id = %s", basic) is None
    preview_of_type = address(admin, page, form)
    assert admin.post(page, page=page, **form, shown=shown(html)) == "/admin/types"
    assert "retired since" in admin.get("/admin/types")
    # Who goes back to the preview is not asked to confirm it once more.
    again = admin.get(preview_of_type)
    assert ("Take into use again" in again, "Confirm the change" in again) == (True, False)
    assert "The certification is retired" in admin.get(f"/certifications/{held}")
    preview = admin.post("/certifications/bulk", page="/certifications", change="renew", id=str(held))
    assert "The certification is retired" in admin.get(preview)
    assert 'value="basic"' not in admin.get(f"/certifications/new?mentor={organisation.mentor('2')}")
    assert 'value="basic"' in admin.get("/certifications")
    assert "This certification is not given any more." in site.client(login).get("/me").text
    assert "It is retired" in admin.post(
        f"/certifications/{held}/renew", 422, page="/certifications", renewed_on=today(conn).isoformat()
    )
    html = admin.post(page, 200, page=page, restore="true")
    assert "Hold it, and can be renewed again: 1" in html
    assert admin.post(page, page=page, restore="true", shown=shown(html)) == "/admin/types"
    assert "retired since" not in admin.get("/admin/types")
    assert "There is nothing to do" not in site.client(login).get("/me").text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ((1, "No more courses"), "Give today or an earlier day."),
        ((0, " "), "Write a reason"),
        ((0, "x" * 501), "Write a reason"),
        ((0, "a\ufffd"), "cannot be read"),
    ],
)
def test_what_is_refused(
    admin: Browser, conn: Connection, chapter: UUID, sent: tuple[int, str], said: str
) -> None:
    basic: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    for page in (f"/admin/types/{basic}/retire", f"/admin/chapters/{chapter}/retire"):
        form = {"retired_on": today(conn, sent[0]).isoformat(), "reason": sent[1]}
        assert said in admin.post(page, 422, page=page, **form)


def test_a_chapter_is_retired_when_it_is_empty(
    admin: Browser, conn: Connection, organisation: Organisation, chapter: UUID
) -> None:
    organisation.mentor()
    form: dict[str, Any] = {"retired_on": today(conn).isoformat(), "reason": "Merged by themselves"}
    page = f"/admin/chapters/{organisation.chapter}/retire"
    assert "Move them first." in admin.post(page, 422, page=page, **form)
    page = f"/admin/chapters/{chapter}/retire"
    assert admin.post(page, page=page, **form) == "/admin/chapters"
    assert "retired since" in admin.get("/admin/chapters")
    for choice in (
        "/mentors",
        "/mentors/new",
        "/admin/memberships",
        "/admin/chapters/new",
        "/admin/extensions",
    ):
        assert f'value="{chapter}"' not in admin.get(choice), choice
    assert "Merged by themselves" in admin.get(page)
    assert admin.post(page, page=page, restore="true") == "/admin/chapters"
    assert f'value="{chapter}"' in admin.get("/mentors/new")


def test_nobody_else_does_it(site: Site, conn: Connection, coordinator: UUID, chapter: UUID) -> None:
    for who in (coordinator, None):
        answer = site.client(who).get(f"/admin/chapters/{chapter}/retire", follow_redirects=False)
        assert answer.status_code in (303, 403, 404)


def test_a_file_names_what_is_retired(conn: Connection, tmp_path: Path) -> None:
    mentor_file.set_up(conn)
    conn.execute(
        "update mentorcert.chapters set retired_on = '2026-03-01', retired_reason = 'x' where code = 'V2'"
    )
    conn.execute(
        "update mentorcert.certification_types set retired_on = '2026-03-01', retired_reason = 'x' where code = 'basic'"
    )
    row = mentor_file.row
    report = mentor_file.import_rows(
        conn,
        tmp_path,
        row("1", chapters="V2"),
        row("2", certification_type="basic", issued="2026-03-01"),
        row("3", certification_type="basic", issued="2026-02-28"),
    )
    assert [(line, column) for line, column, _ in mentor_file.reasons(report)] == [
        (2, "Lag"),
        (3, "Sertifisering"),
    ]


def test_a_chapter_is_merged_and_moved_back(
    admin: Browser, conn: Connection, organisation: Organisation, coordinator: UUID, chapter: UUID
) -> None:
    mentor = organisation.mentor()
    conn.execute(
        "update mentorcert.chapters set contact_email = 'oslo@example.org', places = '{0150}' where id = %s",
        (organisation.chapter,),
    )
    page = f"/admin/chapters/{organisation.chapter}/merge"
    assert page in admin.get(f"/admin/chapters/{organisation.chapter}")
    assert "Choose one from the list." in admin.post(page, 422, page=page, into="", reason="x")
    assert "Write a reason" in admin.post(page, 422, page=page, into=str(chapter), reason="")
    form: dict[str, Any] = {"into": str(chapter), "reason": "Too few"}
    html = admin.post(page, 200, page=page, **form)
    assert "Are in another chapter then: 1" in html
    assert "Chapters that get contact details and postal places: 1" in html
    assert "oslo@example.org, 0150" in html
    placed = "select chapter_ids from mentorcert.peer_mentors where id = %s"
    assert fetch(conn, placed, mentor) == [organisation.chapter]
    preview = address(admin, page, form)
    assert admin.post(page, page=page, **form, shown=shown(html)) == "/admin/chapters"
    assert fetch(conn, placed, mentor) == [chapter]
    again = admin.get(preview)
    assert ("Retired since" in again, 'name="into"' in again) == (True, False)
    assert "retired since" in admin.get("/admin/chapters")
    entry = fetch(
        conn, "select id from mentorcert.audit_log where after ->> 'merged_into_id' = %s", str(chapter)
    )
    undo = f"/admin/changes/{entry}/undo"
    html = admin.get(undo)
    assert "Chapters that lose contact details and postal places: 1" in html
    assert admin.post(undo, page=undo, shown=shown(html)) == "/admin/chapters"
    assert fetch(conn, placed, mentor) == [organisation.chapter]
    many = [str(number) for number in range(100)]
    conn.execute("update mentorcert.chapters set places = %s where id = %s", (many, chapter))
    assert "more postal places than a chapter can have" in admin.post(page, 422, page=page, **form)


def test_a_type_is_merged_and_is_two_again(
    admin: Browser, conn: Connection, organisation: Organisation
) -> None:
    mentor = organisation.mentor()
    certification = organisation.certify(mentor, last_day=today(conn, 40))
    merged = fetch(
        conn,
        "select id from mentorcert.certification_types where organisation_id = %s and code = 'basic'",
        organisation.id,
    )
    other = fetch(
        conn,
        """
        insert into mentorcert.certification_types (organisation_id, code, name_nb, name_en, validity_rule)
        values (%s, 'other', 'Annet', 'Other', 'unlimited') returning id
        """,
        organisation.id,
    )
    page = f"/admin/types/{merged}/merge"
    assert page in admin.get(f"/admin/types/{merged}")
    assert "Choose one from the list." in admin.post(page, 422, page=page, into="", reason="x")
    assert "Write a reason" in admin.post(page, 422, page=page, into=str(other), reason="")
    form: dict[str, Any] = {"into": str(other), "reason": "One course now"}
    html = admin.post(page, 200, page=page, **form)
    assert "Hold the other type then: 1" in html
    held = "select certification_type from public.peer_mentor_certifications where id = %s"
    assert fetch(conn, held, certification) == "basic"
    assert admin.post(page, page=page, **form, shown=shown(html)) == "/admin/types"
    assert fetch(conn, held, certification) == "other"
    entry = fetch(
        conn, "select id from mentorcert.audit_log where after ->> 'merged_into_id' = %s", str(other)
    )
    undo = f"/admin/changes/{entry}/undo"
    html = admin.get(undo)
    assert admin.post(undo, page=undo, shown=shown(html)) == "/admin/types"
    assert fetch(conn, held, certification) == "basic"
