"""People are informed of the portal's errors: by real mails, a real webhook, and a heartbeat."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from starlette.types import Receive, Scope, Send

from mentorcert.db.connection import Connection
from mentorcert.operations import alerts
from mentorcert.operations.alert_texts import Kind, Notice, mail
from mentorcert.operations.alerting import Alerting, Channels
from mentorcert.portal.monitoring.alerts import KINDS
from mentorcert.portal.monitoring.descriptions import DESCRIPTIONS
from mentorcert.translations import Language
from tests.portal.breakage import BREAKS, World, in_order
from tests.portal.connections import served
from tests.support.command import Mentorcert
from tests.support.mail import SENDER, Mailbox, hang_up, mailbox, text_of
from tests.support.registry import fetch, rows

OPERATOR = "operator@example.org"


class Hook:
    """Keeps what is posted, and counts heartbeats."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self.beats = 0
        self.status = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        if scope["method"] == "GET":
            self.beats += 1
        else:
            self.documents.append(json.loads(body))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def world(conn: Connection) -> World:
    return in_order(conn)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest.fixture
def channels(world: World, box: Mailbox, hook: Hook) -> Iterator[Channels]:
    with served(hook) as url:
        alerts.set_heartbeat(world.conn, f"{url}/beat")
        hook.beats = 0
        yield Channels(box.server, OPERATOR, f"{url}/hook", "https://register.example.org")


def subjects(box: Mailbox) -> list[tuple[str, str]]:
    return sorted((address, str(mail["Subject"])) for address, mail in box.mails)


def a_day_later(world: World) -> None:
    world.execute("update mentorcert_portal.alerts set notice_at = now() where notice_at is not null")


def test_an_error_is_said_once_then_daily_and_at_its_end(
    world: World, box: Mailbox, hook: Hook, channels: Channels
) -> None:
    alerting = Alerting(channels)
    admin = "admin@example.org"
    world.execute("update auth.users set email = %s where id = %s", admin, world.organisation.admin)
    alerting.check_once(world.conn)
    assert (box.mails, hook.documents, hook.beats) == ([], [], 1)
    BREAKS["removal_unconfirmed"].provoke(world)
    for _ in range(3):
        alerting.check_once(world.conn)
    assert subjects(box) == sorted(
        (address, "Organisation demo: feil i portalen") for address in (admin, OPERATOR)
    )
    assert hook.beats == 1, "silence, while an error stands"
    (posted,) = hook.documents
    assert (posted["kind"], posted["organisation"], posted["code"], posted["severity"]) == (
        "began", "demo", "removal_unconfirmed", "error",
    )  # fmt: skip
    assert "4711" not in json.dumps(posted)
    text = text_of(box.mails[0][1])
    assert "https://register.example.org/admin/portal" in text
    assert "for hånd" in text
    assert box.mails[0][1]["From"] == SENDER

    a_day_later(world)
    alerting.check_once(world.conn)
    assert [subject for _, subject in subjects(box)].count(
        "HASTER: Organisation demo: ingen har kvittert ut feilen i portalen"
    ) == 2
    BREAKS["removal_unconfirmed"].correct(world)
    for _ in range(2):
        alerting.check_once(world.conn)
    assert [subject for _, subject in subjects(box)].count(
        "Organisation demo: feilen i portalen er rettet"
    ) == 2
    assert [one["kind"] for one in hook.documents] == ["began", "unacknowledged", "ended"]
    assert hook.beats == 3


def test_what_is_acknowledged_is_quiet_for_a_week(
    world: World, box: Mailbox, channels: Channels, mentorcert: Mentorcert
) -> None:
    alerting = Alerting(replace(channels, webhook=None))
    BREAKS["secret_expired"].provoke(world)
    alerting.check_once(world.conn)
    assert "secret_expired" in mentorcert("portal", "alerts").stdout
    done = mentorcert(
        "portal", "acknowledge", "secret_expired", "--organisation", "demo", "--reason", "ordered"
    )
    assert done.returncode == 0, done.stderr
    (one,) = alerts.standing(world.conn)
    assert one.acknowledged_reason == "ordered"
    (days,) = rows(
        world.conn, "select extract(day from notice_at - now())::integer from mentorcert_portal.alerts"
    )
    assert days in {(6,), (7,)}
    assert mentorcert("portal", "acknowledge", "no_worker", "--reason", "x").returncode == 2
    assert mentorcert(
        "portal", "acknowledge", "secret_expired", "--organisation", "demo", "--reason", " "
    ).returncode
    a_day_later(world)
    alerting.check_once(world.conn)
    assert box.mails[-1][1]["Subject"] == "Organisation demo: feilen i portalen er ikke rettet"
    assert alerts.standing(world.conn)[0].acknowledged_at is None, "somebody must see to it again"


