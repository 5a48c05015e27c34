"""The Dataverse adapter against the staging portal: what it reads of the portal's table."""

import json
from uuid import uuid4

import pytest

from mentorcert.errors import (
    PortalRejectedError,
    PortalUnexpectedAnswerError,
)
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.contract import values
from mentorcert.portal.model import PortalRecord
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
from tests.portal.staging import Staging, state

pytestmark = pytest.mark.usefixtures("secrets")

JSON = {"content-type": "application/json; odata.metadata=minimal"}
KEY_AUTH = {"method": "header", "name": "X-Api-Key", "value": secret("PORTAL_API_KEY")}


def test_all_rows_are_read_page_by_page(staging: Staging) -> None:
    mentors = [uuid4() for _ in range(7)]
    connection = dataverse(staging.url, target={"page_size": 3})

    async def send_all(portal: Portal) -> None:
        for mentor in mentors:
            await portal.apply(state(1, mentor, status="expired", listed=False, listed_until=None))

    do(connection, send_all)
    details = {
        "listed_until": None,
        "effective_at": "2026-03-01T23:00:00+00:00",
        "certification hearing expires_at": values.day("2999-01-01", "Europe/Oslo"),
    }
    assert do(connection, read) == [
        PortalRecord(mentor, None, 1, "expired", listed=False, details=details, epoch=0) for mentor in mentors
    ]
    only_listed = dataverse(staging.url, target={"filter": "hlf_listed eq true"})
    assert do(only_listed, read) == []


def test_what_is_no_id_of_ours_is_kept_visible() -> None:
    rows = [
        {
            "hlf_mentorcertid": "nobody",
            "hlf_status": "certified",
            "hlf_listed": True,
            "hlf_mentorversion": "x",
        },
        {"hlf_mentorcertid": None, "hlf_status": 5, "hlf_listed": 1, "hlf_mentorversion": 2},
    ]
    nothing = {"listed_until": None, "effective_at": None, "certification hearing expires_at": None}
    with served(Answers((200, JSON, json.dumps({"value": rows}).encode()))) as url:
        assert do(dataverse(url, KEY_AUTH), read) == [
            PortalRecord(None, "nobody", None, "certified", listed=True, details=nothing, epoch=0),
            PortalRecord(None, None, 2, "5", listed=None, details=nothing, epoch=0),
        ]


@pytest.mark.parametrize(
    "link", ["https://elsewhere.example/api/data/v9.2/x", "//127.0.0.2/x", "http://127.0.0.1:1/x"]
)
def test_a_next_page_elsewhere_is_not_read(link: str) -> None:
    """It would be handed our token."""
    answers = Answers((200, JSON, json.dumps({"value": [], "@odata.nextLink": link}).encode()))
    with served(answers) as url:
        assert type(failure(dataverse(url, KEY_AUTH), read)) is PortalUnexpectedAnswerError
    assert answers.requests.qsize() == 1


def test_probing_finds_a_wrong_name(staging: Staging) -> None:
    do(dataverse(staging.url), apply)
    do(dataverse(staging.url), lambda portal: portal.probe())
    wrong = dataverse(staging.url, target={"columns": {**COLUMNS, "status": "hlf_sttus"}})
    assert type(failure(wrong, lambda portal: portal.probe())) is PortalRejectedError
    nowhere = dataverse(staging.url, target={"table": "hlf_nowhere"})
    assert type(failure(nowhere, lambda portal: portal.probe())) is PortalRejectedError
    assert staging.applied() == [7]
