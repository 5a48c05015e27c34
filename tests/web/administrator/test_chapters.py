"""Chapters in the pages."""

from uuid import UUID

from mentorcert.db.connection import Connection
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch, rows
from tests.web.administrator.conftest import HOSTILE, Browser


def test_adding_renaming_and_moving(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    under = f"/admin/chapters/new?under={organisation.chapter}"
    assert f'value="{organisation.chapter}" selected' in admin.get(under)
    assert admin.post("/admin/chapters/new", name="Grorud", code="GRO", parent_id=organisation.chapter)
    html = admin.get("/admin/chapters")
    assert "The chapter Grorud is added." in html
    assert html.index(">Oslo<") < html.index(">Grorud<")
    grorud: UUID = fetch(conn, "select id from mentorcert.chapters where code = 'GRO'")
    assert admin.post(
        f"/admin/chapters/{grorud}",
        page=f"/admin/chapters/{grorud}",
        name="Groruddalen",
        code="GRD",
        parent_id="",
    )
    assert rows(conn, "select name, code, parent_id from mentorcert.chapters where id = %s", grorud) == [
        ("Groruddalen", "GRD", None)
    ]


@in_turn(
    ("form", "said"),
    [
        ({"name": "Oslo 2", "code": "OSL"}, "There is a chapter with this code already."),
        ({"name": "Bergen", "code": "B R"}, "A code has no spaces"),
        ({"name": "Ber|gen", "code": "BER"}, "A name is one line, without |."),
        ({"name": "", "code": "BER"}, "Write the name."),
        (
            {"name": "Bergen", "code": "BER", "parent_id": "00000000-0000-4000-8000-000000000000"},
            "Choose a chapter from the list.",
        ),
    ],
)
def test_bad_input_comes_back_with_its_error(admin: Browser, form: dict[str, str], said: str) -> None:
    html = admin.post("/admin/chapters/new", 422, **form)
    assert said in html
    assert f'value="{form["code"]}"' in html


def test_no_chapter_lies_under_itself(admin: Browser, conn: Connection, organisation: Organisation) -> None:
    below: UUID = fetch(
        conn,
        "insert into mentorcert.chapters (organisation_id, parent_id, code, name)"
        " values (%s, %s, 'GRO', 'Grorud') returning id",
        organisation.id, organisation.chapter,
    )  # fmt: skip
    page = f"/admin/chapters/{organisation.chapter}"
    assert str(below) not in admin.get(page)
    html = admin.post(page, 422, page=page, name="Oslo", code="OSL", parent_id=below)
    assert "A chapter cannot lie under itself." in html


def test_names_are_no_markup(admin: Browser, hostile: UUID) -> None:
    assert HOSTILE in admin.get("/admin/chapters")
