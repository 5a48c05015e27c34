"""Courses on the pages: planned, signed up for, attended, closed and undone; nobody overwrites what they have not seen."""

from collections.abc import Iterable
from datetime import time, timedelta
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from openpyxl import Workbook

from mentorcert.courses import closing, courses, sign_ups
from mentorcert.courses.courses import CourseDay, Plan
from mentorcert.db.connection import acting_as
from tests.support.large_courses import attend_in_thousands
from tests.support.registry import fetch, join, kinds, rows, today
from tests.web.conftest import form_token, hidden, post
from tests.web.coordinator.conftest import Scene

NAME = "Oppfriskingskurs for likepersoner"


def plan(scene: Scene, ahead: int = 30, **more: object) -> UUID:
    """Plan a course of the coordinator's chapter, this number of days from now."""
    planned: dict[str, object] = {
        "kind": "course",
        "name_nb": NAME,
        "types": ["basic"],
        "days": [CourseDay(today(scene.organisation.conn, ahead))],
        "chapter_ids": [scene.organisation.chapter],
        **more,
    }
    with acting_as(scene.organisation.conn, scene.organisation.admin) as acting:
        return courses.plan(acting, Plan(**planned))  # type: ignore[arg-type]


def more_people(scene: Scene, *numbers: str) -> list[UUID]:
    """Add peer mentors to the coordinator's chapter."""
    return [scene.organisation.mentor(number) for number in numbers]


def state(scene: Scene, course: UUID) -> str:
    found: str = fetch(
        scene.organisation.conn, "select state from mentorcert_private.courses where id = %s", course
    )
    return found


def signed_up(scene: Scene, course: UUID) -> dict[UUID, tuple[str, str | None]]:
    """Return the state and the attendance of each sign-up."""
    found = rows(
        scene.organisation.conn,
        "select peer_mentor_id, state, attendance from mentorcert_private.course_sign_ups where course_id = %s",
        course,
    )
    return {id_: (state, attendance) for id_, state, attendance in found}


def form(scene: Scene, **more: object) -> dict[str, object]:
    return {
        "kind": "refresher",
        "name_nb": NAME,
        "types": ["basic"],
        "days": f"{today(scene.organisation.conn, 30):%d.%m.%Y} kl. 10–15.30",
        "chapter": str(scene.organisation.chapter),
        **more,
    }


def test_planned_changed_and_cancelled(scene: Scene) -> None:
    client = scene.client()
    assert "No course is planned" in client.get("/courses").text
    page = client.get("/courses/new").text
    assert f'value="{scene.organisation.chapter}" checked' in page.replace("  ", " ")
    answer = post(client, "/courses/new", form(scene, place="Oslo", seats="12"), page="/courses/new")
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    shown = client.get(path).text
    assert (NAME in shown, "10:00–15:30" in shown, "12 of 12 seats free" in shown) == (True, True, True)
    assert path in client.get("/courses").text
    # Changed, as it is written
    edited = client.get(f"{path}/edit").text
    assert "10:00–15:30" in edited
    answer = post(
        client,
        f"{path}/edit",
        form(scene, place="Bergen", days="2.3.2031\n1 March 2031 at 9:15"),
        page=f"{path}/edit",
    )
    assert answer.status_code == 303, answer.text
    course = path.rpartition("/")[2]
    found = rows(
        scene.organisation.conn,
        "select place, seats, days::text, starts::text, ends::text from mentorcert_private.courses where id = %s",
        course,
    )
    assert found == [("Bergen", None, "{2031-03-01,2031-03-02}", "{09:15:00,NULL}", "{NULL,NULL}")]
    # Cancelled for a reason
    page = client.get(f"{path}/cancel").text
    assert "Nobody has signed up" in page
    version = {"version": hidden(page, "version")}
    empty = post(client, f"{path}/cancel", {**version, "reason": ""})
    assert (empty.status_code, 'href="#reason"' in empty.text) == (422, True)
    assert post(client, f"{path}/cancel", {**version, "reason": "Too few"}).status_code == 303
    shown = client.get(path).text
    assert ("Too few" in shown, "Cancel the course" in shown) == (True, False)
    assert post(client, f"{path}/cancel", {**version, "reason": "Again"}).status_code == 409
    assert client.get(f"{path}/edit").status_code == 409
    assert "1 course cancelled" in client.get("/courses?year=2031").text


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name_nb", ""),
        ("types", []),
        ("days", ""),
        ("days", "soon"),
        ("days", "1.3.2031\n1.3.2031"),
        ("days", "1.3.2031 kl. 15–10"),
        ("days", "31.2.2031"),
        ("link", "room 3"),
        ("seats", "0"),
        ("seats", "many"),
        ("chapter", []),
        ("required", ["basic"]),
        ("name_en", "x" * 201),
        ("kind", "party"),
    ],
    ids=lambda value: str(value).replace("\n", "/")[:12],
)
def test_what_is_refused_stays_typed(scene: Scene, field: str, typed: object) -> None:
    refused = post(scene.client(), "/courses/new", {**form(scene, place="Kept words"), field: typed})
    assert (refused.status_code, f'href="#{field.replace("name_en", "name_nb")}"' in refused.text) == (
        422,
        True,
    )
    assert "Kept words" in refused.text
    assert hidden(refused.text, "back") == "/courses/new"
    assert fetch(scene.organisation.conn, "select count(*) from mentorcert_private.courses") == 0


