"""What a process says to systemd, over a real socket."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mentorcert import systemd
from tests.support.processes import DEADLINE_S

Heard = Callable[[], str]


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """The socket that systemd listens at."""
    path = str(tmp_path / "notify") if request.param == "path" else f"@mentorcert-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.settimeout(DEADLINE_S)
        listening.bind(path.replace("@", "\0"))
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield lambda: listening.recv(1000).decode()


def test_it_hears_of_the_beginning_the_life_and_the_end(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    with systemd.running():
        assert heard() in {"READY=1", "WATCHDOG=1"}
        while (last := heard()) == "READY=1":
            pass
        assert last == "WATCHDOG=1"
    while (last := heard()) == "WATCHDOG=1":
        pass
    assert last == "STOPPING=1"


def test_without_a_watchdog_there_is_no_sign_of_life(heard: Heard) -> None:
    with systemd.running():
        assert heard() == "READY=1"
    assert heard() == "STOPPING=1"


def test_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for address in ("", "relative", str(tmp_path / "nobody")):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        systemd.notify("READY=1")


@pytest.mark.parametrize(
    ("wanted", "pid", "found"),
    [("", "", None), ("0", "", None), ("x", "", None), ("2000000", "1", None), ("2000000", "", 2.0)],
)
def test_the_watchdog_of_another_process_is_not_ours(
    monkeypatch: pytest.MonkeyPatch, wanted: str, pid: str, found: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", wanted)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    assert systemd.watchdog_s() == found
