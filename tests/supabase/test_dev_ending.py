"""How `mentorcert dev` ends, what stays for its next start, and where it does not start at all."""

import signal
from pathlib import Path
from typing import Final

import httpx2
import psutil
import pytest

from tests.supabase.dev import running
from tests.supabase.lite import needs_lite
from tests.support import command
from tests.support.processes import DEADLINE_S
from tests.support.sessions import wait_until

pytestmark = needs_lite

SIGNALS: Final = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_nothing_is_left(dev_home: Path, number: signal.Signals) -> None:
    with running(dev_home) as (process, printed):
        children = psutil.Process(process.pid).children(recursive=True)
        assert any(child.name() == "node" for child in children)
        server = _postgres_of(dev_home)
        assert server
        process.send_signal(number)
        assert process.wait() == (0 if number != signal.SIGKILL else -number)
        _, alive = psutil.wait_procs(children, DEADLINE_S)
        assert not alive
        wait_until(lambda: not _postgres_of(dev_home), "PostgreSQL to end")
        with pytest.raises(httpx2.TransportError):
            httpx2.get(printed["url"], timeout=DEADLINE_S)


def _postgres_of(dev_home: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(dev_home) in " ".join(process.info["cmdline"] or ())
        and "postgres" in (process.info["cmdline"] or [""])[0]
    ]


def test_where_lite_ends_it_says_so(dev_home: Path) -> None:
    with running(dev_home) as (process, _):
        (node,) = (child for child in psutil.Process(process.pid).children() if child.name() == "node")
        node.kill()
        _, errors = process.communicate()
        assert process.returncode == 1
        assert "The Data API for development has ended." in errors
        assert str(dev_home / "development" / "lite.log") in errors


def test_keys_and_data_stay(dev_home: Path) -> None:
    with running(dev_home) as (_, first):
        pass
    with running(dev_home) as (process, second):
        pass
    assert first["publishable_key"] == second["publishable_key"]
    assert "is there already; kept as it is" in process.communicate()[1]
    assert (dev_home / "development" / "keys.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["DATABASE_URL", "SUPABASE_URL"])
def test_never_another_database(tmp_path: Path, name: str) -> None:
    elsewhere = {
        "DATABASE_URL": "",
        name: "postgresql://db.example/postgres",
        "MENTORCERT_HOME": str(tmp_path),
    }
    done = command.run("dev", database_url=elsewhere.pop("DATABASE_URL"), **elsewhere)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{name} is set" in done.stderr
    assert "db.example" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    done = command.run("dev", database_url="", MENTORCERT_HOME=str(tmp_path), PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "runs on Node.js, which is not installed" in done.stderr
    assert "npm install --no-save @supabase/lite@" in done.stderr
    assert list(tmp_path.iterdir()) == []
