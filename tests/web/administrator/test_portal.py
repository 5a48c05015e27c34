"""The portal in the pages: how it stands, its mode, and replays."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from unittest.mock import Mock
from uuid import UUID

import pytest

from mentorcert.db.connection import Connection
from mentorcert.operations.alerting import Alerting, Channels
from mentorcert.portal.model import Mode
from mentorcert.portal.monitoring import health, waiting
from mentorcert.portal.monitoring.alerts import KINDS
from mentorcert.portal.reconciliation.comparison import Comparison, Difference
from mentorcert.portal.reconciliation.reconciler import stop_reason
from mentorcert.web.administrator import portal_labels
from mentorcert.web.administrator.portal_reasons import known_reason
from mentorcert.web.administrator.replay import ErrorClass
from mentorcert.web.context import RequestContext
from tests.portal.sending import claim, connect_portal, report
from tests.support.registry import Organisation, fetch, rows, set_up, today
from tests.web.administrator.conftest import HOSTILE, Browser
from tests.web.conftest import Site, hidden


def let_wait(conn: Connection, minutes: int = 20) -> None:
    """Have everything that waits wait so much longer."""
    conn.execute(
        "update mentorcert_portal.states set"
        " first_dirty_at = first_dirty_at - %(ago)s, removal_due_at = removal_due_at - %(ago)s",
        {"ago": timedelta(minutes=minutes)},
    )
    conn.execute(
        "update mentorcert_portal.connections set mode_since = mode_since - %s", (timedelta(minutes=minutes),)
    )


def test_without_a_connection(admin: Browser) -> None:
    assert "No portal is connected." in admin.get("/admin/portal")
    assert "Not connected" in admin.get("/admin")


def test_how_it_stands(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    organisation.certify(organisation.mentor("1"), last_day=today(conn, 10))
    removed = organisation.mentor("2")
    organisation.certify(removed, issued=today(conn, -400), last_day=today(conn, -1))
    connect_portal(conn, organisation.id)
    report(conn, organisation.id, claim(conn, organisation.id, batch=1), "rejected", error="400: no")
    let_wait(conn)
    html = admin.get("/admin/portal")
    for said in (
        "Live: everything is sent", "No worker is running", "The portal refuses the message", "400: no",
        "has not been confirmed to be for 15 minutes", "none was heard of", "Person 2",
    ):  # fmt: skip
        assert said in html


def test_who_and_why_are_words(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    connect_portal(conn, organisation.id)
    own = "mentorcert up: the staging portal ended with the command"
    conn.execute("update mentorcert_portal.connections set changed_by = 'root', reason = %s", (own,))
    html = admin.get("/admin/portal")
    assert "<dd>the operator</dd>" in html
    assert "root" not in html
    assert "Demonstration: the staging portal is stopped." in html
    conn.execute("update mentorcert_portal.connections set reason = 'The network is down'")
    assert "<dd>The network is down</dd>" in admin.get("/admin/portal")


def test_every_reason_of_the_registry_is_known() -> None:
    context = Mock(RequestContext, _=lambda text, **values: str(text) % values)
    found = [
        Comparison(read=0, expected=7),
        Comparison(read=400, expected=900, drift=[Difference({"kind": "missing"})] * 500),
        Comparison(read=900, expected=900, drift=[Difference({"kind": "stale"})] * 500),
    ]
    sources = (
        Path("src/mentorcert/cli/portal/up.py").read_text(),
        Path("src/mentorcert/portal/adapters/webhook.py").read_text(),
        Path("supabase/schema.sql").read_text(),
    )
    written = [
        *(
            f"mentorcert up: {text}"
            for text in re.findall(r"""f"{_OWN_REASON}(.+?)\"""", sources[0])
            if text != "demonstration"
        ),
        *re.findall(r'"(The portal has no state_url.+?)"', sources[1]),
        *re.findall(r"'(Twenty calls in a row.+?|Its process no longer reported\.)'", sources[2]),
        *filter(None, map(stop_reason, found)),
    ]
    assert len(written) == 13
    assert [text for text in written if known_reason(context, text) is None] == []


