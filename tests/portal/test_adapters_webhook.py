"""The webhook adapter against the staging portal: what it sends, and how it handles every answer."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mentorcert.errors import (
    CannotReadError,
    PortalError,
    PortalRejectedError,
    PortalUnauthorisedError,
    PortalUnavailableError,
    PortalUnexpectedAnswerError,
)
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.contract import values
from mentorcert.portal.http import transport
from mentorcert.portal.model import PortalRecord
from mentorcert_staging.options import Options
from tests.portal.connections import (
    SECRETS,
    Answers,
    apply,
    do,
    failure,
    hmac,
    secret,
    served,
    webhook,
)
from tests.portal.staging import MENTOR, OTHER_MENTOR, Staging, running, state

pytestmark = pytest.mark.usefixtures("secrets")

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def portal() -> Iterator[Staging]:
    with running() as served_portal:
        yield served_portal


@pytest.fixture
def staging(portal: Staging) -> Staging:
    portal.use()
    return portal


def test_a_state_arrives_and_an_older_one_is_known_to_be_older() -> None:
    with running() as staging:
        connection = webhook(staging.url)
        first = do(connection, lambda portal: portal.apply(state(7)))
        older = do(connection, lambda portal: portal.apply(state(6)))
        assert (first.outcome, first.remote_version, first.http_status) == ("applied", 7, 200)
        assert (older.outcome, older.remote_version) == ("already_newer", 7)
        assert staging.applied() == [7]


@pytest.mark.parametrize(
    ("fault", "error", "http_status"),
    [
        ({"kind": "drop"}, PortalUnavailableError, None),
        ({"kind": "drop", "applied_first": False}, PortalUnavailableError, None),
        ({"kind": "reset"}, PortalUnavailableError, None),
        ({"kind": "reset", "applied_first": True}, PortalUnavailableError, None),
        ({"kind": "throttled"}, PortalUnavailableError, 429),
        *[
            ({"kind": "server_error", "status": status}, PortalUnavailableError, status)
            for status in (408, 425, 500, 502, 503, 504)
        ],
        *[
            ({"kind": "redirect", "status": status}, PortalUnexpectedAnswerError, status)
            for status in (301, 302, 303, 307, 308)
        ],
        ({"kind": "login_page"}, PortalUnexpectedAnswerError, 200),
        ({"kind": "truncated"}, PortalUnexpectedAnswerError, 200),
        ({"kind": "huge", "megabytes": 50}, PortalUnexpectedAnswerError, 200),
        ({"kind": "expired_token"}, PortalUnauthorisedError, 401),
        ({"kind": "server_error", "status": 403}, PortalUnauthorisedError, 403),
        ({"kind": "v2_only"}, PortalRejectedError, 400),
        *[
            ({"kind": "server_error", "status": status}, PortalRejectedError, status)
            for status in (400, 404, 405, 410, 413, 415, 422)
        ],
    ],
)
def test_every_fault_is_one_of_the_port_s_errors(
    staging: Staging, fault: dict[str, Any], error: type[PortalError], http_status: int | None
) -> None:
    staging.use({**fault, "route": "webhook"})
    failed = failure(webhook(staging.url), apply)
    assert (type(failed), failed.http_status) == (error, http_status)
    assert str(MENTOR) not in str(failed)


@pytest.mark.parametrize("fault", [{"kind": "delay"}, {"kind": "slow_headers"}])
def test_the_deadline_holds_for_the_whole_request(staging: Staging, fault: dict[str, Any]) -> None:
    staging.use({**fault, "seconds": 600, "route": "webhook"})
    failed = failure(webhook(staging.url, limits={"total_s": 0.3}), apply)
    assert (type(failed), failed.http_status) == (PortalUnavailableError, None)
    assert "0.3 seconds" in str(failed)


def test_redirects_are_not_followed() -> None:
    answers = Answers((302, {"location": "/elsewhere"}, b""))
    with served(answers) as url:
        failure(webhook(url), apply)
    assert answers.requests.qsize() == 1


def test_a_204_without_effect_is_taken_for_an_effect(staging: Staging) -> None:
    staging.use({"kind": "no_effect", "route": "webhook"})
    receipt = do(webhook(staging.url), lambda portal: portal.apply(state(1, OTHER_MENTOR)))
    # Only reconciliation, which reads the state, finds it.
    assert (receipt.outcome, receipt.remote_version, receipt.http_status) == ("applied", None, 204)
    assert OTHER_MENTOR not in {one.peer_mentor_id for one in shown(staging)}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, {"content-type": "text/html"}, b"{}"), PortalUnexpectedAnswerError),
        ((200, {}, b"{}"), PortalUnexpectedAnswerError),
        ((200, JSON, b"<html>"), PortalUnexpectedAnswerError),
        ((200, JSON, b"[1]"), PortalUnexpectedAnswerError),
        ((200, JSON, b"[" * 100_000), PortalUnexpectedAnswerError),
        ((200, JSON | {"content-encoding": "gzip"}, b"{}"), PortalUnexpectedAnswerError),
        ((206, JSON, b"{}"), PortalUnexpectedAnswerError),
        ((401, JSON, b"x" * 2_000_000), PortalUnexpectedAnswerError),
    ],
)
def test_an_answer_that_is_none(answer: tuple[int, dict[str, str], bytes], error: type[PortalError]) -> None:
    with served(Answers(answer)) as url:
        assert type(failure(webhook(url), apply)) is error


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_empty_answer_is_a_success(status: int) -> None:
    with served(Answers((status, {}, b""))) as url:
        assert do(webhook(url), apply).http_status == status


@pytest.mark.parametrize(
    ("rule", "least", "most"),
    [
        ({"retry_after": 40}, 40.0, 40.0),
        ({"retry_after": 3000, "retry_after_as": "date"}, 2900.0, 3001.0),
        ({"retry_after": 999_999}, 21_600.0, 21_600.0),
    ],
)
def test_retry_after_is_read_in_both_forms(
    staging: Staging, rule: dict[str, Any], least: float, most: float
) -> None:
    staging.use({"kind": "throttled", "route": "webhook", **rule})
    asked = failure(webhook(staging.url), apply).retry_after
    assert asked is not None
    assert least <= asked <= most


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "٣", "Wed, 99 Nov 2026 00:00:00 GMT"])
def test_a_retry_after_that_is_none_is_left_out(value: str) -> None:
    assert transport.retry_after({"retry-after": value}, datetime.now(UTC)) is None


def test_a_date_to_retry_after_is_by_the_portal_s_own_clock() -> None:
    headers = {"retry-after": "Mon, 02 Mar 2026 10:00:30 GMT", "date": "Mon, 02 Mar 2026 10:00:00 GMT"}
    assert transport.retry_after(headers, datetime(2031, 1, 1, tzinfo=UTC)) == 30.0
    past = {"retry-after": "Mon, 02 Mar 2026 10:00:30 GMT"}
    assert transport.retry_after(past, datetime(2031, 1, 1, tzinfo=UTC)) == 0.0


@pytest.mark.usefixtures("version_2")
def test_a_portal_that_takes_version_2_only_is_sent_version_2() -> None:
    with running() as staging:
        staging.use({"kind": "v2_only", "route": "webhook"})
        do(webhook(staging.url, target={"contract_version": "v2"}), apply)
        assert staging.applied() == [7]


def shown(staging: Staging) -> list[PortalRecord]:
    async def read(portal: Portal) -> list[PortalRecord]:
        return [one async for one in portal.fetch_state()]

    return do(webhook(staging.url), read)


def test_it_reads_what_the_portal_shows() -> None:
    with running() as staging:
        staging.send(state(7))
        until = state(7).listed_until
        staging.send(state(3, OTHER_MENTOR, listed=False, listed_until=None, status="expired"))
        assert shown(staging) == [
            PortalRecord(
                MENTOR, "4711", 7, "certified", listed=True,
                details={"listed_until": values.instant(until.isoformat()) if until else None}, epoch=0,
            ),
            PortalRecord(
                OTHER_MENTOR, "4711", 3, "expired", listed=False, details={"listed_until": None}, epoch=0
            ),
        ]  # fmt: skip


def test_it_reads_page_after_page() -> None:
    first = (200, JSON, b'{"peer_mentors": [{"external_id": "1"}], "next": "/state.json?after=1"}')
    last = (200, JSON, b'{"peer_mentors": [{"external_id": "2", "listed": "yes", "mentor_version": {}}]}')
    answers = Answers(first, last)
    with served(answers) as url:

        async def read(portal: Portal) -> list[PortalRecord]:
            return [one async for one in portal.fetch_state()]

        assert do(webhook(url), read) == [
            PortalRecord(None, "1", None, None, None),
            PortalRecord(None, "2", None, None, listed=True),
        ]
    assert answers.requests.qsize() == 2


@pytest.mark.parametrize(
    "link", ["http://localhost.example/steal", "//127.0.0.2/x", "https://127.0.0.1/x", "/state.json"]
)
def test_a_next_page_elsewhere_or_in_a_circle_is_not_read(link: str) -> None:
    answers = Answers((200, JSON, f'{{"peer_mentors": [], "next": "{link}"}}'.encode()))
    with served(answers) as url:

        async def read(portal: Portal) -> list[PortalRecord]:
            return [one async for one in portal.fetch_state()]

        assert type(failure(webhook(url), read)) is PortalUnexpectedAnswerError
    assert answers.requests.qsize() == 1


def test_without_a_state_url_it_cannot_read() -> None:
    async def read(portal: Portal) -> list[PortalRecord]:
        return [one async for one in portal.fetch_state()]

    connection = webhook("http://127.0.0.1:9", target={"state_url": None})
    assert type(failure(connection, read)) is CannotReadError


def test_probing_changes_nothing() -> None:
    with running() as staging:
        do(webhook(staging.url), lambda portal: portal.probe())
        do(webhook(staging.url, target={"state_url": None}), lambda portal: portal.probe())
        assert staging.client.get("/history").json()["deliveries"] == []
    assert type(failure(webhook(staging.url), lambda portal: portal.probe())) is PortalUnavailableError


def test_many_at_once_share_one_portal(staging: Staging) -> None:
    async def send_many(portal: Portal) -> list[str]:
        receipts = await asyncio.gather(*[portal.apply(state(version)) for version in range(10, 60)])
        return [one.outcome for one in receipts]

    outcomes = do(webhook(staging.url, limits={"concurrency": 4}), send_many)
    assert set(outcomes) <= {"applied", "already_newer"}
    assert staging.applied()[-1] == 59


def test_two_keys_while_one_replaces_the_other(staging: Staging) -> None:
    do(webhook(staging.url, hmac("PORTAL_OTHER_KEY", "PORTAL_KEY")), apply)
    failed = failure(webhook(staging.url, hmac("PORTAL_OTHER_KEY")), apply)
    assert type(failed) is PortalUnauthorisedError


@pytest.mark.parametrize(
    "gate",
    [
        {"method": "header", "name": "X-Api-Key", "value": secret("PORTAL_API_KEY")},
        {"method": "query", "name": "code", "value": secret("PORTAL_API_KEY")},
    ],
)
@pytest.mark.parametrize("key", [SECRETS["PORTAL_API_KEY"], "another"])
def test_a_gateway_s_key_goes_along(gate: dict[str, Any], key: str) -> None:
    with running(Options(api_key=key)) as staging:
        connection = webhook(staging.url, hmac(), gate)
        if key == "another":
            assert type(failure(connection, apply)) is PortalUnauthorisedError
        else:
            assert do(connection, apply).outcome == "applied"
