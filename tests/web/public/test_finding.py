"""Somebody looks for a peer mentor: by place, county, chapter, name, topic and language; and how to reach them."""

import re
from html import unescape
from io import BytesIO
from uuid import UUID, uuid4
from xml.etree import ElementTree as ET

import pytest
from PIL import Image

from mentorcert.db.connection import Connection
from mentorcert.organisations import topics
from mentorcert.organisations.topics import Wording
from mentorcert.web.public import picture
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch, today
from tests.web.conftest import Site


def chapter(conn: Connection, organisation: Organisation, code: str, name: str, parent: UUID | None) -> UUID:
    id_ = uuid4()
    conn.execute(
        "insert into mentorcert.chapters (id, organisation_id, code, name, parent_id) values (%s, %s, %s, %s, %s)",
        (id_, organisation.id, code, name, parent),
    )
    return id_


def listed(conn: Connection, organisation: Organisation, name: str, of: UUID) -> UUID:
    mentor = organisation.mentor(str(uuid4()))
    conn.execute("update mentorcert.peer_mentors set full_name = %s where id = %s", (name, mentor))
    conn.execute(
        "update mentorcert.peer_mentor_chapters set ended_at = now() where peer_mentor_id = %s", (mentor,)
    )
    conn.execute(
        "insert into mentorcert.peer_mentor_chapters (organisation_id, peer_mentor_id, chapter_id)"
        " values (%s, %s, %s)",
        (organisation.id, mentor, of),
    )
    organisation.certify(mentor, last_day=today(conn, 100))
    return mentor


@pytest.fixture
def country(conn: Connection, organisation: Organisation) -> Organisation:
    """Two counties, each with a chapter Nes, one of which can be reached; six people."""
    west = chapter(conn, organisation, "V", "Vestland", None)
    east = chapter(conn, organisation, "Ø", "Østfold", None)
    nes_west = chapter(conn, organisation, "V1", "Nes", west)
    nes_east = chapter(conn, organisation, "a/b", "Nes", east)
    conn.execute(
        "update mentorcert.chapters set contact_email = 'nes@example.org', contact_phone = '22 33 44 55',"
        " website = 'https://example.org/nes', places = '{5003 Bergen,Bø}' where id = %s",
        (nes_west,),
    )
    for name, of in (
        ("Zara", nes_west), ("anne", nes_west), ("Álvaro", nes_east), ("Åse", west), ("Ærlig", east), ("Østen Bøe", nes_east),
    ):  # fmt: skip
        listed(conn, organisation, name, of)
    return organisation


def names(site: Site, path: str) -> list[str]:
    return re.findall(
        r'<th scope="row">(.*?)</th>', unescape(site.client().get(path).raise_for_status().text)
    )


EVERYBODY = ["Álvaro", "anne", "Zara", "Ærlig", "Østen Bøe", "Åse"]


@in_turn(
    ("query", "expected"),
    [
        ("", EVERYBODY),
        ("chapter=V", ["anne", "Zara", "Åse"]),
        ("chapter=V1", ["anne", "Zara"]),
        ("chapter=Vestland", ["anne", "Zara", "Åse"]),
        ("chapter=Nes", ["Álvaro", "anne", "Zara", "Østen Bøe"]),
        ("chapter=a/b", ["Álvaro", "Østen Bøe"]),
        ("q=boe", ["anne", "Zara", "Østen Bøe"]),
        ("q=%C3%98sten+B%C3%B8e", ["Østen Bøe"]),
        ("q=alvaro", ["Álvaro"]),
        ("q=5003", ["anne", "Zara"]),
        ("q=bergen+anne", ["anne"]),
        ("q=ostfold", ["Álvaro", "Ærlig", "Østen Bøe"]),
        ("q=b%C3%B8", ["anne", "Zara", "Østen Bøe"]),
        ("q=nobody", []),
        ("q=%25", []),
        ("q=%00", EVERYBODY),
        ("q=++", EVERYBODY),
        ("q=bergen&chapter=%C3%98", []),
        ("topic=Tinnitus", []),
        ("utm_source=mail&q=zara", ["Zara"]),
    ],
)
def test_whom_a_search_finds(site: Site, country: Organisation, query: str, expected: list[str]) -> None:
    assert names(site, f"/public/demo?{query}") == expected