def test_two_who_change_one(scene: Scene) -> None:
    path = f"/courses/{plan(scene, place='Oslo')}"
    client, admin = scene.client(), scene.client("admin")
    opened = client.get(f"{path}/edit").text
    token = {"form": form_token(opened), "seen": hidden(opened, "seen")}
    assert post(admin, f"{path}/edit", form(scene, place="Bergen"), page=f"{path}/edit").status_code == 303
    late = client.post(f"{path}/edit", data={**token, **form(scene, place="Oslo", note="Mine")})
    assert late.status_code == 409
    assert ("Mine" in late.text, "Bergen" in late.text) == (True, True)
    page = client.get(f"{path}/cancel").text
    assert post(admin, f"{path}/edit", form(scene, place="Hamar"), page=f"{path}/edit").status_code == 303
    late = post(client, f"{path}/cancel", {"version": hidden(page, "version"), "reason": "Kept words"})
    assert (late.status_code, "Kept words" in late.text) == (409, True)
    assert state(scene, UUID(path.rpartition("/")[2])) == "planned"


def test_people_are_signed_up_and_taken_off(scene: Scene) -> None:
    first, second, third = more_people(scene, "11", "12", "13")
    course = plan(scene, seats=2, required_types=["half"])
    client, path = scene.client(), f"/courses/{course}"
    page = client.get(f"{path}/people").text
    assert (str(first) in page, str(scene.ola) in page, "Lacks: " in page) == (True, False, True)
    empty = post(client, f"{path}/people", {})
    assert (empty.status_code, 'href="#id"' in empty.text) == (422, True)
    answer = post(client, f"{path}/people", {"id": [str(first), str(second)]})
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert "2 people have a seat." in client.get(path).text
    post(client, f"{path}/people", {"id": [str(third), str(first)]})
    assert "1 person waits." in client.get(path).text
    shown = client.get(path).text
    assert ("full, 1 waits" in shown, "Waiting list" in shown) == (True, True)
    assert post(client, f"{path}/people/{first}/withdraw").status_code == 303
    assert signed_up(scene, course) == {
        first: ("withdrawn", None),
        second: ("seated", None),
        third: ("seated", None),
    }
    assert "1 has withdrawn" in client.get(path).text
    # Out of reach
    refused = post(client, f"{path}/people", {"id": [str(scene.kari), str(scene.ola)]})
    assert (refused.status_code, "Nobody was signed up." in refused.text) == (422, True)
    assert scene.kari not in signed_up(scene, course)
    assert post(client, f"{path}/people/{first}/withdraw").status_code == 409


def attendance(
    client: TestClient, course: UUID, page: str, ticked: Iterable[UUID], **more: object
) -> Response:
    """Send the list as its page was opened, with these ticks."""
    was = [part.partition('"')[0] for part in page.split('name="was" value="')[1:]]
    listed = [part.partition('"')[0] for part in page.split('name="listed" value="')[1:]]
    data = {
        "form": form_token(page),
        "was": was,
        "listed": listed,
        "here": [str(id_) for id_ in ticked],
        **more,
    }
    return client.post(f"/courses/{course}/attendance", data=data)


