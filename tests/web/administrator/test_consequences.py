"""Changes of weight in the pages: who is concerned is shown first, and can be undone afterwards."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from mentorcert.db import rows as asked
from mentorcert.db.connection import Connection
from mentorcert.errors import ConsequencesChangedError, ConsequencesUnseenError
from tests.support.registry import Organisation, fetch, join, rows
from tests.web.administrator.conftest import Browser

LEFT = "Leave the public list: {}"
NEW: dict[str, Any] = {
    "code": "course", "name_nb": "Kurs", "name_en": "Course", "validity_rule": "unlimited",
    "validity_months": "", "reminder_days": "", "required_for_listing": "true",
}  # fmt: skip


def _shown(html: str) -> str:
    found = re.search(r'name="shown" value="([0-9a-f]{64})"', html)
    assert found, html
    return found[1]


def _listed(conn: Connection) -> int:
    count: int = fetch(conn, "select count(*) from public.listed_peer_mentors")
    return count


@pytest.fixture
def people(conn: Connection, organisation: Organisation) -> list[UUID]:
    """Sixty peer mentors on the public list."""
    conn.execute("update mentorcert.certification_types set required_for_listing = true where code = 'basic'")
    mentors = [organisation.mentor(f"n{number:02}") for number in range(60)]
    conn.execute("update mentorcert.peer_mentors set listing_consent = true")
    conn.execute(
        "insert into public.peer_mentor_certifications"
        " (organisation_id, peer_mentor_id, certification_type, issued_at)"
        " select organisation_id, id, 'basic',"
        " mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo') - 1, 'Europe/Oslo')"
        " from mentorcert.peer_mentors"
    )
    assert _listed(conn) == 60
    return mentors


def test_a_required_type_says_who_leaves_the_list(
    admin: Browser, conn: Connection, people: list[UUID]
) -> None:
    html = admin.post("/admin/types/new", 200, **NEW)
    assert LEFT.format(60) in html
    assert html.count("<li>") >= 50
    assert "and 10 more" in html
    assert _listed(conn) == 60
    # What was typed is still there.
    assert 'value="Kurs"' in admin.post("/admin/types/new", 200, **NEW, shown=_shown(html), action="edit")
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (people[0],))
    stale = admin.post("/admin/types/new", 409, **NEW, shown=_shown(html))
    assert LEFT.format(59) in stale
    assert _listed(conn) == 59
    other = {**NEW, "code": "other"}
    admin.post("/admin/types/new", 409, **other, shown=_shown(stale))
    admin.post("/admin/types/new", **NEW, shown=_shown(stale))
    assert _listed(conn) == 0


def test_a_change_is_undone_unless_changed_again(
    admin: Browser, conn: Connection, people: list[UUID]
) -> None:
    basic: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    form = {**NEW, "validity_rule": "months", "validity_months": "12"}
    del form["required_for_listing"]
    page = f"/admin/types/{basic}"
    html = admin.post(page, 200, page=page, **form)
    assert LEFT.format(60) in html
    admin.post(page, page=page, **form, shown=_shown(html))
    assert _listed(conn) == 0
    undo = re.search(
        r"/admin/changes/[0-9a-f-]+/undo", admin.get("/admin/audit?table_name=certification_types")
    )
    assert undo
    html = admin.get(undo[0])
    assert "Join the public list: 60" in html
    conn.execute("update mentorcert.certification_types set name_nb = 'Ny' where code = 'basic'")
    assert "has been changed since" in admin.post(undo[0], 422, page="/admin/types/new", shown=_shown(html))
    conn.execute("update mentorcert.certification_types set name_nb = 'Kurs' where code = 'basic'")
    admin.post(undo[0], shown=_shown(admin.get(undo[0])))
    assert _listed(conn) == 60


def test_a_rule_says_whom_it_concerns(admin: Browser, conn: Connection, people: list[UUID]) -> None:
    basic: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    form = {**NEW, "validity_rule": "months", "validity_months": "36"}
    html = admin.post(f"/admin/types/{basic}", 200, page=f"/admin/types/{basic}", **form)
    assert "Will be renewed by the new rule; until then they keep their date: 60" in html
    assert (
        fetch(conn, "select validity_months from mentorcert.certification_types where code = 'basic'") == 12
    )


def test_a_time_for_refreshers_says_who_is_outdated_then(
    admin: Browser, conn: Connection, people: list[UUID]
) -> None:
    basic: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    ended = (
        "update public.peer_mentor_certifications set"
        " issued_at = mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo') - 900, 'Europe/Oslo'),"
        " expires_at = mentorcert_private.day_starts(mentorcert_private.day_of(now(), 'Europe/Oslo') - %s, 'Europe/Oslo')"
    )
    conn.execute(ended, (100,))
    conn.execute(
        "update mentorcert.certification_types set validity_rule = 'unlimited', validity_months = null"
    )
    page = f"/admin/types/{basic}"
    form = {**NEW, "refresher_months": "2"}
    html = admin.post(page, 200, page=page, **form)
    assert "Are outdated then: no refresher renews them any more: 60" in html
    conn.execute(ended + " where peer_mentor_id = %s", (30, people[0]))
    stale = admin.post(page, 409, page=page, **form, shown=_shown(html))
    assert "Are outdated then: no refresher renews them any more: 59" in stale
    admin.post(page, page=page, **form, shown=_shown(stale))
    html = admin.post(page, 200, page=page, **{**form, "refresher_months": ""})
    assert "Are not outdated any more: a refresher renews them: 59" in html


def test_a_chapter_that_moves_says_who_loses_reach(
    admin: Browser, conn: Connection, organisation: Organisation, people: list[UUID], coordinator: UUID
) -> None:
    county: UUID = fetch(
        conn,
        "insert into mentorcert.chapters (organisation_id, code, name)"
        " values (%s, 'county', 'County') returning id",
        organisation.id,
    )
    above = uuid4()
    join(organisation, above, "coordinator", county)
    page = f"/admin/chapters/{organisation.chapter}"
    code, name = rows(conn, "select code, name from mentorcert.chapters where id = %s", organisation.chapter)[
        0
    ]
    html = admin.post(page, 200, page=page, code=code, name=name, parent_id=county)
    assert "Coordinators who get more peer mentors (how many): 1" in html
    assert (
        fetch(conn, "select parent_id from mentorcert.chapters where id = %s", organisation.chapter) is None
    )
    admin.post(page, page=page, code=code, name=name, parent_id=county, shown=_shown(html))
    assert "Coordinators who lose peer mentors (how many): 1" in admin.post(
        page, 200, page=page, code=code, name=name
    )
    assert admin.post(page, page=page, code=code, name="Another", parent_id=county) == "/admin/chapters"


def test_a_membership_says_who_is_left_alone(
    admin: Browser, conn: Connection, people: list[UUID], coordinator: UUID
) -> None:
    membership: UUID = fetch(conn, "select id from mentorcert.memberships where user_id = %s", coordinator)
    page = f"/admin/memberships/{membership}/end"
    html = admin.get(page)
    assert "Have no coordinator any more: 60" in html
    assert "Chapters without any coordinator: 1" in html
    assert LEFT.format(60) not in html
    admin.post(page, 200)
    admin.post(page, shown=_shown(html))


def test_clients_see_and_confirm(conn: Connection, organisation: Organisation, people: list[UUID]) -> None:
    """The same by the functions of the Data API; without them the change is refused."""
    type_id: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    new = '{"required_for_listing": false}'
    with organisation.as_admin() as acting:
        with pytest.raises(ConsequencesUnseenError), acting.transaction(), asked.mapped_errors():
            acting.execute("update mentorcert.certification_types set required_for_listing = false")
        seen = fetch(acting, "select public.preview_consequences('change_type', %s, %s)", type_id, new)
        (consequence,) = seen["consequences"]
        assert (consequence["kind"], consequence["subjects"], len(consequence["names"])) == (
            "leaves_list",
            60,
            50,
        )
        assert _listed(acting) == 60
        for fingerprint in ("", "0" * 64):
            with pytest.raises(ConsequencesChangedError), acting.transaction(), asked.mapped_errors():
                acting.execute(
                    "select public.confirm_consequences('change_type', %s, %s, %s)",
                    (fingerprint, type_id, new),
                )
        acting.execute(
            "select public.confirm_consequences('change_type', %s, %s, %s)",
            (seen["fingerprint"], type_id, new),
        )
        assert _listed(acting) == 0


def test_consents_are_withdrawn_together(admin: Browser, conn: Connection, people: list[UUID]) -> None:
    page, url = "/mentors", "/admin/consents/withdraw"
    html = admin.post(url, 200, page=page, id=[str(id_) for id_ in people[:2]])
    assert LEFT.format(2) in html
    assert _listed(conn) == 60
    admin.post(url, page=page, id=[str(id_) for id_ in people[:2]], shown=_shown(html), reason="Asked")
    assert _listed(conn) == 58
    acts = rows(conn, "select way, reason from mentorcert.listing_consents where not is_given")
    assert acts == [("form", "Asked")] * 2
    everybody: dict[str, Any] = {"scope": "every", "query": "q=n1"}
    html = admin.post(url, 200, page=page, **everybody)
    assert LEFT.format(10) in html
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (people[10],))
    stale = admin.post(url, 409, page=page, **everybody, shown=_shown(html))
    admin.post(url, page=page, **everybody, shown=_shown(stale))
    assert _listed(conn) == 48
    assert "Choose at least one" in admin.client.get(admin.post(url, page=page)).text
