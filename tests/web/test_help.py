"""The guides: each page that they name opens for that role, from where they say; and the sheet is one page."""

import os
import re
import shutil
from pathlib import Path
from typing import Final, get_args
from uuid import UUID, uuid4

import pytest

from mentorcert.db.connection import Connection
from mentorcert.organisations.contacts import Coordinator
from mentorcert.translations import Language, translations
from mentorcert.web.guides import printed
from mentorcert.web.guides.contents import GUIDES, Audience
from tests.support import processes
from tests.support.registry import Organisation, join
from tests.web.conftest import Site

AUDIENCES: Final[tuple[Audience, ...]] = get_args(Audience)
needs_reader = pytest.mark.skipif(
    shutil.which("pdftotext") is None and "CI" not in os.environ, reason="Debian's poppler-utils is missing"
)


@pytest.fixture
def people(conn: Connection, organisation: Organisation) -> dict[Audience, UUID]:
    """One of each role; the administrator and the coordinator have names."""
    mentor, coordinator = uuid4(), uuid4()
    row = organisation.mentor()
    join(organisation, mentor, "peer_mentor")
    conn.execute("update mentorcert.peer_mentors set user_id = %s where id = %s", (mentor, row))
    join(organisation, coordinator, "coordinator", organisation.chapter)
    for user, name in ((coordinator, "Cora Coordinator"), (organisation.admin, "Adam Administrator")):
        conn.execute("update mentorcert.memberships set full_name = %s where user_id = %s", (name, user))
    return {"mentor": mentor, "coordinator": coordinator, "administrator": organisation.admin}


def links(html: str) -> dict[str, str]:
    """Return where each link leads, by its text."""
    return {
        re.sub(r"<[^>]+>", "", text).strip(): target
        for target, text in re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', html)
    }


@pytest.mark.parametrize("language", ["nb", "en"])
@pytest.mark.parametrize("audience", AUDIENCES)
def test_what_a_guide_names_is_there(
    site: Site, people: dict[Audience, UUID], audience: Audience, language: Language
) -> None:
    client = site.client(people[audience], language)
    gettext = translations(language).gettext
    wrong = []
    for task in GUIDES[audience].tasks:
        if client.get(task.path).status_code != 200:
            wrong.append((task.title, task.path))
        address = client.get("/", follow_redirects=True).url.path
        # A peer mentor's sign-in is no step of somebody who is signed in.
        for step in () if task.path == "/sign-in" else task.place:
            target = links(client.get(address).text).get(gettext(step))
            if target is None:
                wrong.append((task.title, gettext(step)))
                break
            address = target
        else:
            if task.path not in {address, "/sign-in"}:
                wrong.append((task.title, address))
    assert wrong == []


def test_a_guide_leads_only_where_its_reader_may_go(site: Site, people: dict[Audience, UUID]) -> None:
    """Anybody may read each guide; a link that would be refused is none."""
    for reader, user in people.items():
        client = site.client(user)
        for audience in AUDIENCES:
            page = client.get(f"/help/{audience}").text.partition('class="tasks"')[2].partition("</ul>")[0]
            targets = set(links(page).values())
            refused = {target for target in targets if client.get(target).status_code >= 400}
            assert refused == set(), (reader, audience)
            assert bool(targets) == (
                reader == audience or (reader == "administrator" and audience == "coordinator")
            )


def test_everybody_is_sent_to_their_own(site: Site, people: dict[Audience, UUID]) -> None:
    assert site.client().get("/help").headers["location"] == "/help/mentor"
    for audience, user in people.items():
        client = site.client(user)
        first = client.get("/", follow_redirects=True).text
        assert links(first)["Help"] == "/help"
        assert client.get("/help").headers["location"] == f"/help/{audience}"


def test_whom_to_contact(site: Site, people: dict[Audience, UUID]) -> None:
    expected = {"mentor": "Cora Coordinator", "coordinator": "Adam Administrator", "administrator": None}
    readers: list[tuple[Audience | None, UUID | None]] = [*people.items(), (None, None)]
    for reader, user in readers:
        for audience in AUDIENCES:
            page = site.client(user).get(f"/help/{audience}").text.partition("<main")[2]
            named = {name for name in expected.values() if name and name in page}
            assert named == ({expected[audience]} - {None} if reader == audience else set()), (
                reader,
                audience,
            )
            assert ("names stand here" in page) is (audience != "administrator" and not named)


def test_no_other_guide(site: Site) -> None:
    for path in ("/help/everybody", "/help/everybody.pdf", "/help/mentor.docx"):
        assert site.client().get(path).status_code == 404


@needs_reader
@pytest.mark.parametrize("language", ["nb", "en"])
@pytest.mark.parametrize("audience", AUDIENCES)
def test_the_sheet(tmp_path: Path, audience: Audience, language: Language) -> None:
    names = [Coordinator("Chapter", f"Name {number} {'Long ' * 10}", "a@example.org") for number in range(4)]
    address = f"https://register.example.org/help/{audience}"
    file = tmp_path / "guide.pdf"
    file.write_bytes(printed.write(GUIDES[audience], address, names, language))
    assert re.search(r"Pages: +1\n", processes.run("pdfinfo", str(file)).stdout)
    text = " ".join(processes.run("pdftotext", str(file), "-").stdout.split())
    gettext = translations(language).gettext
    for sentence in (
        *(gettext(task.text) for task in GUIDES[audience].tasks),
        *(gettext(meaning) for _, meaning in GUIDES[audience].words),
        address,
        "Name 3 Long",
    ):
        assert sentence in text
    read = processes.run("pdftotext", "-bbox", str(file), "-").stdout
    assert max(float(bottom) for bottom in re.findall(r'yMax="([0-9.]+)">', read)) < 842 - 28


@needs_reader
def test_names_that_no_font_holds_are_left_to_the_page(tmp_path: Path) -> None:
    file = tmp_path / "guide.pdf"
    file.write_bytes(
        printed.write(
            GUIDES["mentor"], "https://x.example/help/mentor", [Coordinator("A", "\U0001f600", None)], "en"
        )
    )
    assert "the names stand here" in " ".join(processes.run("pdftotext", str(file), "-").stdout.split())
