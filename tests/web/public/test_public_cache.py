"""The process keeps the public list for a moment: for everybody alike, and never beyond what the answer allows."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from mentorcert.db.connection import Connection
from mentorcert.web import public_cache
from mentorcert.web.configuration import Configuration
from tests.support.registry import Organisation, set_up, today
from tests.web.conftest import Site, opened

PATH = "/public/demo"


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the cache."""
    clock = Clock()
    monkeypatch.setattr(public_cache, "monotonic", clock)
    return clock


@pytest.fixture
def caching(configuration: Configuration, clock: Clock) -> Iterator[Site]:
    """The pages, which keep the public list for ten seconds."""
    assert clock.now
    with opened(replace(configuration, public_cache_s=10.0)) as site:
        yield site


@pytest.fixture
def listed(conn: Connection, organisation: Organisation) -> Organisation:
    """An organisation that lists one person."""
    organisation.certify(organisation.mentor("7"), last_day=today(conn, 100))
    return organisation


def withdraw(organisation: Organisation) -> None:
    organisation.conn.execute("update mentorcert.peer_mentors set listing_consent = false")


def is_shown(client: TestClient, path: str = PATH) -> bool:
    return "Person 7" in client.get(path).text


def test_an_answer_is_sent_again_until_its_moment_is_over(
    caching: Site, listed: Organisation, clock: Clock
) -> None:
    client = caching.client()
    first = client.get(PATH)
    withdraw(listed)
    clock.now += 9.5
    again = client.get(PATH)
    assert again.text == first.text
    assert first.headers["cache-control"] == "public, max-age=60, must-revalidate"
    assert again.headers["cache-control"] == "public, max-age=50, must-revalidate"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    same = ("etag", "vary", "content-language", "content-security-policy", "x-robots-tag", "content-encoding")
    assert [again.headers[name] for name in same] == [first.headers[name] for name in same]
    clock.now += 0.6
    assert not is_shown(client)


def test_the_interface_too(caching: Site, listed: Organisation, clock: Clock) -> None:
    client, path = caching.client(), "/api/v1/public/demo"
    assert is_shown(client, path)
    withdraw(listed)
    assert is_shown(client, path)
    clock.now += 10
    assert not is_shown(client, path)


def test_never_for_longer_than_a_lease(
    conn: Connection, caching: Site, listed: Organisation, clock: Clock
) -> None:
    conn.execute("update public.listed_peer_mentors set listed_until = now() + interval '8.9 seconds'")
    client = caching.client()
    assert client.get(PATH).headers["cache-control"] == "public, max-age=3, must-revalidate"
    withdraw(listed)
    clock.now += 2.9
    assert is_shown(client)
    clock.now += 0.2
    assert not is_shown(client)


def test_who_asks_as_somebody_is_answered_anew(caching: Site, listed: Organisation) -> None:
    client = caching.client()
    assert is_shown(client)
    withdraw(listed)
    assert is_shown(client)
    for headers in ({"cookie": "a=b"}, {"if-none-match": '"x"'}):
        assert "Person 7" not in client.get(PATH, headers=headers).text
    bearer = {"authorization": "Bearer x"}
    assert client.get("/api/v1/public/demo").status_code == 200
    assert client.get("/api/v1/public/demo", headers=bearer).status_code == 401


def test_what_differs_is_kept_apart(caching: Site, listed: Organisation) -> None:
    assert listed.slug == "demo"
    client = caching.client()
    assert "Peer mentors" in client.get(PATH).text
    assert "Likepersoner" in caching.client(language="nb").get(PATH).text
    assert "Person 7" not in client.get(f"{PATH}?q=nobody").text
    plain = client.get(PATH, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert client.head(PATH).text == ""
    assert is_shown(client)


def test_only_what_every_cache_may_keep(caching: Site, conn: Connection) -> None:
    client = caching.client()
    assert client.get(PATH).status_code == 404
    set_up(conn)
    assert client.get(PATH).status_code == 200
