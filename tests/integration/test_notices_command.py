"""`mentorcert notices` and its words: what is listed is what goes out, and no address is shown."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from mentorcert import translations
from mentorcert.db.connection import Connection
from mentorcert.notices import ledger
from mentorcert.organisations import data_subjects, organisation_file
from tests.support import command, mail
from tests.support.mail import Mailbox
from tests.support.noticing import address, ends_in, person, run_days_ago, set_up_without_digests
from tests.support.registry import Organisation, fetch, rows, today
from tests.support.servers import on_embedded_18

ORGANISATION = """
[organisation]
slug = "filed"
name = "Filed"

[[certification_types]]
code = "basic"
name_nb = "Grunnkurs"
name_en = "Basic course"
validity_rule = "months"
validity_months = 12
"""


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail.mailbox() as taking:
        yield taking


@pytest.fixture
def organisation(conn: Connection) -> Organisation:
    """An organisation with three people who are due, one of them without an address."""
    organisation, day = set_up_without_digests(conn), today(conn)
    run_days_ago(organisation, 1, day)
    for number in range(3):
        organisation.certify(person(organisation, str(number)), last_day=ends_in(5 + number, day))
    conn.execute("update mentorcert.peer_mentors set email = null where external_id = '0'")
    return organisation


def run(database: str, *options: str, **settings: str) -> CompletedProcess[str]:
    return command.run_forked("notices", *options, database_url=database, **settings)


@on_embedded_18
def test_a_dry_run_lists_what_then_goes_out(
    conn: Connection, database: str, organisation: Organisation, box: Mailbox
) -> None:
    conn.execute("update mentorcert.certification_types set reminder_days = '{9}'")
    before = fetch(conn, "select jsonb_agg(to_jsonb(run)) from mentorcert_private.job_runs as run")
    listed = json.loads(run(database, "--dry-run", "--json").stdout)
    assert fetch(conn, "select jsonb_agg(to_jsonb(run)) from mentorcert_private.job_runs as run") == before
    assert fetch(conn, "select count(*) from mentorcert_private.notices") == 0
    would = {one["peer_mentor_id"] for one in listed["reminders"] if one["outcome"] == "mail"}
    assert [one["outcome"] for one in listed["reminders"]] == ["no_address", "mail", "mail"]
    done = run(database, **box.settings)
    assert done.returncode == 0, done.stderr
    assert re.search(r"reminders +│ +2 ", done.stdout)
    assert "no address: 1 notices" in done.stdout
    ids = conn.execute(
        "select peer_mentor_id from mentorcert_private.notice_mails where state = 'sent'"
    ).fetchall()
    assert {str(id_) for (id_,) in ids} == would
    assert sorted(box.recipients) == [address(1), address(2)]


@on_embedded_18
def test_nothing_personal_is_shown(database: str, organisation: Organisation, box: Mailbox) -> None:
    box.refused = {address(1)}
    shown = [
        run(database, "--dry-run"),
        run(database, "--dry-run", "--json"),
        run(database, MENTORCERT_LOG="INFO", **box.settings),
    ]
    assert [one.returncode for one in shown] == [0, 0, 1]
    everything = "".join(one.stdout + one.stderr for one in shown)
    assert "p…@example.org" in everything
    assert "notice_refused" in everything
    assert not [word for word in ("person1", "Person 1", address(2)) if word in everything]


@on_embedded_18
def test_what_is_set_must_fit_together(database: str, organisation: Organisation, box: Mailbox) -> None:
    def said(*options: str, without: str = "", **settings: str) -> str:
        given = {name: value for name, value in {**box.settings, **settings}.items() if name != without}
        done = run(database, *options, **given)
        assert done.returncode == 2
        return done.stderr

    assert "MENTORCERT_SMTP_HOST is not set" in said(without="MENTORCERT_SMTP_HOST")
    assert "MENTORCERT_PUBLIC_URL" in said(without="MENTORCERT_PUBLIC_URL")
    assert "MENTORCERT_SMTP_FROM" in said(without="MENTORCERT_SMTP_FROM")
    assert "only one is set" in said(MENTORCERT_SMTP_USER="x")
    secret = {"MENTORCERT_SMTP_USER": "x", "MENTORCERT_SMTP_PASSWORD": "hemmelig"}
    assert "sent unencrypted" in said(**secret)
    assert "hemmelig" not in said(**secret)
    assert "--dry-run" in said("--as-of", "2027-01-01")
    assert box.mails == []


@on_embedded_18
def test_a_server_without_tls_gets_nothing(
    conn: Connection, database: str, organisation: Organisation, box: Mailbox
) -> None:
    done = run(database, **{**box.settings, "MENTORCERT_SMTP_TLS": "starttls"})
    assert done.returncode == 1
    assert "SMTPNotSupportedError" in done.stdout
    assert box.mails == []
    assert rows(conn, "select distinct state from mentorcert_private.notice_mails") == [("released",)]


def test_offsets_stand_in_the_organisation_file(conn: Connection, tmp_path: Path) -> None:
    file = tmp_path / "organisation.toml"

    def apply(more: str = "") -> organisation_file.Summary:
        file.write_text(ORGANISATION + more)
        return organisation_file.apply(conn, organisation_file.read(file))

    def stored() -> object:
        return fetch(conn, "select reminder_days from mentorcert.certification_types")

    assert (apply().types_added, stored()) == (["basic"], [90, 30, 7])
    assert (apply().types_changed, stored()) == ([], [90, 30, 7])
    assert (apply("reminder_days = [60, 0]").types_changed, stored()) == (["basic"], [60, 0])
    assert (apply("reminder_days = []").types_changed, stored()) == (["basic"], [])
    for wrong in ("[7, 7]", "[366]", "[-1]", "[1, 2, 3, 4, 5, 6, 7]"):
        with pytest.raises(organisation_file.OrganisationFileError, match="reminder_days"):
            apply(f"reminder_days = {wrong}")


def test_a_person_is_shown_what_was_sent(conn: Connection, organisation: Organisation, box: Mailbox) -> None:
    mentor = fetch(conn, "select id from mentorcert.peer_mentors where external_id = '1'")
    (claimed,) = ledger.claim(conn, [mentor], ledger.now(conn))
    ledger.report(conn, sent=[claimed])
    exported = data_subjects.export(conn, mentor)
    assert exported["peer_mentor"]["language"] == "nb"
    (sent,) = exported["notices"]
    assert (sent["kind"], sent["state"], len(sent["reminds_of"])) == ("reminder", "sent", 1)


def test_a_text_of_another_language_stays_english() -> None:
    assert translations.translations("nb").gettext("Hello,") == "Hei!"
    assert translations.translations("nb").gettext("No such text") == "No such text"
    assert translations.translations("en").gettext("Hello,") == "Hello,"
    assert translations.translations("en").ngettext("one", "many", 2) == "many"
