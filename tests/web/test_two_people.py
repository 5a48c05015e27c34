"""Two people at once, and one person with two tabs: nobody writes over what they have not seen."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from mentorcert.db.connection import Connection
from mentorcert.organisations import peer_mentors
from mentorcert.web import form_versions
from tests.support.registry import Organisation, fetch, join, rows, set_up
from tests.web.conftest import Site, carried, cells, post

MENTOR = {"external_id": "7", "full_name": "Person 7"}
TYPE = {"name_nb": "Kurs", "name_en": "Course", "validity_rule": "months", "validity_months": "36"}


@pytest.fixture
def mentor(conn: Connection, organisation: Organisation) -> UUID:
    """A peer mentor who has consented, with a phone number."""
    id_ = organisation.mentor("7")
    conn.execute(
        "update mentorcert.peer_mentors set listing_consent = true, phone = '111' where id = %s", (id_,)
    )
    return id_


@pytest.fixture
def admin(site: Site, organisation: Organisation) -> TestClient:
    return site.client(organisation.admin)


def of_mentor(conn: Connection, id_: UUID, columns: str) -> tuple[Any, ...]:
    [row] = rows(conn, f"select {columns} from mentorcert.peer_mentors where id = %s", id_)
    return row


def withdraw(conn: Connection, id_: UUID) -> None:
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (id_,))


def test_withdrawn_consent_stays_withdrawn(
    conn: Connection, organisation: Organisation, admin: TestClient, mentor: UUID
) -> None:
    path = f"/mentors/{mentor}/edit"
    own = carried(admin.get(path).text)
    chapter = [str(organisation.chapter)]
    sent = {**own, **MENTOR, "listing_consent": "true", "phone": "22 33", "chapter": chapter}
    withdraw(conn, mentor)
    # The form does not carry the consent, which has a form of its own.
    assert admin.post(path, data=sent).status_code == 303
    assert of_mentor(conn, mentor, "listing_consent, phone") == (False, "22 33")


def test_two_who_change_one_field(conn: Connection, admin: TestClient, mentor: UUID) -> None:
    path = f"/mentors/{mentor}/edit"
    own = {**carried(admin.get(path).text), **MENTOR, "listing_consent": "true", "phone": "222"}
    conn.execute("update mentorcert.peer_mentors set phone = '333' where id = %s", (mentor,))
    refused = admin.post(path, data=own)
    assert refused.status_code == 409
    assert cells(refused.text) == ["111", "333", "222"]
    assert 'value="222"' in refused.text


def test_only_what_was_changed_is_written(
    conn: Connection, admin: TestClient, organisation: Organisation, mentor: UUID
) -> None:
    path, chapter = f"/mentors/{mentor}/edit", [str(organisation.chapter)]
    sent = {**MENTOR, "listing_consent": "true", "phone": "222", "chapter": chapter}
    page = carried(admin.get(path).text)
    # No field of the form: nothing to show, and nothing to lose.
    conn.execute("update mentorcert.peer_mentors set language = 'en' where id = %s", (mentor,))
    assert admin.post(path, data={**page, **sent}).status_code == 303
    assert of_mentor(conn, mentor, "language, phone, listing_consent") == ("en", "222", True)
    # Nothing but the phone: a column that is named, even with the same value, would call this trigger.
    page = carried(admin.get(path).text)
    conn.execute(
        "create trigger probe before update of full_name, listing_consent, email, user_id, external_id"
        " on mentorcert.peer_mentors for each row execute function mentorcert_private.reject_change('probe', '')"
    )
    assert admin.post(path, data={**page, **sent, "phone": "333"}).status_code == 303
    assert (
        admin.post(path, data={**carried(admin.get(path).text), **sent, "email": "x@y.no"}).status_code == 422
    )


def test_chapters_of_two(
    conn: Connection, admin: TestClient, organisation: Organisation, mentor: UUID
) -> None:
    first, second, third = organisation.chapter, uuid4(), uuid4()
    for id_, code in ((second, "BGO"), (third, "TRD")):
        conn.execute(
            "insert into mentorcert.chapters (id, organisation_id, code, name) values (%s, %s, %s, %s)",
            (id_, organisation.id, code, code),
        )
    path = f"/mentors/{mentor}/edit"
    own = {**carried(admin.get(path).text), **MENTOR, "listing_consent": "true", "phone": "111"}
    conn.execute(
        "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
        " values (%s, %s, %s)",
        (organisation.id, mentor, third),
    )
    refused = admin.post(path, data={**own, "chapter": [str(first), str(second)]})
    assert refused.status_code == 409
    assert cells(refused.text) == ["Oslo", "Oslo, TRD", "BGO, Oslo"]
    assert len(re.findall(r'name="chapter"[^>]* checked', refused.text)) == 3


@pytest.mark.parametrize(
    "change", ["name_nb = 'Annet'", "validity_months = 24", "required_for_listing = false"]
)
def test_types(conn: Connection, admin: TestClient, change: str) -> None:
    id_ = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    path = f"/admin/types/{id_}"
    own = {**carried(admin.get(path).text), **TYPE, "required_for_listing": "true"}
    conn.execute(f"update mentorcert.certification_types set {change} where id = %s".encode(), (id_,))
    assert admin.post(path, data={**own, "action": "example"}).status_code == 303
    refused = admin.post(path, data=own)
    assert refused.status_code == 409
    assert 'value="36"' in refused.text
    before = change.partition(" = ")
    assert fetch(
        conn, f"select {before[0]} = {before[2]} from mentorcert.certification_types where id = %s", id_
    )
    assert post_again(admin, path, refused.text, TYPE) == 303


def test_saved_by_oneself(conn: Connection, admin: TestClient) -> None:
    """Who goes back from where it was saved is not shown somebody else, unless the form says more."""
    id_ = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    path = f"/admin/types/{id_}"
    own = {**carried(admin.get(path).text), **TYPE}
    assert admin.post(path, data=own).headers["location"] == "/admin/types"
    again = admin.post(path, data=own)
    assert (again.status_code, "This is saved already" in again.text) == (409, True)
    assert "Someone else changed this" not in again.text
    more = admin.post(path, data={**own, "name_en": "Another"})
    assert (more.status_code, "Someone else changed this" in more.text) == (409, True)


def post_again(client: TestClient, path: str, html: str, data: dict[str, str]) -> int:
    return client.post(path, data={**carried(html), **data}).status_code


def test_chapters(conn: Connection, organisation: Organisation, admin: TestClient) -> None:
    path = f"/admin/chapters/{organisation.chapter}"
    own = {**carried(admin.get(path).text), "name": "Oslo", "code": "OS2", "parent_id": ""}
    conn.execute(
        "update mentorcert.chapters set name = 'Oslo og omegn' where id = %s", (organisation.chapter,)
    )
    refused = admin.post(path, data=own)
    assert (refused.status_code, 'value="OS2"' in refused.text) == (409, True)
    assert 'value="Oslo og omegn"' in refused.text
    query = "select name, code from mentorcert.chapters where id = %s"
    assert rows(conn, query, organisation.chapter) == [("Oslo og omegn", "OSL")]


def test_memberships(conn: Connection, organisation: Organisation, admin: TestClient) -> None:
    user = uuid4()
    join(organisation, user, "coordinator", organisation.chapter)
    id_ = fetch(conn, "select id from mentorcert.memberships where user_id = %s", user)
    path = f"/admin/memberships/{id_}/end"
    html = admin.get(path).text
    own = {**carried(html), "version": re.search(r'name="version" value="(\d+)"', html)[1]}  # type: ignore[index]
    conn.execute("update mentorcert.memberships set ended_at = '2026-01-01' where id = %s", (id_,))
    assert admin.post(path, data=own).status_code == 409
    assert fetch(conn, "select ended_at = '2026-01-01' from mentorcert.memberships where id = %s", id_)


def test_a_form_that_does_not_say_what_it_showed(conn: Connection, admin: TestClient, mentor: UUID) -> None:
    path = f"/mentors/{mentor}/edit"
    page = carried(admin.get(path).text)
    other = carried(admin.get("/mentors/new").text)["seen"]
    for seen in ("", "x", other, str(page["seen"])[:-2] + "xx"):
        refused = admin.post(path, data={**page, **MENTOR, "phone": "222", "seen": seen})
        assert (refused.status_code, 'value="222"' in refused.text) == (409, True), seen
    assert of_mentor(conn, mentor, "phone, listing_consent") == ("111", True)


def test_changed_between_reading_and_writing(
    conn: Connection, admin: TestClient, mentor: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses the version that was read; the page then shows what was changed."""
    path, change = f"/mentors/{mentor}/edit", peer_mentors.change
    own = {**carried(admin.get(path).text), **MENTOR, "listing_consent": "true", "phone": "222"}

    def late(*given: Any) -> None:
        conn.execute("update mentorcert.peer_mentors set phone = '333' where id = %s", (mentor,))
        change(*given)

    monkeypatch.setattr("mentorcert.organisations.peer_mentors.change", late)
    refused = admin.post(path, data=own)
    assert (refused.status_code, "Someone else changed this" in refused.text) == (409, True)
    assert of_mentor(conn, mentor, "phone, listing_consent") == ("333", True)