def test_the_same_as_the_operator_sees(conn: Connection, organisation: Organisation) -> None:
    other = set_up(conn, "other")
    for one in (organisation, other):
        one.certify(one.mentor(), issued=today(conn, -400), last_day=today(conn, -1))
        connect_portal(conn, one.id)
    conn.execute("select mentorcert_portal.heartbeat('host:1', now())")
    seen_by_owner = health.read(conn).of(organisation.slug)
    counted = health.figures(conn)[organisation.slug].rows_by_state
    with organisation.as_admin() as acting:
        own = health.read_own(acting)
        assert health.figures(acting)[organisation.slug].rows_by_state == counted == {"pending": 1}
    (standing,), (expected,) = own.connections, seen_by_owner.connections
    assert (standing.mode, standing.removals, standing.reason) == (expected.mode, 1, expected.reason)
    assert [worker.worker for worker in own.workers] == [""]
    assert [one.organisation for one in own.reconciliations] == [organisation.slug]


def test_everything_has_a_text() -> None:
    context = Mock(spec=RequestContext)
    context._.side_effect = str
    texts = portal_labels.labels(context)
    assert texts.findings.keys() == KINDS.keys()
    assert list(texts.modes) == list(get_args(Mode))
    assert texts.errors.keys() == set(get_args(ErrorClass))


def test_changing_the_mode(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    mentor = organisation.mentor("7")
    connect_portal(conn, organisation.id, "capture")
    where = admin.post("/admin/portal/mode", mode="canary", numbers="7", reason="Agreed")
    assert where == "/admin/portal"
    assert "The mode is changed: Canary" in admin.get("/admin/portal")
    assert rows(
        conn, "select mode, canary_peer_mentor_ids, reason, changed_by from mentorcert_portal.connections"
    ) == [("canary", [mentor], "Agreed", str(organisation.admin))]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"mode": "live", "reason": " "}, "Say why."),
        ({"mode": "canary", "reason": "x"}, "Canary needs the numbers of peer mentors"),
        ({"mode": "live", "numbers": "7", "reason": "x"}, "Canary needs the numbers of peer mentors"),
        ({"mode": "canary", "numbers": "7 404", "reason": "x"}, "no peer mentor with the number 404"),
        ({"mode": "everything", "reason": "x"}, "mode"),
    ],
)
def test_bad_input_comes_back_with_its_error(
    admin: Browser, conn: Connection, organisation: Organisation, form: dict[str, Any], said: str
) -> None:
    organisation.mentor("7")
    connect_portal(conn, organisation.id, "paused")
    assert said in admin.post("/admin/portal/mode", 422, **form)
    assert fetch(conn, "select mode from mentorcert_portal.connections") == "paused"


