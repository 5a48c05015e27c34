"""Addresses as people share, copy and paste them."""

from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, today
from tests.web.conftest import Site
from tests.web.test_forms import addresses, filled

_TRACKED = "fbclid=IwAR0&utm_source=nyhetsbrev&utm_medium=e-post"


@pytest.fixture
def mentor(organisation: Organisation) -> UUID:
    return organisation.mentor("7")


@pytest.fixture
def certification(conn: Connection, organisation: Organisation, mentor: UUID) -> UUID:
    return organisation.certify(mentor, last_day=today(conn, 5))


@pytest.fixture
def client(site: Site, organisation: Organisation) -> TestClient:
    return site.client(organisation.admin)


def pages(site: Site, *keys: object) -> list[str]:
    """Return every address that is read, with each of the keys where it has a place for one."""
    # What polls or streams is asked as any other.
    return [
        filled(template, key)
        for template in addresses(site.app, safe=True)
        for key in (keys if "{" in template else keys[:1])
    ]


def test_tracking_is_ignored_on_every_page(
    site: Site, client: TestClient, mentor: UUID, certification: UUID
) -> None:
    asked = pages(site, mentor, certification, "demo")
    for path in asked:
        answers = [
            browser.get(f"{path}{tail}")
            for browser in (client, site.client())
            for tail in ("", f"?{_TRACKED}")
        ]
        statuses = [answer.status_code for answer in answers]
        assert (statuses[0], statuses[2]) == (statuses[1], statuses[3]), path
    assert client.get(f"/mentors?q=Person&{_TRACKED}").text.count("Person 7") > 0


def test_the_api_stays_strict(site: Site, organisation: Organisation) -> None:
    assert site.client().get(f"/api/v1/public/demo/peer-mentors?{_TRACKED}").status_code in {404, 422}


def test_head_is_answered_wherever_get_is(
    site: Site, client: TestClient, mentor: UUID, certification: UUID
) -> None:
    for path in [*pages(site, mentor, certification, "demo"), "/static/pages.css", "/api/v1/openapi.json"]:
        for browser in (client, site.client()):
            got, head = browser.get(path), browser.head(path)
            assert head.status_code == got.status_code, path
            assert head.content == b"", path
            assert head.headers.get("content-type") == got.headers.get("content-type"), path
            if "csrf" not in got.text and got.status_code in {200, 404} and "form" not in got.text:
                assert head.headers.get("content-length") == got.headers.get("content-length"), path
    assert site.client().head("/sign-out").status_code == 405
    assert site.client().put("/sign-in").headers["allow"] in {"GET, HEAD", "POST"}


@pytest.mark.parametrize("slashes", ["/", "//"])
def test_a_final_slash_leads_to_the_page(site: Site, organisation: Organisation, slashes: str) -> None:
    client = site.client()
    for path in ("/public/demo", "/sign-in", f"/check/{uuid4()}", "/healthz"):
        for method in (client.get, client.head):
            answer = method(f"{path}{slashes}?chapter=Oslo")
            assert (answer.status_code, answer.headers["location"]) == (308, f"{path}?chapter=Oslo")
    hosts = ("http://pages.test//example.org/", "/%2F%2Fexample.org/", "/\\example.org/")
    for path in ("/nowhere/", "/public/demo/x/", *hosts):
        answer = client.get(path)
        assert answer.status_code == 404, path
    assert client.post("/sign-in/", data={}).status_code in {403, 404}
    assert client.get("/api/v1/certifications/").status_code == 404


def test_a_slug_in_capitals(site: Site, organisation: Organisation) -> None:
    client = site.client()
    answer = client.get(f"/public/DeMo?{_TRACKED}")
    assert (answer.status_code, answer.headers["location"]) == (308, f"/public/demo?{_TRACKED}")
    assert "set-cookie" not in answer.headers
    assert client.get("/public/NOWHERE").status_code == 404
    assert client.get("/public/DEMO/").headers["location"] == "/public/DEMO"


def test_codes_as_they_are_copied(site: Site, certification: UUID) -> None:
    code = str(certification)
    written = [
        f" {code} ", f"{code}.", f"({code})", f"{code},", code.replace("-", " "), code.replace("-", ""),
        f"\u200b{code}\u200b", code[:9] + "\u200b" + code[9:], f"\ufeff{code}", f"{code}\u00a0",
        code.replace("-", "\u2011"), code[:20] + "\u00ad" + code[20:], f"{code}\n", code.replace("-", ". "),
        code.upper(), "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in code),
    ]  # fmt: skip
    for one in written:
        assert "Valid today" in site.client().get(f"/check/{quote(one)}").text, one
    for wrong in (code[:-1], f"{code}0", code.replace(code[0], "g", 1), f"x{code[1:]}", "", "."):
        assert "Valid today" not in site.client().get(f"/check/{quote(wrong) or '-'}").text, wrong


def test_search_takes_whatever_is_pasted(
    client: TestClient, site: Site, mentor: UUID, certification: UUID
) -> None:
    for pasted in (
        "Person\u00a07",
        " Person\t7\u200b",
        "Person\0 7",
        "Person 👍",
        "%_\\",
        "\ufffd" * 5000,
        "'; --",
        "\x7f",
    ):
        for address in (
            "/mentors?q=",
            "/certifications?q=",
            "/admin/memberships?email=",
            "/admin/audit?actor=",
        ):
            answer = client.get(f"{address}{quote(pasted)}")
            assert answer.status_code == 200, (address, pasted)
            if "7" in pasted and "q=" in address:
                assert "Person 7" in answer.text, (address, pasted)
