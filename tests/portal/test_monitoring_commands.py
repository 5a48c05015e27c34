"""The worker and the receiver as processes: their addresses, and a log without names, numbers or secrets."""

import json
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection
from mentorcert_staging.options import DEMO_WEBHOOK_KEY
from tests.portal.breakage import World, in_order
from tests.portal.staging import Staging, running
from tests.support.command import start
from tests.support.processes import DEADLINE_S, Child
from tests.support.registry import fetch
from tests.support.sessions import wait_until

CODE: Final = "code-that-must-not-show"
PERSONAL: Final = ("Kari Navnesen", "Navnesen", "kari@example.org", "+47 999 00 111")
FILE: Final = """
organisation = "demo"
[target]
adapter = "webhook"
url = "{url}/webhook"
[[auth]]
method = "hmac"
keys = [{{ secret = "file:{key}", expires = 2020-01-01 }}]
[inbound]
[[inbound.auth]]
method = "code"
value = {{ secret = "env:INBOUND_CODE", expires = "never" }}
[[inbound.rules]]
name = "consent withdrawn"
action = "withdraw_consent"
entity = "contact"
message = "Update"
columns = {{ hlf_showonlist = false }}
mentor = {{ column = "hlf_number" }}
"""
WORKED: Final = "select count(*) from mentorcert_portal.inbox where state <> 'received'"
FAULTS: Final = ("server_error", "login_page", "redirect", "truncated", "throttled", "v2_only")


@pytest.fixture
def world(conn: Connection) -> World:
    """With people who have names, addresses and telephones."""
    world = in_order(conn)
    for number in range(6):
        world.organisation.mentor(f"m{number}")
    conn.execute(
        "update mentorcert.peer_mentors set full_name = %s, display_name = %s, email = %s, phone = %s",
        PERSONAL,
    )
    return world


@pytest.fixture
def staging() -> Iterator[Staging]:
    with running() as portal:
        yield portal


@pytest.fixture
def file(staging: Staging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INBOUND_CODE", CODE)
    key = tmp_path / "key"
    key.write_text(DEMO_WEBHOOK_KEY)
    path = tmp_path / "demo.toml"
    path.write_text(FILE.format(url=staging.url, key=key))
    return path


class Running:
    """A process that serves its addresses."""

    def __init__(self, process: Child) -> None:
        self._process = process
        self.url = self.next_address()

    def next_address(self) -> str:
        """Return the address that its next line names."""
        found = re.search(r"http://[\d.:]+", self._process.line())
        assert found, self._process.communicate()
        return found[0]

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(self.url + path, trust_env=False, timeout=60)

    def end(self) -> str:
        """Stop it; return what it wrote to stderr."""
        self._process.send_signal(signal.SIGTERM)
        _, errors = self._process.communicate()
        # uvicorn ends by the signal that it was sent.
        assert self._process.returncode in {0, -signal.SIGTERM}, errors
        return errors


@contextmanager
def process(*arguments: str | Path, database: str) -> Iterator[Running]:
    login = {"worker": "mentorcert_portal", "receive": "mentorcert_receiver"}[str(arguments[1])]
    with start(
        *arguments, database_url=make_conninfo(database, user=login), MENTORCERT_LOG="DEBUG"
    ) as started:
        yield Running(started)


def log(errors: str) -> list[dict[str, Any]]:
    """Every line, each a JSON object; none says who anybody is, or a secret."""
    for forbidden in (*PERSONAL, CODE, DEMO_WEBHOOK_KEY, DEMO_WEBHOOK_KEY.removeprefix("whsec_")):
        assert forbidden not in errors
    lines = [json.loads(line) for line in errors.splitlines()]
    assert all(one.keys() >= {"at", "level", "event"} for one in lines)
    return lines


def test_a_noisy_worker_names_nobody(world: World, database: str, staging: Staging, file: Path) -> None:
    rules = [{"kind": kind, "route": "webhook", "times": 2} for kind in FAULTS]
    staging.use(*rules)
    world.execute("update mentorcert.peer_mentors set listing_consent = false")
    with process(
        "portal", "worker", "--connection", file, "--metrics-port", "0", database=database
    ) as worker:
        wait_until(
            lambda: fetch(world.conn, "select count(distinct outcome) from mentorcert_portal.attempts") >= 4,
            "failures",
        )
        wait_until(lambda: worker.get("/readyz").json()["errors"] != ["no_worker"], "a heartbeat")
        assert worker.get("/healthz").json() == {"status": "ok"}
        # The worker has noted what its file says of its secrets.
        wait_until(lambda: "secret_expired" in worker.get("/readyz").json()["errors"], "the note")
        ready, metrics = worker.get("/readyz"), worker.get("/metrics")
        assert (ready.status_code, metrics.status_code) == (503, 200)
        assert 'mentorcert_portal_secret_expires_timestamp_seconds{organisation="demo"' in metrics.text
        for text in (ready.text, metrics.text):
            assert not [personal for personal in PERSONAL if personal in text]
        lines = log(worker.end())
    attempts = [one for one in lines if one["event"] == "portal_attempt"]
    assert {one["outcome"] for one in attempts} >= {"unavailable", "unexpected_answer", "rejected"}
    for one in attempts:
        assert one.keys() >= {"organisation", "peer_mentor_id", "version", "attempt", "outcome"}
    found = [one for one in lines if one["event"] == "portal_finding"]
    assert {(one["code"], one["level"]) for one in found} >= {("secret_expired", "error")}


def test_a_noisy_receiver_names_nobody(world: World, database: str, staging: Staging, file: Path) -> None:
    personal = {"fullname": PERSONAL[0], "emailaddress1": PERSONAL[2], "telephone1": PERSONAL[3]}
    bodies = (
        {"entity": "contact", "changed": {"hlf_showonlist": False, "hlf_number": PERSONAL[1], **personal}},
        {"entity": "account", "changed": personal},
        {"entity": "contact", "changed": personal, "stripped": True},
    )
    ports = ("--port", "0", "--metrics-port", "0")
    with process("portal", "receive", "--connection", file, *ports, database=database) as receiver:
        url = f"{receiver.next_address()}/webhooks/dynamics/demo"
        for code in (CODE, "wrong"):
            for body in bodies:
                sent = {
                    "record_id": "5ca90fb0-3d5c-5f0e-8d9b-000000000002",
                    "url": url,
                    "query": {"code": code},
                    **body,
                }
                answer = staging.client.post("/emit", json=sent)
                assert answer.json() == {"attempts": [202 if code == CODE else 401]}
        garbage = f'{{"{PERSONAL[0]}": "{PERSONAL[2]}"'
        assert (
            httpx2.post(
                url, params={"code": CODE}, content=garbage, trust_env=False, timeout=DEADLINE_S
            ).status_code
            == 202
        )
        wait_until(
            lambda: fetch(world.conn, WORKED) == 4,
            "work",
        )
        assert receiver.get("/healthz").status_code == 200
        wait_until(lambda: receiver.get("/readyz").json()["errors"] == ["secret_expired"], "the note")
        counted = 'mentorcert_portal_inbox_messages{organisation="demo",state="unknown"} 2.0'
        wait_until(lambda: counted in receiver.get("/metrics").text, "the count")
        lines = log(receiver.end())
    handled = [one for one in lines if one["event"] == "portal_message"]
    assert len(handled) == 4
    assert all(one.keys() >= {"organisation", "inbox_id", "state"} for one in handled)
