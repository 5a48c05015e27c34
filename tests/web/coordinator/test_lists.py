"""The overview, the table of certifications, its file, and the list of peer mentors."""

import csv
import io
import re
from datetime import datetime
from html import unescape
from urllib.parse import quote
from uuid import UUID

import openpyxl
import pytest

from mentorcert.certifications import pages
from mentorcert.certifications.search import Filters
from tests.support.cases import in_turn
from tests.support.registry import today
from tests.web.coordinator.conftest import Scene


def names_in(html: str) -> set[str]:
    return {name for name in ("Kari Nord", "Ola Vest", "Per Fremmed") if name in html}


@pytest.mark.parametrize("path", ["/certifications", "/mentors", "/certifications.csv"])
def test_reach(scene: Scene, path: str) -> None:
    assert names_in(scene.client().get(path).text) == {"Kari Nord"}
    assert names_in(scene.client("admin").get(path).text) == {"Kari Nord", "Ola Vest"}


@in_turn("path", ["/overview", "/certifications", "/certifications.xlsx", "/mentors"])
def test_who_may_not(scene: Scene, path: str) -> None:
    assert scene.client("peer_mentor").get(path).status_code == 403
    answer = scene.client("nobody").get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={quote(path, safe='')}")


def test_overview(scene: Scene) -> None:
    conn = scene.organisation.conn
    scene.organisation.certify(scene.kari, "pledge")
    page = scene.client().get("/overview").text
    assert page.count('<svg role="img"') == 2
    month = f"{today(conn, 20):%Y-%m}"
    assert f'href="/certifications?status=active&amp;ends={month}"' in page
    assert re.search(r"Valid</dt><dd><a [^>]*>2<", page)
    for link in re.findall(r'href="(/certifications[^"]*)"', page):
        assert scene.client().get(link.replace("&amp;", "&")).status_code == 200
    listed = scene.client().get(f"/certifications?status=active&ends={month}").text
    assert listed.count('name="id"') == 1
    assert "Kari Nord" in listed


def test_overview_of_many_chapters(scene: Scene) -> None:
    """The counties are on the page, and each leads to the chapters under it: the page stays below 60 kB."""
    organisation = scene.organisation
    organisation.certify(scene.kari, "pledge")
    organisation.conn.execute(
        "insert into mentorcert.chapters (organisation_id, code, name)"
        " select %s, 'F' || number, 'Fylke ' || number from generate_series(1, 19) as number",
        (organisation.id,),
    )
    organisation.conn.execute(
        "insert into mentorcert.chapters (organisation_id, code, name, parent_id)"
        " select county.organisation_id, 'L' || number, 'Lokallag ' || number, county.id"
        " from generate_series(1, 200) as number"
        " join mentorcert.chapters as county on county.code = 'F' || 1 + number %% 19 and county.organisation_id = %s",
        (organisation.id,),
    )
    client = scene.client("admin")
    page = client.get("/overview")
    assert len(page.content) < 60_000
    assert ("Fylke 19" in page.text, "Lokallag" in page.text) == (True, False)
    links = re.findall(r'href="(/overview\?under=[^"]+)"', page.text)
    assert len(links) == 19
    organisation.conn.execute(
        "update mentorcert.chapters as chapter set parent_id = county.id from mentorcert.chapters as county"
        " where county.code = 'F1' and chapter.id = %s",
        (organisation.chapter,),
    )
    pages = [client.get(link).text for link in links]
    assert sum("Lokallag" in text for text in pages) == 1
    assert all('<a href="/overview">' in text for text in pages)


def test_chapters_stand_under_their_county_and_ones_own_come_first(scene: Scene) -> None:
    organisation, conn = scene.organisation, scene.organisation.conn
    conn.execute(
        "insert into mentorcert.chapters (organisation_id, code, name) values (%s, 'VES', 'Vestland')",
        (organisation.id,),
    )
    conn.execute(
        "update mentorcert.chapters as chapter set parent_id = county.id from mentorcert.chapters as county"
        " where county.code = 'VES' and chapter.code = 'BGO'"
    )

    def groups(who: str) -> list[tuple[str, list[str]]]:
        page = scene.client(who).get("/certifications").text
        found = re.findall(r'<optgroup label="([^"]*)">(.*?)</optgroup>', page, re.DOTALL)
        return [(label, re.findall(r">([^<]+)</option>", options)) for label, options in found]

    assert groups("coordinator") == [("Your chapters", ["Oslo"])]
    assert groups("admin") == [("Vestland", ["Vestland", "Bergen"]), ("Other chapters", ["Oslo"])]
    form = scene.client("admin").get(f"/mentors/{scene.ola}/edit").text
    assert re.findall(r"<details( open)?>\s*<summary>([^<]*)<", form) == [
        (" open", "Vestland"),
        ("", "Other chapters"),
    ]


