"""The journal behind an address: two writers lose no line, and a store that misbehaves is an error in words."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mentorcert.db.connection import Connection, connect
from mentorcert.errors import JournalError, SecretUnreadableError, SettingError
from mentorcert.operations import journal, journal_places
from mentorcert.operations.journal_places import FilePlace, UrlPlace
from mentorcert.portal.monitoring import health
from mentorcert.settings import Settings
from tests.portal.misbehaving import serving as at_socket
from tests.portal.misbehaving import stall
from tests.portal.object_store import TOKEN, ObjectStore, serving
from tests.portal.restored import back_up, restore
from tests.portal.sending import certified
from tests.support import command
from tests.support.processes import DEADLINE_S
from tests.support.registry import Organisation, fetch, set_up


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with serving() as store:
        yield store


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return tmp_path / "token"


@pytest.fixture
def place(store: ObjectStore, token_file: Path) -> UrlPlace:
    return UrlPlace(store.url, token_file=token_file)


def withdraw(conn: Connection, mentor: object) -> None:
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (mentor,))


def test_an_object_is_written_and_repeated_like_a_file(
    conn: Connection, database: str, store: ObjectStore, token_file: Path
) -> None:
    organisation: Organisation = set_up(conn)
    mentor = certified(organisation)
    settings = {
        "database_url": database, "MENTORCERT_JOURNAL": store.url, "MENTORCERT_JOURNAL_TOKEN_FILE": str(token_file),
    }  # fmt: skip
    away = command.run_forked("restored", "--reason", "test", **settings)
    assert (away.returncode, "reading was answered with 404" in away.stderr) == (1, True)
    assert command.run_forked("journal", **settings).stdout.startswith("0 lines")
    back_up(conn)
    withdraw(conn, mentor)
    assert command.run_forked("journal", **settings).stdout.startswith("1 lines")
    restore(conn)
    done = command.run_forked("restored", "--reason", "test", "--json", **settings)
    assert str(mentor) in done.stdout
    assert fetch(conn, "select listing_consent from mentorcert.peer_mentors") is False


def test_signed_addresses_need_no_token_and_stand_in_no_error(conn: Connection, store: ObjectStore) -> None:
    set_up(conn)
    store.signed = True
    place = UrlPlace(store.signed_url("GET"), store.signed_url("PUT"))
    assert journal.write(conn, place) == 0
    with pytest.raises(JournalError, match="writing was answered with 403") as refused:
        journal.write(conn, UrlPlace(store.signed_url("GET")))
    assert "secret" not in str(refused.value)
    assert "secret" not in fetch(conn, "select error from mentorcert_private.journals")


def test_many_writers_at_once_lose_no_line(
    conn: Connection, database: str, store: ObjectStore, token_file: Path
) -> None:
    organisation = set_up(conn)
    mentors = [certified(organisation, str(number)) for number in range(4)]
    for mentor in mentors:
        withdraw(conn, mentor)

    def work() -> None:
        with connect(database, autocommit=True) as own:
            journal.write(own, UrlPlace(store.url, token_file=token_file))

    with ThreadPoolExecutor(3) as threads:
        for one in [threads.submit(work) for _ in range(3)]:
            one.result(DEADLINE_S)
    assert len(store.lines) == len(mentors)
    assert journal.write(conn, UrlPlace(store.url, token_file=token_file)) == 0


def test_what_another_writes_in_between_is_kept(
    conn: Connection, store: ObjectStore, place: UrlPlace
) -> None:
    organisation = set_up(conn)
    journal.write(conn, place)
    withdraw(conn, certified(organisation))
    theirs = '{"at": "2026-01-01T00:00:00+00:00", "kind": "erased", "digest": "ab"}'
    mark = (store.content or b"").decode().splitlines()[0]
    store.between = lambda: store.put(f"{mark}\n{theirs}\n".encode())
    assert journal.write(conn, place) == 1
    assert theirs in store.lines
    assert len(store.lines) == 2


def break_store(**faults: Any) -> Callable[[ObjectStore], None]:
    def apply(store: ObjectStore) -> None:
        for name, value in faults.items():
            setattr(store, name, value)

    return apply


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (break_store(status={"GET": 500}), "reading was answered with 500"),
        (break_store(status={"GET": 302}), "reading was answered with 302"),
        (break_store(status={"PUT": 507}), "writing was answered with 507"),
        (break_store(stores=False), "did not hold what was put into it, 8 times"),
        (break_store(heeds_versions=False), "does not heed If-Match"),
        (break_store(etag=""), "without a strong ETag"),
        (break_store(etag='W/"{version}"'), "without a strong ETag"),
        (break_store(headers={"Content-Encoding": "gzip"}), "or compressed"),
        (break_store(content=b"<html>Sign in</html>"), "line 1: is no line of the journal"),
        (break_store(content=b'{"at": "x", "kind": "erased", "digest": "ab"}'), "line 1"),
        (break_store(content=b'{"at": "2026-01-01", "kind": "mark", "digest": "abcd"}'), "line 1"),
        (break_store(content=b"[" * 100_000), "line 1"),
        (break_store(endless=True), "it did not answer in time"),
    ],
)  # fmt: skip
def test_a_store_that_misbehaves_is_named_and_noted(
    conn: Connection, store: ObjectStore, place: UrlPlace, fault: Callable[[ObjectStore], None], said: str
) -> None:
    set_up(conn)
    store.content = b""
    fault(store)
    place.longest_s = 0.5 if store.endless else DEADLINE_S
    with pytest.raises(JournalError) as caught:
        journal.write(conn, place)
    assert said in str(caught.value)
    assert caught.value.hint
    assert said in fetch(conn, "select error from mentorcert_private.journals")


def test_an_answer_without_end_is_bounded(
    store: ObjectStore, place: UrlPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_places, "LARGEST", 1000)
    store.content = b"x" * 1001
    with pytest.raises(JournalError, match="larger than 1000 bytes"):
        place.read()
    with pytest.raises(JournalError, match="would be larger"):
        place.replace(journal_places.Stored(b""), b"x" * 1001)


def test_one_that_is_away_or_silent_is_named() -> None:
    with at_socket(stall) as port, pytest.raises(JournalError, match="did not answer in time"):
        UrlPlace(f"http://127.0.0.1:{port}/journal", longest_s=0.2).read()
    with pytest.raises(JournalError, match="refused the connection"):
        UrlPlace("http://127.0.0.1:1/journal").read()


def test_a_token_that_cannot_be_read_is_noted(conn: Connection, store: ObjectStore, tmp_path: Path) -> None:
    set_up(conn)
    with pytest.raises(SecretUnreadableError):
        journal.write(conn, UrlPlace(store.url, token_file=tmp_path / "away"))
    assert health.read(conn).registry.journal_error


@pytest.mark.parametrize(
    "url", ["http://example.org/journal", "ftp://example.org/journal", "https://user@example.org/j", "https:///j"]
)  # fmt: skip
def test_an_address_that_is_not_safe_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MENTORCERT_JOURNAL", url)
    with pytest.raises(SettingError, match="begins with https"):
        journal_places.from_settings(Settings())


def test_what_the_settings_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert journal_places.from_settings(Settings()) is None
    monkeypatch.setenv("MENTORCERT_JOURNAL", str(tmp_path / "journal"))
    assert journal_places.from_settings(Settings()) == FilePlace(tmp_path / "journal")


def test_a_file_is_never_half_written(
    conn: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    organisation = set_up(conn)
    place = FilePlace(tmp_path / "journal")
    journal.write(conn, place)
    before = place.read()
    withdraw(conn, certified(organisation))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", full)
        with pytest.raises(JournalError, match="No space left on device"):
            journal.write(conn, place)
    assert place.read() == before
    assert journal.write(conn, place) == 1
    assert health.read(conn).registry.journal_error is None
