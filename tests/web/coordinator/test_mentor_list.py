"""The list of peer mentors: how many, by pages with ticks, what each holds, who lacks what, and as a file."""

import csv
import io
import re
from html import unescape
from urllib.parse import urlencode
from uuid import UUID

import openpyxl
import pytest
from babel.dates import format_date
from fastapi.testclient import TestClient

from tests.support.cases import in_turn
from tests.support.registry import today
from tests.web.conftest import form_token
from tests.web.coordinator.conftest import Scene


def shown(html: str) -> list[str]:
    """Return the names on a page of the list."""
    return re.findall(r'<th scope="row"><a href="/mentors/[^"]+">([^<]*)</a>', html)


def posted(client: TestClient, html: str, path: str = "/mentors", **data: object) -> str:
    """Send the form of the list; return where it leads."""
    answer = client.post(path, data={"form": form_token(html), **data})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def step(html: str, name: str) -> str:
    """Return the query of another page."""
    found = re.search(rf'name="to" value="([^"]*)">{name}', html)
    assert found is not None
    return unescape(found[1])


def test_forwards_and_back_with_ticks(scene: Scene) -> None:
    for number in range(120):
        scene.organisation.mentor(f"m{number:03}")
    client = scene.client()
    first = client.get("/mentors?q=m0").text
    assert "100 results" in first
    assert "All 50 rows on this page" in first
    assert "All 100 results" in first
    ticked = re.findall(r'name="id" value="([^"]+)"', first)[3:5]
    second = client.get(posted(client, first, to=step(first, "Next page"), id=ticked)).text
    assert shown(second) == [f"Person m{number:03}" for number in range(50, 100)]
    assert "with 2 on other pages" in second
    more = re.findall(r'name="id" value="([^"]+)"', second)[0]
    kept = re.search(r'name="ticked" value="([^"]+)"', second)
    assert kept is not None
    back = client.get(posted(client, second, to=step(second, "Previous page"), id=more, ticked=kept[1])).text
    assert shown(back) == shown(first)
    assert re.findall(r'name="id" value="([^"]+)" checked', back) == ticked
    assert "with 1 on other pages" in back
    for query in ("after=x", "chapter=1", "size=7"):
        assert client.get(f"/mentors?{query}").status_code == 422


def test_what_they_hold_and_how_they_are_reached(scene: Scene) -> None:
    conn = scene.organisation.conn
    ends = today(conn, 20)
    scene.organisation.certify(scene.kari, "pledge")
    conn.execute(
        "update mentorcert.peer_mentors set email = 'kari@example.org', phone = '+47 12 34 56 78' where id = %s",
        (scene.kari,),
    )
    page = scene.client().get("/mentors").text
    assert shown(page) == ["Kari Nord"]
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    short = " ".join(format_date(ends, "d MMM y", locale="en_GB").split())
    assert f"basic Valid to {short} pledge Valid without an end" in words
    assert 'href="mailto:kari%40example.org">kari<wbr>@example.org' in page
    assert "+47 12 34 56 78" in page
    later = today(conn, 21)
    then = scene.client().get(f"/mentors?on={later}").text
    assert "basic Expired" in " ".join(re.sub(r"<[^>]+>", " ", then).split())
    assert f"as of {later.day} {later:%B} {later.year}" in " ".join(then.split())


def test_who_lacks_what(scene: Scene) -> None:
    """Each way by its address; the page says in words how it is narrowed."""
    organisation, conn = scene.organisation, scene.organisation.conn
    people = {name: organisation.mentor(name) for name in ("lapsed", "none", "suspended", "both")}
    organisation.certify(people["lapsed"], last_day=today(conn, -1))
    held = organisation.certify(people["suspended"], last_day=today(conn, 9))
    organisation.certify(people["both"], last_day=today(conn, 40))
    organisation.certify(people["both"], "pledge")
    with organisation.as_admin():
        conn.execute("select public.suspend_certification(%s, 'Leave')", (held,))
    client = scene.client()

    def found(**query: object) -> set[str]:
        answer = client.get(f"/mentors?{urlencode(query)}")
        assert answer.status_code == 200
        return {name.removeprefix("Person ") for name in shown(answer.text)}

    assert found(type="basic", standing="not_held") == {"lapsed", "none", "suspended"}
    assert found(type="basic", standing="never") == {"none"}
    assert found(type="basic", standing="lapsed") == {"lapsed"}
    assert found(type="basic", standing="suspended") == {"suspended"}
    assert found(holds="basic", type="pledge", standing="not_held") == {"Kari Nord"}
    assert found(type="basic", standing="held", on=today(conn, 30)) == {"both"}
    ends = {"type": "basic", "standing": "ends"}
    assert found(**ends, first=today(conn), last=today(conn, 20)) == {"Kari Nord"}
    assert found(**ends, last=today(conn, 19)) == {"lapsed"}
    assert found(type="basic", standing="obtained", first="2020-01-01", last="2020-01-01") == {
        "lapsed", "suspended", "both", "Kari Nord",
    }  # fmt: skip
    page = client.get("/mentors?holds=basic&type=pledge&standing=not_held").text
    assert "(They hold: basic, do not hold: pledge)" in page
    for days, said in (
        ("first=1.1.2030&last=2.1.2030", "1 January 2030 – 2 January 2030"),
        ("first=1.1.2030", "from 1 January 2030"),
    ):
        page = client.get(f"/mentors?type=pledge&standing=obtained&{days}").text
        assert f"(pledge got or renewed: {said})" in " ".join(page.split())
    page = client.get("/mentors?type=pledge&standing=ends&last=2.1.2030&left=true").text
    assert "No results. (pledge ends: until 2 January 2030, Also those who left)" in " ".join(page.split())