def test_who_attended_is_ticked_and_the_course_closed(scene: Scene) -> None:
    first, second, third = more_people(scene, "11", "12", "13")
    course = plan(scene, -1)
    client, path = scene.client(), f"/courses/{course}"
    post(client, f"{path}/people", {"id": [str(one) for one in (scene.kari, first, second, third)]})
    overview = client.get("/overview").text
    assert ("1 course waits to be closed" in overview, path in overview) == (True, True)
    # Two tabs: each changes what it has ticked.
    page = client.get(f"{path}/attendance").text
    assert attendance(client, course, page, [scene.kari]).status_code == 303
    assert attendance(client, course, page, [first]).status_code == 303
    assert {id_ for id_, (_, came) in signed_up(scene, course).items() if came} == {scene.kari, first}
    page = client.get(f"{path}/attendance").text
    assert attendance(client, course, page, [scene.kari], everybody="true").status_code == 303
    assert {came for _, came in signed_up(scene, course).values()} == {"attended"}
    page = client.get(f"{path}/attendance").text
    assert attendance(client, course, page, [scene.kari, first]).status_code == 303
    # What follows, and then it follows
    page = client.get(f"{path}/close").text
    assert ("2 certifications will be" in page, page.count("Signed up, and not among")) == (True, 2)
    assert kinds(scene.organisation.conn, scene.held) == ["issued"]
    shown = {"form": form_token(page), "shown": hidden(page, "shown"), "step": "confirm"}
    attendance(client, course, client.get(f"{path}/attendance").text, [scene.kari, first, second])
    late = client.post(f"{path}/close", data=shown)
    assert (late.status_code, "3 certifications will be" in late.text) == (409, True)
    assert state(scene, course) == "planned"
    done = client.post(f"{path}/close", data={**shown, "shown": hidden(late.text, "shown")})
    assert (done.status_code, done.headers["location"]) == (303, path)
    assert kinds(scene.organisation.conn, scene.held) == ["issued", "renewed"]
    page = client.get(path).text
    assert ("3 certifications were issued or renewed" in page, "did not attend" in page) == (True, True)
    assert client.post(f"{path}/close", data=shown).status_code == 409
    assert client.get(f"{path}/attendance").status_code == 409
    # Undone by the page of the batch, which opens the course again
    batch = page.partition("/certifications/batches/")[2].partition('"')[0]
    undo = client.get(f"/certifications/batches/{batch}").text
    assert "Undo the closing of the course: 3 certifications" in undo
    assert "3 certifications issued or renewed by a course" in client.get("/certifications/batches").text
    undone = post(
        client, f"/certifications/batches/{batch}", {"note": "The wrong list", "shown": hidden(undo, "shown")}
    )
    assert undone.status_code == 303
    assert state(scene, course) == "planned"
    assert kinds(scene.organisation.conn, scene.held)[-1] == "reverted"


def test_nobody_attended(scene: Scene) -> None:
    course = plan(scene, -1)
    client, path = scene.client(), f"/courses/{course}"
    page = client.get(f"{path}/close").text
    assert "No certification will be" in page
    closed = client.post(f"{path}/close", data={"form": form_token(page), "shown": "", "step": "confirm"})
    assert closed.status_code == 303
    assert state(scene, course) == "closed"
    page = client.get(path).text
    version = {"version": hidden(page, "version")}
    assert post(client, f"{path}/open", {**version, "reason": ""}).status_code == 422
    assert post(client, f"{path}/open", {**version, "reason": "Too early"}).status_code == 303
    assert state(scene, course) == "planned"
    assert post(client, f"{path}/open", {**version, "reason": "Twice"}).status_code == 409


def test_not_before_its_days(scene: Scene) -> None:
    course = plan(scene, 3)
    client, path = scene.client(), f"/courses/{course}"
    early = client.get(f"{path}/attendance")
    assert (early.status_code, "on you tick here who attended" in early.text) == (409, True)
    assert 'name="here"' not in early.text
    assert client.get(f"{path}/close").status_code == 422
    page = client.get(path).text
    assert (f"{path}/attendance" in page, f"{path}/close" in page) == (False, False)


def test_whoever_is_responsible_without_a_name_is_written_to(scene: Scene) -> None:
    conn, admin = scene.organisation.conn, scene.organisation.admin
    course = plan(scene)
    conn.execute("update auth.users set email = 'ada@example.org' where id = %s", (admin,))
    assert (
        '<a href="mailto:ada%40example.org">ada@example.org</a>'
        in scene.client().get(f"/courses/{course}").text
    )
    conn.execute("update mentorcert.memberships set full_name = 'Ada Admin' where user_id = %s", (admin,))
    page = scene.client().get(f"/courses/{course}").text
    assert ("<dd>Ada Admin</dd>" in page, "ada@example.org" in page) == (True, False)


