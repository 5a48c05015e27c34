"""Who is in several organisations acts in one of them, and never in any other."""

from uuid import UUID, uuid4

import jwt
import pytest
from fastapi.testclient import TestClient

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, fetch, join, set_up
from tests.web.conftest import AUTH, Site, post


@pytest.fixture
def other(conn: Connection) -> Organisation:
    """A second organisation."""
    return set_up(conn, "other")


@pytest.fixture
def both(organisation: Organisation, other: Organisation) -> UUID:
    """Administrator of the one, coordinator of the other."""
    user = uuid4()
    join(organisation, user, "org_admin")
    join(other, user, "coordinator", other.chapter)
    return user


def place_of(client: TestClient) -> str | None:
    """Return the name that stands over the page."""
    _, found, rest = client.get("/organisation").text.partition('<span class="organisation">')
    return rest.partition("<")[0] if found else None


def choose(client: TestClient, organisation: UUID) -> None:
    answer = post(client, "/organisation", {"organisation_id": organisation}, page="/organisation")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_choice(site: Site, organisation: Organisation, other: Organisation, both: UUID) -> None:
    client = site.client(both)
    assert client.get("/").headers["location"] == "/organisation"
    page = client.get("/organisation")
    assert (page.status_code, page.text.count('name="organisation_id"')) == (200, 2)
    assert place_of(client) is None
    for chosen in (organisation, other, organisation):
        choose(client, chosen.id)
        assert place_of(client) == f"Organisation {chosen.slug}"
        assert client.get("/").headers["location"] == "/overview"


def test_choice_of_another_is_worthless(
    site: Site, conn: Connection, other: Organisation, both: UUID
) -> None:
    foreign = set_up(conn, "foreign")
    client = site.client(both)
    for id_ in (foreign.id, uuid4()):
        choose(client, id_)
        assert place_of(client) is None
        assert "foreign" not in client.get("/organisation").text
        assert client.get("/").headers["location"] == "/organisation"
    for value in ("", "x", f"{other.id}' or true", "%00", "[]"):
        client.cookies.set("mentorcert-organisation", value, domain="pages.test")
        assert (client.get("/organisation").status_code, place_of(client)) == (200, None)
    assert post(client, "/organisation", {"organisation_id": "x"}, page="/organisation").status_code == 422


def test_membership_that_ended_is_no_choice(
    site: Site, conn: Connection, organisation: Organisation, other: Organisation, both: UUID
) -> None:
    client = site.client(both)
    choose(client, other.id)
    conn.execute(
        "update mentorcert.memberships set ended_at = now() where user_id = %s and organisation_id = %s",
        (both, other.id),
    )
    assert place_of(client) == "Organisation demo"
    assert "Organisation other" not in client.get("/organisation").text


def test_who_is_in_one_goes_nowhere_else(site: Site, organisation: Organisation, other: Organisation) -> None:
    client = site.client(organisation.admin)
    choose(client, other.id)
    assert place_of(client) == "Organisation demo"


def test_roles_are_those_of_the_chosen_one(
    site: Site, organisation: Organisation, other: Organisation, both: UUID
) -> None:
    client = site.client(both)
    for chosen, is_administrator in ((organisation, True), (other, False)):
        choose(client, chosen.id)
        assert ('href="/admin"' in client.get("/organisation").text) is is_administrator


def test_what_the_token_names_comes_first(
    site: Site, organisation: Organisation, other: Organisation, both: UUID
) -> None:
    """Supabase says so to the Data API too; a cookie only fills in what it leaves open."""
    client = site.client(both)
    assert AUTH.shared_secret is not None
    secret = AUTH.shared_secret.get_secret_value()
    token = client.cookies["mentorcert-access"]
    claims = jwt.decode(token, secret, ["HS256"], audience="authenticated")
    claims["app_metadata"] = {"organisation_id": str(other.id)}
    client.cookies.set("mentorcert-access", jwt.encode(claims, secret, "HS256"))
    assert place_of(client) == "Organisation other"


def test_nobody_of_any(site: Site, conn: Connection, organisation: Organisation) -> None:
    stranger = uuid4()
    client = site.client(stranger)
    page = client.get("/organisation")
    assert (page.status_code, "You are in no organisation yet" in page.text) == (403, True)
    assert f"{stranger}@example.org" in page.text
    assert fetch(conn, "select count(*) from mentorcert_private.access_log where user_id = %s", stranger) == 1
