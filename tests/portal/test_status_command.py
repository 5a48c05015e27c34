"""`mentorcert portal status` and `mentorcert doctor`, as commands: output and exit codes."""

import json

import pytest

from mentorcert.db.connection import Connection
from mentorcert.operations import nightly
from tests.portal.breakage import BREAKS, World, in_order
from tests.support.command import Mentorcert
from tests.support.registry import set_up


@pytest.fixture
def world(conn: Connection) -> World:
    return in_order(conn)


def test_where_all_is_well_it_says_so_and_ends_with_0(world: World, mentorcert: Mentorcert) -> None:
    world.secret(40)
    shown = mentorcert("portal", "status")
    assert (shown.returncode, shown.stderr) == (0, "")
    for said in (
        "live for 2 days", "webhook, contract v1", "closed", "1 in_sync", "full at ", "no difference",
        "empty", "Workers: 1, last heartbeat", "Nothing is wrong.", "applied 1 / 1",
    ):  # fmt: skip
        assert said in shown.stdout, said
    assert "auth[0].value" not in shown.stdout


def test_it_shows_what_is_wrong_and_what_to_do_and_ends_with_1(world: World, mentorcert: Mentorcert) -> None:
    for code in ("removal_unconfirmed", "message_unknown", "secret_expires", "drift"):
        BREAKS[code].provoke(world)
    shown = mentorcert("portal", "status")
    assert shown.returncode == 1
    for said in (
        "error demo: removal_unconfirmed: 1 removals; the oldest waits 16 min",
        "remove them by hand", "warning demo: message_unknown", "1 unknown", "auth[0].value", "1 missing",
    ):  # fmt: skip
        assert said in shown.stdout, said


def test_a_warning_is_no_error(world: World, mentorcert: Mentorcert) -> None:
    BREAKS["drift"].provoke(world)
    assert mentorcert("portal", "status").returncode == 0


def test_json_has_everything(world: World, mentorcert: Mentorcert) -> None:
    for code in ("no_worker", "secret_expired", "message_failed"):
        BREAKS[code].provoke(world)
    shown = mentorcert("portal", "status", "--json")
    assert shown.returncode == 1
    report = json.loads(shown.stdout)
    assert {one["code"] for one in report["findings"]} == {"no_worker", "secret_expired", "message_failed"}
    (of,) = report["organisations"]
    assert (of["organisation"], of["mode"], of["changed_by"], of["reason"]) == (
        "demo", "live", "postgres", "test",
    )  # fmt: skip
    assert of["rows_by_state"] == {"in_sync": 1}
    assert of["attempts"] == [{"outcome": "applied", "last_hour": 1, "last_day": 1}]
    assert [one["state"] for one in of["messages"]] == ["failed"]
    assert [one["days_left"] for one in of["secrets"]] == [0]
    assert (of["reconciliation"]["outcome"], of["reconciliation"]["drift"]) == ("done", {})
    assert [one["code"] for one in of["findings"]] == ["secret_expired", "message_failed"]
    assert report["workers"] == []
    assert "Person" not in shown.stdout


def test_one_organisation_alone(world: World, mentorcert: Mentorcert) -> None:
    set_up(world.conn, "other")
    BREAKS["secret_expired"].provoke(world)
    assert mentorcert("portal", "status", "other").returncode == 0
    shown = mentorcert("portal", "status", "demo", "--json")
    assert shown.returncode == 1
    assert [one["organisation"] for one in json.loads(shown.stdout)["organisations"]] == ["demo"]
    assert "no portal is connected" in mentorcert("portal", "status").stdout
    assert mentorcert("portal", "status", "nobody").returncode == 2


def test_the_doctor_asks_about_the_portal_too(world: World, mentorcert: Mentorcert) -> None:
    nightly.run(world.conn)
    well = mentorcert("doctor", "--json")
    assert well.returncode == 0
    assert {one["state"] for one in json.loads(well.stdout)} == {"ok"}
    BREAKS["drift"].provoke(world)
    assert mentorcert("doctor").returncode == 0
    BREAKS["removal_unconfirmed"].provoke(world)
    shown = mentorcert("doctor", "--json")
    assert shown.returncode == 1
    found = {one["check"]: one for one in json.loads(shown.stdout) if one["state"] != "ok"}
    assert {check: one["state"] for check, one in found.items()} == {
        "portal: removal_unconfirmed": "wrong",
        "portal: drift": "notice",
    }
    assert "by hand" in found["portal: removal_unconfirmed"]["advice"]


def test_a_portal_that_nobody_connected_is_one_quiet_line(conn: Connection, mentorcert: Mentorcert) -> None:
    set_up(conn)
    nightly.run(conn)
    shown = mentorcert("doctor", "--json")
    assert shown.returncode == 0
    (line,) = [one for one in json.loads(shown.stdout) if one["check"].startswith("portal")]
    assert (line["state"], line["found"]) == ("ok", "No portal is connected.")
