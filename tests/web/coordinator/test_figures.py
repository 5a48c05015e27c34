"""Figures on the pages: a period by its address, in both languages, for handing out, and as a workbook."""

import io

import openpyxl

from tests.support.registry import fetch, today
from tests.web.coordinator.conftest import Scene


def test_of_those_within_reach(scene: Scene) -> None:
    now = today(scene.organisation.conn)
    for who, number, others in (("coordinator", 1, "Bergen"), ("admin", 2, "Fremmed")):
        answer = scene.client(who).get(f"/figures?first_day=1.1.2020&last_day={now}")
        assert answer.status_code == 200
        page = answer.text.partition("<main")[2]
        # Everybody began on the first day of 2020.
        assert page.count(f'data-label="Valid">{number}<') >= 2
        assert page.count(f'data-label="Newly certified">{number}<') >= 2
        assert (
            f'aria-label="Bar chart: Valid {number}, Newly certified {number}, Renewed 0, Lapsed 0, Left 0,'
            ' Outdated 0."' in page
        )
        assert "From 1\N{NO-BREAK SPACE}January\N{NO-BREAK SPACE}2020 to" in page
        assert others not in page
        assert 'method="post"' not in page
    assert ">Bergen<" in page
    assert scene.client("peer_mentor").get("/figures").status_code == 403
    assert 'href="/figures"' in scene.client().get("/overview").text


def test_by_knowledge_and_in_norwegian(scene: Scene) -> None:
    now = today(scene.organisation.conn)
    page = (
        scene.client(language="nb")
        .get(f"/figures?first_day=2020-01-01&last_day={now}&known_on=2024-06-30")
        .text
    )
    assert "Etter det registeret visste ved slutten av 30.06.2024." in page
    assert 'data-label="Gyldig">0<' in page
    assert 'data-label="Gyldig">1<' not in page
    for text in (
        "Nye",
        "Fornyet",
        "Utløpt",
        "Sluttet",
        "Hva tallene betyr",
        "Etter type",
        "/figures.xlsx",
    ):
        assert text in page
    assert "English" in page
    ahead = scene.client().get("/figures?last_day=31.12.2100").text
    assert "The last day is in the future" in ahead


def test_for_handing_out(scene: Scene) -> None:
    now = today(scene.organisation.conn)
    query = f"first_day=2020-01-01&last_day={now}&masked=true"
    page = scene.client("admin").get(f"/figures?{query}").text.partition("<main")[2]
    assert "not shown" in page
    assert 'data-label="Valid">2<' not in page
    assert "Valid 2" not in page
    assert "/figures.xlsx?first_day=2020-01-01&amp;" in page
    assert "masked=true" in page


def test_the_file(scene: Scene) -> None:
    now = today(scene.organisation.conn)
    answer = scene.client("admin").get(f"/figures.xlsx?first_day=2020-01-01&last_day={now}")
    assert answer.headers["content-disposition"] == f'attachment; filename="figures-2020-01-01-{now}.xlsx"'
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert [cell.value for cell in book["By type"][2]] == ["All types", 2, 2, 0, 0, 0, 0]
    assert book["Definitions"]["B1"].value == "Organisation demo"
    assert book["Definitions"]["B4"].value.date() == now


def _hold(scene: Scene) -> None:
    """A course of the coordinator's chapter, to which Kari came, and one of the whole organisation."""
    for chapters, attended in (([scene.organisation.chapter], True), ([], False)):
        scene.organisation.conn.execute(
            "with course as ("
            " insert into mentorcert_private.courses"
            " (organisation_id, kind, name_nb, types, chapter_ids, days, starts, ends, seats)"
            " values (%s, 'refresher', 'Kurs', '{basic}', %s, array[%s::date], '{null}', '{null}', 9)"
            " returning id, organisation_id"
            ") insert into mentorcert_private.course_sign_ups"
            " (organisation_id, course_id, peer_mentor_id, state, rank, attendance)"
            " select organisation_id, id, %s, 'seated', 1, 'attended' from course where %s",
            (
                scene.organisation.id,
                chapters,
                today(scene.organisation.conn, -1),
                scene.kari,
                attended,
            ),
        )


def test_of_courses(scene: Scene) -> None:
    _hold(scene)
    now = today(scene.organisation.conn)
    for who, held in (("coordinator", 1), ("admin", 2)):
        page = scene.client(who).get(f"/figures?first_day=1.1.2020&last_day={now}").text
        table = page.partition('aria-label="Courses"')[2].partition("</table>")[0]
        assert '<th scope="row">Refresher course</th>' in table
        assert table.count(f'data-label="Held">{held}<') == 2
        assert table.count('data-label="Attended">1<') == 2
        assert f"Bar chart: Seats {9 * held}, Signed up 1, Attended 1, People 1, Did not come 0" in page
        assert "Courses: Attended" in page
    page = scene.client(language="nb").get("/figures").text
    for text in (
        "Kurs etter lag",
        "Holdt",
        "Uten plass",
        "Kurs: Møtte ikke",
    ):
        assert text in page
    assert (
        "not shown"
        in scene.client()
        .get(f"/figures?last_day={now}&masked=true")
        .text.partition('aria-label="Courses"')[2]
        .partition("</table>")[0]
    )
    book = openpyxl.load_workbook(
        io.BytesIO(scene.client().get(f"/figures.xlsx?first_day=2020-01-01&last_day={now}").content)
    )
    assert [cell.value for cell in book["Courses"][4]] == ["Refresher course", 1, 0, 9, 1, 1, 1, 0, 0, 0, 0]
    assert "Courses: People" in {cell.value for cell in book["Definitions"]["A"]}


def test_what_cannot_be_read_is_said_at_its_field(scene: Scene) -> None:
    client = scene.client()
    for query, said in (
        ("first_day=soon", "Write a day that exists"),
        ("first_day=2.1.2026&last_day=1.1.2026", "The last day is before the first one."),
        # Of a day so long ago the log of who had left is gone.
        ("known_on=1.1.2000", "Too long ago"),
        ("known_on=1.1.2199", "The day lies in the future."),
    ):
        answer = client.get(f"/figures?{query}")
        assert answer.status_code == 422
        assert said in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert client.get(f"/figures.xlsx?{query}").status_code == 422
    assert client.get("/figures?first_day=2026-01-01&utm_source=mail").status_code == 200


def test_a_file_that_is_refused_says_so_in_norwegian(scene: Scene) -> None:
    answer = scene.client(language="nb").get("/figures.xlsx?first_day=soon")
    assert answer.status_code == 422
    assert "Perioden kan ikke leses." in answer.text
    assert "The input is not valid." not in answer.text


def test_a_sheet_says_whose_it_is_and_of_when(scene: Scene) -> None:
    name = fetch(
        scene.organisation.conn,
        "select name from mentorcert.organisations where id = %s",
        scene.organisation.id,
    )
    page = scene.client("admin", language="nb").get("/figures").text
    assert f'<p class="on-paper">{name} · Skrevet ut {today(scene.organisation.conn):%d.%m.%Y}</p>' in page
    public = scene.client().get("/public/demo")
    assert (public.status_code, 'class="on-paper"' in public.text) == (200, False)
