"""Every fault of the staging portal is what it says, seen at the socket."""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from mentorcert.portal.contract import message
from tests.portal.staging import MENTOR, OTHER_MENTOR, STATE, Staging, running, signed, state

PATIENCE_S = 30


@pytest.fixture(scope="module")
def server() -> Iterator[Staging]:
    with running() as portal:
        yield portal


@pytest.fixture
def staging() -> Iterator[Staging]:
    with running() as portal:
        yield portal


def connection(staging: Staging) -> socket.socket:
    url = urlsplit(staging.url)
    assert url.hostname
    assert url.port
    return socket.create_connection((url.hostname, url.port), timeout=PATIENCE_S)


def request(staging: Staging, fault: str, version: str = "v1") -> bytes:
    """A whole request of our contract, as bytes."""
    rendered = message.render(STATE, target=staging.url, version=version)
    headers = signed(rendered) | {
        "host": "staging",
        "content-length": str(len(rendered.body)),
        "x-staging-fault": fault,
    }
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(["POST /webhook HTTP/1.1", *lines, "", ""]).encode() + rendered.body


def everything(sock: socket.socket) -> bytes:
    """What comes until the other side has finished; raises ConnectionResetError where it breaks off."""
    received = b""
    while chunk := sock.recv(65_536):
        received += chunk
    return received


def exchange(staging: Staging, fault: str) -> bytes:
    with closing(connection(staging)) as sock:
        sock.sendall(request(staging, fault))
        return everything(sock)


def test_drop_closes_without_an_answer_after_the_effect(staging: Staging) -> None:
    assert exchange(staging, "drop") == b""
    assert staging.applied() == [7]


def test_reset_breaks_the_connection_before_any_effect(staging: Staging) -> None:
    with pytest.raises(ConnectionResetError):
        exchange(staging, "reset")
    assert staging.applied() == []


def test_reset_and_drop_may_have_the_other_s_effect(staging: Staging) -> None:
    assert exchange(staging, '{"kind": "drop", "applied_first": false}') == b""
    assert staging.applied() == []
    with pytest.raises(ConnectionResetError):
        exchange(staging, '{"kind": "reset", "applied_first": true}')
    assert staging.applied() == [7]


def test_truncated_promises_more_than_it_sends(staging: Staging) -> None:
    head, _, body = exchange(staging, "truncated").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    (promised,) = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"content-length" in line]
    assert 0 < len(body) < promised
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert staging.applied() == [7]
    with pytest.raises(httpx2.RemoteProtocolError):
        staging.send(fault="truncated")


def test_slow_headers_come_byte_by_byte(staging: Staging) -> None:
    with closing(connection(staging)) as sock:
        sock.sendall(request(staging, '{"kind": "slow_headers", "seconds": 86400}'))
        assert sock.recv(65_536) == b"H"
        assert staging.applied() == [7]
    # Each byte is 86400 s / 150 away, so even a bound on the single read ends it.
    with pytest.raises(httpx2.ReadTimeout):
        staging.send(fault='{"kind": "slow_headers", "seconds": 86400}', timeout=0.2)


def test_slow_headers_end_with_the_true_answer(staging: Staging) -> None:
    head, _, body = exchange(staging, '{"kind": "slow_headers", "seconds": 0}').partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body) == {"outcome": "applied", "mentor_version": 7, "mentor_epoch": 0}


def test_a_delay_answers_in_the_end(staging: Staging) -> None:
    answer = staging.send(fault='{"kind": "delay", "seconds": 0.01}')
    assert answer.json() == {"outcome": "applied", "mentor_version": 7, "mentor_epoch": 0}
    answer = staging.send(fault='{"kind": "delay", "seconds": 0.01, "applied_first": true}')
    assert answer.json() == {"outcome": "already_newer", "mentor_version": 7, "mentor_epoch": 0}


def test_a_delay_outlasts_an_impatient_client_before_the_effect_or_after_it(staging: Staging) -> None:
    with pytest.raises(httpx2.ReadTimeout):
        staging.send(fault='{"kind": "delay", "seconds": 86400}', timeout=0.2)
    assert staging.applied() == []
    with pytest.raises(httpx2.ReadTimeout):
        staging.send(fault='{"kind": "delay", "seconds": 86400, "applied_first": true}', timeout=0.2)
    assert staging.applied() == [7]


def test_a_late_effect_comes_though_the_client_has_gone(staging: Staging) -> None:
    with closing(connection(staging)) as sock:
        sock.sendall(request(staging, '{"kind": "delay", "seconds": 0.05}'))
        # The server has begun to wait when it answers another request, as it takes them in turn.
        staging.client.get("/healthz").raise_for_status()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(10_000):
        if staging.applied() == [7]:
            break
    assert staging.applied() == [7]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("throttled", 429),
        ("server_error", 503),
        ('{"kind": "server_error", "status": 500}', 500),
        ('{"kind": "server_error", "status": 502}', 502),
        ("redirect", 302),
        ('{"kind": "redirect", "status": 308}', 308),
        ("login_page", 200),
        ("no_effect", 204),
        ("expired_token", 401),
        ("v2_only", 400),
        ('{"kind": "v2_only", "status": 422}', 422),
    ],
)
def test_an_answer_without_an_effect(staging: Staging, fault: str, status: int) -> None:
    assert staging.send(fault=fault).status_code == status
    assert staging.applied() == []
    assert staging.send().status_code == 200


def test_a_failure_may_hide_an_effect(staging: Staging) -> None:
    answer = staging.send(fault='{"kind": "server_error", "status": 504, "applied_first": true}')
    assert answer.status_code == 504
    assert staging.applied() == [7]


