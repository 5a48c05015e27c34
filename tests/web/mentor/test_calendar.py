"""The calendar as a file and as a feed."""

import re
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
from icalendar import Calendar

from mentorcert.certifications import repository
from mentorcert.certifications.calendar_feeds import ExpiringCertification
from mentorcert.db.connection import Connection
from mentorcert.organisations import data_subjects
from mentorcert.web.mentor import calendar_file
from mentorcert.web.security import cookies
from tests.support.cases import in_turn
from tests.support.registry import let_end, today
from tests.web.conftest import URL, Site, post
from tests.web.mentor.conftest import People
from tests.web.test_kept_forms import access


def events(text: str) -> dict[str, date]:
    """Return the days of a calendar file by UID."""
    return {str(event["uid"]): event.decoded("dtstart") for event in Calendar.from_ical(text).walk("vevent")}


def new_feed(site: Site, user: UUID) -> str:
    """Make a feed by the page; return its path."""
    answer = post(site.client(user), "/me/calendar", page="/me/calendar")
    found = re.search(rf"<code>{URL}(/calendar/[0-9a-f]{{64}}\.ics\?language=en)</code>", answer.text)
    assert found, answer.text
    return found[1]


def test_the_file(conn: Connection, site: Site, people: People) -> None:
    people.organisation.certify(people.mentor_id, "pledge")
    answer = site.client(people.mentor).get("/me/calendar.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    (event,) = Calendar.from_ical(answer.text).walk("vevent")
    assert event.decoded("dtstart") == today(conn, 200)
    assert event.decoded("dtend") == today(conn, 201)
    assert str(event["summary"]) == "Last valid day: basic"
    midnight = datetime.combine(today(conn, 200), datetime.min.time())
    alarms = [midnight + alarm.decoded("trigger") for alarm in event.walk("valarm")]
    assert alarms == [datetime.combine(today(conn, 200 - days), time(9)) for days in (90, 30, 7)]
    assert "Siste gyldige dag" in site.client(people.mentor, "nb").get("/me/calendar.ics").text


@pytest.mark.parametrize(
    ("expires_at", "day"),
    [
        (datetime(2027, 3, 28, 22, tzinfo=UTC), date(2027, 3, 28)),  # the clock was put forward that day
        (datetime(2027, 10, 31, 23, tzinfo=UTC), date(2027, 10, 31)),  # and back that day
        (datetime(2028, 2, 29, 23, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), date(2026, 12, 31)),
    ],
)
def test_the_last_valid_day(expires_at: datetime, day: date) -> None:
    ending = ExpiringCertification(uuid4(), "Grunnkurs; æ, ø\nå", "Basics", expires_at)
    text = calendar_file.write([ending], "Organisasjon", "Europe/Oslo", "nb").decode()
    assert list(events(text).values()) == [day]
    assert f"DTSTART;VALUE=DATE:{day:%Y%m%d}" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))


def test_alarms_are_those_of_the_type() -> None:
    ending = datetime(2027, 3, 28, 22, tzinfo=UTC)
    held = [ExpiringCertification(uuid4(), "Kurs", "Course", ending, days) for days in ([0, 14], [], [365])]
    text = calendar_file.write(held, "O", "Europe/Oslo", "nb").decode()
    triggers = [
        [alarm.decoded("trigger") for alarm in event.walk("valarm")]
        for event in Calendar.from_ical(text).walk("vevent")
    ]
    nine = timedelta(hours=9)
    assert triggers == [[nine - timedelta(14), nine], [], [nine - timedelta(365)]]
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT12H" in text
    assert "X-PUBLISHED-TTL:PT12H" in text


def test_both_ways_to_subscribe(site: Site, people: People) -> None:
    page = post(site.client(people.mentor), "/me/calendar", page="/me/calendar").text
    [https] = re.findall(rf"<code>({URL}/calendar/[^<]+)</code>", page)
    assert f'href="{https.replace("http://", "webcal://")}"' in page


def test_the_feed_follows_the_type(conn: Connection, site: Site, people: People) -> None:
    path = new_feed(site, people.mentor)
    conn.execute("update mentorcert.certification_types set reminder_days = '{5}'")
    for text in (site.client().get(path).text, site.client(people.mentor).get("/me/calendar.ics").text):
        assert text.count("BEGIN:VALARM") == 1
        assert "TRIGGER:-P4DT15H" in text


def test_without_any_date() -> None:
    assert events(calendar_file.write([], "O", "Europe/Oslo", "en").decode()) == {}


