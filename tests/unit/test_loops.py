"""The loop of the background jobs."""

import threading

import psycopg
import pytest

from mentorcert import logs, loops
from mentorcert.errors import ReadOnlyServerError


def test_an_unexpected_error_is_logged_and_does_not_end_the_loop(capsys: pytest.CaptureFixture[str]) -> None:
    stop = threading.Event()
    calls: list[None] = []

    def work() -> float:
        calls.append(None)
        if len(calls) == 1:
            raise ZeroDivisionError
        stop.set()
        return 0.0

    logs.configure("INFO")
    loops.run_forever(work, stop, failed="job_waits", retry_s=0.0)
    assert len(calls) == 2
    line = capsys.readouterr().err
    assert '"event": "job_waits"' in line
    assert '"error": "ZeroDivisionError"' in line


class Waits(threading.Event):
    """Notes how long the loop would wait, and stops it."""

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds = timeout
        self.set()
        return True


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (psycopg.OperationalError(), loops.AWAY_S),
        # Of a server that was the primary until now.
        (ReadOnlyServerError(), loops.AWAY_S),
        (ZeroDivisionError(), 300.0),
    ],
)
def test_a_database_that_is_away_is_asked_again_soon(error: Exception, seconds: float) -> None:
    stop = Waits()

    def work() -> float:
        raise error

    loops.run_forever(work, stop, failed="job_waits", retry_s=300.0)
    assert stop.seconds == seconds
