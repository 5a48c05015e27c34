"""The Dataverse adapter and a staging portal: never an older state over a newer, with concurrent writers."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from mentorcert.errors import (
    PortalError,
    PortalRejectedError,
    PortalUnauthorisedError,
    PortalUnavailableError,
    PortalUnexpectedAnswerError,
)
from mentorcert.portal.adapters.dataverse import CONFLICT_ATTEMPTS, UNADDRESSABLE, columns_of
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.config.configuration import DataverseTarget
from mentorcert_staging.options import Options, ServiceLimits
from tests.portal.connections import (
    COLUMNS,
    Answers,
    apply,
    dataverse,
    do,
    failure,
    read,
    secret,
    served,
)
from tests.portal.staging import MENTOR, STATE, TABLE, Staging, running, state

pytestmark = pytest.mark.usefixtures("secrets")

JSON = {"content-type": "application/json; odata.metadata=minimal"}
KEY_AUTH = {"method": "header", "name": "X-Api-Key", "value": secret("PORTAL_API_KEY")}


def row(staging: Staging, key: str = str(MENTOR)) -> dict[str, Any]:
    found: dict[str, Any] = staging.client.get(
        f"/api/data/v9.2/hlf_peermentors(hlf_mentorcertid='{quote(key, safe='')}')",
        headers={"authorization": f"Bearer {staging.token()}"},
    ).json()
    return found


def test_a_row_is_made_changed_and_kept_from_older_states(staging: Staging) -> None:
    connection = dataverse(staging.url)
    made = do(connection, lambda portal: portal.apply(state(5)))
    changed = do(connection, lambda portal: portal.apply(state(6, listed=False, listed_until=None)))
    again = do(connection, lambda portal: portal.apply(state(6)))
    older = do(connection, lambda portal: portal.apply(state(4)))
    assert [one.outcome for one in (made, changed, again, older)] == [*["applied"] * 3, "already_newer"]
    assert (older.remote_version, older.http_status) == (6, 200)
    assert staging.applied() == [5, 6, 6]
    assert (row(staging)["hlf_mentorversion"], row(staging)["hlf_listed"]) == (6, True)


def test_a_date_only_column_has_the_last_day_that_counts(staging: Staging) -> None:
    oslo_midnight = datetime(2026, 12, 31, 23, tzinfo=UTC)
    do(dataverse(staging.url), lambda portal: portal.apply(state(1, listed_until=oslo_midnight)))
    stored = row(staging)
    assert stored["hlf_listeduntil"] == "2026-12-31"
    assert stored["hlf_effectiveat"] == "2026-03-01T23:00:00Z"
    assert stored["hlf_cert_hearing"] == "2999-01-01"


def test_values_and_days_are_the_mapping_s() -> None:
    columns = {
        **COLUMNS,
        "status": {
            "name": "status",
            "values": {"certified": 1, "expired": 2, "suspended": 3, "uncertified": 4, "erased": 5},
        },
        "listed": {"name": "listed", "values": {"true": "Ja", "false": "Nei"}},
        "effective_at": {"name": "since", "date_only": True},
        "certifications": {
            "hearing": {"status": "hearing", "issued_at": {"name": "from_", "date_only": True}},
            "vision": {"status": "vision", "expires_at": "vision_until"},
        },
    }
    target = dataverse("http://127.0.0.1:9", target={"columns": columns}).target
    assert isinstance(target, DataverseTarget)
    assert columns_of(STATE, target) == {
        "hlf_mentorversion": 7,
        "hlf_mentorepoch": 0,
        "status": 1,
        "listed": "Ja",
        "hlf_listeduntil": "2999-01-01",
        "since": "2026-03-02",
        "hearing": "active",
        "from_": "2026-03-02",
        "vision": None,
        "vision_until": None,
    }


def test_who_writes_in_between_is_read_again(staging: Staging) -> None:
    """Fifty writers at once, each its own version: the newest stays, none was written over a newer."""

    async def write_all(portal: Portal) -> str:
        done = await asyncio.gather(
            *[portal.apply(state(version)) for version in range(1, 51)], return_exceptions=True
        )
        assert all(isinstance(one, PortalUnavailableError) or not isinstance(one, Exception) for one in done)
        return (await portal.apply(state(50))).outcome

    do(dataverse(staging.url, limits={"concurrency": 16}), write_all)
    assert staging.applied() == sorted(staging.applied())
    assert row(staging)["hlf_mentorversion"] == 50


def test_a_conflict_is_read_again_and_not_for_ever(staging: Staging) -> None:
    connection = dataverse(staging.url)
    conflict = {"kind": "server_error", "status": 412, "route": "dataverse", "method": "PATCH"}
    staging.use({**conflict, "times": CONFLICT_ATTEMPTS - 1})
    assert do(connection, apply).outcome == "applied"
    staging.use(conflict)
    failed = failure(connection, apply)
    assert (type(failed), failed.http_status) == (PortalUnavailableError, 412)


def test_a_newer_version_that_comes_in_between_stays() -> None:
    """The row is read in version 3, then somebody writes version 9: 412, and the second look ends it."""
    answers = Answers(
        (200, JSON, b'{"@odata.etag": "W/1", "hlf_mentorversion": 3}'),
        (412, JSON, b"{}"),
        (200, JSON, b'{"@odata.etag": "W/2", "hlf_mentorversion": 9}'),
        (500, JSON, b"{}"),
    )
    with served(answers) as url:
        receipt = do(dataverse(url, KEY_AUTH), apply)
    assert (receipt.outcome, receipt.remote_version) == ("already_newer", 9)
    sent = [answers.requests.get_nowait() for _ in range(answers.requests.qsize())]
    assert [one["method"] for one in sent] == ["GET", "PATCH", "GET"]
    assert (b"if-match", b"W/1") in sent[1]["headers"]


def test_a_row_that_somebody_made_or_removed_in_between() -> None:
    made = Answers(
        (404, JSON, b"{}"), (412, JSON, b"{}"), (200, JSON, b'{"@odata.etag": "W/2"}'), (204, {}, b"")
    )
    removed = Answers(
        (200, JSON, b'{"@odata.etag": "W/2"}'), (404, JSON, b"{}"), (404, JSON, b"{}"), (204, {}, b"")
    )
    for answers, first, second in (
        (made, b"if-none-match", b"if-match"),
        (removed, b"if-match", b"if-none-match"),
    ):
        with served(answers) as url:
            assert do(dataverse(url, KEY_AUTH), apply).outcome == "applied"
        sent = [answers.requests.get_nowait() for _ in range(answers.requests.qsize())]
        assert first in dict(sent[1]["headers"])
        assert second in dict(sent[3]["headers"])


def test_without_the_right_to_make_rows_a_missing_one_is_refused(staging: Staging) -> None:
    connection = dataverse(staging.url, target={"create_missing": False})
    assert type(failure(connection, apply)) is PortalRejectedError
    do(dataverse(staging.url), apply)
    assert do(connection, lambda portal: portal.apply(state(8))).outcome == "applied"


@pytest.mark.parametrize("character", sorted(UNADDRESSABLE))
def test_a_key_that_dataverse_cannot_address_is_refused_here_as_there(
    staging: Staging, character: str
) -> None:
    connection = dataverse(staging.url, target={"key": "hlf_externalid", "key_holds": "external_id"})
    number = f"47{character}11"
    refused = failure(connection, lambda portal: portal.apply(state(1, external_id=number)))
    assert (type(refused), f"contains {character};" in str(refused)) == (PortalRejectedError, True)
    row = f"{TABLE}(hlf_externalid='{quote(number, safe='')}')"
    token = staging.token()
    assert staging.client.get(row, headers={"Authorization": f"Bearer {token}"}).status_code == 400


@pytest.mark.parametrize("external_id", ["O'Brien", "x') y", "æøå 41", "..", "' or 1 eq 1"])
def test_a_key_is_never_more_than_a_key(staging: Staging, external_id: str) -> None:
    connection = dataverse(staging.url, target={"key": "hlf_externalid", "key_holds": "external_id"})
    do(connection, lambda portal: portal.apply(state(1, external_id=external_id)))
    do(connection, lambda portal: portal.apply(state(2, external_id="another")))
    assert sorted(str(one.external_id) for one in do(connection, read)) == sorted([external_id, "another"])


@pytest.mark.parametrize(
    ("fault", "error", "http_status"),
    [
        ({"kind": "drop"}, PortalUnavailableError, None),
        ({"kind": "reset"}, PortalUnavailableError, None),
        ({"kind": "throttled"}, PortalUnavailableError, 429),
        ({"kind": "server_error", "status": 503}, PortalUnavailableError, 503),
        ({"kind": "redirect"}, PortalUnexpectedAnswerError, 302),
        ({"kind": "login_page"}, PortalUnexpectedAnswerError, 200),
        ({"kind": "truncated"}, PortalUnexpectedAnswerError, 200),
        ({"kind": "huge"}, PortalUnexpectedAnswerError, 200),
        ({"kind": "server_error", "status": 400}, PortalRejectedError, 400),
        ({"kind": "server_error", "status": 404}, PortalRejectedError, 404),
        ({"kind": "server_error", "status": 415}, PortalRejectedError, 415),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_every_fault_is_one_of_the_port_s_errors(
    staging: Staging, method: str, fault: dict[str, Any], error: type[PortalError], http_status: int | None
) -> None:
    staging.use({**fault, "route": "dataverse", "method": method})
    if (method, http_status) == ("GET", 404):
        return  # the row is not there: that is no fault
    failed = failure(dataverse(staging.url), apply)
    assert (type(failed), failed.http_status) == (error, http_status)


def test_what_was_applied_before_its_answer_was_lost_is_applied_again(staging: Staging) -> None:
    connection = dataverse(staging.url)
    staging.use({"kind": "drop", "applied_first": True, "route": "dataverse", "method": "PATCH", "times": 1})
    failure(connection, apply)
    assert do(connection, lambda portal: portal.apply(STATE)).outcome == "applied"
    assert staging.applied() == [7, 7]


def test_a_204_without_effect_shows_in_what_is_read(staging: Staging) -> None:
    staging.use({"kind": "no_effect", "route": "dataverse", "method": "PATCH"})
    assert do(dataverse(staging.url), apply).outcome == "applied"
    assert do(dataverse(staging.url), read) == []


def test_the_deadline_covers_the_token_too(staging: Staging) -> None:
    staging.use({"kind": "delay", "seconds": 600, "route": "token"})
    failed = failure(dataverse(staging.url, limits={"total_s": 0.3}), apply)
    assert (type(failed), failed.http_status) == (PortalUnavailableError, None)


def test_service_limits_are_answered_by_waiting() -> None:
    limits = ServiceLimits(window_s=300, requests=3, execution_s=1200, concurrent=52)
    with running(Options(limits=limits)) as staging:
        connection = dataverse(staging.url)
        do(connection, apply)
        do(connection, lambda portal: portal.probe())
        failed = failure(connection, apply)
    assert (type(failed), failed.http_status) == (PortalUnavailableError, 429)
    assert failed.retry_after is not None
    assert failed.retry_after > 200


def test_an_expired_token_is_replaced_once_for_all(staging: Staging) -> None:
    """Twenty requests are refused with the same token: one new token is fetched."""

    async def work(portal: Portal) -> None:
        await portal.apply(STATE)
        tokens = {"kind": "delay", "seconds": 0, "route": "token"}
        staging.use({"kind": "expired_token", "route": "dataverse", "method": "GET", "nth": [1]}, tokens)
        mentors = [uuid4() for _ in range(20)]
        await asyncio.gather(*[portal.apply(state(1, mentor)) for mentor in mentors])

    do(dataverse(staging.url, limits={"concurrency": 20}), work)
    assert staging.client.get("/faults").json()["fired"] == [1, 1]


def test_a_token_that_is_refused_again_is_no_loop(staging: Staging) -> None:
    staging.use(
        {"kind": "expired_token", "route": "dataverse"}, {"kind": "delay", "seconds": 0, "route": "token"}
    )
    assert type(failure(dataverse(staging.url), apply)) is PortalUnauthorisedError
    assert staging.client.get("/faults").json()["fired"] == [2, 2]
