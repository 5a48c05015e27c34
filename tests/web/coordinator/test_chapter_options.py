"""The chapters to choose from are written once for an organisation, and again when one of them changes."""

from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from mentorcert.web.rendering.templating import options_of
from tests.support.registry import Organisation, join
from tests.web.conftest import Site


@pytest.mark.parametrize("path", ["/certifications", "/mentors"])
def test_chapters_are_written_once(
    conn: Connection, site: Site, organisation: Organisation, path: str
) -> None:
    conn.execute(
        "insert into mentorcert.chapters (organisation_id, code, name)"
        " select %s, number, 'Chapter ' || number || ' <b>' from generate_series(1, 219) as number",
        [organisation.id],
    )
    # In no other test, and so in no cache.
    conn.execute("update mentorcert.chapters set name = %s where code = '219'", [f"Chapter {uuid4()}"])
    client = site.client(organisation.admin)
    before = options_of.cache_info()
    pages = [client.get(path).text for _ in range(3)]
    asked = options_of.cache_info()
    assert (asked.misses - before.misses, asked.hits - before.hits) == (1, 2)
    assert all(
        page.count('<option value="') >= 219 and "Chapter 7 &lt;b&gt;</option>" in page for page in pages
    )

    conn.execute("update mentorcert.chapters set name = 'Renamed' where code = '219'")
    chosen = conn.execute("select id from mentorcert.chapters where code = '219'").fetchone()
    assert chosen is not None
    page = client.get(path, params={"chapter": str(chosen[0])}).text
    assert 'name="chapter_name" value="Renamed"' in page
    assert "(Chapter: Renamed)" in page


@pytest.fixture
def chapters(conn: Connection, organisation: Organisation) -> dict[str, str]:
    """Forty chapters under two counties, some of one name; each by its county and name."""
    conn.execute(
        "with county as (insert into mentorcert.chapters (organisation_id, code, name)"
        " select %(of)s, 'c' || name, name from unnest(array['Nordland', 'Agder']) as name returning id, name)"
        " insert into mentorcert.chapters (organisation_id, parent_id, code, name)"
        " select %(of)s, county.id, county.name || number,"
        " case number when 1 then 'Bø' when 2 then 'Å <i>' else county.name || ' ' || number end"
        " from county, generate_series(1, 20) as number",
        {"of": organisation.id},
    )
    found = conn.execute(
        "select parent.name || ' ' || chapter.name, chapter.id::text from mentorcert.chapters as chapter"
        " join mentorcert.chapters as parent on parent.id = chapter.parent_id"
    ).fetchall()
    return dict(found)


@pytest.mark.parametrize("path", ["/certifications", "/mentors", "/certifications/on"])
def test_one_of_many_chapters_is_found_by_its_name(
    site: Site, organisation: Organisation, chapters: dict[str, str], path: str
) -> None:
    client = site.client(organisation.admin)
    page = client.get(path).text
    assert '<option value="Bø (Agder)">Bø (Agder)</option>' in page
    assert "<i>" not in page

    def leads(typed: str) -> str:
        answer = client.get(
            path, params={"chapter_name": typed, "type": "basic", "after": ""}, follow_redirects=False
        )
        assert answer.status_code == 303, answer.text
        location: str = answer.headers["location"]
        assert "type=basic" in location
        assert "chapter_name" not in location
        return location.partition("chapter=")[2].partition("&")[0]

    assert leads("Nordland 7") == chapters["Nordland Nordland 7"]
    assert leads("boe nordl") == chapters["Nordland Bø"]
    assert leads("bø (agder)") == chapters["Agder Bø"]
    chosen = client.get(path, params={"chapter": chapters["Agder Bø"]})
    assert chosen.status_code == 200
    assert 'name="chapter_name" value="Bø (Agder)"' in chosen.text
    assert client.get(path, params={"chapter_name": " "}).status_code == 200

    several = client.get(path, params={"chapter_name": "BO"})
    assert several.status_code == 422
    assert "Several chapters match “BO”. Choose one." in several.text
    assert 'href="#chapter"' in several.text
    field = several.text.partition('<select id="chapter"')[2].partition("</select>")[0]
    assert field.count('<option value="') == 3
    assert f'<option value="{chapters["Agder Bø"]}">Bø</option>' in several.text
    assert '<optgroup label="Agder">' in several.text
    nothing = client.get(path, params={"chapter_name": "Atlantis <b>"})
    assert nothing.status_code == 422
    assert 'href="#chapter_name"' in nothing.text
    assert 'value="Atlantis &lt;b&gt;"' in nothing.text
    assert client.get(path, params={"chapter": "x"}).status_code == 422


def test_a_coordinator_chooses_from_the_own_few(
    conn: Connection, site: Site, organisation: Organisation, chapters: dict[str, str]
) -> None:
    coordinator = uuid4()
    join(organisation, coordinator, "coordinator", UUID(chapters["Agder Bø"]))
    page = site.client(coordinator).get("/mentors").text
    assert "chapter_name" not in page
    assert page.count(f'<option value="{chapters["Agder Bø"]}">Bø</option>') == 1
