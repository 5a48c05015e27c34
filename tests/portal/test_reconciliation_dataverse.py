"""Reconciliation of a portal that is a table of Dataverse, by either key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert_staging.options import DEMO_CLIENT_ID, DEMO_CLIENT_KEY
from tests.portal.reconciliation import Subject, only, subject_on
from tests.portal.staging import Api

FILE = """
organisation = "demo"
[target]
adapter = "dataverse"
url = "{url}"
table = "hlf_peermentors"
key = "{key}"
key_holds = "{holds}"
page_size = 4
[target.columns]
version = "hlf_mentorversion"
status = "hlf_status"
listed = "hlf_listed"
[[auth]]
method = "oauth2"
token_url = "{url}/tenant/oauth2/v2.0/token"
client_id = "{client}"
client_secret = {{ secret = "file:{secret}", expires = "never" }}
scope = "{url}/.default"
"""

KEYS = {"peer_mentor_id": "hlf_mentorcertid", "external_id": "hlf_externalid"}


@pytest.fixture(params=KEYS)
def subject(
    request: pytest.FixtureRequest, conn: Connection, database: str, tmp_path: Path
) -> Iterator[Subject]:
    with subject_on(conn, database, tmp_path) as subject:
        secret = tmp_path / "secret"
        secret.write_text(DEMO_CLIENT_KEY)
        subject.file.write_text(
            FILE.format(
                url=subject.staging.url, key=KEYS[request.param], holds=request.param,
                client=DEMO_CLIENT_ID, secret=secret,
            )
        )  # fmt: skip
        conn.execute(
            "select mentorcert_portal.connect(%s, 'dataverse', 'v1', 'test')", (subject.organisation.id,)
        )
        yield subject


def test_every_page_is_read_and_what_differs_is_sent_again(subject: Subject) -> None:
    subject.mentors(10)
    subject.work()
    clean = subject.reconcile()
    assert (clean.is_clean, clean.read) == (True, 10), clean.reason
    api = Api(subject.staging)
    listed = "/api/data/v9.2/hlf_peermentors"
    first, second, *_ = api.call("GET", listed).json()["value"]
    for row, changes in ((first, {"hlf_listed": False}), (second, {"hlf_mentorversion": 0})):
        answer = api.call("PATCH", f"{listed}({row['hlf_peermentorid']})", changes)
        assert answer.status_code == 204, answer.text
    assert only(subject.reconcile().drift) == {"stale": 2}
    subject.work()
    assert subject.reconcile().is_clean
    assert {row["hlf_listed"] for row in api.call("GET", listed).json()["value"]} == {True}
