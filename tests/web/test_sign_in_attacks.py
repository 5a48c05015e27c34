"""What strangers can do to those who sign in, over real HTTP: nothing locks them out, nothing outlives them."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count
from time import monotonic
from uuid import uuid4

import httpx2
import pytest
from pydantic import SecretStr

from mentorcert.db.connection import Connection
from mentorcert.web.configuration import Configuration
from tests.support.processes import DEADLINE_S, Thread
from tests.support.registry import Organisation, rows
from tests.web.auth_server import JWKS, REFUSED, SIGNING_IN, VERIFY, AuthServer
from tests.web.conftest import carried, opened
from tests.web.live import running
from tests.web.signing_in import EMAIL

_GUESSES = 30
_FROM_ONE_ADDRESS = 10


@pytest.fixture
def url(configuration: Configuration, supabase: AuthServer) -> Iterator[str]:
    """The pages, served."""
    with opened(replace(configuration, auth=supabase.auth)) as site, running(site.app) as url:
        yield url


@pytest.fixture
def browsers(url: str) -> Iterator["Browsers"]:
    """Browsers, each at an address of its own."""
    with ExitStack() as stack:
        yield Browsers(url, stack)


class Browsers:
    """Opens browsers at the addresses of the loopback network."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._url = url
        self._stack = stack
        self._hosts = count(2)

    def open(self) -> httpx2.Client:
        transport = httpx2.HTTPTransport(local_address=f"127.0.0.{next(self._hosts)}")
        client = httpx2.Client(
            base_url=self._url, transport=transport, timeout=DEADLINE_S, headers={"accept-language": "en"}
        )
        return self._stack.enter_context(client)


def send(client: httpx2.Client, path: str, page: str = "/sign-in", **data: str) -> int:
    return client.post(path, data={**carried(client.get(page).text), **data}).status_code


def enter(client: httpx2.Client, password: str = "right", email: str = EMAIL) -> int:  # noqa: S107
    return send(client, "/sign-in", email=email, password=password)


def guess(browsers: Browsers, path: str, **data: str) -> set[int]:
    """Guess from as many addresses as it takes until the login is closed to strangers."""
    return {
        send(client, path, email=EMAIL, **data)
        for client in [browsers.open() for _ in range(_GUESSES // _FROM_ONE_ADDRESS)]
        for _ in range(_FROM_ONE_ADDRESS)
    }


def test_guesses_from_everywhere_lock_nobody_out(
    browsers: Browsers, supabase: AuthServer, organisation: Organisation
) -> None:
    own = browsers.open()
    supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin, email=EMAIL, session_id="first")]
    assert enter(own) == 303
    assert send(own, "/sign-out", page="/organisation") == 303

    supabase.answers[SIGNING_IN] = [REFUSED]
    for path, guessed in (("/sign-in", {"password": "wrong"}), ("/sign-in/code/enter", {"code": "123456"})):
        assert guess(browsers, path, **guessed) <= {422, 429}
    signs_in = supabase.signs_in(organisation.admin, email=EMAIL, session_id="second")
    supabase.answers |= {SIGNING_IN: [signs_in], VERIFY: [signs_in]}
    stranger = browsers.open()
    assert enter(stranger) == 429
    assert send(stranger, "/sign-in/code/enter", email=EMAIL, code="123456") == 429
    assert enter(stranger, email="other@example.org") == 303

    # Where the owner has signed in before, nothing has changed.
    assert enter(own, email=EMAIL.upper()) == 303
    # Elsewhere the link in the mail, which cannot be guessed, signs in.
    new = browsers.open()
    assert enter(new) == 429
    assert send(new, "/sign-in/code", email=EMAIL) == 303
    assert new.get("/sign-in/link?code=abc").status_code == 303
    assert new.get("/organisation").status_code == 200


def test_guesses_from_the_own_browser_end_too(
    browsers: Browsers, supabase: AuthServer, organisation: Organisation
) -> None:
    own, other = browsers.open(), browsers.open()
    supabase.answers[SIGNING_IN] = [supabase.signs_in(organisation.admin, email=EMAIL)]
    assert enter(own) == 303
    stolen = own.cookies["mentorcert-browser"]
    supabase.answers[SIGNING_IN] = [REFUSED]
    other.cookies.set("mentorcert-browser", stolen)
    for client, number in ((other, 5), (own, 5)):
        assert {enter(client, "wrong") for _ in range(number)} == {422}
    assert enter(other, "wrong") == 429
    # It says who has signed in here: nobody else.
    assert {enter(other, "wrong", "other@example.org") for _ in range(11)} == {
        422,
        429,
    }
    other.cookies.set("mentorcert-browser", f"{stolen}x")
    assert enter(other, "wrong") == 429