def test_replay(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    mentor = organisation.mentor("7")
    organisation.certify(mentor, last_day=today(conn, 10))
    connect_portal(conn, organisation.id)
    html = admin.get("/admin/portal/replay?since=&error_class=")
    assert "1 peer mentor would be sent again" in html
    assert "The portal has confirmed nothing yet." in html
    assert "certified" in html
    assert "No results." in admin.get("/admin/portal/replay?error_class=rejected")
    assert "No results." in admin.get(f"/admin/portal/replay?since={today(conn, 1)}")
    admin.get("/admin/portal/replay?error_class=unlucky", 422)
    assert "Say why." in admin.post("/admin/portal/replay", 422, reason="")
    form: dict[str, Any] = {"since": today(conn), "reason": "Backup"}
    shown = hidden(admin.get(f"/admin/portal/replay?since={today(conn)}"), "shown")
    other = organisation.mentor("8")
    organisation.certify(other, last_day=today(conn, 10))
    html = admin.post("/admin/portal/replay", 409, shown=shown, **form)
    assert "Something has changed since you looked." in html
    where = admin.post("/admin/portal/replay", shown=hidden(html, "shown"), **form)
    replay: UUID = fetch(conn, "select id from mentorcert_portal.replays where reason = 'Backup'")
    assert where == f"/admin/portal/replays/{replay}"
    assert "Backup" in admin.get("/admin/portal")


def test_the_alarm_is_on_every_page(
    site: Site, admin: Browser, conn: Connection, organisation: Organisation, coordinator: UUID
) -> None:
    organisation.certify(organisation.mentor(), issued=today(conn, -400), last_day=today(conn, -1))
    connect_portal(conn, organisation.id)
    said = "1 peer mentor must be off the portal's list, which has not confirmed it."
    assert said not in admin.get("/admin/types")
    let_wait(conn)
    assert said in admin.get("/admin/types")
    assert said in admin.get("/admin/audit")
    other = set_up(conn, "other")
    assert "has not confirmed" not in site.client(other.admin).get("/admin").text
    report(conn, organisation.id, claim(conn, organisation.id))
    assert said not in admin.get("/admin/types")


def test_the_alarm_agrees_with_the_finding(conn: Connection, organisation: Organisation) -> None:
    for number, days in enumerate((-1, -1, 5)):
        mentor = organisation.mentor(str(number), consent=number > 0)
        organisation.certify(mentor, issued=today(conn, -400), last_day=today(conn, days))
    withdrawn = organisation.mentor("9")
    organisation.certify(withdrawn, last_day=today(conn, 10))
    connect_portal(conn, organisation.id)
    report(conn, organisation.id, claim(conn, organisation.id))
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (withdrawn,))
    organisation.certify(organisation.mentor("8"), issued=today(conn, -400), last_day=today(conn, -3))
    let_wait(conn)
    (standing,) = health.read(conn).connections
    with organisation.as_admin() as acting:
        (alarm,) = waiting.unconfirmed_removals(acting)
        assert len(waiting.removals(acting, organisation.id)) == alarm.removals
    assert alarm.removals == standing.removals
    assert standing.removals == 2


def test_names_are_no_markup(
    admin: Browser, conn: Connection, organisation: Organisation, hostile: UUID
) -> None:
    organisation.certify(hostile, issued=today(conn, -400), last_day=today(conn, -1))
    connect_portal(conn, organisation.id)
    conn.execute(
        "update mentorcert_portal.connections set reason = %s, breaker_reason = %s", (HOSTILE, HOSTILE)
    )
    html = admin.get("/admin/portal")
    assert html.count(HOSTILE) >= 3
    assert HOSTILE in admin.get("/admin/audit")


def test_an_error_is_acknowledged_for_a_reason(
    admin: Browser, conn: Connection, organisation: Organisation
) -> None:
    organisation.certify(organisation.mentor(), issued=today(conn, -400), last_day=today(conn, -1))
    connect_portal(conn, organisation.id)
    let_wait(conn)
    assert "I see to it" not in admin.get("/admin/portal")
    Alerting(Channels()).check_once(conn)
    assert admin.get("/admin/portal").count("I see to it") == 1, "the worker is the operator's"
    assert "Say why." in admin.post("/admin/portal/acknowledge", 422, code="removal_unconfirmed", reason=" ")
    gone = admin.post("/admin/portal/acknowledge", 422, code="breaker_open", reason="x")
    assert "1 peer mentor must be off" in gone
    form: dict[str, Any] = {"code": "removal_unconfirmed", "reason": f"Called them {HOSTILE}"}
    assert admin.post("/admin/portal/acknowledge", **form) == "/admin/portal"
    html = admin.get("/admin/portal")
    assert "sees to it: Called them" in html
    assert HOSTILE in html
    assert "I see to it" not in html
