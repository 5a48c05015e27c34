"""Extensions in the pages: what the preview says is what is done, and can be taken back as a whole."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, fetch, rows, today
from tests.web.administrator.conftest import HOSTILE, Browser
from tests.web.conftest import hidden


@pytest.fixture
def mentors(conn: Connection, organisation: Organisation) -> list[UUID]:
    """Certifications that end in 10, 20 and 300 days, and one that ended ten days ago."""
    return [
        organisation.certify(
            organisation.mentor(str(number)), issued=today(conn, -400), last_day=today(conn, days)
        )
        for number, days in enumerate((10, 20, 300, -10))
    ]


@pytest.fixture
def until(conn: Connection) -> date:
    """A day a hundred days from now."""
    return today(conn, 100)


def preview(until: date, **more: object) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"/admin/extensions/preview?certification_type=basic&last_valid_day={until}{extra}"


def last_day(conn: Connection, certification: UUID) -> date:
    day: date = fetch(
        conn,
        "select mentorcert_private.day_of(expires_at, 'Europe/Oslo') - 1 from public.peer_mentor_certifications"
        " where id = %s",
        certification,
    )
    return day


def confirm(admin: Browser, until: date, **more: object) -> dict[str, Any]:
    """Return what the form of the preview sends."""
    narrowed = {name: more[name] for name in ("chapter_id", "expired_since") if name in more}
    return {
        "certification_type": "basic",
        "last_valid_day": until,
        "shown": hidden(admin.get(preview(until, **narrowed)), "shown"),
        "reason": "Storm",
        **more,
    }


def take_back(admin: Browser, where: str, reason: str) -> dict[str, Any]:
    """Return what the form of an extension sends."""
    return {"shown": hidden(admin.get(where), "shown"), "reason": reason}


def test_preview_extend_and_take_back(
    admin: Browser, conn: Connection, organisation: Organisation, mentors: list[UUID], until: date
) -> None:
    html = admin.get(preview(until))
    assert "Extend 2 certifications" in html
    assert f"{until.day} {until:%B %Y}" in html
    assert [str(one) in html for one in mentors] == [True, True, False, False]
    assert str(mentors[2]) in admin.get(preview(until, outcome="holds_longer"))
    assert str(mentors[3]) in admin.get(preview(until, outcome="expired"))

    where = admin.post("/admin/extensions", **confirm(admin, until))
    html = admin.get(where)
    assert "2 certifications are extended." in html
    assert "Undo it for 2 certifications" in html
    assert [last_day(conn, one) for one in mentors[:2]] == [until, until]

    assert admin.post(where, **take_back(admin, where, "No storm")) == where
    html = admin.get(where)
    assert "2 certifications have their former day again." in html
    assert "No storm" in html
    assert last_day(conn, mentors[0]) == today(conn, 10)
    assert "Undone" in admin.get("/admin/extensions")


def test_also_what_expired_since(admin: Browser, conn: Connection, mentors: list[UUID], until: date) -> None:
    since = today(conn, -30)
    assert "Extend 3 certifications" in admin.get(preview(until, expired_since=since, chapter_id=""))
    admin.post("/admin/extensions", **confirm(admin, until, expired_since=since))
    assert last_day(conn, mentors[3]) == until


def test_what_has_changed_since_the_preview_is_shown_again(
    admin: Browser, conn: Connection, organisation: Organisation, mentors: list[UUID], until: date
) -> None:
    form = confirm(admin, until)
    organisation.certify(organisation.mentor("9"), issued=today(conn, -400), last_day=today(conn, 5))
    html = admin.post("/admin/extensions", 409, **form)
    assert "Something has changed since you looked." in html
    assert "Extend 3 certifications" in html
    assert last_day(conn, mentors[0]) == today(conn, 10)


def test_as_many_others_are_not_what_was_shown(
    admin: Browser, conn: Connection, organisation: Organisation, mentors: list[UUID], until: date
) -> None:
    form = confirm(admin, until)
    with organisation.as_admin() as acting:
        acting.execute("select public.renew_certification(%s)", (mentors[0],))
    organisation.certify(organisation.mentor("9"), issued=today(conn, -400), last_day=today(conn, 5))
    html = admin.post("/admin/extensions", 409, **form)
    assert "Extend 2 certifications" in html
    assert last_day(conn, mentors[1]) == today(conn, 20)


def test_what_was_shown_is_what_is_taken_back(
    admin: Browser, conn: Connection, organisation: Organisation, mentors: list[UUID], until: date
) -> None:
    where = admin.post("/admin/extensions", **confirm(admin, until))
    form = take_back(admin, where, "No storm")
    conn.execute(
        "select mentorcert_private.erase_peer_mentor(peer_mentor_id) from public.peer_mentor_certifications"
        " where id = %s",
        (mentors[0],),
    )
    html = admin.post(where, 409, **form)
    assert "Something has changed since you looked." in html
    assert "Undo it for 1 certification" in html
    assert last_day(conn, mentors[1]) == until


def test_a_reason_is_needed(admin: Browser, mentors: list[UUID], until: date) -> None:
    assert "Say why." in admin.post("/admin/extensions", 422, **confirm(admin, until, reason=" "))
    where = admin.post("/admin/extensions", **confirm(admin, until))
    assert "Say why." in admin.post(where, 422, reason="")


def test_nothing_to_extend(admin: Browser, conn: Connection, mentors: list[UUID]) -> None:
    assert "Nothing would be extended." in admin.get(preview(today(conn, 5)))


def test_bad_choices(admin: Browser, until: date) -> None:
    admin.get("/admin/extensions/preview?certification_type=basic", 422)
    admin.get("/admin/extensions/preview?certification_type=basic&last_valid_day=soon", 422)
    admin.get(preview(until, colour="red"))
    admin.get(f"/admin/extensions/preview?certification_type=none&last_valid_day={until}", 422)


def test_what_was_changed_since_stands_in_the_way(
    admin: Browser, conn: Connection, organisation: Organisation, mentors: list[UUID], until: date
) -> None:
    where = admin.post("/admin/extensions", **confirm(admin, until))
    with organisation.as_admin() as acting:
        acting.execute("select public.renew_certification(%s)", (mentors[0],))
    html = admin.get(where)
    assert "It cannot be undone as a whole: 1 certification was changed since." in html
    assert [str(one) in html for one in mentors[:2]] == [True, False]
    admin.post(where, 422, reason="No storm")
    assert last_day(conn, mentors[1]) == until


def test_pages_of_the_preview(
    admin: Browser, conn: Connection, organisation: Organisation, until: date
) -> None:
    organisation.certify_many(120, last_day=today(conn, 10))
    seen: list[str] = []
    page = preview(until)
    while page:
        html = admin.get(page)
        seen += [part.partition('"')[0] for part in html.split('href="/certifications/')[1:]]
        page = html.partition('rel="next" href="')[2].partition('"')[0]
    every = {str(id_) for (id_,) in rows(conn, "select id from public.peer_mentor_certifications")}
    assert len(seen) == 120
    assert set(seen) == every
    by_name = rows(
        conn,
        "select held.id from public.peer_mentor_certifications as held"
        " join mentorcert.peer_mentors as mentor on mentor.id = held.peer_mentor_id order by mentor.sort_key, held.id",
    )
    assert seen == [str(id_) for (id_,) in by_name]
    first = admin.get(preview(until))
    assert first.index("<textarea") < first.index("<tbody")


def test_names_are_no_markup(
    admin: Browser, conn: Connection, organisation: Organisation, hostile: UUID, until: date
) -> None:
    organisation.certify(hostile, issued=today(conn, -400), last_day=until - timedelta(days=1))
    assert HOSTILE in admin.get(preview(until))
    where = admin.post("/admin/extensions", **confirm(admin, until, reason=HOSTILE))
    assert HOSTILE in admin.get(where)
    assert HOSTILE in admin.get("/admin/extensions")


def test_days_as_people_write_them(
    conn: Connection, admin: Browser, mentors: list[UUID], until: date
) -> None:
    chosen = "/admin/extensions/preview?certification_type=basic"
    assert "Preview of an extension" in admin.get(f"{chosen}&last_valid_day={until:%d.%m.%y}")
    for day, said in (("", "Write the new last valid day."), ("in spring", "Write a day that exists")):
        page = admin.get(f"{chosen}&last_valid_day={day}&expired_since=1.1.{until.year}", 422)
        assert f'id="last_valid_day-error">{said}' in page
        assert f'value="{day}"' in page
        assert f'value="1 January {until.year}"' in page
        assert '<option value="basic" selected>' in page