def test_a_closing_that_is_too_large_says_so(scene: Scene) -> None:
    course = plan(scene, -1, types=["basic", "half"])
    attend_in_thousands(scene.organisation, course)
    page = scene.client().get(f"/courses/{course}/close")
    assert page.status_code == 422
    assert "A course certifies at most 5,000 at once." in page.text


def workbook(*lines: Iterable[object]) -> bytes:
    book, out = Workbook(), BytesIO()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(list(line))
    book.save(out)
    return out.getvalue()


def upload(client: TestClient, course: UUID, name: str, content: bytes) -> Response:
    token = form_token(client.get(f"/courses/{course}/attendance").text)
    return client.post(
        f"/courses/{course}/attendance/file", data={"form": token}, files={"file": (name, content)}
    )


def test_attendance_from_a_file(scene: Scene) -> None:
    conn = scene.organisation.conn
    first, second = more_people(scene, "11", "12")
    conn.execute(
        "update mentorcert.peer_mentors set full_name = 'Åse Ås', email = 'ase@example.org' where id = %s",
        (second,),
    )
    course, client = plan(scene, -1), scene.client()
    post(client, f"/courses/{course}/people", {"id": [str(first)]})
    for name, content in (
        ("list.csv", "Ekstern ID;Navn;Notat\n11;Noen;x\n7;;\n12;;\n".encode("cp1252")),
        (
            "list.xlsx",
            workbook(
                ["Deltakere"],
                ["Navn", "E-post", "Nummer", "Ekstern ID"],
                ["åse ås", "Ase@example.org"],
                ["", "", "", "11"],
                ["", "", "", "7"],
            ),
        ),
    ):
        sent = upload(client, course, name, content)
        assert sent.status_code == 303, sent.text
        assert set(signed_up(scene, course)) == {first}
        page = client.get(sent.headers["location"]).text
        assert ("The file adds 3 ticks" in page, page.count("from the file")) == (True, 3)
        assert page.count(" checked") == 3
    ticked = [first, second, scene.kari]
    assert attendance(client, course, page, ticked).status_code == 303
    assert signed_up(scene, course) == {
        first: ("seated", "attended"),
        second: ("unannounced", "attended"),
        scene.kari: ("unannounced", "attended"),
    }


def test_a_file_with_errors_ticks_nobody(scene: Scene) -> None:
    more_people(scene, "11")
    course, client = plan(scene, -1), scene.client()
    for content, said in (
        (b"Ekstern ID\n11\n8\n", "nobody of your reach is called so"),
        (b"Ekstern ID\n11\n11\n", "the person is on line 2 already"),
        (b"Navn,E-post\nKari Nord,\n", "What is wrong"),
        (b"Navn\nKari Nord\n", "the column with the numbers is missing"),
        (b"\x00\x01\x02", 'id="file-error"'),
        (b"Ekstern ID\n" + b"11\n" * 501, "has more than 500 rows"),
    ):
        refused = upload(client, course, "list.csv", content)
        assert (refused.status_code, said in refused.text) == (422, True), said
        assert 'href="#file"' in refused.text
    assert signed_up(scene, course) == {}


@pytest.mark.parametrize("who", ["peer_mentor", "nobody"])
def test_others_get_nothing(scene: Scene, who: str) -> None:
    course = plan(scene)
    client = scene.client(who)
    for path in ("", "/edit", "/people", "/attendance", "/close", "/cancel"):
        assert client.get(f"/courses/{course}{path}").status_code in {303, 403}
    for path in ("/edit", "/people", "/attendance", "/close", "/cancel", "/open"):
        assert post(client, f"/courses/{course}{path}", {"version": "1", "reason": "x"}).status_code in {
            303,
            403,
        }
    assert state(scene, course) == "planned"


def test_a_course_of_the_whole_organisation_is_the_administrators(scene: Scene) -> None:
    course = plan(scene, -1, chapter_ids=[])
    client, path = scene.client(), f"/courses/{course}"
    page = client.get(path).text
    assert (f"{path}/people" in page, f"{path}/edit" in page) == (True, False)
    for part in ("edit", "cancel", "attendance", "close"):
        assert client.get(f"{path}/{part}").status_code == 404
    assert post(client, f"{path}/cancel", {"version": "1", "reason": "x"}).status_code == 404
    assert post(client, f"{path}/people", {"id": [str(scene.kari)]}).status_code == 303
    admin = scene.client("admin")
    post(admin, f"{path}/people", {"id": [str(scene.ola)]})
    assert "1 more from other chapters has signed up" in client.get(path).text
    assert f"{path}/edit" in admin.get(path).text


