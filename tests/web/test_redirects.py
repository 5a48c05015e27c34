"""Where the pages send a browser, and where nobody has them send one."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert.web.configuration import Configuration
from mentorcert.web.sign_in import local_path
from tests.support.registry import Organisation
from tests.web.auth_server import SIGNING_IN, AuthServer
from tests.web.conftest import Site, post
from tests.web.signing_in import EMAIL, sign_in


@pytest.fixture
def configuration(configuration: Configuration, supabase: AuthServer) -> Configuration:
    """The pages, into which that server signs people in."""
    return replace(configuration, auth=supabase.auth)


EVIL = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "https://evil.example",
    "HTTPS:evil.example",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/x\r\nSet-Cookie: mentorcert-access=evil",
    "/x\0",
    "evil.example",
    "@evil.example",
    "/./\\evil.example",
    "//[",
    "http://[",
    "//evil.example\uff0f",
    "",
)


@pytest.mark.parametrize("target", EVIL, ids=repr)
def test_nobody_is_sent_elsewhere(
    site: Site, supabase: AuthServer, organisation: Organisation, target: str
) -> None:
    assert local_path(target) == "/"
    supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin)]
    client = site.client()
    page = client.get("/sign-in", params={"next": target})
    assert 'name="next" value="/"' in page.text
    for answer in (
        sign_in(client, target),
        post(client, "/language", {"language": "nb", "back": target}),
        _follow_link(client, target),
    ):
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "evil" not in str(answer.headers)


@pytest.mark.parametrize(
    "target", ["/", "/me", "/mentors?search=%C3%85se&page=//x", "/a//b", "/mentors?search=Åse", "/%2F/evil"]
)
def test_back_to_where_one_was(target: str) -> None:
    assert local_path(target) == target


def _follow_link(client: TestClient, target: str) -> Response:
    post(client, "/sign-in/code", {"email": EMAIL})
    return client.get("/sign-in/link", params={"code": "abc", "next": target})
