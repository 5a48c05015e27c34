"""Every preview has an address: reload, back, two tabs and an ended session find what was typed, and nothing is sent twice."""

import re
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from mentorcert.db.connection import Connection
from mentorcert.web.security.tokens import issue
from tests.support.registry import Organisation, join, kinds, today
from tests.web.conftest import AUTH, Site, form_token
from tests.web.test_forms import everything
from tests.web.test_refused_values import forms

TYPED = "Gikk på kurs & bestod"
# Of each form with a preview, what is typed besides the note, by the path of its route.
_FORMS = {
    "/certifications/bulk": {"change": "renew", "scope": "ticked"},
    "/certifications/new": {"type": "half"},
    "/certifications/{certification_id}/renew": {"last_valid_day": ""},
}


@pytest.fixture
def ids(organisation: Organisation) -> list[UUID]:
    return [
        organisation.certify(organisation.mentor(f"{n}"), last_day=today(organisation.conn, 9))
        for n in range(101)
    ]


def sent(
    client: TestClient, conn: Connection, path: str, ids: list[UUID], note: str = TYPED, **more: object
) -> tuple[str, str]:
    """Ask for a preview; return the address of the form, and that of its preview."""
    mentor = conn.execute(
        "select peer_mentor_id from public.peer_mentor_certifications where id = %s", (ids[0],)
    ).fetchone()
    assert mentor is not None
    target = path.replace("{certification_id}", str(ids[0]))
    carried = {"id": [str(id_) for id_ in ids]} if path.endswith("bulk") else {"mentor": str(mentor[0])}
    data = {**_FORMS[path], **carried, "step": "preview", "note": note, **more}
    answer = client.post(target, data={**data, "form": form_token(client.get("/overview").text)})
    assert answer.status_code == 303, answer.text
    return target, answer.headers["location"]


def test_every_form_with_a_preview_is_tried(site: Site) -> None:
    """A new one is added here."""
    found = {
        path for method, path, form in forms(site.app) if method == "POST" and "step" in form.model_fields
    }
    assert found == set(_FORMS)


@pytest.mark.parametrize("path", sorted(_FORMS))
def test_a_preview_is_an_address(
    site: Site, conn: Connection, organisation: Organisation, ids: list[UUID], path: str
) -> None:
    client = site.client(organisation.admin)
    target, address = sent(client, conn, path, ids)
    before = everything(conn)
    page = client.get(address)
    assert page.status_code == 200
    assert "Gikk på kurs &amp; bestod" in page.text
    assert "Gikk" not in address
    # Reload and back are the same page; the choice of a language comes back to it.
    assert shown(client.get(address).text) == shown(page.text) != ""
    assert address.partition("draft=")[2] in re.findall(r'name="back" value="([^"]*)"', page.text)[0]
    # A second tab has a preview of its own.
    _, other = sent(client, conn, path, ids, note="Another note")
    assert other != address
    assert "Another note" in client.get(other).text
    assert "Gikk på kurs" in client.get(address).text
    before.pop("mentorcert_private.form_drafts")
    after = everything(conn)
    after.pop("mentorcert_private.form_drafts")
    assert after == before
    # Confirmed in one tab, the other one says that something has changed, and does nothing.
    data: dict[str, object] = {**_FORMS[path], "step": "confirm", "note": TYPED, "shown": shown(page.text)}
    data |= dict(re.findall(r'<input type="hidden" name="(mentor)" value="([^"]+)"', page.text))
    data |= {"id": [str(id_) for id_ in ids]} if path.endswith("bulk") else {}
    done = client.post(target, data={**data, "form": form_token(page.text)})
    assert done.status_code == 303
    again = client.post(target, data={**data, "form": form_token(page.text)})
    assert again.status_code in {409, 422}
    assert kinds(conn, ids[0]).count("renewed") == (0 if path.endswith("/new") else 1)
    assert client.get(address).status_code in {200, 422}


@pytest.mark.parametrize("path", sorted(_FORMS))
def test_a_preview_outlives_the_session_and_is_nobody_elses(
    site: Site, conn: Connection, organisation: Organisation, ids: list[UUID], path: str
) -> None:
    client, other = site.client(organisation.admin), uuid4()
    join(organisation, other, "org_admin")
    _, address = sent(client, conn, path, ids)
    page = client.get(address).text
    del client.cookies["mentorcert-access"]
    assert client.get(address).headers["location"].startswith("/sign-in?next=")
    client.cookies.set(
        "mentorcert-access",
        issue(AUTH, organisation.admin, f"{organisation.admin}@example.org"),
        domain="pages.test",
    )
    assert shown(client.get(address).text) == shown(page)
    assert TYPED.partition("&")[0] not in site.client(other).get(address).text


@pytest.mark.parametrize("path", sorted(_FORMS))
def test_what_is_wrong_is_said_at_an_address_too(
    site: Site, conn: Connection, organisation: Organisation, ids: list[UUID], path: str
) -> None:
    client = site.client(organisation.admin)
    _, address = sent(client, conn, path, ids, seen_on="i forgårs")
    page = client.get(address)
    assert page.status_code == 422
    assert 'value="i forgårs"' in page.text
    assert "Gikk på kurs &amp; bestod" in page.text


def shown(page: str) -> str:
    """Return what the preview confirms."""
    found = re.search(r'name="shown" value="(\w*)"', page)
    assert found is not None
    return found[1]