@in_turn(
    ("query", "said"),
    [
        ("standing=never", '<a href="#type">This certification: Choose the certification that this is about.</a>'),
        ("type=basic", '<a href="#standing">And they: Choose how people stand with this certification.</a>'),
        ("type=basic&standing=lost", '<a href="#standing">And they: Choose one of these.</a>'),
        ("type=basic&standing=ends", '<a href="#first">From and including: Write the first day, the last one, or both.</a>'),
        ("type=basic&standing=ends&first=2.1.2030&last=1.1.2030",
         '<a href="#last">To and including: The last day comes before the first.</a>'),
        ("on=31.2.2030", 'value="31.2.2030"'),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_at_its_field(scene: Scene, query: str, said: str) -> None:
    answer = scene.client().get(f"/mentors?{query}")
    assert answer.status_code == 422
    assert said in answer.text
    assert scene.client().get(f"/mentors.csv?{query}").status_code == 422


def test_as_a_file(scene: Scene) -> None:
    conn = scene.organisation.conn
    conn.execute("update mentorcert.peer_mentors set email = 'k@example.org' where id = %s", (scene.kari,))
    answer = scene.client().get("/mentors.csv?q=kari")
    assert answer.headers["content-disposition"] == 'attachment; filename="peer-mentors.csv"'
    heading, row = csv.reader(io.StringIO(answer.text))
    held = dict(zip(heading, row, strict=True))
    assert (held["Number"], held["Peer mentor"], held["E-mail"]) == ("7", "Kari Nord", "k@example.org")
    assert (held["basic"], held["basic: Last valid day"]) == ("Valid", today(conn, 20).isoformat())
    assert (held["pledge"], held["pledge: Last valid day"]) == ("", "")
    sheet = openpyxl.load_workbook(io.BytesIO(scene.client("admin").get("/mentors.xlsx").content)).active
    assert sheet is not None
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == ["Kari Nord", "Ola Vest"]
    lacking = scene.client("admin").get("/mentors.csv?type=basic&standing=never").text
    assert len(lacking.splitlines()) == 1


def test_the_chosen_ones_as_a_file(scene: Scene) -> None:
    admin = scene.client("admin")
    page = admin.get("/mentors?q=kari").text

    def names(**data: object) -> list[str]:
        answer = admin.post("/mentors/chosen.csv", data={"form": form_token(page), **data})
        assert answer.status_code == 200
        return [row[1] for row in csv.reader(io.StringIO(answer.text))][1:]

    assert names(id=[str(scene.ola)], query="q=kari") == ["Ola Vest"]
    assert names(id=[str(scene.per), str(scene.kari)]) == ["Kari Nord"]
    assert names(scope="page", query="q=kari") == ["Kari Nord"]
    assert names(scope="every") == ["Kari Nord", "Ola Vest"]
    where = posted(admin, page, "/mentors/chosen.xlsx", query="q=kari")
    assert where == "/mentors?q=kari"
    assert "Choose at least one peer mentor first." in admin.get(where).text
    wrong = {"form": form_token(page), "scope": "every", "query": "standing=lost&type=basic"}
    assert admin.post("/mentors/chosen.csv", data=wrong).status_code == 422


@pytest.mark.parametrize("who", ["coordinator", "admin"])
def test_what_can_be_done_with_them(scene: Scene, who: str) -> None:
    page = scene.client(who).get("/mentors").text
    actions = set(re.findall(r'formaction="([^"]+)"', page))
    of_all = {"/mentors/chosen.csv", "/mentors/chosen.xlsx", "/mentors/letters"}
    of_administrators = {"/admin/invitations/mentors", "/admin/consents/withdraw"}
    assert actions == of_all | (of_administrators if who == "admin" else set())


def test_chapters_are_found_by_name(scene: Scene) -> None:
    assert shown(scene.client("admin").get("/mentors?q=bergen").text) == ["Ola Vest"]
    assert shown(scene.client().get("/mentors?q=bergen").text) == []
    assert "No results." in scene.client().get(f"/mentors?chapter={UUID(int=0)}").text
