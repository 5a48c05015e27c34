"""Two rows of one person in the pages: who looks alike, merged as shown, undone, or two persons after all."""

import re
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from mentorcert.db import rows as rows_of
from mentorcert.db.connection import Connection
from mentorcert.operations import doctor
from tests.support.registry import Organisation, fetch, join, rows, set_up, today
from tests.web.administrator.conftest import Browser
from tests.web.conftest import Site, cells
from tests.web.test_forms import addresses, filled

PAGE = "/admin/look-alikes"
NEW = "/admin/merges/new"


def _shown(html: str) -> str:
    found = re.search(r'name="shown" value="([0-9a-f]{64})"', html)
    assert found, html
    return found[1]


def _counted(conn: Connection) -> list[int]:
    """Return how many look-alikes doctor counts, by organisation."""
    found = rows(conn, rows_of.beside(doctor.__file__).look_alikes)
    return [count for _, count in found]


@pytest.fixture
def twice(conn: Connection, organisation: Organisation) -> tuple[UUID, UUID]:
    """One person under the numbers 42 and 0042: on the public list as 42, held for longer as 0042."""
    conn.execute("update mentorcert.certification_types set required_for_listing = true where code = 'basic'")
    kept, absorbed = organisation.mentor("42"), organisation.mentor("0042")
    organisation.certify(kept, last_day=today(conn, 30))
    organisation.certify(absorbed, last_day=today(conn, 300))
    conn.execute("update mentorcert.peer_mentors set email = external_id || '@example.org'")
    return kept, absorbed


def test_merged_as_shown_and_undone(
    site: Site, admin: Browser, conn: Connection, twice: tuple[UUID, UUID]
) -> None:
    kept, absorbed = twice
    html = admin.get(PAGE)
    assert "almost the same number" in html
    ids = re.search(r"merges/new\?kept=([0-9a-f-]+)&absorbed=([0-9a-f-]+)", html)
    assert ids
    assert {UUID(ids[1]), UUID(ids[2])} == set(twice)
    page = f"{NEW}?kept={kept}&absorbed={absorbed}"
    html = admin.get(page)
    assert "Keep number 0042 instead" in html
    assert "E-mail: 0042@example.org" in html
    form: dict[str, object] = {"kept": kept, "absorbed": absorbed, "take": "email"}
    assert "Say why the two are one person" in admin.post(NEW, 422, page=page, **form)
    form["reason"] = "The same birthday."
    html = admin.post(NEW, 200, page=page, **form)
    preview = f"{page}&draft={fetch(conn, 'select max(id::text) from mentorcert_private.form_drafts')}"
    assert "Leave the public list: 1" in html
    assert "gets this later end" in html
    assert ["42@example.org", "0042@example.org"] in [list(pair) for pair in pairwise(cells(html))]
    assert fetch(conn, "select count(*) from public.listed_peer_mentors") == 2
    # What was typed is still there.
    assert "The same birthday." in admin.post(NEW, 200, page=page, **form, action="edit")

    conn.execute("update mentorcert.peer_mentors set phone = '99 99 99 99' where id = %s", (absorbed,))
    stale = admin.post(NEW, 409, page=page, **form, action="confirm", shown=_shown(html))
    assert "Something has changed since you looked" in stale
    assert "99 99 99 99" in stale
    assert (
        admin.post(NEW, 303, page=page, **form, action="confirm", shown=_shown(stale)) == f"/mentors/{kept}"
    )
    assert rows(conn, "select peer_mentor_id from public.listed_peer_mentors") == [(kept,)]
    # Back, and links to the row that is gone.
    for address in (
        page,
        f"{NEW}?kept={absorbed}&absorbed={kept}",
        preview,
        f"/mentors/{str(absorbed).upper()}",
    ):
        assert admin.client.get(address).headers.get("location") == f"/mentors/{kept}", address
    for path in addresses(site.app, safe=True):
        if path.startswith("/mentors/{mentor_id}"):
            address = f"{filled(path.replace('{mentor_id}', str(absorbed)), uuid4())}?page=1"
            target = admin.client.get(address).headers.get("location")
            assert target == address.replace(str(absorbed), str(kept)), path
    assert "Nobody seems to be registered twice" in admin.get(PAGE)
    html = admin.get(f"/mentors/{kept}")
    assert "Number 0042" in html
    assert "The same birthday." in html
    # Issued twice: the history of both.
    assert html.count("<h3>Issued") == 2
    assert "0042@example.org" in html

    undo = re.search(r"(/admin/merges/[0-9a-f-]+/undo)\?kept=", html)
    assert undo
    page = f"{undo[1]}?kept={kept}"
    conn.execute("update mentorcert.peer_mentors set phone = '1 2 3' where id = %s", (kept,))
    assert "cannot be undone: name, contact or login" in admin.get(page, 409)
    assert "cannot be undone" in admin.post(undo[1], 409, page=NEW + f"?kept={kept}", kept=kept, shown="x")
    conn.execute("update mentorcert.peer_mentors set phone = '99 99 99 99' where id = %s", (kept,))
    html = admin.get(page)
    assert "Join the public list: 1" in html
    assert admin.post(undo[1], 409, page=page, kept=kept, shown="0" * 64)
    admin.post(undo[1], page=page, kept=kept, shown=_shown(html))
    assert fetch(conn, "select count(*) from public.listed_peer_mentors") == 2
    assert "0042" in admin.get(f"/mentors/{absorbed}")


