"""`mentorcert-staging`, as a user or a test of several processes runs it."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from mentorcert.portal.contract import message
from tests.portal.contract_examples import KEYS
from tests.portal.staging import STATE, signed, state
from tests.support import command
from tests.support.processes import DEADLINE_S

# No command of these needs a database.
NOWHERE = "host=/nowhere"
STAGING = "mentorcert_staging"


@contextmanager
def stage(*arguments: str | Path, **settings: str) -> Iterator[str]:
    """Run the command until the block ends; yields its URL."""
    options = ("--port", "0", *arguments)
    with command.start(
        *options, database_url=NOWHERE, module=STAGING, PYTHONUNBUFFERED="1", **settings
    ) as process:
        line = process.line()
        assert "listens at http://127.0.0.1:" in line, process.communicate()
        yield line.split(" listens at ")[1].split(";")[0]
    assert process.returncode in {0, -signal.SIGTERM}


def send(url: str, version: int, *keys: str) -> int:
    rendered = message.render(state(version), target=url)
    headers = signed(rendered, keys) if keys else signed(rendered)
    return httpx2.post(
        f"{url}/webhook", content=rendered.body, headers=headers, trust_env=False, timeout=DEADLINE_S
    ).status_code


def test_it_serves_until_it_is_stopped_and_keeps_its_file(tmp_path: Path) -> None:
    database = tmp_path / "portal.db"
    with stage("--database", database) as url:
        assert send(url, 1) == 200
    with stage("--database", database) as url:
        assert send(url, 2) == 200
        history = httpx2.get(f"{url}/history", trust_env=False, timeout=DEADLINE_S).json()
    assert history["peer_mentors"][str(STATE.peer_mentor_id)]["applied"] == [1, 2]


@pytest.mark.parametrize("name", ["faults.toml", "faults.json"])
def test_faults_come_from_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    toml = '[[rules]]\nkind = "server_error"\nroute = "webhook"\nnth = [1, 3]\n'
    rule = {"kind": "server_error", "route": "webhook", "nth": [1, 3]}
    file.write_text(toml if name.endswith("toml") else json.dumps({"rules": [rule]}))
    with stage("--faults", file) as url:
        assert [send(url, version) for version in (1, 2, 3, 4)] == [503, 200, 503, 200]


def test_secrets_come_from_options_or_the_environment() -> None:
    with stage("--webhook-secret", KEYS[0], "--webhook-secret", KEYS[1]) as url:
        assert [send(url, 1), send(url, 1, KEYS[0]), send(url, 1, KEYS[1])] == [401, 200, 200]
    with stage(MENTORCERT_STAGING_WEBHOOK_SECRET=f"{KEYS[0]} {KEYS[1]}") as url:
        assert [send(url, 1), send(url, 1, KEYS[0]), send(url, 1, KEYS[1])] == [401, 200, 200]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("absent.toml", None, "cannot be read: FileNotFoundError"),
        ("broken.toml", "[[rules", "neither TOML nor"),
        ("broken.json", "{", "neither TOML nor"),
        ("unknown.toml", '[[rules]]\nkind = "nonsense"', "rules.0.kind: Input should be"),
        ("surplus.toml", '[[rules]]\nkind = "drop"\ncolour = 1', "rules.0.colour: Extra inputs"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    run = command.run("--port", "0", "--faults", tmp_path / name, database_url=NOWHERE, module=STAGING)
    assert run.returncode == 2
    assert said in run.stderr


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "portal.db").write_text("no database" * 100)
    for file in (tmp_path / "portal.db", tmp_path / "absent" / "portal.db"):
        run = command.run("--port", "0", "--database", file, database_url=NOWHERE, module=STAGING)
        assert run.returncode == 2
        assert "cannot be used as a SQLite file" in run.stderr


def test_a_webhook_secret_that_is_none_is_refused_and_not_shown() -> None:
    run = command.run("--port", "0", "--webhook-secret", "hunter2", database_url=NOWHERE, module=STAGING)
    assert run.returncode == 2
    assert "hunter2" not in run.stdout + run.stderr


def test_a_port_that_is_taken_is_said() -> None:
    with stage() as url:
        run = command.run("--port", url.rpartition(":")[2], database_url=NOWHERE, module=STAGING)
    assert run.returncode == 2
    assert f"cannot listen at {url.removeprefix('http://')}" in run.stderr
