"""Every preview has an address: reload, back, two tabs and an ended session find what was typed, and nothing is sent twice."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from mentorcert.db.connection import Connection
from mentorcert.web.security.tokens import issue
from tests.support.registry import Organisation, fetch, join, rows, today
from tests.web.conftest import AUTH, URL, Site, form_token, hidden
from tests.web.sending import read
from tests.web.test_forms import everything
from tests.web.test_refused_values import forms

TYPED = "Gikk på kurs & bestod"


@dataclass(frozen=True, slots=True)
class Registry:
    """Rows that the forms are about."""

    certifications: list[UUID]
    mentors: list[UUID]
    types: dict[str, UUID]
    chapter: UUID
    county: UUID
    request: UUID


@dataclass(frozen=True, slots=True)
class Form:
    """What a form with a preview sends, the field into which something is typed, and what its path stands for."""

    sends: Callable[[Registry], dict[str, object]]
    typed: str | None = "note"
    about: Callable[[Registry], dict[str, object]] = lambda _: {}


_TYPE: dict[str, object] = {
    "name_nb": "Kurs",
    "name_en": "Course",
    "validity_rule": "unlimited",
    "required_for_listing": "true",
}
_BASIC: dict[str, object] = {"section": "types"}
# By the path of its route.
_FORMS = {
    "/certifications/bulk": Form(
        lambda of: {"change": "renew", "scope": "ticked", "id": of.certifications, "step": "preview"}
    ),
    "/certifications/new": Form(lambda of: {"type": "half", "mentor": of.mentors[0], "step": "preview"}),
    "/certifications/{certification_id}/renew": Form(
        lambda _: {"last_valid_day": "", "step": "preview"},
        about=lambda of: {"certification_id": of.certifications[0]},
    ),
    "/requests/{request_id}": Form(
        lambda _: {"last_valid_day": "", "step": "preview"}, about=lambda of: {"request_id": of.request}
    ),
    "/admin/types/new": Form(lambda _: {**_TYPE, "code": "course"}, "name_nb"),
    "/admin/types/{type_id}": Form(
        lambda _: _TYPE, "name_nb", about=lambda of: {"type_id": of.types["half"]}
    ),
    "/admin/chapters/{chapter_id}": Form(
        lambda of: {"code": "OSL", "name": "Oslo", "parent_id": of.county},
        "name",
        about=lambda of: {"chapter_id": of.chapter},
    ),
    "/admin/{section}/{subject_id}/retire": Form(
        lambda _: {"retired_on": ""}, "reason", about=lambda of: {**_BASIC, "subject_id": of.types["basic"]}
    ),
    "/admin/{section}/{subject_id}/merge": Form(
        lambda of: {"into": of.types["half"]},
        "reason",
        about=lambda of: {**_BASIC, "subject_id": of.types["basic"]},
    ),
    "/admin/consents/withdraw": Form(lambda of: {"id": of.mentors[:2]}, "reason"),
    "/admin/invitations/mentors": Form(lambda of: {"id": of.mentors[:2]}, None),
    "/admin/merges/new": Form(lambda of: {"kept": of.mentors[0], "absorbed": of.mentors[1]}, "reason"),
}
# What they show depends on the address alone, and stands there before anything is typed.
_SHOWN_BEFORE = {
    "/admin/extensions",
    "/admin/extensions/{batch_id}",
    "/admin/memberships/{membership_id}/end",
    "/admin/portal/replay",
    "/certifications/batches/{batch_id}",
    "/courses/{course_id}/close",
    "/certifications/{certification_id}/revert/{entry_id}",
    "/mentors/{mentor_id}/chapters/{chapter_id}/end",
}
# Theirs is the form of another page that has a preview.
_WITHOUT = {
    "/admin/chapters/new",
    "/certifications/{certification_id}/reinstate",
    "/certifications/{certification_id}/suspend",
}
_OF_CERTIFICATIONS = [path for path in _FORMS if path.startswith("/certifications")]


@pytest.fixture
def registry(conn: Connection, organisation: Organisation) -> Registry:
    """Many certified people on the public list, and a county with a coordinator over their chapter."""
    certifications = [
        organisation.certify(organisation.mentor(f"{n}"), last_day=today(conn, 9)) for n in range(101)
    ]
    conn.execute("update mentorcert.peer_mentors set email = external_id || '@example.org'")
    county: UUID = fetch(
        conn,
        "insert into mentorcert.chapters (organisation_id, code, name) values (%s, 'county', 'County') returning id",
        organisation.id,
    )
    join(organisation, uuid4(), "coordinator", county)
    mentors = rows(
        conn,
        "select peer_mentor_id from public.peer_mentor_certifications order by array_position(%s, id)",
        certifications,
    )
    types = rows(conn, "select code, id from mentorcert.certification_types")
    request: UUID = fetch(
        conn,
        "insert into mentorcert_private.renewal_requests (organisation_id, certification_id, text, done_on, held_from)"
        " select organisation_id, id, 'A course', current_date - 1, issued_at"
        " from public.peer_mentor_certifications where id = %s returning id",
        certifications[0],
    )
    ids = [id_ for (id_,) in mentors]
    return Registry(certifications, ids, dict(types), organisation.chapter, county, request)


def sent(client: TestClient, of: Registry, path: str, text: str = TYPED, **more: object) -> tuple[str, str]:
    """Ask for a preview; return the address of the form, and that of its preview."""
    form = _FORMS[path]
    target = path.format(**form.about(of))
    opened = client.get(target)
    data: dict[str, Any] = {**form.sends(of), **({form.typed: text} if form.typed else {}), **more}
    if 'name="seen"' in opened.text and "/certifications" not in path:
        data["seen"] = hidden(opened.text, "seen")
    data["form"] = form_token(client.get("/overview").text)
    answer = client.post(target, data=data)
    assert answer.status_code == 303, answer.text
    assert "draft=" in answer.headers["location"], path
    return target, answer.headers["location"]


def test_every_form_with_a_preview_is_tried(site: Site) -> None:
    """A new one is added here."""
    found = {
        path for method, path, form in forms(site.app) if method == "POST" and "shown" in form.model_fields
    }
    assert found == set(_FORMS) | _SHOWN_BEFORE | _WITHOUT


@pytest.mark.parametrize("path", sorted(_FORMS))
def test_a_preview_is_an_address(
    site: Site, conn: Connection, organisation: Organisation, registry: Registry, path: str
) -> None:
    client = site.client(organisation.admin)
    before = everything(conn)
    target, address = sent(client, registry, path)
    page = client.get(address)
    assert page.status_code == 200, page.text
    assert ("Gikk på kurs &amp; bestod" in page.text) is (_FORMS[path].typed is not None)
    assert "Gikk" not in address
    # Reload and back are the same page; the choice of a language comes back to it.
    assert shown(client.get(address).text) == shown(page.text) != ""
    assert address.partition("draft=")[2] in re.findall(r'name="back" value="([^"]*)"', page.text)[0]
    # A second tab has a preview of its own.
    _, other = sent(client, registry, path, "Another note")
    assert other != address
    if _FORMS[path].typed:
        assert "Another note" in client.get(other).text
        assert "Gikk på kurs" in client.get(address).text
    assert without_drafts(conn) == {**before, "mentorcert_private.form_drafts": None}
    # Confirmed in one tab, the other one says that something has changed, and does nothing.
    token, fields = confirming(page.text)
    assert client.post(target, data={**fields, "form": token}).status_code == 303
    after = without_drafts(conn)
    assert after != before
    again = client.post(target, data={**fields, "form": token})
    assert again.status_code in {404, 409, 422}, again.text
    # What was done may lead to where it stands.
    assert client.get(address).status_code in {200, 303, 404, 409, 422}
    assert without_drafts(conn) == after


@pytest.mark.parametrize("path", sorted(_FORMS))
def test_a_preview_outlives_the_session_and_is_nobody_elses(
    site: Site, organisation: Organisation, registry: Registry, path: str
) -> None:
    client, other = site.client(organisation.admin), uuid4()
    join(organisation, other, "org_admin")
    _, address = sent(client, registry, path)
    page = client.get(address).text
    del client.cookies["mentorcert-access"]
    assert client.get(address).headers["location"].startswith("/sign-in?next=")
    client.cookies.set(
        "mentorcert-access",
        issue(AUTH, organisation.admin, f"{organisation.admin}@example.org"),
        domain="pages.test",
    )
    assert shown(client.get(address).text) == shown(page)
    theirs = site.client(other).get(address)
    assert theirs.status_code in {200, 303}
    assert TYPED.partition("&")[0] not in theirs.text


@pytest.mark.parametrize("path", sorted(_OF_CERTIFICATIONS))
def test_what_is_wrong_is_said_at_an_address_too(
    site: Site, organisation: Organisation, registry: Registry, path: str
) -> None:
    client = site.client(organisation.admin)
    _, address = sent(client, registry, path, seen_on="i forgårs")
    page = client.get(address)
    assert page.status_code == 422
    assert 'value="i forgårs"' in page.text
    assert "Gikk på kurs &amp; bestod" in page.text


@pytest.mark.parametrize("path", ["/admin/types/{type_id}", "/admin/chapters/{chapter_id}"])
def test_back_to_the_form(site: Site, organisation: Organisation, registry: Registry, path: str) -> None:
    """It is an address too, with what was typed, and what the form showed when it was opened."""
    client = site.client(organisation.admin)
    target, address = sent(client, registry, path)
    token, fields = confirming(client.get(address).text)
    answer = client.post(target, data={**fields, "form": token, "action": "edit"})
    assert answer.status_code == 303
    page = client.get(answer.headers["location"])
    assert page.status_code == 200
    assert f'name="{_FORMS[path].typed}" value="Gikk på kurs &amp; bestod"' in page.text
    assert hidden(page.text, "seen") == fields["seen"][0]


def without_drafts(conn: Connection) -> dict[str, str | None]:
    """Return a digest of all that is more than what somebody looks at."""
    return {**everything(conn), "mentorcert_private.form_drafts": None}


def confirming(page: str) -> tuple[str, dict[str, list[str]]]:
    """Return the token of a preview, and what its form sends that confirms."""
    form = next(one for one in read(page, URL)[0] if any(name == "shown" for name, _ in one.fields))
    fields: dict[str, list[str]] = {}
    for name, value in form.filled():
        fields.setdefault(name, []).append(value)
    return form_token(page), fields


def shown(page: str) -> str:
    """Return what the preview confirms."""
    found = re.search(r'name="shown" value="(\w*)"', page)
    assert found is not None
    return found[1]
