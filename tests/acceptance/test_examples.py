"""The example organisations: generated again they are the same, and they are fit to be imported."""

import json
import sys
from pathlib import Path

import pytest

from mentorcert import package_files
from mentorcert.db.connection import Connection
from mentorcert.imports import exporting, importing
from mentorcert.organisations import organisation_file
from tests.support import processes
from tests.support.command import Mentorcert
from tests.support.mentor_file import snapshot

EXAMPLES = package_files.folder("examples")
SLUGS = {"national": "hom", "small": "apen-samtale"}


def test_the_generator_writes_the_committed_files(tmp_path: Path) -> None:
    processes.run(sys.executable, EXAMPLES / "generate.py", tmp_path)
    written = {
        file.relative_to(tmp_path): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()
    }
    assert {str(file) for file in written} == {
        f"{name}/{file}" for name in SLUGS for file in ("organisation.toml", "mentors.csv")
    }
    for file, content in written.items():
        assert (EXAMPLES / file).read_bytes() == content


@pytest.mark.parametrize("name", SLUGS)
def test_the_example_goes_in_once_and_comes_back(conn: Connection, tmp_path: Path, name: str) -> None:
    folder, slug = EXAMPLES / name, SLUGS[name]
    organisation_file.apply(conn, organisation_file.read(folder / "organisation.toml"))
    first = importing.import_file(conn, folder / "mentors.csv", slug)
    assert first.problems == ()
    before = snapshot(conn)
    file = tmp_path / "mentors"
    for language in ("nb", "en"):
        file.write_bytes(exporting.export(conn, slug, language=language))
        assert importing.import_file(conn, file, slug).problems == ()
    assert importing.import_file(conn, folder / "mentors.csv", slug).problems == ()
    assert snapshot(conn) == before


def test_the_national_organisation_by_the_command(mentorcert: Mentorcert, conn: Connection) -> None:
    folder = EXAMPLES / "national"
    applied = mentorcert("organisation", "apply", folder / "organisation.toml", "--json")
    assert len(json.loads(applied.stdout)["chapters_added"]) == 19 + 200
    imported = mentorcert("import", folder / "mentors.csv", "--organisation", "hom", "--json")
    counts = json.loads(imported.stdout)["counts"]
    assert counts["mentors_added"] == 600
    assert 2200 < counts["certifications_added"] < 2500
    in_two = "select from mentorcert.peer_mentor_chapters group by peer_mentor_id having count(*) = 2"
    assert len(conn.execute(in_two).fetchall()) > 20
    again = mentorcert("import", folder / "mentors.csv", "--organisation", "hom")
    assert "600 mentors (0 new, 0 changed), certifications 0 new, 0 changed" in again.stdout