def test_a_refused_mail_is_tried_again_and_one_in_doubt_never(
    world: World, box: Mailbox, channels: Channels
) -> None:
    alerting = Alerting(replace(channels, webhook=None))
    BREAKS["no_worker"].provoke(world)
    box.refused = {OPERATOR}
    alerting.check_once(world.conn)
    assert rows(
        world.conn,
        "select state, starts_with(error, 'The mail server refused it') from mentorcert_portal.alert_notices",
    ) == [("due", True)]
    box.refused = set()
    world.execute("update mentorcert_portal.alert_notices set due_at = now()")
    box.after_data = hang_up
    alerting.check_once(world.conn)
    world.execute("update mentorcert_portal.alert_notices set due_at = now()")
    box.after_data = lambda _: None
    taken = len(box.mails)
    alerting.check_once(world.conn)
    assert fetch(world.conn, "select state from mentorcert_portal.alert_notices") == "sending"
    assert len(box.mails) == taken


def test_a_webhook_that_refuses_is_tried_again(world: World, hook: Hook, channels: Channels) -> None:
    alerting = Alerting(replace(channels, server=None, operator=None))
    BREAKS["no_worker"].provoke(world)
    hook.status = 500
    alerting.check_once(world.conn)
    assert rows(world.conn, "select state, error from mentorcert_portal.alert_notices") == [
        ("due", "The webhook answered 500.")
    ]
    hook.status = 204
    world.execute("update mentorcert_portal.alert_notices set due_at = now()")
    alerting.check_once(world.conn)
    assert fetch(world.conn, "select state from mentorcert_portal.alert_notices") == "sent"


@pytest.mark.parametrize("has_operator", [False, True])
def test_what_cannot_be_sent_is_an_error_of_the_doctor(
    world: World, mentorcert: Mentorcert, *, has_operator: bool
) -> None:
    BREAKS["no_worker"].provoke(world)
    Alerting(Channels(operator=OPERATOR if has_operator else None)).check_once(world.conn)
    world.execute("update mentorcert_portal.alerts set began_at = now() - interval '16 minutes'")
    shown = mentorcert("doctor", "--json")
    found = {one["check"]: one["found"] for one in json.loads(shown.stdout) if one["state"] == "wrong"}
    why = "No mail server is set" if has_operator else "nobody to inform is known"
    assert why in found["somebody is informed of every error"]
    assert shown.returncode == 1


def test_what_nobody_acknowledges_goes_to_others_who_hear_since_when_and_who_was_informed(
    world: World, box: Mailbox, channels: Channels
) -> None:
    other = "director@example.org"
    alerting = Alerting(replace(channels, webhook=None, escalate_to=(other,)))
    world.execute("update auth.users set email = 'admin@example.org' where id = %s", world.organisation.admin)
    BREAKS["secret_expired"].provoke(world)
    alerting.check_once(world.conn)
    assert other not in box.recipients
    began = fetch(world.conn, "select began_at from mentorcert_portal.alerts")
    a_day_later(world)
    alerting.check_once(world.conn)
    (urgent,) = [text_of(one) for address, one in box.mails if address == other]
    assert "Varslet tidligere: admin@example.org, systemansvarlig" in urgent
    assert f"{began.astimezone(ZoneInfo('Europe/Oslo')):kl. %H.%M}" in urgent
    BREAKS["secret_expired"].correct(world)
    alerting.check_once(world.conn)
    assert box.recipients.count(other) == 2, "its end too"


