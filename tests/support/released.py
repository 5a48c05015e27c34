"""Databases that releases have filled, kept as files: `python -m tests.support.released` makes that of this version."""

import hashlib
import json
import lzma
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from mentorcert.certifications import repository
from mentorcert.db import embedded, migrate
from mentorcert.db.connection import Connection, acting_as, connect
from mentorcert.notices import letters
from mentorcert.notices.outbox import QueuedSender
from mentorcert.operations import nightly
from mentorcert.organisations import data_subjects, invitations, notes
from tests.portal.sending import certified, claim, connect_portal, report
from tests.support import merging, processes, release
from tests.support.mail import PAGES, mailbox
from tests.support.mentor_file import row
from tests.support.noticing import person
from tests.support.registry import Organisation, fetch, join, rows, set_up, today
from tests.support.servers import Server
from tests.support.tasks import confirm, preview, work

ROOT: Final = Path(__file__).parents[2]
RELEASES: Final = ROOT / "tests" / "releases"
UV: Final = Path(sys.executable).with_name("uv")
# Of a machine that is gone: who runs, and from where a restore would be noticed.
_OF_THE_MACHINE: Final = ("mentorcert_portal.workers", "mentorcert_private.known_server")
_RESTRICTIONS: Final = re.compile(r"^\\(un)?restrict .*\n", re.MULTILINE)
_COPY: Final = re.compile(r"(?<=\n)(COPY [^\n]* FROM stdin;\n)(.*?)(?=\\\.\n)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Released:
    """A database as a release left it: the dump, and the checksums of the migrations that made it."""

    version: str
    folder: Path = RELEASES

    @property
    def dump(self) -> Path:
        """The dump, compressed."""
        return self.folder / f"{self.version}.sql.xz"

    @property
    def checksums(self) -> Path:
        """The checksums, by the name of the file."""
        return self.folder / f"{self.version}.json"

    def load(self, server: Server, url: str) -> None:
        """Restore it into an empty database."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql", encoding="utf-8") as file:
            file.write(lzma.decompress(self.dump.read_bytes()).decode())
            file.flush()
            Path(file.name).chmod(0o644)
            psql = (server.binaries / "psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1")
            processes.run(*psql, "--file", file.name, "--dbname", url)


def stored() -> list[Released]:
    """Return the releases of which a database is kept, the oldest first."""
    return [Released(file.name.removesuffix(".sql.xz")) for file in sorted(RELEASES.glob("*.sql.xz"))]


def checksums() -> dict[str, str]:
    """Return those of the migrations of this version."""
    return {one.path.name: hashlib.sha256(one.path.read_bytes()).hexdigest() for one in migrate.read()}


def make(folder: Path) -> Released:
    """Build the wheel, install it, set up the examples by it, add what they lack, and dump all of it."""
    made = Released(release.version(), folder)
    with tempfile.TemporaryDirectory(prefix="mentorcert-release-") as name:
        place = Path(name)
        build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", place / "dist", ROOT)
        processes.run(sys.executable, *build, cwd=place)
        (wheel,) = (place / "dist").glob("*.whl")
        command = installed(place, wheel)
        outside("up", "--examples", command=command, place=place)
        # In a process of its own: with it the embedded server stops.
        filling = (sys.executable, "-m", "tests.support.released", str(place / ".mentorcert"), str(made.dump))
        processes.run(*filling, cwd=ROOT)
    made.checksums.write_text(json.dumps(checksums(), indent=2) + "\n", "utf-8")
    return made


def installed(place: Path, wheel: Path) -> Path:
    """Install `mentorcert[embedded]` into an empty virtual environment, as `pip install` does; return the command."""
    processes.run(UV, "venv", "--quiet", "--python", sys.executable, place / "venv")
    pip = (UV, "pip", "install", "--quiet", "--python", place / "venv")
    named = f"mentorcert[embedded] @ {wheel.as_uri()}"
    processes.run(*pip, "--constraints", ROOT / "requirements" / "dev.lock", named, cwd=place)
    return place / "venv" / "bin" / "mentorcert"


def environment(place: Path) -> dict[str, str]:
    """Return that of somebody who has nothing yet: an empty home, no settings."""
    own = ("VIRTUAL_ENV", "PYTHON", "DATABASE_URL", "MENTORCERT_", "HOME", "XDG_")
    (home := place / "home").mkdir(exist_ok=True)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    return {**inherited, "HOME": str(home), "NO_COLOR": "1", "COLUMNS": "200"}


def outside(*words: str, command: Path, place: Path) -> str:
    """Run the installed command without the checkout."""
    return processes.run(command, *words, cwd=place, env=environment(place)).stdout


def dump(url: str, file: Path, secret: Iterable[str]) -> None:
    """Write the database, rows in order, without what is a machine's own; raises AssertionError for a secret word in it."""
    left_out = [f"--exclude-table-data={table}" for table in _OF_THE_MACHINE]
    options = ("--no-owner", "--no-toast-compression", *left_out, "--dbname", url)
    text = processes.run(embedded.binaries() / "pg_dump", *options).stdout
    text = _RESTRICTIONS.sub("", text)
    text = _COPY.sub(lambda of: of[1] + "".join(sorted(of[2].splitlines(keepends=True))), text)
    assert not [word for word in secret if word in text], "the dump names the machine that made it"
    file.write_bytes(lzma.compress(text.encode(), preset=9))


def fill(conn: Connection, url: str) -> None:
    """Add an organisation that has some of everything to the examples."""
    with conn.transaction():
        conn.execute("set local session_replication_role = replica")
        # The key is of chance, and a secret; here everybody may know it.
        conn.execute(
            b"update mentorcert_private.erasure_keys"
            b" set inner_pad = decode(repeat('36', 64), 'hex'), outer_pad = decode(repeat('5c', 64), 'hex')"
        )
    organisation = set_up(conn, "demo")
    conn.execute(
        "update auth.users set email = 'adam@example.org', email_confirmed_at = now() where id = %s",
        (organisation.admin,),
    )
    join(organisation, uuid4(), "coordinator", organisation.chapter)
    connect_portal(conn, organisation.id)
    kari, ola = person(organisation, "1"), person(organisation, "2", language="en")
    login = uuid4()
    join(organisation, login, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (login, kari))
    with acting_as(conn, login) as acting:
        acting.execute("select public.create_calendar_feed()")
    _certify(organisation)
    with mailbox() as box:
        with organisation.as_admin() as acting:
            notes.write(acting, kari, notes.Content("Ring", today(conn, 3), organisation.admin))
            letter, _ = letters.draft(acting, [kari, ola]), letters.draft(acting, [ola])
            letters.write(acting, letter, "Møte", "Vel møtt.")
        with organisation.as_admin() as acting:
            letters.send(acting, letter, letters.get(acting, letter).written_at)
        QueuedSender(box.server, PAGES).run(conn)
    with organisation.as_admin() as acting:
        invitations.invite(
            acting, organisation.id, ["berit@example.org"], "coordinator", organisation.chapter
        )
        invitations.invite_peer_mentors(acting, organisation.id, [ola])
    checked = preview(organisation, row("20", certification_type="basic", issued="2026-01-01"))
    assert work(url)
    confirm(organisation, checked)
    assert work(url)
    merging.merge(organisation, kari, organisation.mentor("3"))
    data_subjects.erase(conn, organisation.mentor("4"))
    listed = [certified(organisation, str(number)) for number in range(5, 9)]
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (listed[0],))
    nightly.run(conn)
    claims = claim(conn, organisation.id)
    report(conn, organisation.id, claims[:3])
    report(conn, organisation.id, claims[3:], "rejected")


