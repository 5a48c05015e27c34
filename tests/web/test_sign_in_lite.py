"""The same pages against Supabase Lite, whose Auth is not written by us."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from mentorcert.db.connection import connect
from mentorcert.web.configuration import WEB_ROLE, Auth, Configuration
from tests.supabase import lite
from tests.support.registry import join, set_up
from tests.support.servers import Server
from tests.web.conftest import Site, opened, post

pytestmark = lite.needs_lite
EMAIL = "kari@example.org"


@pytest.fixture
def lite_site(server: Server, template: str, tmp_path: Path) -> Iterator[tuple[Site, lite.Session]]:
    """The pages into which Lite signs people in, and somebody who has signed up there."""
    with lite.new_database(server) as url, lite.serving(server, url, tmp_path) as served:
        session = served.sign_up(EMAIL)
        with connect(url, autocommit=True) as conn:
            join(set_up(conn), session.user_id, "org_admin")
        secret = SecretStr(lite.JWT_SECRET)
        auth = Auth(None, served.url, lite.PUBLISHABLE_KEY, secret)
        of = Configuration(make_conninfo(url, user=WEB_ROLE), SecretStr("x" * 32), "http://pages.test", auth)
        with opened(of) as site:
            yield site, session


def test_whole_way(lite_site: tuple[Site, lite.Session]) -> None:
    """In by password, on by the refresh token, out; and what was signed out of is over at Lite too."""
    site, session = lite_site
    client = site.client()
    refused = post(client, "/sign-in", {"email": EMAIL, "password": "wrong"})
    assert (refused.status_code, "password is wrong" in refused.text) == (422, True)
    unknown = post(client, "/sign-in", {"email": "nobody@example.org", "password": "wrong"})
    assert (unknown.status_code, "password is wrong" in unknown.text) == (422, True)

    answer = post(client, "/sign-in", {"email": EMAIL, "password": lite.PASSWORD})
    assert answer.status_code == 303
    assert client.get("/").headers["location"] == "/overview"

    over = session.with_claims(exp=datetime.now(UTC) - timedelta(hours=1)).token
    before = client.cookies["mentorcert-refresh"]
    client.cookies.set("mentorcert-access", over, domain="pages.test")
    assert client.get("/").headers["location"] == "/overview"
    assert client.cookies["mentorcert-refresh"] != before
    assert client.cookies["mentorcert-access"] != over

    kept = client.cookies["mentorcert-refresh"]
    assert post(client, "/sign-out", page="/organisation").status_code == 303
    thief = site.client()
    thief.cookies.set("mentorcert-access", over, domain="pages.test")
    thief.cookies.set("mentorcert-refresh", kept, domain="pages.test")
    assert thief.get("/").headers["location"] == "/sign-in"
    assert "mentorcert-refresh" not in thief.cookies