@pytest.mark.parametrize("language", ["nb", "en"])
def test_mails_are_whole_in_the_reader_s_language_and_say_no_code(
    world: World, box: Mailbox, channels: Channels, language: Language
) -> None:
    kinds: tuple[Kind, ...] = ("began", "stands", "unacknowledged", "ended", "well")
    now = datetime.now(UTC)
    for kind in kinds:
        for code in KINDS:
            notice = Notice(
                uuid4(), kind, "mail", OPERATOR, language, "demo", "Demo", "Europe/Oslo", code, "3 peer mentors", now,
                now if kind == "ended" else None, None, operator_was_informed=False,
            )  # fmt: skip
            written = mail(notice, OPERATOR, language, sender=SENDER, public_url=None)
            text = f"{written['Subject']}\n{text_of(written)}"
            assert not [one for one in KINDS if "_" in one and one in text]
            assert "3 peer mentors" not in text
            assert ("Hello" in text, "Hei" in text) == (language == "en", language == "nb")
    assert DESCRIPTIONS.keys() == KINDS.keys()


def test_an_administrator_reads_the_own_language(world: World, box: Mailbox, channels: Channels) -> None:
    world.execute("update auth.users set email = 'admin@example.org' where id = %s", world.organisation.admin)
    mentor = world.organisation.mentor("9000")
    world.execute(
        "update mentorcert.peer_mentors set language = 'en', user_id = %s where id = %s",
        world.organisation.admin,
        mentor,
    )
    BREAKS["secret_expired"].provoke(world)
    Alerting(replace(channels, webhook=None)).check_once(world.conn)
    assert dict(subjects(box)) == {
        "admin@example.org": "Organisation demo: the portal has an error", OPERATOR: "Organisation demo: feil i portalen",
    }  # fmt: skip


def test_all_is_well_is_said_each_morning_on_request(world: World, box: Mailbox, channels: Channels) -> None:
    Alerting(channels).check_once(world.conn)
    assert box.mails == [], "not unless it is asked for"
    alerting = Alerting(replace(channels, webhook=None, all_well=True))
    for _ in range(2):
        alerting.check_once(world.conn)
    assert subjects(box) == [(OPERATOR, "Sertifiseringsregisteret: alt er i orden med portalen")]
    world.execute(
        "update mentorcert_portal.alert_notices set planned_at = planned_at - interval '1 day' where kind = 'well'"
    )
    BREAKS["secret_expired"].provoke(world)
    alerting.check_once(world.conn)
    assert len([one for one in subjects(box) if "alt er i orden" in one[1]]) == 1, "its absence is the alarm"
    BREAKS["secret_expired"].correct(world)
    alerting.check_once(world.conn)
    assert len([one for one in subjects(box) if "alt er i orden" in one[1]]) == 2


def test_one_recipient_who_cannot_be_reached_is_an_error_and_silence(
    world: World, box: Mailbox, hook: Hook, channels: Channels
) -> None:
    BREAKS["secret_expired"].provoke(world)
    box.refused = {OPERATOR}
    world.execute("update auth.users set email = 'admin@example.org' where id = %s", world.organisation.admin)
    Alerting(replace(channels, webhook=None)).check_once(world.conn)
    assert alerts.unsent(world.conn) == []
    for table, column in (("alerts", "began_at"), ("alert_notices", "planned_at")):
        world.execute(f"update mentorcert_portal.{table} set {column} = {column} - interval '16 minutes'")
    (line,) = alerts.unsent(world.conn)
    assert line.startswith("demo: secret_expired: The mail server refused it")


def test_a_heartbeat_address_is_set_only_if_it_answers(
    world: World, hook: Hook, mentorcert: Mentorcert
) -> None:
    with served(hook) as url:
        assert "No heartbeat address is set." in mentorcert("portal", "heartbeat-url").stdout
        hook.status = 404
        refused = mentorcert("portal", "heartbeat-url", f"{url}/beat")
        assert (refused.returncode, alerts.heartbeat_of(world.conn)) == (2, None)
        assert "it answered 404" in refused.stderr
        hook.status = 200
        assert f"{url}/beat: last answered" in mentorcert("portal", "heartbeat-url", f"{url}/beat").stdout
        Alerting(Channels()).check_once(world.conn)
        assert hook.beats == 3
        hook.status = 503
        Alerting(Channels()).check_once(world.conn)
        assert alerts.unsent(world.conn) == ["heartbeat-url: it answered 503."]
        assert mentorcert("portal", "heartbeat-url", f"{url}/beat", "--clear").returncode == 2
        assert mentorcert("portal", "heartbeat-url", "--clear").returncode == 0
        assert alerts.heartbeat_of(world.conn) is None
    assert mentorcert("portal", "heartbeat-url", "http://127.0.0.1:1/x").returncode == 2
    assert mentorcert("portal", "heartbeat-url", "ftp://x").returncode == 2
