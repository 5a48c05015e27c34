"""Courses on a peer mentor's own pages: what is open, what is lacking, signing up, waiting, withdrawing, and the calendar."""

from uuid import UUID

import pytest

from mentorcert.courses import courses, sign_ups
from mentorcert.courses.courses import CourseDay, Plan
from mentorcert.db.connection import acting_as
from tests.support.registry import Organisation, fetch, join, today
from tests.web.conftest import Site, post
from tests.web.mentor.conftest import People
from tests.web.mentor.test_calendar import events, new_feed


def plan(organisation: Organisation, ahead: int = 30, **more: object) -> UUID:
    """Plan a course of the whole organisation, this number of days from now."""
    planned: dict[str, object] = {
        "kind": "refresher",
        "name_nb": "Oppfrisking",
        "types": ["basic"],
        "days": [CourseDay(today(organisation.conn, ahead))],
        **more,
    }
    with acting_as(organisation.conn, organisation.admin) as acting:
        return courses.plan(acting, Plan(**planned))  # type: ignore[arg-type]


def own_state(people: People, course: UUID) -> str | None:
    with acting_as(people.organisation.conn, people.mentor) as acting:
        return courses.get(acting, course).own_state


def test_signed_up_and_withdrawn(site: Site, people: People) -> None:
    client, organisation = site.client(people.mentor), people.organisation
    assert "There is no course for your chapters now" in client.get("/me/courses").text
    course = plan(organisation, seats=1, place="Oslo", note="Bring your badge")
    page = client.get("/me/courses").text
    assert ("you are valid to" in page, "1 of 1 seats free" in page, "Bring your badge" in page) == (
        True,
    ) * 3
    path = f"/me/courses/{course}"
    assert post(client, f"{path}/sign-up").status_code == 303
    page = client.get("/me/courses").text
    assert ("You have a seat" in page, f"{path}.ics" in page, "Sign up" in page) == (True, True, False)
    assert own_state(people, course) == "seated"
    twice = post(client, f"{path}/sign-up")
    assert (twice.status_code, "was changed since" in twice.text) == (422, True)
    assert post(client, f"{path}/withdraw").status_code == 303
    assert own_state(people, course) == "withdrawn"
    assert post(client, f"{path}/withdraw").status_code == 422
    assert "Sign up" in client.get("/me/courses").text


def test_the_waiting_list(site: Site, people: People) -> None:
    organisation, client = people.organisation, site.client(people.mentor)
    course, other = plan(organisation, seats=1), organisation.mentor("8")
    with acting_as(organisation.conn, organisation.admin) as acting:
        sign_ups.sign_up(acting, course, other)
    assert "Go on the waiting list" in client.get("/me/courses").text
    assert post(client, f"/me/courses/{course}/sign-up").status_code == 303
    page = client.get("/me/courses").text
    assert ("Waiting list, place 1" in page, "You get a mail when a seat" in page) == (True, True)
    assert "SUMMARY;LANGUAGE=en:Waiting list: Oppfrisking" in client.get(f"/me/courses/{course}.ics").text


def test_what_is_lacking_is_said_before(site: Site, people: People) -> None:
    organisation, client = people.organisation, site.client(people.mentor)
    course = plan(organisation, required_types=["half"])
    page = client.get("/me/courses").text
    assert ("You cannot sign up yet" in page, f"/{course}/sign-up" in page) == (True, False)
    refused = post(client, f"/me/courses/{course}/sign-up")
    assert (refused.status_code, "You lack something" in refused.text) == (422, True)
    assert own_state(people, course) is None
    other = plan(organisation, types=["half"])
    assert "renews only what you hold" in client.get("/me/courses").text
    assert f"/{other}/sign-up" in client.get("/me/courses").text


def test_cancelled_and_held(site: Site, people: People) -> None:
    organisation, client = people.organisation, site.client(people.mentor)
    course = plan(organisation)
    post(client, f"/me/courses/{course}/sign-up")
    with acting_as(organisation.conn, organisation.admin) as acting:
        courses.cancel(acting, course, "Too few")
        held = courses.plan(
            acting,
            Plan(
                kind="course",
                name_nb="Grunnkurs",
                types=["basic"],
                days=[CourseDay(today(organisation.conn, -9))],
            ),
        )
        sign_ups.set_attendance(acting, held, attended=[people.mentor_id])
    page = client.get("/me/courses").text
    assert ("Too few" in page, "I cannot come" in page) == (True, False)
    assert ("You attended" in page, "Grunnkurs" in page) == (True, True)
    assert "STATUS:CANCELLED" in client.get("/me/calendar.ics").text


def test_a_feed_has_the_courses(site: Site, people: People) -> None:
    organisation = people.organisation
    course, other = plan(organisation), plan(organisation, 40)
    feed = new_feed(site, people.mentor)
    assert f"{course}-1@mentorcert" not in events(site.client().get(feed).text)
    post(site.client(people.mentor), f"/me/courses/{course}/sign-up")
    found = events(site.client().get(feed).text)
    assert found[f"{course}-1@mentorcert"] == today(organisation.conn, 30)
    assert f"{other}-1@mentorcert" not in found
    post(site.client(people.mentor), "/me/calendar/revoke")
    assert site.client().get(feed).status_code == 404
    assert fetch(organisation.conn, "select count(*) from public.courses_of_calendar('x')") == 0


def test_who_is_no_peer_mentor(site: Site, people: People) -> None:
    course = plan(people.organisation)
    assert "not registered as a peer mentor" in site.client(people.coordinator).get("/me/courses").text
    assert post(site.client(people.coordinator), f"/me/courses/{course}/sign-up").status_code in {403, 404}
    assert site.client(people.stranger).get(f"/me/courses/{course}.ics").status_code == 404


@pytest.mark.parametrize("language", ["nb", "en"])
def test_the_certifications_lead_to_the_courses(site: Site, people: People, language: str) -> None:
    page = site.client(people.mentor, language).get("/me").text
    assert 'href="/me/courses"' in page


def test_a_coordinator_who_is_one_too(site: Site, people: People) -> None:
    organisation = people.organisation
    join(organisation, people.mentor, "coordinator", organisation.chapter)
    course = plan(organisation)
    client = site.client(people.mentor)
    assert post(client, f"/me/courses/{course}/sign-up").status_code == 303
    assert "Kurs" in site.client(people.mentor, "nb").get("/courses").text
