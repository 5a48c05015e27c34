"""Who is signed in, and for how long; what a session is worth before, after and beside itself."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import httpx2
import pytest
from httpx2 import URL

from mentorcert.db.connection import Connection
from mentorcert.web.configuration import Configuration
from mentorcert.web.services import ConnectionLimiter
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, fetch, join, rows, set_up
from tests.web.auth_server import SIGNING_IN, answering
from tests.web.conftest import Site, form_token, opened, post
from tests.web.live import running, session_of


def test_nobody_is_sent_to_sign_in(site: Site) -> None:
    answer = site.client().get("/organisation?a=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Forganisation%3Fa%3D1")


def test_home_by_role(site: Site, organisation: Organisation) -> None:
    assert site.client(organisation.admin).get("/").headers["location"] == "/overview"
    assert site.client().get("/").headers["location"] == "/sign-in"
    assert site.client(uuid4()).get("/").headers["location"] == "/organisation"
    assert site.client().get("/sign-in").status_code == 200
    assert site.client(organisation.admin).get("/nowhere").status_code == 404


def test_token_that_is_none_is_taken_away(site: Site) -> None:
    client = site.client()
    client.cookies.set("mentorcert-access", "not.a.token", domain="pages.test")
    answer = client.get("/organisation")
    assert (answer.status_code, "mentorcert-access" in client.cookies) == (303, False)


def test_what_a_browser_had_before_is_worthless(
    configuration: Configuration, organisation: Organisation
) -> None:
    """An attacker who writes cookies and forms into a browser has no part in a session that begins in it."""
    stranger = uuid4()
    with (
        answering() as supabase,
        opened(replace(configuration, auth=supabase.auth)) as site,
    ):
        client = site.client()
        planted = {
            "access": supabase.token(stranger), "refresh": "planted", "organisation": str(organisation.id),
        }  # fmt: skip
        for name, value in planted.items():
            client.cookies.set(f"mentorcert-{name}", value, domain="pages.test")
        before = form_token(client.get("/sign-in").text)
        secret = client.cookies["mentorcert-form"]
        supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin, then="own")]
        signed_in = {"form": before, "email": "a@example.org", "password": "right"}
        assert client.post("/sign-in", data=signed_in).status_code == 303

        assert client.cookies["mentorcert-form"] != secret
        assert client.cookies["mentorcert-refresh"] == "own"
        assert client.cookies["mentorcert-access"] != planted["access"]
        assert "mentorcert-organisation" not in client.cookies
        assert client.post("/sign-out", data={"form": before}).status_code == 403

        # And none in what comes after it.
        during = form_token(client.get("/organisation").text)
        assert client.post("/sign-out", data={"form": during}).status_code == 303
        assert set(client.cookies) == {"mentorcert-form"}
        assert client.post("/language", data={"form": during, "language": "en"}).status_code == 403


@pytest.mark.parametrize("public_url", ["https://register.example.org", "http://pages.test"])
def test_attributes_of_cookies(
    configuration: Configuration, organisation: Organisation, public_url: str
) -> None:
    is_secure = public_url.startswith("https")
    with (
        answering() as supabase,
        opened(replace(configuration, auth=supabase.auth, public_url=public_url)) as site,
    ):
        client = site.client()
        client.base_url = URL(public_url)
        supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin)]
        answer = post(client, "/sign-in", {"email": "a@example.org", "password": "right"})
        said = answer.headers.get_list("set-cookie")
        prefix = "__Host-" if is_secure else "mentorcert-"
        assert {cookie.partition("=")[0] for cookie in said} == {
            f"{prefix}{name}"
            for name in ("access", "refresh", "form", "organisation", "challenge", "address")
        }
        for cookie in said:
            attributes = [part.strip().lower() for part in cookie.split(";")[1:]]
            assert {"httponly", "samesite=lax", "path=/"} <= set(attributes)
            assert ("secure" in attributes) == is_secure
            assert not any(part.startswith("domain") for part in attributes)
            is_ended = any(name in cookie for name in ("organisation", "challenge", "address"))
            assert ("max-age=0" in attributes) == is_ended
        assert client.get("/").headers["location"] == "/overview"


def test_cookies_without_the_prefix_are_not_taken(
    configuration: Configuration, organisation: Organisation
) -> None:
    """A neighbouring host could set them."""
    with opened(replace(configuration, public_url="https://register.example.org")) as site:
        client = site.client(organisation.admin)
        assert client.get("/").headers["location"] == "/sign-in"


def test_each_sees_the_own_only(site: Site, conn: Connection) -> None:
    """Twenty people at once, over and over, on ten connections."""
    organisations = [set_up(conn, f"organisation-{number}") for number in range(20)]
    with running(site.app) as url:

        def ask(organisation: Organisation) -> set[str]:
            with httpx2.Client(
                base_url=url, cookies=session_of(organisation.admin), timeout=DEADLINE_S
            ) as client:
                return {client.get("/organisation").text for _ in range(10)}

        def ask_nothing(_: int) -> set[int]:
            with httpx2.Client(base_url=url, timeout=DEADLINE_S) as client:
                return {client.get("/organisation").status_code for _ in range(10)}

        with ThreadPoolExecutor(25) as threads:
            answers = list(threads.map(ask, organisations))
            assert set().union(*threads.map(ask_nothing, range(5))) == {303}
    for organisation, pages in zip(organisations, answers, strict=True):
        for page in pages:
            shown = {other.slug for other in organisations if f">Organisation {other.slug}<" in page}
            assert shown == {organisation.slug}
    logged = Counter(user for (user,) in rows(conn, "select user_id from mentorcert_private.access_log"))
    assert logged == {organisation.admin: 10 for organisation in organisations}


def test_connection_is_lent_without_its_user(site: Site, organisation: Organisation) -> None:
    client = site.client(organisation.admin)
    for path in ("/organisation", "/nowhere", "/"):
        client.get(path)
    with site.app.state.services.pool.connection() as conn:
        said = conn.execute(
            "select current_user, current_setting('role'), current_setting('request.jwt.claims', true),"
            " current_setting('request.jwt.claim.sub', true), current_setting('synchronous_commit')"
        ).fetchone()
    assert said is not None
    assert said[:2] == ("mentorcert_web", "none")
    assert not any(said[2:4])


def test_more_people_than_connections(
    site: Site, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait for one another, and none for a thread that waits for a connection."""
    # However long it takes here: that it ends at all is what is asked.
    monkeypatch.setattr("mentorcert.web.services._LONGEST_WAIT_S", DEADLINE_S)
    with running(site.app) as url, ThreadPoolExecutor(80) as threads:

        def ask(_: int) -> int:
            answer = httpx2.get(f"{url}/", cookies=session_of(organisation.admin), timeout=DEADLINE_S)
            return answer.status_code

        assert Counter(threads.map(ask, range(160))) == {303: 160}


