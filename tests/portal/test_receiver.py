"""The inbound endpoint over real HTTP: authentication, what is stored, and the answer to any input."""

import http.client
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx2
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from standardwebhooks import Webhook

from mentorcert.db.connection import Connection, pool
from mentorcert.errors import SecretUnreadableError
from mentorcert.portal.contract import signature
from mentorcert.portal.inbound import receiver
from tests.portal.connections import served
from tests.portal.inbound import inbound, withdrawn
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, fetch, rows, set_up

SECRETS = {
    "INBOUND_CODE": "code-that-must-not-show",
    "INBOUND_HEADER": "header-that-must-not-show",
    "INBOUND_QUERY": "query-that-must-not-show",
    "INBOUND_KEY": "whsec_bWVudG9yY2VydC1pbmJvdW5kLXRlc3Qta2V5LW9uZQ==",
    "INBOUND_KEY_BEFORE": "whsec_bWVudG9yY2VydC1pbmJvdW5kLXRlc3Qta2V5LXR3bw==",
}
CODE = {"code": SECRETS["INBOUND_CODE"]}
PATH = "/webhooks/dynamics/demo"


def secret(name: str) -> dict[str, str]:
    return {"secret": f"env:{name}", "expires": "never"}


AUTH = [
    {"method": "code", "value": secret("INBOUND_CODE")},
    {"method": "header", "name": "X-Portal-Key", "value": secret("INBOUND_HEADER")},
    {"method": "query", "parameters": {"user": secret("INBOUND_QUERY"), "word": secret("INBOUND_CODE")}},
    {"method": "hmac", "keys": [secret("INBOUND_KEY"), secret("INBOUND_KEY_BEFORE")]},
]


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with caplog.at_level(logging.DEBUG, "mentorcert"), caplog.at_level(logging.DEBUG, "uvicorn.error"):
        yield
    logged = "\n".join(logging.Formatter().format(record) for record in caplog.get_records("call"))
    assert not [name for name, value in SECRETS.items() if value in logged]


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    return set_up(conn)


@contextmanager
def receiving(url: str, **more: Any) -> Iterator[httpx2.Client]:
    with pool(url) as lent:
        app = receiver.application({"demo": inbound(auth=AUTH, **more)}, partial(lent.connection, 10.0))
        with served(app) as at_url, httpx2.Client(base_url=at_url, trust_env=False, timeout=60) as client:
            yield client


@pytest.fixture
def client(database: str, organisation: Organisation) -> Iterator[httpx2.Client]:
    with receiving(database) as lent:
        yield lent


def stored(conn: Connection) -> list[tuple[bytes, str, bool, int]]:
    found: list[Any] = rows(
        conn, "select body, message_id, stripped, duplicates from mentorcert_portal.inbox order by id"
    )
    return found


def signed(
    body: bytes, *, key: str = "INBOUND_KEY", message_id: str = "msg_1", late_s: int = 0
) -> dict[str, str]:
    at_ = datetime.now(UTC) - timedelta(seconds=late_s)
    return signature.headers(message_id, body, [signature.key(SECRETS[key])], at_)


def test_each_way_in(conn: Connection, client: httpx2.Client) -> None:
    ways: list[tuple[dict[str, str], dict[str, str]]] = [
        (CODE, {}),
        ({}, {"X-Portal-Key": SECRETS["INBOUND_HEADER"]}),
        ({}, {"x-portal-key": SECRETS["INBOUND_HEADER"], "webhook-id": "unsigned"}),
        ({"user": SECRETS["INBOUND_QUERY"], "word": SECRETS["INBOUND_CODE"]}, {}),
        ({"code": "wrong"}, {"X-Portal-Key": SECRETS["INBOUND_HEADER"]}),
    ]
    bodies = [f'{{"way": {number}}}'.encode() for number in range(len(ways) + 2)]
    ways += [
        ({}, signed(bodies[-2], message_id="msg_1")),
        ({}, signed(bodies[-1], message_id="msg_2", key="INBOUND_KEY_BEFORE")),
    ]
    for body, (query, headers) in zip(bodies, ways, strict=True):
        answer = client.post(PATH, params=query, headers=headers, content=body)
        assert (answer.status_code, answer.json().get("duplicate")) == (202, False), (query, [*headers])
    assert [row[0] for row in stored(conn)] == bodies


