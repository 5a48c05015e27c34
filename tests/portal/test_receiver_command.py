"""`mentorcert portal receive` and `mentorcert portal inbox`, as commands, with a portal that sends."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx2
import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection
from tests.portal.staging import running
from tests.support.command import Mentorcert, run, start
from tests.support.processes import DEADLINE_S, Child
from tests.support.registry import fetch, kinds, set_up
from tests.support.sessions import wait_until

CODE = "code-that-must-not-show"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INBOUND_CODE", CODE)


CONNECTION = """
organisation = "demo"
[target]
adapter = "file"
folder = "/srv/handover"
[inbound]
[[inbound.auth]]
method = "code"
value = { secret = "env:INBOUND_CODE", expires = "never" }
[[inbound.rules]]
name = "course completed"
action = "renew"
certification_type = "basic"
entity = "hlf_course"
message = "Update"
columns = { hlf_status = 3 }
mentor = { column = "hlf_number" }
date_column = "hlf_completedon"
"""


@contextmanager
def receive_command(database: str, file: Path) -> Iterator[tuple[Child, str]]:
    command = ("portal", "receive", "--connection", file, "--port", "0")
    with start(*command, database_url=make_conninfo(database, user="mentorcert_receiver")) as process:
        found = re.search(r"http://\S+/webhooks/dynamics/", process.line())
        assert found, process.communicate()
        yield process, f"{found[0]}demo"


def test_the_command_takes_what_a_portal_sends_and_works_it(
    conn: Connection, database: str, mentorcert: Mentorcert, tmp_path: Path
) -> None:
    organisation = set_up(conn)
    file = tmp_path / "connection.toml"
    file.write_text(CONNECTION)
    certification = organisation.certify(organisation.mentor(), last_day=date(2021, 1, 1))
    webhook = {
        "record_id": "5ca90fb0-3d5c-5f0e-8d9b-000000000002", "entity": "hlf_course", "query": {"code": CODE},
        "changed": {"hlf_status": 3, "hlf_number": "1", "hlf_completedon": "2025-01-10T00:00:00Z"},
    }  # fmt: skip
    with receive_command(database, file) as (process, url), running() as staging:
        for more in ({}, {"entity": "account"}, {"stripped": True}):
            answer = staging.client.post("/emit", json={**webhook, "url": url, **more})
            assert answer.json() == {"attempts": [202]}
        wait_until(
            lambda: fetch(conn, "select count(*) from mentorcert_portal.inbox where state = 'received'") == 0,
            "work",
        )
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate()
    assert kinds(conn, certification) == ["issued", "renewed"]
    assert CODE not in output + errors
    shown = mentorcert("portal", "inbox")
    assert shown.returncode == 1
    assert "needs_fetch" in shown.stdout
    listed = json.loads(mentorcert("portal", "inbox", "--unknown", "--json").stdout)
    assert [(one["state"], one["entity"]) for one in listed["messages"]] == [("unknown", "account")]
    assert {one["state"]: one["messages"] for one in listed["counts"]} == {
        "worked": 1,
        "unknown": 1,
        "needs_fetch": 1,
    }
    file.write_text(CONNECTION.replace("hlf_course", "account"))
    again = mentorcert("portal", "inbox", "--rework", "--connection", file, "--json")
    assert [one["state"] for one in json.loads(again.stdout)["messages"]] == ["needs_fetch"]


def test_the_port_of_the_webhooks_shows_no_figures(conn: Connection, database: str, tmp_path: Path) -> None:
    set_up(conn)
    (file := tmp_path / "connection.toml").write_text(CONNECTION)
    with (
        start(
            *("portal", "receive", "--connection", file, "--port", "0", "--metrics-port", "0"),
            database_url=make_conninfo(database, user="mentorcert_receiver"),
        ) as process,
        httpx2.Client(trust_env=False, timeout=DEADLINE_S) as http,
    ):
        own = re.findall(r"http://\S+/metrics", process.line())[0]
        public = re.findall(r"http://[^/]+", process.line())[0]
        answers = {
            path: http.get(f"{public}{path}").status_code for path in ("/healthz", "/readyz", "/metrics")
        }
        assert answers == {"/healthz": 200, "/readyz": 404, "/metrics": 404}
        text = http.get(own).text
        assert "mentorcert_up 1.0" in text
        assert "process_resident_memory_bytes" in text


def test_no_portal_process_waits_for_an_unmigrated_database(empty_database: str, tmp_path: Path) -> None:
    (file := tmp_path / "connection.toml").write_text(CONNECTION)
    for command in (["receive"], ["worker"], ["worker", "--once"]):
        done = run("portal", *command, "--connection", file, database_url=empty_database)
        assert done.returncode == 1, command
        assert "hint: Run `mentorcert migrate`." in done.stderr, command