def test_no_turn_comes(site: Site, organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    site.app.state.services = replace(site.app.state.services, limiter=ConnectionLimiter(0))
    monkeypatch.setattr("mentorcert.web.services._LONGEST_WAIT_S", 0.01)
    answer = site.client(organisation.admin).get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "Too many people ask at the same time." in answer.text
    assert site.client().get("/healthz").status_code == 200


def test_access_log(site: Site, conn: Connection, organisation: Organisation) -> None:
    """One row for each answer to somebody: the template of the address, never what stands in its query."""
    client = site.client(organisation.admin)
    client.get("/organisation?search=kari@example.org", headers={"x-request-id": "request-one"})
    client.get("/", headers={"x-request-id": "bad id"})
    client.get("/nowhere/kari")
    site.client().get("/")
    logged = rows(
        conn,
        "select endpoint, user_id, organisation_ids, row_organisation_ids, request_id"
        " from mentorcert_private.access_log order by recorded_at",
    )
    assert [row[:4] for row in logged] == [
        ("/organisation", organisation.admin, [organisation.id], []),
        ("/", organisation.admin, [organisation.id], []),
    ]
    assert logged[0][4] == "request-one"
    assert logged[1][4] not in {"bad id", ""}


def test_session_is_worth_what_the_membership_is(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    """A token outlives a membership by up to an hour; what it is good for does not."""
    other = uuid4()
    join(organisation, other, "org_admin")
    client = site.client(other)
    assert client.get("/").headers["location"] == "/overview"
    conn.execute("update mentorcert.memberships set ended_at = now() where user_id = %s", (other,))
    assert client.get("/").headers["location"] == "/organisation"
    assert fetch(conn, "select count(*) from mentorcert_private.access_log where user_id = %s", other) == 2