def test_without_the_comparison_the_database_still_refuses(
    conn: Connection, admin: TestClient, mentor: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mentorcert.web.coordinator.editing.merged", lambda *_, **__: None)
    read = peer_mentors.get
    stale = []

    def once_read(*given: Any) -> peer_mentors.PeerMentor:
        stale.append(read(*given))
        withdraw(conn, mentor)
        return stale[0]

    monkeypatch.setattr("mentorcert.organisations.peer_mentors.get", once_read)
    token = carried(admin.get("/mentors/new").text)
    answer = admin.post(f"/mentors/{mentor}/edit", data={**token, **MENTOR, "phone": "222"})
    assert answer.status_code == 409
    assert of_mentor(conn, mentor, "phone, listing_consent") == ("111", False)


def test_a_list_keeps_what_each_did() -> None:
    kept = form_versions._kept
    assert sorted(kept(["a", "b"], ["a", "c"], ["a", "b", "d"])) == ["a", "c", "d"]
    assert kept(["a", "b"], ["a", "b"], ["b"]) == ["b"]
    assert kept([], ["c"], ["c"]) == ["c"]


# Two tabs


@pytest.fixture
def other(conn: Connection) -> Organisation:
    """A second organisation."""
    return set_up(conn, "other")


@pytest.fixture
def both(site: Site, organisation: Organisation, other: Organisation) -> TestClient:
    """The browser of an administrator of both, in the first of them."""
    user = uuid4()
    for one in (organisation, other):
        join(one, user, "org_admin")
    client = site.client(user)
    choose(client, organisation)
    return client


def choose(client: TestClient, organisation: Organisation) -> None:
    sent = {"organisation_id": str(organisation.id)}
    assert post(client, "/organisation", sent, page="/organisation").status_code == 303


FORMS: list[tuple[str, dict[str, str]]] = [
    ("/admin/chapters/new", {"name": "Nytt", "code": "NY", "parent_id": ""}),
    ("/admin/types/new", {**TYPE, "code": "ny"}),
    ("/mentors/new", {"external_id": "9", "full_name": "Ny <b>Person</b>"}),
]


@pytest.mark.parametrize(("path", "sent"), FORMS)
def test_a_form_acts_where_it_was_opened(
    conn: Connection, both: TestClient, other: Organisation, path: str, sent: dict[str, str]
) -> None:
    own = carried(both.get(path).text)
    choose(both, other)
    count = "select (select count(*) from mentorcert.chapters) + (select count(*) from mentorcert.certification_types)"
    count += " + (select count(*) from mentorcert.peer_mentors)"
    before = fetch(conn, count)
    refused = both.post(path, data={**own, **sent})
    assert refused.status_code == 409
    assert "You opened the form in Organisation demo. You are now in Organisation other." in " ".join(
        refused.text.split()
    )
    assert "<b>Person" not in refused.text
    assert fetch(conn, count) == before
    again = dict(
        re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page_form(refused.text, path))
    )
    assert again.keys() >= {*sent, "form", "switch_organisation"} - {"parent_id"} or "parent_id" in again
    assert both.post(path, data={**again, "full_name": sent.get("full_name", "")}).status_code == 303
    assert fetch(conn, count) == before + 1
    assert '<span class="organisation">Organisation demo<' in both.get("/organisation").text


