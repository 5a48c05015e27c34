"""What is kept, by whom and for how long; what is compressed, and what never is."""

from uuid import UUID

import pytest

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection
from mentorcert.web.static_files import static_path
from tests.support.registry import Organisation, let_end, today
from tests.web.conftest import Site

PUBLIC = ("/public/demo", "/api/v1/public/demo")


@pytest.fixture
def certification(conn: Connection, organisation: Organisation) -> UUID:
    """The certification of Person 7, who is on the list."""
    return organisation.certify(organisation.mentor("7"), last_day=today(conn, 100))


@pytest.mark.parametrize("path", PUBLIC)
def test_what_has_not_changed_is_not_sent_again(site: Site, certification: UUID, path: str) -> None:
    client = site.client()
    answer = client.get(path)
    tag = answer.headers["etag"]
    for known in (tag, tag.removeprefix("W/"), f'"another", {tag}', "*"):
        again = client.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        for name in ("etag", "cache-control"):
            assert again.headers[name] == answer.headers[name]
        assert "Accept-Encoding" in again.headers["vary"]
    assert client.get(path, headers={"if-none-match": '"another"'}).status_code == 200


@pytest.mark.parametrize("how", ["suspended", "no consent", "lease ended"])
def test_who_is_taken_off_is_off_at_once(
    conn: Connection, site: Site, organisation: Organisation, certification: UUID, how: str
) -> None:
    """Pages are kept by what they show, so what was rendered before, or a known tag, brings nobody back."""
    client = site.client()
    before = {path: client.get(path) for path in PUBLIC}
    assert all("Person 7" in answer.text for answer in before.values())
    if how == "suspended":
        with organisation.as_admin():
            repository.suspend(conn, certification, "Ill")
    elif how == "lease ended":
        let_end(conn, certification)
    else:
        conn.execute("update mentorcert.peer_mentors set listing_consent = false")
    for path, answer in before.items():
        after = client.get(path, headers={"if-none-match": answer.headers["etag"]})
        assert (after.status_code, "Person 7" in after.text) == (200, False)


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_switched_off_is_not_kept(
    conn: Connection, site: Site, certification: UUID, path: str
) -> None:
    client = site.client()
    tag = client.get(path).headers["etag"]
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('public_list', 'x')"
    )
    for known in (tag, "*"):
        answer = client.get(path, headers={"if-none-match": known})
        assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
        assert "Person 7" not in answer.text


@pytest.mark.parametrize("path", PUBLIC)
def test_without_the_database_nothing_is_shown(
    conn: Connection, site: Site, certification: UUID, path: str
) -> None:
    client = site.client()
    tag = client.get(path).headers["etag"]
    site.app.state.services.pool.close()
    answer = client.get(path, headers={"if-none-match": tag})
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert "Person 7" not in answer.text


def test_static_files_are_kept_for_ever_by_their_hash(site: Site) -> None:
    client = site.client()
    path = static_path("pages.css")
    assert f'href="{path}"' in client.get("/sign-in").text
    answer = client.get(path)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.text == client.get("/static/pages.css").text
    # A page of another version asks for the file as it was there.
    for other in ("/static/pages.css", "/static/pages.0123456789abcdef.css"):
        assert client.get(other).headers["cache-control"] == "public, no-cache"
    for none in ("/static/pages..css", "/static/.pages.css", "/static/pages.a.b.css", "/static/other.css"):
        assert client.get(none).status_code == 404


def test_the_icon_is_where_browsers_look_for_one(site: Site) -> None:
    client = site.client()
    answer = client.get("/favicon.ico")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.headers["cache-control"] == "public, no-cache"
    assert client.get("/favicon.ico", headers={"if-none-match": answer.headers["etag"]}).status_code == 304


def test_what_everybody_sees_is_compressed(conn: Connection, site: Site, organisation: Organisation) -> None:
    for number in range(20):
        organisation.certify(organisation.mentor(f"{number:03}"), last_day=today(conn, 5))
    client = site.client()
    for path in (*PUBLIC, static_path("pages.css"), "/api/v1/openapi.json"):
        plain = client.get(path, headers={"accept-encoding": "identity"})
        packed = client.get(path, headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip", path
        assert packed.text == plain.text
        assert int(packed.headers["content-length"]) < len(plain.content) / 2
        for answer in (plain, packed):
            assert "Accept-Encoding" in answer.headers["vary"]
        if "etag" in packed.headers:
            assert packed.headers["etag"].startswith("W/")


def test_a_page_with_a_secret_is_not_compressed(site: Site, organisation: Organisation) -> None:
    """Its length would say how often the token of its forms, or a name, is in the address (BREACH)."""
    for client, path in (
        (site.client(organisation.admin), "/overview"),
        (site.client(organisation.admin), "/certifications?q=guess"),
        (site.client(), "/sign-in?next=/guess"),
        (site.client(), "/public/demo?after=x"),
        (site.client(), "/nowhere?guess"),
    ):
        answer = client.get(path, headers={"accept-encoding": "gzip"})
        assert len(answer.content) > 500, path
        assert "content-encoding" not in answer.headers, path