def test_overview_of_nothing(scene: Scene) -> None:
    scene.organisation.conn.execute("update mentorcert.certification_types set required_for_listing = false")
    page = scene.client().get("/overview")
    assert page.status_code == 200
    assert "No peer mentor here holds every certification" in page.text


def test_the_list_is_in_the_address(scene: Scene) -> None:
    """Filters, order and page come back by the address alone, each row once."""
    conn = scene.organisation.conn
    for number in range(60):
        mentor = scene.organisation.mentor(f"x{number}")
        scene.organisation.certify(mentor, last_day=today(conn, number % 7))
    client = scene.client()
    for sort in ("next", "expires", "-expires", "issued", "-issued", "name", "-name", "type", "-type"):
        address: str | None = f"/certifications?q=x&status=active&type=basic&sort={sort}"
        seen: list[str] = []
        while address:
            page = client.get(address)
            assert page.status_code == 200
            seen += re.findall(r'name="id" value="([^"]+)"', page.text)
            found = re.search(r'name="to" value="([^"]*)">Next page', page.text)
            address = f"/certifications?{unescape(found[1])}" if found else None
        assert len(seen) == len(set(seen)) == 60, sort
    listed = client.get("/certifications?sort=-name").text
    assert re.search(r'aria-sort="descending"><a href="/certifications\?sort=name">', listed)
    assert "Ola Vest" not in listed


def test_what_ends_next_comes_first(scene: Scene) -> None:
    """Then what never ends, then what has ended, the latest first; and back again by the same steps."""
    conn = scene.organisation.conn
    ends = {"x-7": -7, "x-400": -400, "x-1": -1, "x0": 0, "x30": 30, "x5": 5}
    for name, days in ends.items():
        scene.organisation.certify(scene.organisation.mentor(name), last_day=today(conn, days))
    scene.organisation.certify(scene.organisation.mentor("xever"), "pledge")
    expected = ["x0", "x5", "x30", "xever", "x-1", "x-7", "x-400"]
    client = scene.client()
    text = client.get("/certifications?q=x").text
    assert re.findall(r"Person (x[^<]*)</a>", text) == expected
    parts = pages.next_first(Filters(query="x"), today(conn))
    with scene.organisation.as_admin():
        found, after = [], None
        walked = []
        while True:
            page = pages.page(conn, parts, after=after, size=2)
            found += [row.external_id for row in page.rows]
            walked.append(page)
            if page.next is None:
                break
            after = page.next
        assert found == expected
        back = walked[-1]
        for before in reversed(walked[:-1]):
            assert back.previous is not None
            back = pages.page(conn, parts, before=back.previous, size=2)
            assert back.rows == before.rows
            assert back.next is not None
        assert back.previous is None


@in_turn(
    "query",
    [
        "sort=id", "status=lapsed", "chapter=oslo", "ends=7", "ends=2026-13", "ends=9999-01", "size=7",
        "after=x", "sort=name&after=WyJleHBpcmVzIl0",
        "after=%F0%9F%98%80",
    ],
)  # fmt: skip
def test_bad_queries(scene: Scene, query: str) -> None:
    answer = scene.client().get(f"/certifications?{query}")
    assert answer.status_code == 422
    assert "<h1>" in answer.text
    if not query.startswith(("after", "sort=name", "ends=9999")):
        assert scene.client().get(f"/certifications.csv?{query}").status_code == 422


def test_empty_fields_ask_for_nothing(scene: Scene) -> None:
    answer = scene.client().get("/certifications?q=&status=&type=&chapter=&ends=&size=50&sort=expires")
    assert answer.status_code == 200
    assert "Kari Nord" in answer.text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("q=nobody", "No results."),
        (f"chapter={UUID(int=0)}", "No results."),
    ],
)
def test_empty_lists_say_so(scene: Scene, query: str, said: str) -> None:
    assert said in scene.client().get(f"/certifications?{query}").text


def test_names_are_escaped(scene: Scene) -> None:
    attack = "\"><script>alert(1)</script>'"
    scene.organisation.conn.execute(
        "update mentorcert.peer_mentors set full_name = %s, display_name = %s where id = %s",
        (attack, attack, scene.kari),
    )
    scene.organisation.conn.execute("update mentorcert.chapters set name = %s", (attack,))
    scene.organisation.conn.execute("update mentorcert.certification_types set name_en = %s", (attack,))
    client = scene.client("admin")
    for path in (
        "/overview", "/certifications", f"/certifications?q={quote(attack)}", "/mentors",
        f"/mentors/{scene.kari}",
        f"/mentors/{scene.kari}/edit", f"/certifications/{scene.held}", f"/certifications/{scene.held}/renew",
        f"/certifications/new?mentor={scene.kari}",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "<script>alert" not in answer.text, path
        assert "&lt;script&gt;alert" in answer.text, path


_FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "＝1", '=HYPERLINK("http://x","y")')


