"""What is answered where something goes wrong, and that nothing of it is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi import Response
from psycopg.conninfo import conninfo_to_dict
from starlette.exceptions import HTTPException

from mentorcert import errors
from mentorcert.db import rows
from mentorcert.db.connection import Connection, connect
from mentorcert.web.configuration import Configuration
from mentorcert.web.context import CurrentAdministrator, CurrentCoordinator, CurrentMember, OptionalUser
from mentorcert.web.error_handlers import status_of
from mentorcert.web.middleware import BODY_LIMIT
from tests.support.registry import Organisation, fetch, join, set_up
from tests.support.servers import Server
from tests.web.conftest import Site, opened, post

TITLES = {
    401: "Please sign in",
    403: "You may not do this",
    404: "Page not found",
    405: "This page does not work like that",
    409: "Someone else changed this",
    413: "That is too large",
    418: "That did not work",
    422: "Check your answers",
    429: "Too many attempts",
    500: "Something went wrong",
    503: "Temporarily unavailable",
}


def on(site: Site, statement: Callable[[OptionalUser], object], path: str = "/trial") -> None:
    """Add a page, as the areas do, that runs something in its transaction."""

    def page(context: OptionalUser) -> Response:
        statement(context)
        return context.redirect("/done")

    site.app.get(path)(page)
    site.app.post(path)(page)


@pytest.mark.parametrize("status", TITLES)
def test_designed_in_both_languages(site: Site, status: int) -> None:
    def fail(_: OptionalUser) -> None:
        raise HTTPException(status)

    on(site, fail)
    pages = {}
    for language in ("en", "nb"):
        answer = site.client(language=language).get("/trial")
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert answer.headers["content-language"] == language
        assert f'<html lang="{language}">' in answer.text
        assert f"<code>{answer.headers['x-request-id']}</code>" in answer.text
        assert ("retry-after" in answer.headers) == (status in {429, 503})
        pages[language] = answer.text.partition("<h1>")[2].partition("</h1>")[0]
    assert pages["en"] == TITLES[status]
    assert pages["nb"] not in {pages["en"], ""}


def test_from_the_road(site: Site, organisation: Organisation) -> None:
    """Each status as it comes about, not as somebody raises it."""
    client = site.client(organisation.admin)
    for status, answer in (
        (404, client.get("/nowhere")),
        (405, client.delete("/organisation")),
        (413, client.post("/language", data={"x": "x" * BODY_LIMIT})),
        (403, client.post("/language")),
        (422, post(client, "/organisation", {"organisation_id": "x"}, page="/sign-in")),
    ):
        assert (answer.status_code, "<h1>" in answer.text) == (status, True)
    assert "allow" in client.delete("/organisation").headers


MENU = '<nav class="main"'


def test_the_menu_stays_where_the_caller_is_known(site: Site, organisation: Organisation) -> None:
    on(site, lambda _: (_ for _ in ()).throw(errors.DuplicateError()))
    client = site.client(organisation.admin)
    for answer in (
        client.get("/nowhere"),
        client.get(f"/mentors/{uuid4()}"),
        client.get("/trial"),
        client.get("/certifications?sort=nonsense"),
        client.delete("/organisation"),
    ):
        assert answer.status_code >= 400
        assert MENU in answer.text
    for answer in (site.client().get("/nowhere"), site.client(uuid4()).get("/nowhere")):
        assert (answer.status_code, MENU in answer.text) == (404, False)


def test_an_unavailable_page_leads_to_itself(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('organisations', 'test')"
    )
    page = site.client(organisation.admin).get("/certifications?status=active").text.partition("<main")[2]
    assert '<a class="button" href="/certifications?status=active">Try again</a>' in page
    assert 'href="/"' not in page


def test_nobody_signs_in_from_the_sign_in_page(site: Site) -> None:
    assert ">Sign in</a>" not in site.client().get("/sign-in").text
    assert '<a href="/sign-in">Sign in</a>' in site.client().get("/nowhere").text


def test_body_in_pieces_is_measured_too(site: Site) -> None:
    pieces = (b"x" * 100_000 for _ in range(11))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = site.client().post("/language", content=pieces, headers=headers)
    assert answer.status_code == 413


def test_what_was_sent_is_no_html(site: Site) -> None:
    client = site.client()
    evil = '"><script>alert(1)</script>'
    for answer in (
        client.get("/sign-in", params={"next": evil}),
        client.get(f"/{evil}"),
        client.get("/nowhere", params={evil: evil}),
        post(client, "/sign-in/code/enter", {"email": evil, "code": evil}),
        post(client, "/language", {"language": evil, "back": evil}),
    ):
        assert "<script" not in answer.text


ROLES = ("org_admin", "coordinator", "peer_mentor", "nobody", "anonymous")


def test_pages_for_a_role(site: Site, conn: Connection, organisation: Organisation) -> None:
    def member(context: CurrentMember) -> Response:
        return context.redirect("/done")

    def coordinator(context: CurrentCoordinator) -> Response:
        return context.redirect("/done")

    def administrator(context: CurrentAdministrator) -> Response:
        return context.redirect("/done")

    for page in (member, coordinator, administrator):
        site.app.get(f"/{page.__name__}")(page)
    people = {role: uuid4() for role in ROLES[1:4]}
    join(organisation, people["coordinator"], "coordinator", organisation.chapter)
    join(organisation, people["peer_mentor"], "peer_mentor")
    clients = {"org_admin": site.client(organisation.admin), "anonymous": site.client()} | {
        role: site.client(user) for role, user in people.items()
    }
    done, refused = (303, "/done"), (403, None)
    expected = {
        "org_admin": [done, done, done],
        "coordinator": [done, done, refused],
        "peer_mentor": [done, refused, refused],
        "nobody": [(303, "/organisation")] * 3,
        "anonymous": [
            (303, f"/sign-in?next=%2F{page}") for page in ("member", "coordinator", "administrator")
        ],
    }
    for role, client in clients.items():
        answers = [client.get(f"/{page}") for page in ("member", "coordinator", "administrator")]
        assert [(answer.status_code, answer.headers.get("location")) for answer in answers] == expected[role]


def test_switched_off(site: Site, conn: Connection, organisation: Organisation) -> None:
    """Every member's page needs the organisation; the page says so, and comes back."""
    client = site.client(organisation.admin)
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('organisations', 'test')"
    )
    for path in ("/", "/organisation"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "300")
        assert "switched off" in answer.text
    assert site.client().get("/sign-in").status_code == 200
    conn.execute("delete from mentorcert_private.disabled_endpoints")
    assert client.get("/organisation").status_code == 200


