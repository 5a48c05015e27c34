"""The Supabase CLI's configuration is complete, and its seed is the small example."""

import tomllib

from mentorcert import package_files
from mentorcert.db.connection import Connection
from mentorcert.imports import importing
from mentorcert.operations import doctor, nightly
from mentorcert.organisations import organisation_file
from tests.support.command import Mentorcert
from tests.support.generated_schema import SEED
from tests.support.generated_seed import seed
from tests.support.servers import on_embedded_18

CONFIG = tomllib.loads((SEED.parent / "config.toml").read_text("utf-8"))


@on_embedded_18
def test_the_seed_is_the_small_example(conn: Connection, mentorcert: Mentorcert) -> None:
    assert SEED.read_text("utf-8") == seed(), "run `make schema`"
    conn.execute(SEED.read_bytes())
    nightly.run(conn)
    assert [finding for finding in doctor.examine(conn) if finding.state != "ok"] == []
    exported = mentorcert("export", "--organisation", "apen-samtale").stdout

    # The import of the example finds nothing to change, but for the past renewals, which it leaves.
    folder = package_files.folder("examples") / "small"
    summary = organisation_file.apply(conn, organisation_file.read(folder / "organisation.toml"))
    changed = (summary.types_added, summary.types_changed, summary.chapters_added, summary.chapters_changed)
    assert (summary.organisation_is, *changed) == ("unchanged", [], [], [], [])
    report = importing.import_file(conn, folder / "mentors.csv", "apen-samtale")
    assert report.counts is not None
    assert (report.counts.mentors_added, report.counts.certifications_added) == (0, 0)
    assert mentorcert("export", "--organisation", "apen-samtale").stdout == exported

    conn.execute(SEED.read_bytes())
    assert mentorcert("export", "--organisation", "apen-samtale").stdout == exported


def test_the_configuration_is_complete() -> None:
    auth = CONFIG["auth"]
    assert auth["site_url"]
    assert any("sign-in/link" in url for url in auth["additional_redirect_urls"])
    assert any("login-callback" in url for url in auth["additional_redirect_urls"])
    assert auth["enable_signup"] is False
    assert CONFIG["db"]["seed"] == {"enabled": True, "sql_paths": ["./seed.sql"]}
    templates = auth["email"]["template"]
    for template in templates.values():
        text = (SEED.parents[1] / template["content_path"]).read_text("utf-8")
        assert "{{ .Token }}" in text
        assert "{{ .ConfirmationURL }}" in text
    assert len(templates) == len(list((SEED.parent / "templates").iterdir()))
