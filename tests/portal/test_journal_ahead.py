"""What a portal is asked to remove is in the journal before; a journal that is down holds no removal up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from mentorcert.db.connection import Connection
from mentorcert.operations import journal
from mentorcert.operations.journal_places import UrlPlace
from mentorcert_staging.options import DEMO_WEBHOOK_KEY
from tests.portal.conftest import FILE
from tests.portal.object_store import TOKEN, ObjectStore, serving
from tests.portal.sending import certified, shown
from tests.portal.staging import Staging
from tests.portal.wire import Wire, wires
from tests.support import command
from tests.support.registry import Organisation, fetch


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with serving() as store:
        yield store


@pytest.fixture
def wire(staging: Staging) -> Iterator[Wire]:
    with wires(staging.url, 1) as (wire,):
        yield wire


def test_a_line_is_out_of_the_house_before_the_removal(  # noqa: PLR0917
    conn: Connection, organisation: Organisation, database: str, staging: Staging, wire: Wire, store: ObjectStore,
    tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "key").write_text(DEMO_WEBHOOK_KEY)
    (tmp_path / "token").write_text(TOKEN)
    file = tmp_path / "demo.toml"
    file.write_text(FILE.format(url=wire.url, key=tmp_path / "key"))

    def work() -> None:
        done = command.run_forked(
            "portal", "worker", "--connection", file, "--once",
            database_url=make_conninfo(database, user="mentorcert_portal"),
            MENTORCERT_JOURNAL=store.url, MENTORCERT_JOURNAL_TOKEN_FILE=str(tmp_path / "token"),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    mentors = [certified(organisation, number) for number in ("1", "2")]
    place = UrlPlace(store.url, token_file=tmp_path / "token")
    journal.write(conn, place)
    store.asked.clear()
    # What shows somebody does not need the journal.
    work()
    assert store.asked == []

    withdraw = "update mentorcert.peer_mentors set listing_consent = false where id = %s"
    conn.execute(withdraw, (mentors[0],))
    before: list[int] = []
    met = wire.strike("applied", lambda: before.append(len(store.lines)))
    work()
    assert met.happened.is_set()
    assert before == [1]

    store.status["GET"] = 503
    conn.execute(withdraw, (mentors[1],))
    work()
    assert shown(staging)[mentors[1]][1] is False
    assert "503" in fetch(conn, "select error from mentorcert_private.journals")
    assert fetch(conn, "select mentorcert_private.journal_lacks()") is True
