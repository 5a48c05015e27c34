"""The file adapter: whole or not at all, never older over newer, with any number of writers."""

import asyncio
import csv
import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mentorcert.errors import CannotReadError, PortalUnavailableError, PortalUnexpectedAnswerError
from mentorcert.portal.adapters import file as adapter
from mentorcert.portal.adapters.port import Portal
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.model import DesiredState, PortalRecord
from tests.portal.connections import connected, do, failure
from tests.portal.staging import MENTOR, OTHER_MENTOR, STATE, state
from tests.support.processes import DEADLINE_S
from tests.support.sessions import wait_until


@pytest.fixture(params=["csv", "json"])
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


def connection(folder: Path, kind: str = "csv", **limits: Any) -> Configuration:
    target = {"adapter": "file", "folder": folder, "format": kind}
    return Configuration.model_validate({"organisation": "hlf", "target": target, "limits": limits})


def store(folder: Path, *states: DesiredState, kind: str = "csv") -> list[str]:
    async def work(portal: Portal) -> list[str]:
        return [one.outcome for one in await asyncio.gather(*[portal.apply(state) for state in states])]

    return do(connection(folder, kind), work)


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / adapter.MANIFEST).read_bytes())
    return found


def handed_over(folder: Path) -> list[dict[str, Any]]:
    """Read what a portal would: the manifest, then the file that it names, whole."""
    named = manifest(folder)
    content = (folder / named["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == named["sha256"]
    if named["file"].endswith(".csv"):
        found: list[dict[str, Any]] = list(csv.DictReader(content.decode().splitlines()))
    else:
        found = json.loads(content)["peer_mentors"]
    assert len(found) == named["rows"]
    return found


def versions(folder: Path) -> dict[str, int]:
    return {row["peer_mentor_id"]: int(row["mentor_version"]) for row in handed_over(folder)}


def test_the_file_is_cumulative_and_each_has_the_next_number(tmp_path: Path, kind: str) -> None:
    assert store(tmp_path, state(3), kind=kind) == ["applied"]
    assert store(tmp_path, state(5, OTHER_MENTOR), kind=kind) == ["applied"]
    assert versions(tmp_path) == {str(MENTOR): 3, str(OTHER_MENTOR): 5}
    assert (manifest(tmp_path)["sequence"], manifest(tmp_path)["rows"]) == (2, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock", adapter.MANIFEST, f"peer-mentors-000000001.{kind}", f"peer-mentors-000000002.{kind}",
    ]  # fmt: skip
    store(tmp_path, state(6, OTHER_MENTOR), kind=kind)
    assert not (tmp_path / f"peer-mentors-000000001.{kind}").exists()


def test_an_older_state_never_replaces_a_newer(tmp_path: Path, kind: str) -> None:
    assert store(tmp_path, state(7), state(5), state(8), state(6), kind=kind) == [
        "applied", "already_newer", "applied", "already_newer",
    ]  # fmt: skip
    assert store(tmp_path, state(2), kind=kind) == ["already_newer"]
    assert versions(tmp_path) == {str(MENTOR): 8}


def test_the_same_again_writes_no_new_file(tmp_path: Path, kind: str) -> None:
    store(tmp_path, STATE, kind=kind)
    before = manifest(tmp_path)
    assert store(tmp_path, STATE, kind=kind) == ["applied"]
    assert manifest(tmp_path) == before


def test_what_stands_in_the_file(tmp_path: Path) -> None:
    store(tmp_path, STATE)
    assert handed_over(tmp_path) == [
        {
            "peer_mentor_id": str(MENTOR),
            "external_id": "4711",
            "organisation": "hlf",
            "mentor_version": "7",
            "mentor_epoch": "0",
            "status": "certified",
            "listed": "true",
            "listed_until": "2999-01-01T00:00:00Z",
            "effective_at": "2026-03-01T23:00:00Z",
            "certifications": "hearing active 2999-01-01T00:00:00Z",
        }
    ]


@pytest.mark.parametrize("start", list("=+-@'＝＋－＠"))
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    external_id = f"{start}cmd|' /C calc'!A0"
    store(tmp_path, state(1, external_id=external_id))
    store(tmp_path, state(1, OTHER_MENTOR))  # what was read is written again as it was
    assert {row["external_id"] for row in handed_over(tmp_path)} == {f"'{external_id}", "4711"}


def test_many_are_written_together(tmp_path: Path) -> None:
    store(tmp_path, *[state(1, UUID(int=number)) for number in range(500)])
    assert manifest(tmp_path)["rows"] == 500
    assert manifest(tmp_path)["sequence"] < 20


def test_two_writers_of_one_folder_lose_nothing(tmp_path: Path) -> None:
    async def write() -> None:
        async with connected(connection(tmp_path)) as one, connected(connection(tmp_path)) as other:
            for number in range(0, 40, 2):
                mentors = UUID(int=number), UUID(int=number + 1)
                await asyncio.gather(one.apply(state(1, mentors[0])), other.apply(state(1, mentors[1])))

    asyncio.run(write())
    assert (manifest(tmp_path)["rows"], manifest(tmp_path)["sequence"]) == (40, 40)


def test_who_stops_waiting_does_not_stop_the_others(tmp_path: Path) -> None:
    async def work(portal: Portal) -> str:
        impatient = asyncio.create_task(portal.apply(state(1)))
        patient = asyncio.create_task(portal.apply(state(1, OTHER_MENTOR)))
        await asyncio.sleep(0)
        impatient.cancel()
        return (await patient).outcome

    assert do(connection(tmp_path), work) == "applied"
    assert str(OTHER_MENTOR) in versions(tmp_path)


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "not-mounted"
    for work in (lambda portal: portal.apply(STATE), lambda portal: portal.probe()):
        assert type(failure(connection(missing), work)) is PortalUnavailableError
    assert not missing.exists()


@pytest.mark.parametrize("harm", ["changed", "removed", "truncated manifest", "elsewhere"])
def test_what_somebody_else_wrote_is_not_overwritten(tmp_path: Path, harm: str, kind: str) -> None:
    store(tmp_path, STATE, kind=kind)
    named = tmp_path / manifest(tmp_path)["file"]
    match harm:
        case "changed":
            named.write_bytes(named.read_bytes() + b"x")
        case "removed":
            named.unlink()
        case "truncated manifest":
            (tmp_path / adapter.MANIFEST).write_bytes(b'{"sequence": 1')
        case _:
            (tmp_path / adapter.MANIFEST).write_text(json.dumps(manifest(tmp_path) | {"file": "/etc/passwd"}))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    failed = failure(connection(tmp_path, kind), lambda portal: portal.apply(state(8)))
    assert type(failed) is PortalUnexpectedAnswerError
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_it_cannot_say_what_the_portal_shows(tmp_path: Path) -> None:
    async def read(portal: Portal) -> list[PortalRecord]:
        return [one async for one in portal.fetch_state()]

    assert type(failure(connection(tmp_path), read)) is CannotReadError


def test_probing_writes_no_file(tmp_path: Path) -> None:
    do(connection(tmp_path), lambda portal: portal.probe())
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def _write_on(folder: Path, offset: int) -> None:
    for version in range(1, 10_000):
        store(folder, state(version, UUID(int=offset)), state(version, MENTOR))


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[multiprocessing.Process]]:
    context = multiprocessing.get_context("spawn")
    started: list[Any] = [context.Process(target=_write_on, args=(tmp_path, number)) for number in (1, 2)]
    for process in started:
        process.start()
    yield started
    for process in started:
        process.kill()
        process.join(DEADLINE_S)


def test_two_processes_that_are_killed_leave_a_whole_file(
    tmp_path: Path, writers: list[multiprocessing.Process]
) -> None:
    wait_until(
        lambda: (tmp_path / adapter.MANIFEST).exists() and manifest(tmp_path)["sequence"] > 10,
        "both to have written",
    )
    for process in writers:
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join(DEADLINE_S)
    before = versions(tmp_path)
    assert store(tmp_path, state(20_000)) == ["applied"]
    assert versions(tmp_path) == before | {str(MENTOR): 20_000}
