"""How it was on a day: for a person and as a list, marked as what it is, and without anything to press."""

from datetime import timedelta

import pytest

from mentorcert.certifications import repository
from tests.support.registry import today
from tests.web.coordinator.conftest import Scene


def body(scene: Scene, path: str, *, who: str = "coordinator", language: str = "en") -> str:
    answer = scene.client(who, language).get(path)
    assert answer.status_code == 200, answer.text
    return answer.text.partition("<main")[2]


def test_past_present_and_a_forecast(scene: Scene) -> None:
    now = today(scene.organisation.conn)
    for days, said, is_listed in (
        (-30, "This is the past", True),
        (0, "This is today", True),
        (20, "A forecast for", True),
        (21, "A forecast for", False),
    ):
        page = body(scene, f"/certifications/on?day={now + timedelta(days)}")
        assert said in page
        assert ("Kari Nord" in page) is is_listed
        assert "Ola Vest" not in page
        assert 'method="post"' not in page
        own = body(scene, f"/mentors/{scene.kari}/on?day={now + timedelta(days)}")
        assert said in own
        assert (">Valid<" in own) is is_listed
        assert 'method="post"' not in own
    assert "1 certification was valid, of 1 person." in body(scene, f"/certifications/on?day={now}")
    assert "2 certifications were valid, of 2 people." in body(
        scene, f"/certifications/on?day={now}", who="admin"
    )
    assert "vil være gyldig, hos 1 person." in body(
        scene, f"/certifications/on?day={now + timedelta(1)}", language="nb"
    )


def test_what_was_known_then(scene: Scene) -> None:
    conn = scene.organisation.conn
    day = today(conn) - timedelta(1)
    # Registered today, for the time since long ago.
    assert "Kari Nord" in body(scene, f"/certifications/on?day={day}")
    assert "Kari Nord" not in body(scene, f"/certifications/on?day={day}&known=true")
    page = body(scene, f"/mentors/{scene.kari}/on?day={day}&known=true")
    assert "Not registered then" in page
    assert "By what the registry knew at the end of that day." in page


def test_a_suspension_today_leaves_yesterday_as_it_was(scene: Scene) -> None:
    conn = scene.organisation.conn
    with scene.organisation.as_admin():
        repository.suspend(conn, scene.held, "Ill")
    now = today(conn)
    assert ">Valid<" in body(scene, f"/mentors/{scene.kari}/on?day={now - timedelta(1)}")
    assert ">Suspended<" in body(scene, f"/mentors/{scene.kari}/on?day={now}")
    assert "Kari Nord" not in body(scene, f"/certifications/on?day={now}")


def test_the_address_leads_there_and_on(scene: Scene) -> None:
    day = today(scene.organisation.conn) - timedelta(3)
    page = body(scene, f"/certifications/on?day={day}&type=basic&chapter={scene.organisation.chapter}")
    assert f'href="/mentors/{scene.kari}/on?day={day}"' in page
    assert 'value="basic" selected' in page
    assert 'href="/certifications/on"' in body(scene, "/certifications")
    assert f'href="/mentors/{scene.kari}/on"' in body(scene, f"/mentors/{scene.kari}")
    written = body(scene, f"/certifications/on?day={day.strftime('%d.%m.%Y')}&utm_source=mail", language="nb")
    assert f'value="{day.strftime("%d.%m.%Y")}"' in written


def test_pages_of_many(scene: Scene) -> None:
    organisation = scene.organisation
    for number in range(55):
        mentor = organisation.mentor(f"1{number:03}")
        organisation.certify(mentor, last_day=today(organisation.conn, 300))
    first = body(scene, "/certifications/on", who="admin")
    assert "57 certifications were valid" in first
    target = first.rpartition('href="/certifications/on?')[2].partition('"')[0].replace("&amp;", "&")
    second = body(scene, f"/certifications/on?{target}", who="admin")
    assert first.count('<th scope="row">') + second.count('<th scope="row">') == 57
    assert "First page" in second


@pytest.mark.parametrize("day", ["31.2.2025", "soon", "1.1.0001", "x" * 5000])
def test_a_day_that_is_none(scene: Scene, day: str) -> None:
    for path in ("/certifications/on", f"/mentors/{scene.kari}/on"):
        answer = scene.client().get(path, params={"day": day})
        assert answer.status_code == 422
        assert 'href="#day"' in answer.text


def test_reach(scene: Scene) -> None:
    for mentor in (scene.ola, scene.per):
        assert scene.client().get(f"/mentors/{mentor}/on").status_code == 404
    for path in ("/certifications/on", f"/mentors/{scene.kari}/on"):
        assert scene.client("peer_mentor").get(path).status_code == 403
        assert scene.client("nobody").get(path).status_code == 303