def test_takes_too_long(site: Site, organisation: Organisation) -> None:
    def sleep(context: OptionalUser) -> None:
        context.conn.execute("set local statement_timeout = '20ms'")
        context.conn.execute("select pg_sleep(600)")

    on(site, sleep)
    answer = site.client(organisation.admin).get("/trial")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_role_of_the_pages_has_a_time_limit(site: Site) -> None:
    with site.app.state.services.pool.connection() as conn:
        assert conn.execute("show statement_timeout").fetchone() == ("15s",)


FAULTS: dict[str, tuple[Exception, int]] = {
    "unforeseen": (RuntimeError("kari@example.org"), 500),
    "of the database": (psycopg.ProgrammingError("kari@example.org"), 500),
    "a rule": (errors.ReasonRequiredError(), 422),
    "missing": (errors.MissingRightError(), 404),
    "beaten": (errors.ConflictError(), 503),
    "page": (HTTPException(404), 404),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_what_fails_is_undone(site: Site, conn: Connection, organisation: Organisation, kind: str) -> None:
    error, status = FAULTS[kind]

    def rename(context: OptionalUser) -> None:
        context.conn.execute("update mentorcert.organisations set name = 'Changed'")
        raise error

    on(site, rename)
    client = site.client(organisation.admin)
    answer = post(client, "/trial")
    assert answer.status_code == status
    assert "kari" not in answer.text
    assert fetch(conn, "select name from mentorcert.organisations") == "Organisation demo"
    assert fetch(conn, "select count(*) from mentorcert_private.access_log") == 0
    on(
        site,
        lambda context: context.conn.execute("update mentorcert.organisations set name = 'Changed'"),
        "/good",
    )
    assert post(client, "/good").headers["location"] == "/done"
    assert fetch(conn, "select name from mentorcert.organisations") == "Changed"


def test_rows_that_the_database_does_not_show_are_not_sent(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    """As a function with other rights might return them: the log refuses the entry, and with it the answer."""
    other = set_up(conn, "other")

    @dataclass
    class Row:
        organisation_id: UUID
        name: str

    def leak(context: OptionalUser) -> None:
        query = "select %(id)s::uuid as organisation_id, 'Kari Nordmann' as name"
        rows.fetch_all(context.conn, Row, query, id=leaked)

    on(site, leak)
    client = site.client(organisation.admin)
    leaked = organisation.id
    assert client.get("/trial").status_code == 303
    leaked = other.id
    answer = client.get("/trial")
    assert (answer.status_code, "location" in answer.headers, "Kari" in answer.text) == (500, False, False)
    assert fetch(conn, "select count(*) from mentorcert_private.access_log") == 1


def test_an_error_that_nobody_reads_keeps_its_kind(site: Site, organisation: Organisation) -> None:
    """The access log's entry is sent last, and its answer comes with the end of the pipeline."""
    on(site, lambda context: rows.send(context.conn, "set transaction read only"))
    answer = site.client(organisation.admin).get("/trial")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "The database takes no changes just now." in answer.text


def test_swallowed_error_is_no_success(site: Site, conn: Connection, organisation: Organisation) -> None:
    def swallow(context: OptionalUser) -> None:
        context.conn.execute("update mentorcert.organisations set name = 'Changed'")
        with pytest.raises(psycopg.Error):
            context.conn.execute("select 1 / 0").fetchone()

    on(site, swallow)
    assert post(site.client(organisation.admin), "/trial").status_code >= 400
    assert fetch(conn, "select name from mentorcert.organisations") == "Organisation demo"


def test_what_fails_at_the_commit_is_no_success(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    """The answer waits for the commit, at which deferred rules are looked at."""
    conn.execute(
        "create function public.refuse() returns trigger language plpgsql as"
        " $$ begin raise exception using errcode = 'MC004', message = 'too late'; end $$"
    )
    conn.execute(
        "create constraint trigger refuse after update on mentorcert.organisations"
        " deferrable initially deferred for each row execute function public.refuse()"
    )
    on(site, lambda context: context.conn.execute("update mentorcert.organisations set name = 'Changed'"))
    answer = post(site.client(organisation.admin), "/trial")
    assert (answer.status_code, "location" in answer.headers) == (422, False)
    assert fetch(conn, "select name from mentorcert.organisations") == "Organisation demo"


def test_database_away_and_back(
    configuration: Configuration,
    conn: Connection,
    organisation: Organisation,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, 503; with it again, everything; also for connections that the outage broke."""
    name = conninfo_to_dict(configuration.database_url)["dbname"]
    with opened(configuration) as site, connect(server.url, autocommit=True) as other:
        client = site.client(organisation.admin)
        assert client.get("/organisation").status_code == 200
        conn.close()
        other.execute(f'alter database "{name}" allow_connections false'.encode())
        other.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        assert site.app.state.services.pool.timeout <= 5, "a reader waits for seconds only"
        monkeypatch.setattr(site.app.state.services.pool, "timeout", 0.2)
        answer = client.get("/organisation")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert client.get("/healthz").status_code == 200
        other.execute(f'alter database "{name}" allow_connections true'.encode())
        monkeypatch.setattr(site.app.state.services.pool, "timeout", 30)
        assert client.get("/organisation").status_code == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ConflictError(), 503),
        (errors.LockTimeoutError(), 503),
        (errors.DuplicateError(), 409),
        (errors.StatementTimeoutError(code="57014"), 503),
        (errors.DiskFullError(code="53100"), 503),
        (errors.ReadOnlyServerError(code="25006"), 503),
        (errors.NoConnectionLeftError(code="53300"), 503),
        (errors.from_postgres(psycopg.OperationalError()), 503),
        (errors.from_postgres(psycopg.DataError("a NUL")), 422),
        (errors.MissingRightError(), 404),
        (errors.NotMigratedError(), 500),
        (errors.BusyError(), 503),
        (errors.InvalidCursorError(), 422),
        (errors.CsrfError(), 403),
        (errors.ExpiredTokenError(), 401),
        (errors.LastAdministratorError(), 422),
        (errors.SettingError(), 422),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_status_of_an_error(error: errors.MentorcertError, status: int) -> None:
    assert status_of(error) == status


def test_nul_is_no_text(site: Site, organisation: Organisation) -> None:
    on(site, lambda context: context.conn.execute("select %s", (context.request.query_params["text"],)))
    client = site.client(organisation.admin)
    assert client.get("/trial", params={"text": "a\0b"}).status_code == 422
    assert client.get("/trial", params={"text": "ab"}).status_code == 303


def test_a_stored_value_that_cannot_be_read_is_not_the_readers_fault(
    site: Site, conn: Connection, organisation: Organisation
) -> None:
    for check in ("in_calendar", "valid"):
        conn.execute(
            f"alter table mentorcert.memberships drop constraint memberships_ended_at_{check}".encode()
        )
    join(organisation, uuid4(), "coordinator", organisation.chapter)
    conn.execute("update mentorcert.memberships set ended_at = 'infinity' where role = 'coordinator'")
    answer = site.client(organisation.admin).get("/admin/memberships?state=all")
    assert answer.status_code == 500
    assert "A value in the registry cannot be read." in answer.text
    assert "infinity" not in answer.text
