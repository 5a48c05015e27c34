"""The staging portal sends webhooks as Dataverse does: seen by a receiver at the socket."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mentorcert.portal.contract import inbound
from mentorcert_staging.dataverse_webhooks import to_dataverse
from tests.portal.staging import MENTOR, Staging, running
from tests.support.processes import Thread

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Receiver:
    """What came, and what is answered in turn."""

    def __init__(self, url: str, answers: list[int]) -> None:
        self.url = url
        self.answers = answers
        self.requests: list[tuple[str, dict[str, str], bytes]] = []


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append((self.path, headers, body))
            self.send_response(receiver.answers.pop(0))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        receiver = Receiver(f"http://127.0.0.1:{listening.server_port}/hook", list(answers))
        thread = Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            listening.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def staging() -> Iterator[Staging]:
    with running() as portal:
        yield portal


def emit(staging: Staging, receiver: Receiver, **webhook: Any) -> list[int | str]:
    request = {"url": receiver.url, "record_id": str(MENTOR), **webhook}
    attempts: list[int | str] = staging.client.post("/emit", json=request).json()["attempts"]
    return attempts


def test_a_change_is_request_as_a_remote_execution_context(staging: Staging) -> None:
    with receiving(200) as receiver:
        changed = {
            "new_passed": True,
            "new_passedon": "2026-03-01T23:00:00Z",
            "new_points": 7,
            "new_note": None,
        }
        attempts = emit(
            staging,
            receiver,
            changed=changed,
            image={"new_externalid": "4711"},
            headers={"x-key": "secret"},
            query={"code": "s&cret"},
        )
    assert attempts == [200]
    ((path, headers, body),) = receiver.requests
    assert path == "/hook?code=s%26cret"
    assert headers["x-key"] == "secret"
    assert headers["x-ms-dynamics-entity-name"] == "contact"
    assert headers["x-ms-dynamics-request-name"] == "Update"
    assert headers["x-ms-dynamics-organization"] == "staging"
    assert "x-ms-dynamics-msg-size-exceeded" not in headers
    context = json.loads(body)
    assert context["CorrelationId"] == headers["x-ms-correlation-request-id"]
    (target,) = context["InputParameters"]
    assert target["key"] == "Target"
    assert target["value"]["__type"] == "Entity:http://schemas.microsoft.com/xrm/2011/Contracts"
    assert target["value"]["Attributes"] == [
        {"key": "new_passed", "value": True},
        {"key": "new_passedon", "value": "/Date(1772406000000)/"},
        {"key": "new_points", "value": 7},
        {"key": "new_note", "value": None},
    ]
    assert (context["MessageName"], context["PrimaryEntityId"]) == ("Update", str(MENTOR))
    message = inbound.parse(body)
    assert message is not None
    assert message.known["new_externalid"] == "4711"


def test_dates_may_have_an_offset_and_operations_a_wrong_time(staging: Staging) -> None:
    with receiving(200) as receiver:
        emit(
            staging,
            receiver,
            changed={"at": "2026-07-01T00:00:00+02:00"},
            date_offset="+0200",
            created_at="2026-07-01T05:00:00Z",
        )
    context = json.loads(receiver.requests[0][2])
    (column,) = context["InputParameters"][0]["value"]["Attributes"]
    assert column["value"] == "/Date(1782856800000+0200)/"
    assert context["OperationCreatedOn"] == "/Date(1782882000000+0000)/"


@pytest.mark.parametrize("change", [{"stripped": True}, {"changed": {"new_note": "x" * 256 * 1024}}])
def test_a_large_message_is_stripped(staging: Staging, change: dict[str, Any]) -> None:
    with receiving(200) as receiver:
        emit(staging, receiver, image={"new_externalid": "4711"}, **change)
    ((_, headers, body),) = receiver.requests
    assert headers["x-ms-dynamics-msg-size-exceeded"] == "true"
    context = json.loads(body)
    assert not {"ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages"} & context.keys()
    assert context["PrimaryEntityId"] == str(MENTOR)


def test_a_large_message_may_be_sent_whole(staging: Staging) -> None:
    with receiving(200) as receiver:
        emit(staging, receiver, changed={"new_note": "x" * 256 * 1024}, stripped=False)
    assert len(receiver.requests[0][2]) > 256 * 1024


@pytest.mark.parametrize(
    ("answers", "attempts"),
    [
        ([503, 200], [503, 200]),
        ([502, 504], [502, 504]),
        ([500], [500]),
        ([401], [401]),
        ([204], [204]),
    ],
)
def test_a_message_is_tried_once_more_only_where_dataverse_does(
    staging: Staging, answers: list[int], attempts: list[int]
) -> None:
    with receiving(*answers) as receiver:
        assert emit(staging, receiver) == attempts
    assert len({body for _, _, body in receiver.requests}) == 1


def test_nobody_at_home_is_reported(staging: Staging) -> None:
    with receiving() as receiver:
        pass
    assert emit(staging, receiver) == ["ConnectError"]


@given(
    at=st.datetimes(
        min_value=datetime.fromisoformat("1900-01-01"),
        max_value=datetime.fromisoformat("2200-01-01"),
        timezones=st.just(UTC),
    ),
    hours=st.integers(-12, 14),
    minutes=st.sampled_from([0, 30, 45]),
)
def test_both_date_forms_mean_the_same_instant(at: datetime, hours: int, minutes: int) -> None:
    offset = f"{'-' if hours < 0 else '+'}{abs(hours):02}{minutes:02}"
    plain, with_offset = to_dataverse(at), to_dataverse(at, offset)
    milliseconds = int(plain.removeprefix("/Date(").removesuffix(")/"))
    assert with_offset == f"/Date({milliseconds}{offset})/"
    assert timedelta() <= at - (EPOCH + timedelta(milliseconds=milliseconds)) < timedelta(milliseconds=1)
    zone = ZoneInfo("Europe/Oslo")
    day = (EPOCH + timedelta(milliseconds=milliseconds)).astimezone(zone).date()
    for text in (plain, with_offset):
        assert inbound.day(text, zone, date_only=False) == day
