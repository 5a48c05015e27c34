"""What every answer says beside its page, and what the log says of every request."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.testclient import TestClient
from httpx2 import Response

from mentorcert import logs
from mentorcert.db.connection import Connection
from mentorcert.web.configuration import Configuration
from mentorcert.web.context import OptionalUser
from mentorcert.web.middleware import BODY_LIMIT
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch
from tests.web.auth_server import SIGNING_IN, Answer, answering
from tests.web.conftest import Site, form_token, opened, post

Ask = Callable[[TestClient], Response]

ANSWERS: dict[str, tuple[int, Ask]] = {
    "page": (200, lambda client: client.get("/sign-in")),
    "member's page": (200, lambda client: client.get("/organisation")),
    "text": (200, lambda client: client.get("/healthz")),
    "style sheet": (200, lambda client: client.get("/static/pages.css")),
    "style sheet kept": (
        304,
        lambda client: client.get(
            "/static/pages.css",
            headers={"if-none-match": client.get("/static/pages.css").headers["etag"]},
        ),
    ),
    "redirect": (303, lambda client: client.get("/")),
    "no page": (404, lambda client: client.get("/nowhere")),
    "no file": (404, lambda client: client.get("/static/../application.py")),
    "no file above": (404, lambda client: client.get("/static/%2e%2e/application.py")),
    "other method": (405, lambda client: client.put("/sign-in")),
    "other method for a file": (405, lambda client: client.post("/static/pages.css")),
    "forged": (403, lambda client: client.post("/sign-out")),
    "invalid": (422, lambda client: client.get("/sign-in", params={"next": "x" * 2001})),
    "invalid form": (422, lambda client: post(client, "/language", {"language": "ru"})),
    "no form at all": (
        400,
        lambda client: client.post(
            "/language", content=b"x", headers={"content-type": "multipart/form-data; boundary=y"}
        ),
    ),
    "too large": (413, lambda client: client.post("/sign-in", data={"x": "x" * BODY_LIMIT})),
    "broken": (500, lambda client: client.get("/broken")),
    "API": (404, lambda client: client.get("/api/v1/nothing")),
}


def break_down(context: OptionalUser) -> None:
    context.cookies["language"] = "en"
    raise RuntimeError("kari@example.org")


@in_turn("public_url", ["https://register.example.org", "http://pages.test"])
@in_turn("kind", ANSWERS)
def test_headers(
    configuration: Configuration, organisation: Organisation, kind: str, public_url: str
) -> None:
    is_secure = public_url.startswith("https")
    with opened(replace(configuration, public_url=public_url)) as site:
        site.app.get("/broken")(break_down)
        client = site.client(organisation.admin)
        client.base_url = client.base_url.copy_with(scheme=public_url.partition(":")[0])
        client.cookies.set("__Host-access", client.cookies["mentorcert-access"])
        status, ask = ANSWERS[kind]
        answer = ask(client)
    assert answer.status_code == status
    headers = answer.headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "geolocation=()" in headers["permissions-policy"]
    assert headers["x-request-id"]
    assert ("strict-transport-security" in headers) == is_secure
    assert "server" not in headers
    assert headers["cache-control"] in ({"no-store"} if "sheet" not in kind else KEPT)
    for name in {name.lower() for name in headers} - {"set-cookie"}:
        assert len(headers.get_list(name)) == 1


KEPT = {"public, no-cache"}


def test_no_cache_keeps_a_cookie(site: Site) -> None:
    """Not even where a page believes that it is the same for everybody."""

    def shared() -> HTMLResponse:
        return HTMLResponse("all the same", headers={"Cache-Control": "public, max-age=60"})

    def not_shared(context: OptionalUser) -> HTMLResponse:
        context.cookies["language"] = "en"
        return shared()

    site.app.get("/shared")(shared)
    site.app.get("/not-shared")(not_shared)
    assert site.client().get("/shared").headers["cache-control"] == "public, max-age=60"
    answer = site.client().get("/not-shared")
    assert answer.text == "all the same"
    assert answer.headers["cache-control"] == "no-store"
    assert "mentorcert-language=en" in answer.headers["set-cookie"]


@pytest.mark.parametrize("given", ["abcdefgh", "0af7651916cd43dd8448eb211c80319c", "x.y_z-1234"])
def test_request_id_of_who_asks(site: Site, given: str) -> None:
    assert site.client().get("/sign-in", headers={"x-request-id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "with space", "x" * 101, "<script>alert(1)</script>", "æøåæøåæøå"]
)
def test_request_id_that_is_none(site: Site, given: str) -> None:
    headers = {b"x-request-id": given.encode()}
    ids = {site.client().get("/nowhere", headers=headers).headers["x-request-id"] for _ in range(2)}
    assert len(ids) == 2
    assert all(len(id_) == 32 for id_ in ids)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The lines of the log, as they are written."""
    logs.configure("DEBUG")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_log_and_answer_share_an_id(
    site: Site, conn: Connection, organisation: Organisation, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = site.client(organisation.admin).get("/organisation?search=secret")
    [line] = lines()
    assert (
        line.items()
        >= {
            "event": "http_request",
            "level": "info",
            "method": "GET",
            "route": "/organisation",
            "status": 200,
            "request_id": answer.headers["x-request-id"],
        }.items()
    )
    logged = fetch(conn, "select request_id from mentorcert_private.access_log")
    assert logged == answer.headers["x-request-id"]


def test_failure_is_logged_with_its_kind_alone(site: Site, lines: Callable[[], list[dict[str, Any]]]) -> None:
    site.app.get("/broken")(break_down)
    answer = site.client().get("/broken")
    failed, asked = lines()
    assert (failed["event"], failed["error"], failed["level"]) == ("request_failed", "RuntimeError", "error")
    assert (asked["event"], asked["status"], asked["level"]) == ("http_request", 500, "error")
    assert {failed["request_id"], asked["request_id"]} == {answer.headers["x-request-id"]}
    assert answer.headers["x-request-id"] in answer.text
    assert "kari" not in answer.text + json.dumps([failed, asked])


def test_answer_that_breaks_off_is_logged(site: Site, lines: Callable[[], list[dict[str, Any]]]) -> None:
    def stream() -> StreamingResponse:
        def parts() -> Any:
            yield "half"
            raise RuntimeError("kari@example.org")

        return StreamingResponse(parts())

    site.app.get("/stream")(stream)
    site.client().get("/stream")
    failed, _ = lines()
    assert (failed["event"], failed["error"], failed["status"]) == ("request_failed", "RuntimeError", 200)


SECRETS = (
    "kari.nordmann",
    "Hemmelig-passord",
    "123456789",
    "code-of-the-link",
    "search-for-ola",
    "planted-id",
)


def test_log_holds_nothing_of_anybody(
    configuration: Configuration,
    organisation: Organisation,
    lines: Callable[[], list[dict[str, Any]]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not of who signs in, nor of the session, whatever is answered; not in other loggers either."""
    caplog.set_level(logging.INFO)
    email, password, number, link, search, _ = SECRETS
    with answering() as supabase, opened(replace(configuration, auth=supabase.auth)) as site:
        client = site.client()
        for answer in (Answer(400, {}), Answer(500, {}), supabase.signs_in(organisation.admin)):
            supabase.answers[SIGNING_IN] = [answer]
            post(client, "/sign-in", {"email": f"{email}@example.org", "password": password})
        post(client, "/sign-in/code", {"email": f"{email}@example.org"}, page="/organisation")
        entered = {"email": f"{email}@example.org", "code": number}
        post(client, "/sign-in/code/enter", entered, page="/organisation")
        client.get("/sign-in/link", params={"code": link, "next": f"/me?search={search}"})
        client.get(f"/organisation?search={search}", headers={"x-request-id": SECRETS[5] + " "})
        client.get(f"/{search}")
        client.post("/sign-out", data={"form": "x", "email": email})
        held = [*client.cookies.values(), form_token(client.get("/organisation").text)]
        post(client, "/sign-out", page="/organisation")
    # The browser of the tests logs too.
    every = [line for line in lines() if "logger" not in line]
    assert len(every) > 10
    assert {"request_id"} <= set.intersection(*(set(line) for line in every))
    messages = [record.getMessage() for record in caplog.records if record.name != "httpx2"]
    text = json.dumps([every, messages])
    for secret in (*SECRETS, *held, configuration.secret.get_secret_value()):
        assert secret not in text
