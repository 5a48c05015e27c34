"""Stepping into the sample people: on the embedded default, on this machine, and nowhere else."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import URL
from pydantic import SecretStr

from mentorcert.db.connection import Connection
from mentorcert.errors import SettingError
from mentorcert.organisations import sample_people
from mentorcert.organisations.sample_people import Person
from mentorcert.settings import Settings
from mentorcert.web import serving
from mentorcert.web.configuration import Configuration, is_of_this_machine
from tests.support.cases import in_turn
from tests.support.registry import rows, set_up
from tests.web.conftest import Site, opened, post

HERE = "http://127.0.0.1:8000"
EVERYWHERE = str(IPv4Address(0))


@pytest.fixture
def people(conn: Connection) -> list[Person]:
    """The sample people of one of the example organisations."""
    organisation = set_up(conn, "hom")
    for number in range(3):
        mentor = organisation.mentor(str(number))
        for kind in ("basic", "pledge"):
            organisation.certify(mentor, kind)
    return sample_people.ensure(conn)


@pytest.fixture
def preview(configuration: Configuration, people: list[Person]) -> Iterator[Site]:
    """A demonstration."""
    with opened(replace(configuration, is_demonstration=True, public_url=HERE), people) as site:
        yield site


def at(site: Site, url: str = HERE, **headers: str) -> TestClient:
    client = site.client()
    client.base_url = URL(url)
    client.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return client


def test_step_in(preview: Site, people: list[Person]) -> None:
    assert {person.role for person in people} == {"org_admin", "coordinator", "peer_mentor"}
    for person in people:
        client = at(preview)
        assert client.get("/").headers["location"] == "/step-in"
        assert str(person.id) in client.get("/step-in").text
        before = client.cookies["mentorcert-form"]
        answer = post(client, "/step-in", {"person": person.id}, page="/step-in")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert client.cookies["mentorcert-form"] != before
        first = "/me" if person.role == "peer_mentor" else "/overview"
        assert client.get("/").headers["location"] == first
        assert person.email in client.get("/organisation").text


def test_nobody_else(preview: Site, conn: Connection) -> None:
    """Not into real people, who may be in the same database."""
    real = set_up(conn, "real")
    for person in (real.admin, uuid4()):
        assert post(at(preview), "/step-in", {"person": person}, page="/step-in").status_code == 404
    assert post(at(preview), "/step-in", {"person": "x"}, page="/step-in").status_code == 422


def test_same_people_again(conn: Connection, people: list[Person]) -> None:
    before = rows(conn, "select * from mentorcert.memberships order by id")
    assert sample_people.ensure(conn) == people
    assert rows(conn, "select * from mentorcert.memberships order by id") == before


@in_turn("url", ["http://localhost", "http://localhost:8000", HERE, "http://[::1]:8000"])
def test_by_the_names_of_this_machine(preview: Site, url: str) -> None:
    assert at(preview, url).get("/step-in").status_code == 200


@in_turn(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil_name.example",
        "192.168.1.7:8000",
        "0.0.0.0:8000",
        "[2001:db8::1]",
        "127.0.0.1@evil.example",
        "evil.example\\@127.0.0.1",
        "[",
        "",
    ],
)
def test_by_another_name(preview: Site, people: list[Person], host: str) -> None:
    """A name that leads here because somebody's DNS says so (rebinding)."""
    client = at(preview)
    client.get("/step-in")
    client.headers["host"] = host
    for path in ("/step-in", "/", "/sign-in", "/organisation"):
        assert client.get(path).status_code == 403
    data = {"person": str(people[0].id)}
    assert client.post("/step-in", data=data).status_code == 403
    assert "mentorcert-access" not in client.cookies


def test_behind_a_proxy(preview: Site) -> None:
    """What is forwarded comes from elsewhere, whatever it says."""
    assert at(preview).get("/step-in").status_code == 200
    for name in (
        "Via", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "X-Client-IP",
        "X-Original-Forwarded-For", "True-Client-IP", "CF-Connecting-IP", "CF-Ray", "CDN-Loop", "Fastly-Client-IP",
        "X-Cluster-Client-IP", "X-Envoy-External-Address",
    ):  # fmt: skip
        assert at(preview).get("/step-in", headers={name: "127.0.0.1"}).status_code == 403, name


def test_not_against_another_database(configuration: Configuration, people: list[Person]) -> None:
    """The pages do not exist there, not even for who knows the sample people."""
    with opened(configuration, people) as site:
        client = site.client()
        assert client.get("/step-in").status_code == 404
        answer = post(client, "/step-in", {"person": people[0].id})
        assert (answer.status_code, "mentorcert-access" in client.cookies) == (404, False)
        assert client.get("/").headers["location"] == "/sign-in"


SETTINGS = Settings(
    DATABASE_URL=SecretStr("postgresql://mentorcert_web@db.example/postgres"),
    SUPABASE_URL="https://project.supabase.co/",
    MENTORCERT_WEB_SECRET=SecretStr("x" * 32),
    MENTORCERT_PUBLIC_URL="https://register.example.org",
)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of this machine only."""
    with serving.listen("127.0.0.1", 0) as listening:
        yield listening


def test_another_database_is_no_demonstration(listener: socket.socket) -> None:
    configured = serving.configure(SETTINGS, listener, is_embedded=False)
    assert not configured.is_demonstration
    assert configured.is_secure
    assert configured.auth.issuer == "https://project.supabase.co/auth/v1"


@pytest.mark.parametrize("host", [EVERYWHERE, "", "::"])
def test_samples_are_not_shown_to_the_world(host: str, tmp_path: Path) -> None:
    """The embedded database is not even started."""
    of = Settings(MENTORCERT_HOME=tmp_path / "home")
    with serving.listen(host, 0) as listener, pytest.raises(SettingError, match="this machine only"):
        serving.configure(of, listener, is_embedded=True)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ({"database_url": None}, "DATABASE_URL"),
        ({"supabase_url": None}, "SUPABASE_URL"),
        ({"web_secret": None}, "MENTORCERT_WEB_SECRET"),
    ],
)
def test_what_lacks_is_named(listener: socket.socket, missing: dict[str, None], name: str) -> None:
    with pytest.raises(SettingError, match=f"The pages need {name}."):
        serving.configure(SETTINGS.model_copy(update=missing), listener, is_embedded=False)


def test_sessions_go_by_tls(listener: socket.socket) -> None:
    """Without it for this machine only, as while one tries it out."""
    for url, is_taken in (
        ("http://register.example.org", False),
        ("http://10.0.0.7:8000", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost:8000", True),
        ("https://register.example.org", True),
        (None, True),
    ):
        of = SETTINGS.model_copy(update={"public_url": url})
        if is_taken:
            serving.configure(of, listener, is_embedded=False)
        else:
            with pytest.raises(SettingError, match="could be read on their way"):
                serving.configure(of, listener, is_embedded=False)
    without = SETTINGS.model_copy(update={"public_url": None})
    with serving.listen(EVERYWHERE, 0) as open_to_all, pytest.raises(SettingError):
        serving.configure(without, open_to_all, is_embedded=False)


def test_addresses_of_this_machine() -> None:
    for url in ("http://localhost", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]"):
        assert is_of_this_machine(url)
    for url in ("http://0.0.0.0", "http://[::]", "http://10.0.0.1", "http://", "", "localhost", "http://["):
        assert not is_of_this_machine(url)
