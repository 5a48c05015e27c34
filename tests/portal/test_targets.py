"""Which portal it is: a file that names another one sends nothing and is loud; a change is an act with a reason."""

from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.portal.config import configuration
from tests.portal.conftest import FILE
from tests.portal.sending import certified, shown
from tests.portal.staging import Staging, running, state
from tests.support.command import Mentorcert
from tests.support.registry import fetch, rows, set_up


def connect(mentorcert: Mentorcert, file: Path, *more: str) -> tuple[int, str]:
    done = mentorcert("portal", "connect", file, "--reason", "agreed", *more)
    return done.returncode, done.stdout + done.stderr


def other_file(file: Path, url: str, tmp_path: Path) -> Path:
    other = tmp_path / "other.toml"
    other.write_text(FILE.format(url=url, key=file.with_name("key")))
    return other


@pytest.mark.parametrize("is_there", [True, False])
def test_connect_asks_the_portal_first(
    conn: Connection, mentorcert: Mentorcert, file: Path, staging: Staging, *, is_there: bool
) -> None:
    set_up(conn)
    staging.use({"kind": "server_error"})
    if not is_there:
        file.write_text(file.read_text().replace(staging.url, "http://127.0.0.1:9"))
    status, said = connect(mentorcert, file)
    assert (status, ("answered 503" if is_there else "refused the connection") in said) == (1, True), said
    assert fetch(conn, "select count(*) from mentorcert_portal.connections") == 0
    assert connect(mentorcert, file, "--no-probe")[0] == 0


def test_a_worker_whose_file_names_another_portal_sends_nothing_and_is_loud(
    conn: Connection, mentorcert: Mentorcert, file: Path, staging: Staging, tmp_path: Path
) -> None:
    organisation = set_up(conn)
    certified(organisation)
    assert connect(mentorcert, file)[0] == 0
    conn.execute("select mentorcert_portal.set_mode(%s, 'live', 'test')", (organisation.id,))
    with running() as wrong:
        other = other_file(file, wrong.url, tmp_path)
        worker = mentorcert("portal", "worker", "--connection", other, "--once")
        assert (worker.returncode, "names another portal" in worker.stderr) == (2, True)
        assert shown(wrong) == {}
        doctor = mentorcert("doctor")
        assert (doctor.returncode, "other_portal" in doctor.stdout) == (1, True)
        compared = mentorcert("portal", "reconcile", "demo", "--connection", other)
        assert compared.returncode != 0
        refused = connect(mentorcert, other)
        assert (refused[0], "--other-portal" in refused[1]) == (1, True)
    assert mentorcert("portal", "worker", "--connection", file, "--once").returncode == 0
    assert len(shown(staging)) == 1


def test_another_portal_starts_over_by_what_it_shows(
    conn: Connection, mentorcert: Mentorcert, file: Path, staging: Staging, tmp_path: Path
) -> None:
    organisation = set_up(conn)
    stays, goes = certified(organisation, "1"), certified(organisation, "2")
    connect(mentorcert, file)
    conn.execute("select mentorcert_portal.set_mode(%s, 'live', 'test')", (organisation.id,))
    mentorcert("portal", "worker", "--connection", file, "--once")
    with running() as new:
        other = other_file(file, new.url, tmp_path)
        other.write_text(
            other.read_text().replace("[[auth]]", f'state_url = "{new.url}/state.json"\n[[auth]]')
        )
        # The new portal has both from an earlier life, the one in a version far above ours.
        for mentor, version in ((stays, 1), (goes, 40)):
            new.send(state(version, mentor))
        conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (goes,))
        status, said = connect(mentorcert, other, "--other-portal")
        assert (status, "It lists 2 of our peer mentors, and 0 others." in said) == (0, True), said
        assert rows(conn, "select mode, breaker from mentorcert_portal.connections") == [
            ("capture", "closed")
        ]
        conn.execute("select mentorcert_portal.set_mode(%s, 'live', 'test')", (organisation.id,))
        assert mentorcert("portal", "worker", "--connection", other, "--once").returncode == 0
        found = shown(new)
        assert {id_: on for id_, (_, on) in found.items()} == {stays: True, goes: False}
        assert found[goes][0] > 40


@pytest.mark.usefixtures("version_2")
def test_what_may_change_with_the_same_portal_is_no_part_of_its_identity(file: Path) -> None:
    before = configuration.load(file).fingerprint
    text = file.read_text()
    file.write_text(
        text.replace("[[auth]]", 'contract_version = "v2"\n[[auth]]') + "\n[limits]\ntotal_s = 3\n"
    )
    assert configuration.load(file).fingerprint == before
    assert set(before) == {"adapter", "url"}
