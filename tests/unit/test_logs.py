"""Logs are JSON lines on stderr without personal data."""

import io
import json
import logging
import socket
import sys
from collections.abc import Iterator

import pytest

from mentorcert import logs
from tests.support.processes import run


@pytest.fixture(autouse=True)
def restored_logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root, logger = logging.getLogger(), logging.getLogger("mentorcert")
    before = (list(root.handlers), root.level, logger.level)
    monkeypatch.setattr(logs, "_process", {})
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    logger.setLevel(before[2])


def test_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logs.event("night_passed", expired=3)
    logs.identify("worker", "1.2")
    logs.event("night_passed", expired=3)
    anonymous, line = map(json.loads, capsys.readouterr().err.splitlines())
    assert anonymous.pop("at").endswith("+00:00")
    assert anonymous == {"level": "info", "event": "night_passed", "expired": 3}
    assert {name: line[name] for name in ("service", "version", "host")} == {
        "service": "worker", "version": "1.2", "host": socket.gethostname(),
    }  # fmt: skip


def test_nothing_below_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING")
    logs.event("night_passed", expired=3)
    assert capsys.readouterr().err == ""


def test_configuring_twice_does_not_double_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logs.configure("INFO")
    logs.event("night_passed")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_stderr_is_looked_up_when_it_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as at_first, io.StringIO() as closed_later:
        at_first.setattr(sys, "stderr", closed_later)
        logs.configure("INFO")
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())
    logs.event("night_passed")
    assert json.loads(written.getvalue())["event"] == "night_passed"


def test_of_an_exception_only_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logs.event("night_failed", level=logging.ERROR, error=ValueError("Kari Nordmann"))
    printed = capsys.readouterr().err
    assert json.loads(printed)["error"] == "ValueError"
    assert "Kari" not in printed


def test_personal_data_are_refused() -> None:
    with pytest.raises(ValueError, match="email"):
        logs.event("mentor_read", email="kari@example.org")


# What another library does so that it logs a warning.
OTHERS = {
    "py.warnings": "import warnings; warnings.warn('old')",
    "psycopg.pool": """
from contextlib import suppress
from psycopg_pool import ConnectionPool, PoolTimeout
nowhere = "host=127.0.0.1 port=9"
with suppress(PoolTimeout), ConnectionPool(nowhere, open=False, reconnect_timeout=0.1) as pool:
    pool.wait(1)
""",
    "uvicorn.error": """
import socket, threading, uvicorn
from mentorcert import http_server
server = uvicorn.Server(http_server.config(None, lifespan="off"))
with socket.create_server(("127.0.0.1", 0)) as listener:
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(b"no HTTP\\r\\n\\r\\n")
        client.recv(1000)
    server.should_exit = True
    thread.join()
""",
}


@pytest.mark.parametrize("logger", OTHERS)
def test_others_log_json_too(logger: str) -> None:
    code = f"from mentorcert import logs\nlogs.configure('INFO')\n{OTHERS[logger]}"
    done = run(sys.executable, "-c", code)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(line["logger"], line["level"]) for line in lines} == {(logger, "warning")}