def test_a_course_in_a_calendar(scene: Scene) -> None:
    day = today(scene.organisation.conn, 30)
    course = plan(
        scene,
        days=[CourseDay(day, time(10), time(15)), CourseDay(day + timedelta(days=1))],
        place="Oslo, 2. etasje",
        name_en="Refresher",
    )
    with acting_as(scene.organisation.conn, scene.kari_login) as acting:
        sign_ups.sign_up(acting, course)
    for who, path in (
        ("coordinator", f"/courses/{course}.ics"),
        ("peer_mentor", f"/me/courses/{course}.ics"),
        ("peer_mentor", "/me/calendar.ics"),
    ):
        answer = scene.client(who).get(path)
        assert answer.headers["content-type"].startswith("text/calendar")
        assert f"UID:{course}-1@mentorcert" in answer.text
        assert f"DTSTART;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}" in answer.text
        assert "LOCATION:Oslo\\, 2. etasje" in answer.text
        assert "STATUS:CONFIRMED" in answer.text
    assert "T100000Z" not in answer.text


def test_a_coordinator_of_one_of_two_chapters_only_signs_up(scene: Scene) -> None:
    other = fetch(scene.organisation.conn, "select id from mentorcert.chapters where code = 'BGO'")
    course = plan(scene, chapter_ids=[scene.organisation.chapter, other])
    client = scene.client()
    assert client.get(f"/courses/{course}/edit").status_code == 404
    join(scene.organisation, scene.coordinator, "coordinator", other)
    assert client.get(f"/courses/{course}/edit").status_code == 200


def test_names_stand_in_norwegian_order(scene: Scene) -> None:
    """Å after z, not by code point, where people are ticked and where a responsible is chosen."""
    conn = scene.organisation.conn
    names = ["Zara", "Ærlig", "Øystein", "Åse", "ås"]
    people = more_people(scene, *map(str, range(20, 25)))
    course = plan(scene, -1)
    for id_, name in zip(people, reversed(names), strict=True):
        conn.execute("update mentorcert.peer_mentors set full_name = %s where id = %s", (name, id_))
        with acting_as(conn, scene.organisation.admin) as acting:
            sign_ups.sign_up(acting, course, id_)
        membership = join(scene.organisation, uuid4(), "coordinator", scene.organisation.chapter)
        conn.execute(
            "update mentorcert.memberships set full_name = %s where id = %s", (f"{name} K", membership)
        )
    page = scene.client().get(f"/courses/{course}/attendance").text
    assert sorted(names, key=page.index) == ["Zara", "Ærlig", "Øystein", "ås", "Åse"]
    for who in ("coordinator", "admin"):
        page = scene.client(who).get("/courses/new").text.partition('name="responsible')[2]
        in_order = sorted(names, key=lambda name: page.index(f"{name} K"))
        assert in_order == ["Zara", "Ærlig", "Øystein", "ås", "Åse"]


def test_the_page_of_a_peer_mentor_lists_the_courses(scene: Scene) -> None:
    conn = scene.organisation.conn
    bergen = fetch(conn, "select id from mentorcert.chapters where code = 'BGO'")
    (other,) = more_people(scene, "30")
    came, waits, hidden, closed = (
        plan(scene, -1, name_nb="Møtt"),
        plan(scene, 5, name_nb="Venter", seats=1),
        plan(scene, 6, name_nb="Et annet lags", chapter_ids=[bergen]),
        plan(scene, -2, name_nb="Uteble"),
    )
    with acting_as(conn, scene.organisation.admin) as acting:
        sign_ups.sign_up(acting, waits, other)
        for course in (came, waits, hidden, closed):
            sign_ups.sign_up(acting, course, scene.kari)
        sign_ups.set_attendance(acting, came, attended=[scene.kari])
        closing.close(acting, closed, closing.fingerprint(closing.preview(acting, closed)))
    page = scene.client().get(f"/mentors/{scene.kari}").text
    for course, said in (
        (came, "Attended"),
        (waits, "Waiting list, place 1"),
        (closed, "Did not come"),
    ):
        assert said in page.partition(f'<a href="/courses/{course}">')[2].partition("</li>")[0]
    # What the coordinator may not read is not there; the administrator reads it.
    assert "Et annet lags" not in page
    assert "Et annet lags" in scene.client("admin").get(f"/mentors/{scene.kari}").text
    assert "<h2>Courses</h2>" not in scene.client("admin").get(f"/mentors/{scene.ola}").text
    assert scene.client("peer_mentor").get(f"/mentors/{scene.kari}").status_code in {403, 404}