def _certify(organisation: Organisation) -> None:
    conn = organisation.conn
    for number, last_day in enumerate((date(2024, 5, 31), today(conn, 1), today(conn, 200)), start=10):
        certification = organisation.certify(organisation.mentor(str(number)), last_day=last_day, past=number)
        with acting_as(conn, organisation.admin) as acting:
            repository.renew(acting, certification)
            suspended = repository.suspend(acting, certification, "Permisjon")
        with acting_as(conn, organisation.admin) as acting:
            if number > 10:
                repository.reinstate(acting, suspended.id)


def kept(conn: Connection) -> dict[str, Any]:
    """Return what a new version must keep: rows of each table, every history and dates, the public list, the policies."""
    tables = rows(
        conn,
        "select format('%%I.%%I', schemaname, tablename) from pg_catalog.pg_tables"
        " where schemaname in ('public', 'auth') or schemaname like 'mentorcert%%' order by 1",
    )
    certifications = rows(
        conn,
        "select id, status, certification_type, issued_at, expires_at, renewal_history"
        " from public.peer_mentor_certifications order by id",
    )
    policies = rows(
        conn, "select schemaname, tablename, policyname from pg_catalog.pg_policies order by 1, 2, 3"
    )
    listed = rows(conn, "select peer_mentor_id, listed_until from public.listed_peer_mentors order by 1")
    return {
        "rows": {table: fetch(conn, f"select count(*) from {table}") for (table,) in tables},
        "certifications": certifications,
        "policies": policies,
        "listed": listed,
    }


def main(arguments: list[str]) -> None:
    """Make the files of this version; or, with a home and a file, fill the embedded database there and dump it."""
    if not arguments:
        made = make(RELEASES)
        sys.stdout.write(f"{made.dump.relative_to(ROOT)}: {made.dump.stat().st_size // 1024} KB\n")
        return
    home, file = map(Path, arguments)
    url = embedded.start(home)
    with connect(url, autocommit=True) as conn:
        fill(conn, url)
    dump(url, file, [str(home.parent), socket.gethostname(), str(ROOT)])


if __name__ == "__main__":
    main(sys.argv[1:])
