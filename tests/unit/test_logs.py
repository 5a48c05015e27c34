"""Logs are JSON lines on stderr without personal data."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from mentorcert import logs


@pytest.fixture(autouse=True)
def restored_logger() -> Iterator[None]:
    logger = logging.getLogger("mentorcert")
    before = (list(logger.handlers), logger.level, logger.propagate)
    yield
    logger.handlers, logger.level, logger.propagate = before


def test_one_json_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    logs.event("night_passed", expired=3)
    line = json.loads(capsys.readouterr().err)
    assert line.pop("at").endswith("+00:00")
    assert line == {"level": "info", "event": "night_passed", "expired": 3}


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