def test_two_chapters_of_one_name_are_told_apart(site: Site, country: Organisation) -> None:
    text = unescape(site.client().get("/public/demo").text)
    assert '<a href="/public/demo/chapters/V1">Nes (Vestland)</a>' in text
    assert '<a href="/public/demo/chapters/a/b">Nes (Østfold)</a>' in text
    assert '<option value="V">All of Vestland</option>' in text
    assert '<optgroup label="Østfold">' in text
    assert '<option value="V1" selected>' in site.client().get("/public/demo?chapter=V1").text


def test_a_chapter_has_a_page_with_its_contact(site: Site, country: Organisation) -> None:
    client = site.client()
    text = client.get("/public/demo/chapters/V1").text
    assert "<h1>Nes (Vestland)</h1>" in text
    assert 'href="mailto:nes%40example.org?subject=Peer%20mentor"' in text
    assert 'href="tel:22334455"' in text
    assert 'href="https://example.org/nes"' in text
    assert "Serves: 5003 Bergen, Bø" in text
    assert names(site, "/public/demo/chapters/V1") == ["anne", "Zara"]
    assert names(site, "/public/demo/chapters/V") == ["anne", "Zara", "Åse"]
    assert names(site, "/public/demo/chapters/V?q=ase") == ["Åse"]
    assert (
        '<a href="/public/demo/chapters/V1">Nes (Vestland)</a>' in client.get("/public/demo/chapters/V").text
    )
    assert names(site, "/public/demo/chapters/a/b") == ["Álvaro", "Østen Bøe"]
    for path in (
        "/public/demo/chapters/nowhere",
        "/public/demo/chapters/" + "x" * 300,
        "/public/no/chapters/V1",
    ):
        assert client.get(path).status_code == 404
    assert "There is no such chapter" in client.get("/public/demo/chapters/Nes").text


def test_no_address_of_a_person_is_shown(conn: Connection, site: Site, country: Organisation) -> None:
    conn.execute("update mentorcert.peer_mentors set email = 'private@example.org', phone = '99887766'")
    for path in ("/public/demo", "/public/demo/chapters/V1", "/public/demo/embed", "/api/v1/public/demo"):
        text = site.client().get(path).text
        assert "private@example.org" not in text
        assert "99887766" not in text


@pytest.fixture
def talking(conn: Connection, country: Organisation) -> UUID:
    """Anne talks about tinnitus, in English and Sami; her id."""
    anne: UUID = fetch(conn, "select id from mentorcert.peer_mentors where full_name = 'anne'")
    with country.as_admin():
        chosen = [
            topics.save(conn, None, Wording(kind, nb, en, is_offered=True))  # type: ignore[arg-type]
            for kind, nb, en in (
                ("topic", "Øresus", "Tinnitus"), ("language", "Engelsk", "English"), ("language", "Samisk", "Sami"),
            )
        ]  # fmt: skip
        topics.choose(conn, anne, chosen)
    return anne


def test_what_somebody_can_talk_about(conn: Connection, site: Site, talking: UUID) -> None:
    assert "Tinnitus" in site.client().get("/public/demo").text
    assert "English, Sami" in site.client().get("/public/demo").text
    assert "Engelsk, Samisk" in site.client(language="nb").get("/public/demo").text
    for query in ("topic=Tinnitus", "topic=%C3%98resus", "speaks=Sami", "topic=Tinnitus&speaks=Engelsk"):
        assert names(site, f"/public/demo?{query}") == ["anne"]
    for query in ("topic=Sami", "speaks=Tinnitus"):
        assert names(site, f"/public/demo?{query}") == []
    conn.execute("update mentorcert.peer_mentors set listing_consent = false where id = %s", (talking,))
    text = site.client().get("/public/demo").text
    assert "Tinnitus" not in text
    assert "Sami" not in text