def page_form(html: str, path: str) -> str:
    return html.partition(f'action="{path}"')[2].partition("</form>")[0]


def test_a_choice_that_is_lost_is_no_other_organisation(both: TestClient) -> None:
    path, sent = FORMS[0]
    own = carried(both.get(path).text)
    del both.cookies["mentorcert-organisation"]
    assert both.post(path, data={**own, **sent}).status_code == 409
    # A form of before the choice, as of the sign-in, acts in none.
    choose_again = carried(both.get("/sign-in").text)
    both.cookies.set("mentorcert-organisation", str(uuid4()), domain="pages.test")
    assert both.post(path, data={**choose_again, **sent}).status_code in {303, 403}


def test_form_without_an_organisation_does_not_follow_the_choice(both: TestClient, conn: Connection) -> None:
    path, sent = FORMS[0]
    own = carried(both.get("/sign-in").text)
    before = fetch(conn, "select count(*) from mentorcert.chapters")
    assert both.post(path, data={**own, **sent}).status_code == 403
    assert fetch(conn, "select count(*) from mentorcert.chapters") == before


def test_an_organisation_that_one_has_left_is_not_offered(
    both: TestClient, conn: Connection, organisation: Organisation, other: Organisation
) -> None:
    path, sent = FORMS[0]
    own = carried(both.get(path).text)
    choose(both, other)
    conn.execute(
        "update mentorcert.memberships set ended_at = now() where organisation_id = %s", (organisation.id,)
    )
    refused = both.post(path, data={**own, **sent})
    assert (refused.status_code, "switch_organisation" in refused.text) == (409, False)
    forced = both.post(path, data={**own, **sent, "switch_organisation": "true"})
    assert forced.status_code == 409


def test_language_and_organisation_may_be_chosen_from_any_tab(both: TestClient, other: Organisation) -> None:
    own = carried(both.get("/mentors/new").text)
    choose(both, other)
    assert both.post("/language", data={**own, "language": "nb", "back": "/"}).status_code == 303
    assert both.post("/organisation", data={**own, "organisation_id": str(other.id)}).status_code == 303


def test_every_form_of_a_page_names_the_organisation(both: TestClient) -> None:
    for path in ("/overview", "/mentors/new", "/admin/chapters/new", "/organisation", "/admin/memberships"):
        tokens = set(re.findall(r'name="form" value="([^"]*)"', both.get(path).text))
        assert len({token.split(".")[0] for token in tokens}) == 1, path


def test_pages_link_to_the_choice_where_there_is_one(
    site: Site, both: TestClient, organisation: Organisation
) -> None:
    link = '<a href="/organisation">Change organisation</a>'
    assert link in both.get("/overview").text
    assert link not in site.client(organisation.admin).get("/overview").text