@pytest.mark.parametrize("kind", ["throttled", "server_error"])
def test_retry_after_in_both_forms_or_none(server: Staging, kind: str) -> None:
    def header(**settings: Any) -> str | None:
        answer = server.send(fault=json.dumps({"kind": kind, **settings}))
        value: str | None = answer.headers.get("retry-after")
        return value

    assert header() is None
    assert header(retry_after=3) == "3"
    assert header(retry_after=0) == "0"
    at = header(retry_after=3600, retry_after_as="date")
    assert at is not None
    assert at.endswith(" GMT")
    assert timedelta(minutes=50) < parsedate_to_datetime(at) - datetime.now(UTC) <= timedelta(hours=1)


def test_a_redirect_leads_to_a_login_page(server: Staging) -> None:
    answer = server.send(fault="redirect")
    assert answer.headers["location"] == "/login"
    followed = server.client.get(answer.headers["location"])
    direct = server.send(fault="login_page")
    assert (direct.status_code, direct.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert followed.text == direct.text
    assert "<form" in direct.text


def test_a_huge_body_is_as_large_as_asked(server: Staging) -> None:
    with server.client.stream("GET", "/list.json", headers={"x-staging-fault": "huge"}) as answer:
        assert sum(map(len, answer.iter_bytes())) == 50_000_000
    fault = {"x-staging-fault": '{"kind": "huge", "megabytes": 2}'}
    assert len(server.client.get("/list.json", headers=fault).content) == 2_000_000


@pytest.mark.usefixtures("version_2")
def test_only_version_2_is_taken(staging: Staging) -> None:
    staging.use({"kind": "v2_only"})
    assert staging.send(version="v1").status_code == 400
    assert staging.send(version="v2").status_code == 200
    assert staging.applied() == [7]


def test_an_expired_token_is_refused_and_a_new_one_taken(staging: Staging) -> None:
    staging.use({"kind": "expired_token", "route": "dataverse", "nth": 2})
    url = "/api/data/v9.2/hlf_peermentors"
    old = {"authorization": f"Bearer {staging.token()}"}
    assert [staging.client.get(url, headers=old).status_code for _ in range(3)] == [200, 401, 401]
    new = {"authorization": f"Bearer {staging.token()}"}
    assert staging.client.get(url, headers=new).status_code == 200


def test_a_rule_meets_only_what_fits_it(staging: Staging) -> None:
    staging.use(
        {"kind": "server_error", "route": "webhook", "method": "post", "mentor": str(MENTOR), "nth": [2, 3]}
    )
    assert [staging.send(state(n)).status_code for n in (1, 2, 3, 4)] == [200, 503, 503, 200]
    assert staging.send(state(1, OTHER_MENTOR)).status_code == 200
    assert staging.client.get("/list.json").status_code == 200
    assert staging.client.get("/faults").json()["fired"] == [2]


def test_the_mentor_of_a_web_api_call_is_its_key(staging: Staging) -> None:
    staging.use({"kind": "throttled", "mentor": str(MENTOR)})
    headers = {"authorization": f"Bearer {staging.token()}"}

    def read(mentor: object) -> int:
        url = f"/api/data/v9.2/hlf_peermentors(hlf_mentorcertid='{mentor}')"
        return staging.client.get(url, headers=headers).status_code

    assert (read(MENTOR), read(OTHER_MENTOR)) == (429, 404)


def test_calls_are_counted_in_all_or_by_mentor(staging: Staging) -> None:
    def answers() -> list[int]:
        states = [state(1), state(1, OTHER_MENTOR), state(2), state(2, OTHER_MENTOR)]
        return [staging.send(one).status_code for one in states]

    staging.use({"kind": "server_error", "nth": 1})
    assert answers() == [503, 200, 200, 200]
    staging.use({"kind": "server_error", "nth": 1, "each_mentor": True})
    assert answers() == [503, 503, 200, 200]
    staging.use({"kind": "server_error", "times": 3})
    assert answers() == [503, 503, 503, 200]


def test_the_first_rule_that_fires_is_taken(staging: Staging) -> None:
    staging.use({"kind": "server_error", "nth": 2}, {"kind": "throttled"})
    assert [staging.send().status_code for _ in range(3)] == [429, 503, 429]


def test_chance_is_the_same_for_the_same_seed_whatever_the_order(staging: Staging) -> None:
    mentors = [type(MENTOR)(int=number) for number in range(1, 41)]

    def hit(seed: int, order: list[Any]) -> set[Any]:
        staging.use({"kind": "server_error", "probability": 0.5}, seed=seed)
        return {mentor for mentor in order if staging.send(state(1, mentor)).status_code == 503}

    first = hit(1, mentors)
    assert 0 < len(first) < len(mentors)
    assert hit(1, mentors[::-1]) == first
    assert hit(2, mentors) != first


def test_no_rule_meets_what_a_test_asks_for(staging: Staging) -> None:
    staging.use({"kind": "server_error"})
    for path in ("/faults", "/history", "/healthz"):
        assert staging.client.get(path, headers={"x-staging-fault": "drop"}).status_code == 200
    staging.use()
    assert staging.send().status_code == 200


def test_a_fault_that_is_none_is_refused(server: Staging) -> None:
    for fault in ("nonsense", '{"kind": "drop", "colour": "red"}', "{"):
        answer = server.send(fault=fault)
        assert (answer.status_code, "x-staging-fault" in answer.json()["error"]) == (400, True)
    assert server.client.post("/faults", json={"rules": [{"kind": "nonsense"}]}).status_code == 422


def test_a_body_that_is_too_large_is_refused(staging: Staging) -> None:
    answer = staging.client.post("/webhook", content=b"x" * 1_000_001)
    assert answer.status_code == 413
    assert staging.client.post("/webhook", content=b"x" * 1_000_000).status_code == 401