def test_topics_of_both_are_said(
    admin: Browser, conn: Connection, organisation: Organisation, twice: tuple[UUID, UUID]
) -> None:
    kept, absorbed = twice
    for number, name in ((1, "Tinnitus"), (2, "Heredity")):
        conn.execute(
            "insert into mentorcert_private.topics (id, organisation_id, kind, name_nb, name_en)"
            " values (%s, %s, 'topic', %s, %s)",
            (UUID(int=number), organisation.id, f"{name} nb", name),
        )
    choose = (
        "insert into mentorcert_private.peer_mentor_topics (organisation_id, peer_mentor_id, topic_id)"
        " values (%s, %s, %s)"
    )
    conn.execute(choose, (organisation.id, kept, UUID(int=1)))
    conn.execute(choose, (organisation.id, absorbed, UUID(int=2)))
    page = f"{NEW}?kept={kept}&absorbed={absorbed}"
    form: dict[str, object] = {"kept": kept, "absorbed": absorbed, "reason": "One."}
    html = admin.post(NEW, 200, page=page, **form)
    assert "Comes along: Heredity." in html
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (absorbed,))
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (kept,))
    with organisation.as_admin() as acting:
        acting.execute("select public.set_listing_consent(%s, true)", (absorbed,))
    html = admin.post(NEW, 200, page=page, **form)
    assert "Left out: Tinnitus. This was chosen without consent" in html
    admin.post(NEW, 303, page=page, **form, action="confirm", shown=_shown(html))
    undo = re.search(r"(/admin/merges/[0-9a-f-]+/undo)\?kept=", admin.get(f"/mentors/{kept}"))
    assert undo
    html = admin.get(f"{undo[1]}?kept={kept}")
    assert "Chosen again: Tinnitus." in html
    assert "No longer chosen for number 42: Heredity." in html


def test_consents_of_both_are_read(admin: Browser, conn: Connection, twice: tuple[UUID, UUID]) -> None:
    kept, absorbed = twice
    page = f"{NEW}?kept={kept}&absorbed={absorbed}"
    form: dict[str, object] = {"kept": kept, "absorbed": absorbed, "reason": "One."}
    before = admin.get(f"/mentors/{kept}/consent").count("given by")
    shown = _shown(admin.post(NEW, 200, page=page, **form))
    admin.post(NEW, 303, page=page, **form, action="confirm", shown=shown)
    assert admin.get(f"/mentors/{kept}/consent").count("given by") == 2 * before == 2
    # And the form still takes what the person says now.
    consent = f"/mentors/{kept}/consent"
    admin.post(consent, page=consent, seen=1, given="false")


def test_two_persons_after_all(admin: Browser, conn: Connection, twice: tuple[UUID, UUID]) -> None:
    assert _counted(conn) == [2]
    one, other = twice
    assert admin.post(PAGE, page=PAGE, one=one, other=other) == PAGE
    assert "two persons" in admin.get(PAGE)
    assert "Nobody seems to be registered twice" in admin.get(PAGE)
    assert _counted(conn) == []
    assert "Look-alikes who are two persons" in admin.get("/admin/audit")


def test_by_number(admin: Browser, twice: tuple[UUID, UUID]) -> None:
    kept, absorbed = twice
    assert "Which other row is the same person" in admin.get(f"{NEW}?kept={kept}")
    assert "Nobody has this number" in admin.get(f"{NEW}?kept={kept}&number=7", 422)
    assert "This is the same row" in admin.get(f"{NEW}?kept={kept}&number=42", 422)
    assert f'value="{absorbed}"' in admin.get(f"{NEW}?kept={kept}&number=0042")


def test_two_logins(
    admin: Browser, conn: Connection, organisation: Organisation, twice: tuple[UUID, UUID]
) -> None:
    kept, absorbed = twice
    for mentor in twice:
        user = uuid4()
        join(organisation, user, "peer_mentor")
        conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (user, mentor))
    page = f"{NEW}?kept={kept}&absorbed={absorbed}"
    form: dict[str, object] = {"kept": kept, "absorbed": absorbed, "reason": "One."}
    assert "Both have a login" in admin.post(NEW, 422, page=page, **form)
    assert "Nothing is saved yet" in admin.post(NEW, 200, page=page, **form, login="absorbed")


def test_who_must_not(
    site: Site, admin: Browser, conn: Connection, coordinator: UUID, twice: tuple[UUID, UUID]
) -> None:
    kept, absorbed = twice
    coordinating = Browser(site.client(coordinator))
    for path in (PAGE, f"{NEW}?kept={kept}&absorbed={absorbed}"):
        coordinating.get(path, 403)
    other = set_up(conn, "other")
    stranger = other.mentor("42")
    admin.get(f"{NEW}?kept={kept}&absorbed={stranger}", 404)
    form: dict[str, object] = {"kept": kept, "absorbed": stranger, "reason": "One."}
    admin.post(NEW, 404, page=f"{NEW}?kept={kept}", **form)
    admin.post(PAGE, 404, page=PAGE, one=kept, other=stranger)
    admin.get(f"/admin/merges/{uuid4()}/undo?kept={kept}", 404)