def test_nobody_else(conn: Connection, client: httpx2.Client) -> None:
    ways: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({}, {}),
        ({"code": ""}, {}),
        ({"code": "wrong"}, {}),
        ({"code": SECRETS["INBOUND_CODE"] + "x"}, {}),
        ({"code": "æ"}, {}),
        ({}, {"X-Portal-Key": "wrong"}),
        ({}, {"X-Portal-Key": b"\xe6\xff"}),
        ({"user": SECRETS["INBOUND_QUERY"]}, {}),
        ({"user": SECRETS["INBOUND_QUERY"], "word": "wrong"}, {}),
    ]
    for query, headers in ways:
        answer = client.post(PATH, params=query, headers=headers, content=b"{}")
        assert answer.status_code == 401, (query, headers)
    assert stored(conn) == []


BAD_SIGNATURES: list[dict[str, Any]] = [
    *({"drop": name} for name in ("webhook-id", "webhook-timestamp", "webhook-signature")),
    *(
        {"webhook-signature": value}
        for value in (
            *("", "v1", "v1,", "v1,!!", "v2,abc", "v1," + "A" * 44, "v1,\xe6", "v1, v1"),
            "v1,a " * 200 + "v1,b",
        )
    ),
    *(
        {"webhook-timestamp": value}
        for value in ("", "now", "-1", "1e9", "0", "999999999999", "9" * 30, "٣", "1.5")
    ),
    {"webhook-id": "another"},
    {"webhook-id": ""},
    {"late_s": 301},
    {"late_s": -301},
    {"body": b"{ }"},
]


def test_a_bad_signature_is_401_and_never_500(conn: Connection, client: httpx2.Client) -> None:
    for harm in BAD_SIGNATURES:
        headers: dict[str, Any] = dict(signed(b"{}", late_s=harm.get("late_s", 0)))
        headers.pop(harm.get("drop", ""), None)
        headers |= {name: value.encode() for name, value in harm.items() if name.startswith("webhook-")}
        answer = client.post(PATH, headers=headers, content=harm.get("body", b"{}"))
        assert answer.status_code == 401, harm
    assert stored(conn) == []


def test_the_library_of_standard_webhooks_signs_as_we_verify(conn: Connection, client: httpx2.Client) -> None:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_9",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(SECRETS["INBOUND_KEY"]).sign("msg_9", now, '{"a": 1}'),
    }
    assert client.post(PATH, headers=headers, content=b'{"a": 1}').status_code == 202
    assert stored(conn) == [(b'{"a": 1}', "msg_9", False, 0)]


@pytest.mark.parametrize("size", [256, 8000])
def test_an_id_that_is_too_long_is_no_fault_of_ours(
    conn: Connection, client: httpx2.Client, size: int
) -> None:
    assert client.post(PATH, content=b"{}", headers=signed(b"{}", message_id="x" * size)).status_code == 401


def test_a_message_that_comes_again_is_a_duplicate(conn: Connection, client: httpx2.Client) -> None:
    answers = [client.post(PATH, headers=signed(b"{}"), content=b"{}") for _ in range(3)]
    answers += [client.post(PATH, params=CODE, content=withdrawn_once()) for _ in range(2)]
    assert [(one.status_code, one.json()["duplicate"]) for one in answers] == [
        (202, False), (202, True), (202, True), (202, False), (202, True),
    ]  # fmt: skip
    assert [row[3] for row in stored(conn)] == [2, 1]


def withdrawn_once(body: bytes = withdrawn()) -> bytes:
    return body


def test_another_organisation_s_secret_opens_nothing(conn: Connection, database: str) -> None:
    set_up(conn, "demo")
    set_up(conn, "other")
    theirs = inbound(auth=[{"method": "code", "value": secret("INBOUND_QUERY")}])
    connections = {"demo": inbound(auth=AUTH), "other": theirs}
    with (
        pool(make_conninfo(database, user="mentorcert_receiver")) as lent,
        served(receiver.application(connections, lent.connection)) as url,
    ):
        for slug, status in (
            ("demo", 202),
            ("other", 401),
            ("nowhere", 401),
            ("Demo", 401),
            ("..%2fdemo", 404),
        ):
            answer = httpx2.post(
                f"{url}/webhooks/dynamics/{slug}",
                params=CODE,
                content=b"{}",
                trust_env=False,
                timeout=DEADLINE_S,
            )
            assert answer.status_code == status, slug
    assert len(stored(conn)) == 1