def test_several_processes_count_together(
    configuration: Configuration, supabase: AuthServer, conn: Connection
) -> None:
    """Nor does a restart give more attempts; and what is kept names neither address nor login."""
    for number in (4, 6):
        with opened(replace(configuration, auth=supabase.auth)) as site:
            client = site.client()
            assert {enter(client, "wrong") for _ in range(number)} == {422}
    with opened(replace(configuration, auth=supabase.auth)) as site:
        assert enter(site.client(), "wrong") == 429
        # Another secret, other keys: the digests are no one's to compute.
    kept = [number for (number,) in rows(conn, "select number from mentorcert_private.attempts")]
    assert kept == [10, 10]
    other = replace(
        configuration, auth=supabase.auth, secret=SecretStr("a third secret, as long as the others")
    )
    with opened(other) as site:
        assert enter(site.client(), "wrong") == 422


def test_signing_out_in_an_app_ends_the_session(
    configuration: Configuration, supabase: AuthServer, organisation: Organisation, conn: Connection
) -> None:
    """Which goes to Supabase Auth alone, and not to these pages."""
    conn.execute("create table auth.sessions (id uuid primary key)")
    session, other = uuid4(), uuid4()
    conn.execute("insert into auth.sessions (id) values (%s), (%s)", (session, other))
    with opened(replace(configuration, auth=supabase.auth)) as site:
        client = site.client()
        ask = "/api/v1/certifications"
        ours, others = (
            {"authorization": f"Bearer {supabase.token(organisation.admin, session_id=str(id_))}"}
            for id_ in (session, other)
        )
        assert [client.get(ask, headers=sent).status_code for sent in (ours, others)] == [200, 200]
        conn.execute("delete from auth.sessions where id = %s", (session,))
        answer = client.get(ask, headers=ours)
        assert (answer.status_code, answer.json()["code"]) == (401, "PT401")
        client.cookies.set("mentorcert-access", ours["authorization"].removeprefix("Bearer "))
        assert client.get("/overview").headers["location"].startswith("/sign-in")
        assert client.get(ask, headers=others).status_code == 200


def test_after_signing_out_no_copy_opens_anything(
    configuration: Configuration, supabase: AuthServer, organisation: Organisation, conn: Connection
) -> None:
    """On no page, in no API, and in none of several processes."""
    supabase.answers[SIGNING_IN] = [
        supabase.signs_in(organisation.admin, session_id="one", email=EMAIL),
        supabase.signs_in(organisation.admin, session_id="two", email=EMAIL),
    ]
    served = replace(configuration, auth=supabase.auth)
    with (
        opened(served) as here,
        opened(served) as there,
        running(here.app) as url,
        running(there.app) as other,
    ):
        own, elsewhere, copy = (httpx2.Client(base_url=of, timeout=DEADLINE_S) for of in (url, other, other))
        with own, elsewhere, copy:
            for client in (own, elsewhere):
                assert enter(client) == 303
            copied = own.cookies["mentorcert-access"]
            copy.cookies.set("mentorcert-access", copied)
            bearer = {"authorization": f"Bearer {copied}"}
            assert copy.get("/overview").status_code == 200
            assert copy.get("/api/v1/certifications", headers=bearer).status_code == 200
            form = carried(copy.get("/organisation").text)
            assert send(own, "/sign-out", page="/organisation") == 303

            for path in (
                "/overview",
                "/certifications",
                "/organisation",
                "/",
                "/admin/memberships",
                "/mentors/new",
            ):
                copy.cookies.set("mentorcert-access", copied)
                answer = copy.get(path)
                assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (
                    303,
                    "/sign-in",
                ), path
            answer = copy.get("/api/v1/certifications", headers=bearer)
            assert (answer.status_code, answer.json()["code"]) == (401, "PT401")
            copy.cookies.set("mentorcert-access", copied)
            answer = copy.post("/organisation", data={**form, "organisation_id": str(organisation.id)})
            assert answer.headers["location"] == "/sign-in"
            # The other session of the same login goes on, and the list of those that ended names nobody.
            assert elsewhere.get("/overview").status_code == 200
    [(session,)] = rows(conn, "select session from mentorcert_private.ended_sessions")
    assert len(session) == 32


def test_forged_key_ids_keep_nobody_waiting(
    url: str, supabase: AuthServer, organisation: Organisation
) -> None:
    """While the published keys come slowly, each of the invented ones would hold a thread."""
    good = supabase.token(organisation.admin)
    kid, supabase.kid = supabase.kid, "invented"
    forged = supabase.token(organisation.admin)
    supabase.kid = kid
    with httpx2.Client(base_url=url, timeout=DEADLINE_S) as client:
        ask = "/api/v1/certifications"
        assert client.get(ask, headers={"authorization": f"Bearer {good}"}).status_code == 200
        supabase.ready.clear()

        def forge() -> None:
            httpx2.get(f"{url}{ask}", headers={"authorization": f"Bearer {forged}"}, timeout=DEADLINE_S)

        forgers = [Thread(forge) for _ in range(60)]
        for forger in forgers:
            forger.start()
        started = monotonic()
        statuses = {
            client.get(ask, headers={"authorization": f"Bearer {good}"}).status_code for _ in range(10)
        }
        assert (statuses, monotonic() - started < DEADLINE_S / 10) == ({200}, True)
        supabase.ready.set()
        for forger in forgers:
            forger.join()
    assert supabase.number_of(JWKS) <= 2