def test_the_feed(conn: Connection, site: Site, people: People) -> None:
    path = new_feed(site, people.mentor)
    answer = site.client().get(path)
    assert answer.headers["cache-control"] == "private, max-age=300"
    assert "set-cookie" not in answer.headers
    assert "Person 7" not in answer.text
    assert "Last valid day: basic" in answer.text
    uid = f"{people.certification}@mentorcert"
    assert events(answer.text) == {uid: today(conn, 200)}
    with people.organisation.as_admin():
        repository.renew(conn, people.certification)
    assert events(site.client().get(path).text)[uid] > today(conn, 200)


def test_the_address_is_found_again_in_this_browser_for_a_moment(
    site: Site, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reload and the choice of a language make no other feed; nobody else finds it here, nor does the person later."""
    client = site.client(people.mentor)
    post(client, "/me/calendar", page="/me/calendar")
    [path] = set(re.findall(r"/calendar/\w{64}\.ics", client.get("/me/calendar").text))
    assert path in client.get("/me/calendar", headers={"accept-language": "nb"}).text
    assert site.client().get(path).status_code == 200
    access(client, people.coordinator)
    assert path not in client.get("/me/calendar").text
    access(client, people.mentor)
    with monkeypatch.context() as patched:
        patched.setitem(cookies._AGE_S, "feed", -1)
        assert path not in client.get("/me/calendar").text
    post(client, "/me/calendar/revoke", page="/me/calendar")
    assert path not in client.get("/me/calendar").text


def test_the_address_is_kept_nowhere_else(site: Site, people: People) -> None:
    path = new_feed(site, people.mentor)
    token = path.split("/")[-1].removesuffix(".ics?language=en")
    page = site.client(people.mentor).get("/me/calendar").text
    assert "You have had a feed since" in page
    assert token not in page
    again = new_feed(site, people.mentor)
    assert site.client().get(path).status_code == 404
    assert site.client().get(again).status_code == 200


def test_the_end_of_a_feed(conn: Connection, site: Site, people: People) -> None:
    path = new_feed(site, people.mentor)
    client = site.client(people.mentor)
    ended = post(client, "/me/calendar/revoke", page="/me/calendar")
    assert (ended.status_code, ended.headers["location"]) == (303, "/me/calendar")
    assert "The calendar feed has ended." in client.get("/me/calendar").text
    assert site.client().get(path).status_code == 404
    path = new_feed(site, people.mentor)
    data_subjects.erase(conn, people.mentor_id)
    assert site.client().get(path).status_code == 404


def test_what_has_ended_stays_and_what_is_suspended_goes(
    conn: Connection, site: Site, people: People
) -> None:
    path = new_feed(site, people.mentor)
    let_end(conn, people.certification)
    assert len(events(site.client().get(path).text)) == 1
    with people.organisation.as_admin():
        repository.suspend(conn, people.certification, "Ill")
    assert events(site.client().get(path).text) == {}
    assert events(site.client(people.mentor).get("/me/calendar.ics").text) == {}


@in_turn("token", ["0" * 64, "x", "%00", "..%2F", "é", "a" * 5000])
def test_tokens_that_are_none(site: Site, people: People, token: str) -> None:
    assert site.client().get(f"/calendar/{token}.ics").status_code == 404


def test_the_feed_is_off_with_the_certifications(conn: Connection, site: Site, people: People) -> None:
    path = new_feed(site, people.mentor)
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('certifications', 'x')"
    )
    assert site.client().get(path).status_code == 503


def test_only_peer_mentors_make_feeds_and_only_by_the_form(
    conn: Connection, site: Site, people: People
) -> None:
    for user in (people.coordinator, people.organisation.admin, people.stranger):
        assert post(site.client(user), "/me/calendar", page="/me/calendar").status_code == 404
    assert site.client(people.mentor).post("/me/calendar").status_code == 403
    assert post(site.client(), "/me/calendar").headers["location"].startswith("/sign-in")
    assert conn.execute("select from mentorcert_private.calendar_feeds").fetchall() == []


def test_names_that_a_calendar_cannot_hold() -> None:
    ending = ExpiringCertification(
        uuid4(), "Kurs\r\nATTACH:x\rBEGIN:VALARM\x0b\x85", "Basics", datetime(2027, 1, 1, tzinfo=UTC)
    )
    text = calendar_file.write([ending], "Org\r\nMETHOD:REQUEST\x1b", "Europe/Oslo", "nb").decode()
    (event,) = Calendar.from_ical(text).walk("vevent")
    assert str(event["summary"]) == "Siste gyldige dag: Kurs  ATTACH:x BEGIN:VALARM  "
    assert str(Calendar.from_ical(text)["method"]) == "PUBLISH"