def test_malformed_json_is_stored_and_answered(conn: Connection, client: httpx2.Client) -> None:
    for body in (b"", b"{", b"\x00\xff", b"[" * 100_000):
        assert client.post(PATH, params=CODE, content=body).status_code == 202
    assert len(stored(conn)) == 4


def test_a_stripped_message_is_known_by_its_header(conn: Connection, client: httpx2.Client) -> None:
    client.post(PATH, params=CODE, content=b"{}", headers={"x-ms-dynamics-msg-size-exceeded": "true"})
    assert [row[2] for row in stored(conn)] == [True]


def test_only_headers_that_authenticate_nobody_are_kept(conn: Connection, client: httpx2.Client) -> None:
    headers = {
        "X-Portal-Key": SECRETS["INBOUND_HEADER"], "Authorization": "Bearer x", "Cookie": "y",
        "x-ms-dynamics-entity-name": "contact", "x-ms-correlation-request-id": "1",
    }  # fmt: skip
    client.post(PATH, headers=headers | signed(b"{}"), content=b"{}")
    kept = fetch(conn, "select headers from mentorcert_portal.inbox")
    assert kept.keys() == {
        "x-ms-dynamics-entity-name", "x-ms-correlation-request-id", "webhook-id", "webhook-timestamp",
    }  # fmt: skip


@pytest.mark.parametrize("by", ["length", "chunks"])
def test_a_body_over_1_mb_is_413(conn: Connection, client: httpx2.Client, by: str) -> None:
    largest = receiver.LARGEST_BODY
    assert client.post(PATH, params=CODE, content=b"x" * largest).status_code == 202
    body: Any = b"x" * (8 * largest) if by == "length" else iter([b"x" * largest, b"x"])
    assert client.post(PATH, params=CODE, content=body).status_code == 413
    assert len(stored(conn)) == 1


def test_without_a_right_to_come_in_no_body_is_read(database: str, organisation: Organisation) -> None:
    only_static = receiver.application({"demo": inbound()}, connect=lambda: pytest.fail("stored"))
    with served(only_static) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.putrequest("POST", PATH)
        connection.putheader("content-length", "1000000000")
        connection.endheaders()
        assert connection.getresponse().status == 401
        connection.close()


def test_a_body_that_breaks_off_is_not_stored(conn: Connection, client: httpx2.Client) -> None:
    address = client.base_url.host, client.base_url.port
    with socket.create_connection(address) as half:
        half.sendall(
            f"POST {PATH}?code={CODE['code']} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{".encode()
        )
    client.post(PATH, params=CODE, content=b"{}")
    assert [row[0] for row in stored(conn)] == [b"{}"]


def test_what_cannot_be_stored_is_503_so_that_it_comes_again() -> None:
    def away() -> Any:
        raise psycopg.OperationalError

    with served(receiver.application({"demo": inbound()}, away)) as url:
        answer = httpx2.post(f"{url}{PATH}", params=CODE, content=b"{}", trust_env=False, timeout=DEADLINE_S)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_an_organisation_that_the_registry_lacks_is_503(conn: Connection, database: str) -> None:
    with receiving(database) as client:
        assert client.post(PATH, params=CODE, content=b"{}").status_code == 503


def test_nothing_is_shown_to_who_looks_around(client: httpx2.Client) -> None:
    for path in ("/", "/docs", "/openapi.json", "/webhooks/dynamics/"):
        assert client.get(path).status_code == 404
    assert client.get(PATH).status_code == 405


def test_a_missing_secret_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INBOUND_CODE")
    with pytest.raises(SecretUnreadableError, match="env:INBOUND_CODE"):
        receiver.application({"demo": inbound()}, lambda: pytest.fail("stored"))
