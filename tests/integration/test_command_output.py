"""What programs and pipes get from the command line: one form of instants, whole names, and an end where nothing can work."""

import json
import re

from mentorcert.db.connection import Connection
from tests.support.command import Mentorcert, run
from tests.support.registry import set_up

LONG = "Landsforeningen for likepersoner i helse og omsorg, avdeling Nord-Norge og Svalbard"
RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def test_instants_have_one_form(conn: Connection, mentorcert: Mentorcert) -> None:
    """Of Python, of the database's JSON, and of the entries of a history."""
    organisation = set_up(conn)
    certification = organisation.certify(organisation.mentor())
    for command in (
        ["audit", "log", "--json"],
        ["history", "show", str(certification), "--json"],
        ["person", "export", "demo", "1"],
    ):
        printed = mentorcert(*command).stdout
        instants = re.findall(r'"(\d{4}-\d\d-\d\d[T ][^"]*)"', printed)
        assert instants, command
        assert [instant for instant in instants if not RFC_3339_UTC.fullmatch(instant)] == [], command


def test_a_piped_table_cuts_no_name(conn: Connection, mentorcert: Mentorcert) -> None:
    organisation = set_up(conn)
    conn.execute("update mentorcert.organisations set name = %s where id = %s", [LONG, organisation.id])
    assert LONG in mentorcert("organisation", "list").stdout
    (listed,) = json.loads(mentorcert("organisation", "list", "--json").stdout)
    assert (listed["organisation"], listed["name"], listed["peer_mentors"]) == ("demo", LONG, 0)


def test_flags_are_named_plainly(mentorcert: Mentorcert) -> None:
    for command in (
        [],
        ["portal"],
        ["organisation"],
        ["nightly"],
        ["organisation", "apply"],
        ["portal", "status"],
    ):
        shown = mentorcert(*command, "--help").stdout
        assert ("--json" in shown) is (command not in ([], ["portal"], ["organisation"]))
        assert "<bool>" not in shown
        assert "-h" in shown
        assert mentorcert(*command, "-h").stdout == shown


def test_nobody_waits_for_an_unmigrated_database(empty_database: str) -> None:
    for command in (["worker"], ["tasks", "work"], ["tasks", "work", "--once"]):
        done = run(*command, database_url=empty_database)
        assert done.returncode == 1, command
        assert "hint: Run `mentorcert migrate`." in done.stderr
