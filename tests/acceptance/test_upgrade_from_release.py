"""What a release has stored is kept by this version; until there is one, what this version's own wheel stores."""

import json
from pathlib import Path
from typing import Final

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from mentorcert.db.connection import connect
from mentorcert.web.configuration import WEB_ROLE, Configuration
from tests.support import command
from tests.support.registry import fetch
from tests.support.released import Released, checksums, kept, make, stored
from tests.support.servers import Server, on_embedded_18
from tests.web.conftest import AUTH, URL, opened

# Pages of every role, of the organisation that has some of everything.
PAGES: Final = (
    "/mentors",
    "/certifications",
    "/letters",
    "/follow-ups",
    "/imports",
    "/admin",
    "/admin/portal",
    "/admin/audit",
    "/admin/types",
    "/admin/chapters",
    "/admin/memberships",
    "/public/demo",
    "/public/hom",
)


def test_a_released_migration_is_never_changed() -> None:
    now = checksums()
    for release in stored():
        then = json.loads(release.checksums.read_text("utf-8"))
        assert {name: now.get(name) for name in then} == then, release.version


@pytest.mark.slow
@on_embedded_18
@pytest.mark.parametrize("version", [one.version for one in stored()] or ["made now"])
def test_a_database_of_a_release_is_upgraded(server: Server, version: str, tmp_path: Path) -> None:
    release = make(tmp_path) if version == "made now" else Released(version)
    assert release.dump.stat().st_size < 2_000_000
    with server.migrated_template(), server.new_database() as url:
        release.load(server, url)
        with connect(url, autocommit=True) as conn:
            before = kept(conn)
            for words in (
                ("migrate", "--harden-database"),
                ("restored", "--nothing-lost", "--reason", "From a release"),
            ):
                done = command.run(*words, database_url=url)
                assert done.returncode == 0, done.stderr
            after = kept(conn)
            assert [
                table for table, number in before["rows"].items() if after["rows"].get(table, 0) < number
            ] == []
            for what in ("certifications", "listed"):
                assert after[what] == before[what], what
            assert [policy for policy in before["policies"] if policy not in after["policies"]] == []
            assert command.run("nightly", database_url=url).returncode == 0
            doctor = json.loads(command.run("doctor", "--json", database_url=url).stdout)
            wrong = [one["check"] for one in doctor if one["state"] == "wrong"]
            assert wrong == ["portal: no_worker"], "as none runs here"
            admin = fetch(
                conn,
                "select member.user_id from mentorcert.memberships as member join mentorcert.organisations as organisation"
                " on organisation.id = member.organisation_id where organisation.slug = 'demo' and member.role = 'org_admin'",
            )
            mentor = fetch(conn, "select id from mentorcert.peer_mentors where full_name = 'Person 1'")
        pages = Configuration(make_conninfo(url, user=WEB_ROLE), SecretStr("s" * 40), URL, AUTH)
        with opened(pages) as site:
            client = site.client(admin)
            answers = {path: client.get(path).status_code for path in (*PAGES, f"/mentors/{mentor}")}
        assert {path: status for path, status in answers.items() if status != 200} == {}