@pytest.mark.parametrize("language", ["nb", "en"])
def test_file_runs_nothing(scene: Scene, language: str) -> None:
    conn = scene.organisation.conn
    for number, formula in enumerate(_FORMULAS):
        # What is no number of a peer mentor is refused by the registry itself.
        mentor = scene.organisation.mentor(f"{formula}{number}" if formula.isascii() else f"={number}")
        conn.execute("update mentorcert.peer_mentors set full_name = %s where id = %s", (formula, mentor))
        scene.organisation.certify(mentor, last_day=today(conn, 30))
    conn.execute("update mentorcert.certification_types set name_nb = '=x', name_en = '=x'")
    client = scene.client(language=language)
    encoding, delimiter = ("utf-8-sig", ";") if language == "nb" else ("utf-8", ",")
    text = client.get("/certifications.csv").content.decode(encoding)
    from_csv = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/certifications.xlsx").content)).active
    assert sheet is not None
    from_xlsx = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert {cell.data_type for row in sheet.iter_rows(max_col=4) for cell in row} == {"s"}
    assert [row[:4] for row in from_csv] == [row[:4] for row in from_xlsx]
    assert len(from_csv) == 1 + 1 + len(_FORMULAS)
    assert {row[1] for row in from_csv[2:]} == {f"'{formula}" for formula in _FORMULAS}
    assert {row[3] for row in from_csv[1:]} == {"'=x"}
    assert all(row[0].startswith("'") for row in from_csv[2:])


def test_the_workbook_has_days_and_keeps_numbers(scene: Scene) -> None:
    conn = scene.organisation.conn
    mentor = scene.organisation.mentor("00123")
    ends = today(conn, 30)
    scene.organisation.certify(mentor, last_day=ends)
    scene.organisation.certify(mentor, "pledge")
    client = scene.client()
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/certifications.xlsx").content)).active
    assert sheet is not None
    found = {row[3].value: row for row in sheet.iter_rows(min_row=2) if row[0].value == "00123"}
    assert len(found) == 2
    assert {row[0].data_type for row in found.values()} == {"s"}
    (limited,) = (row for row in found.values() if isinstance(row[5].value, datetime))
    (unlimited,) = (row for row in found.values() if row[5].value == "unlimited")
    assert str(limited[5].value) == f"{ends} 00:00:00"
    assert [row[4].number_format for row in (limited, unlimited)] == ["yyyy-mm-dd"] * 2
    assert all(isinstance(row[4].value, datetime) for row in (limited, unlimited))
    # Excel would make 123 of it.
    assert ",'00123," in f",{client.get('/certifications.csv').text}".replace("\n", ",")


def test_file_is_what_is_shown(scene: Scene) -> None:
    conn = scene.organisation.conn
    scene.organisation.certify(scene.kari, "pledge")
    answer = scene.client().get("/certifications.csv?ends=never&q=kari")
    assert answer.headers["content-disposition"] == 'attachment; filename="certifications.csv"'
    assert answer.headers["cache-control"] == "no-store"
    assert list(csv.reader(io.StringIO(answer.text))) == [
        [
            "Number",
            "Peer mentor",
            "Chapters",
            "Certification",
            "Issued or renewed",
            "Last valid day",
            "Status",
        ],
        ["7", "Kari Nord", "Oslo", "pledge", "2020-01-01", "unlimited", "Valid"],
    ]  # fmt: skip
    day = today(conn, 20)
    assert f",{day.isoformat()}," in scene.client().get("/certifications.csv?ends=30").text


def test_reads_are_logged(scene: Scene) -> None:
    conn, organisation = scene.organisation.conn, scene.organisation
    scene.client().get("/certifications?q=kari")
    scene.client().get(f"/mentors/{scene.kari}")
    logged = conn.execute(
        "select endpoint, row_organisation_ids from mentorcert_private.access_log where user_id = %s"
        " order by recorded_at",
        (scene.coordinator,),
    ).fetchall()
    assert logged == [("/certifications", [organisation.id]), ("/mentors/{mentor_id}", [organisation.id])]


@pytest.mark.parametrize("endpoint", ["certifications", "peer_mentors"])
def test_switched_off(scene: Scene, endpoint: str) -> None:
    scene.organisation.conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values (%s, 'a leak')",
        (endpoint,),
    )
    answer = scene.client().get("/certifications")
    assert answer.status_code == 503
    assert "a leak" not in answer.text