def test_search_engines_keep_the_lists_alone(site: Site, country: Organisation) -> None:
    client = site.client()
    for path, kept in (
        ("/public/demo", "all"), ("/public/demo/chapters/V1", "all"), ("/public/demo/embed", "noindex"),
        ("/check/x", "noindex"), ("/api/v1/public/demo", "noindex"), ("/sign-in", "noindex"), ("/public/no", "noindex"),
    ):  # fmt: skip
        assert client.get(path).headers["x-robots-tag"] == kept, path
    robots = client.get("/robots.txt").text
    assert "Disallow" not in robots
    (index,) = re.findall(r"Sitemap: (\S+)", robots)
    base = index.removesuffix("/sitemap.xml")
    assert locations(site, "/sitemap.xml") == [f"{base}/public/demo/sitemap.xml"]
    assert locations(site, "/public/demo/sitemap.xml") == [
        f"{base}/public/demo", *(f"{base}/public/demo/chapters/{code}" for code in ("V1", "a/b", "V", "%C3%98")),
    ]  # fmt: skip
    assert locations(site, "/public/nowhere/sitemap.xml") == []
    text = client.get("/public/demo?q=zara").text
    assert f'<link rel="canonical" href="{base}/public/demo">' in text
    assert f'<meta property="og:url" content="{base}/public/demo">' in text
    assert '<meta name="description" content="Find a peer mentor in Organisation demo' in text


def locations(site: Site, path: str) -> list[str | None]:
    root = ET.fromstring(site.client().get(path).raise_for_status().text)  # noqa: S314 it is our own
    return [found.text for found in root.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]


def test_the_list_stands_in_a_frame_and_nothing_else_does(site: Site, country: Organisation) -> None:
    client = site.client()
    framed = client.get("/public/demo/embed")
    assert "frame-ancestors *" in framed.headers["content-security-policy"]
    assert "x-frame-options" not in framed.headers
    assert "set-cookie" not in framed.headers
    assert framed.headers["cache-control"].startswith("public, max-age=")
    assert names(site, "/public/demo/embed?q=zara") == ["Zara"]
    assert 'action="/public/demo/embed"' in framed.text
    assert "<header" not in framed.text
    assert 'rel="noopener"' in framed.text
    for path in ("/public/demo", "/public/demo/chapters/V1", "/public/no/embed", "/sign-in", "/check/x"):
        answer = client.get(path)
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
        assert answer.headers["x-frame-options"] == "DENY"


def test_other_sites_read_the_json(site: Site, country: Organisation, talking: UUID) -> None:
    answer = site.client().get("/api/v1/public/demo", params={"search": "anne"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    (anne,) = answer.json()["items"]
    assert (anne["chapters"], anne["chapter_codes"]) == (["Nes"], ["V1"])
    assert [topic["name_en"] for topic in anne["topics"]] == ["English", "Sami", "Tinnitus"]
    assert "access-control-allow-origin" not in site.client().get("/api/v1/certifications").headers


def test_a_link_has_a_picture(site: Site, conn: Connection, country: Organisation) -> None:
    """Of the list and of each chapter, in the reader's language, small, kept; it names no person."""
    client, pictures = site.client(), []
    for path in ("/public/demo", "/public/demo/chapters/V1", "/public/demo/chapters/a/b"):
        page = client.get(path).text
        for name in ("og:title", "og:description", "og:image:alt"):
            assert re.search(rf'<meta property="{name}" content="[^"]{{10,}}">', page), (path, name)
        assert '<meta name="twitter:card" content="summary_large_image">' in page
        url = re.search(r'<meta property="og:image" content="([^"]+)">', page)
        assert url is not None
        pictures.append(client.get(unescape(url[1])))
    for answer in pictures:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert "max-age=86400" in answer.headers["cache-control"]
        assert Image.open(BytesIO(answer.content)).size == (1200, 630)
        assert len(answer.content) < 40_000
    assert len({answer.content for answer in pictures}) == 3
    one = "/public/demo/picture.png"
    assert client.get(f"{one}?language=nb").content != client.get(f"{one}?language=en").content
    etag = {"if-none-match": client.get(one).headers["etag"]}
    assert client.get(one, headers=etag).status_code == 304
    before = client.get(one).content
    conn.execute("update mentorcert.peer_mentors set full_name = 'Somebody Else'")
    assert client.get(one).content == before
    for unknown in ("/public/nowhere/picture.png", f"{one}?chapter=nowhere", f"{one}?chapter=%00"):
        assert client.get(unknown).status_code == 404


def test_a_picture_drops_no_letter() -> None:
    """A long name is written smaller; one that the font lacks is left out as a whole."""
    long = "Landsforeningen for pårørende og etterlatte etter alvorlig sykdom og ulykker i hele landet " * 2
    plain = picture.drawn("Likepersoner", "")
    assert picture.drawn("Likepersoner", "漢字 ok") == plain
    assert picture.drawn("Likepersoner", long) != plain
