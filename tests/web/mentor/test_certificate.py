"""The certificate as a PDF: who gets it, what stands on it, where its code leads."""

import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from httpx2 import Response

from mentorcert.certifications import repository
from mentorcert.db.connection import Connection
from mentorcert.web.mentor import printing
from mentorcert.web.mentor.printing import Certificate
from mentorcert.web.rendering.typefaces import Typefaces, typefaces
from tests.support import processes
from tests.support.cases import in_turn
from tests.support.registry import let_end
from tests.web.conftest import URL, Site
from tests.web.mentor.conftest import People

needs_readers = pytest.mark.skipif(
    (shutil.which("pdftotext") is None or shutil.which("zbarimg") is None) and "CI" not in os.environ,
    reason="Debian's poppler-utils or zbar-tools is missing",
)


def read(*command: str) -> str:
    """Return what a reader of files says."""
    return processes.run(*command).stdout


def path_of(people: People) -> str:
    return f"/me/certifications/{people.certification}.pdf"


@needs_readers
def test_what_stands_on_it(site: Site, people: People, tmp_path: Path) -> None:
    answer = site.client(people.mentor).get(path_of(people))
    assert answer.headers["content-type"] == "application/pdf"
    file = tmp_path / "certificate.pdf"
    file.write_bytes(answer.content)
    text = read("pdftotext", "-layout", str(file), "-")
    for words in ("Organisation demo", "Person 7", "basic", "Issued: 1 January 2020", "Last valid day: "):
        assert words in text
    said = read("pdfinfo", str(file))
    assert "Certificate: basic" in said
    assert b"/Lang (en-GB)" in answer.content
    read("pdftoppm", "-r", "150", "-png", str(file), str(tmp_path / "page"))
    code = read("zbarimg", "--quiet", "--raw", "--nodbus", str(tmp_path / "page-1.png")).strip()
    assert code == f"{URL}/check/{people.certification}"
    assert "Valid today" in site.client().get(code.removeprefix(URL)).text


@needs_readers
@pytest.mark.parametrize("language", ["nb", "en"])
def test_letters_and_long_names(tmp_path: Path, language: str) -> None:
    name = "Máret-Ánne Šŋállá Čohkkeđ Ŧuommá Žoŋ Łukasz Ğülşen Ελένη Юлія"
    certificate = Certificate(
        organisation="Hørselshemmedes Landsforbund " * 8,
        name=f"{name} {'af Lang ' * 30}",
        type="Sertifisert likeperson – grunnkurs " * 8,
        issued_at=datetime(2026, 3, 28, 23, tzinfo=UTC),
        expires_at=datetime(2027, 3, 28, 22, tzinfo=UTC),
        time_zone="Europe/Oslo",
        check_url="https://register.example.org/check/5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01",
    )
    file = tmp_path / "certificate.pdf"
    file.write_bytes(printing.write([certificate], "nb" if language == "nb" else "en"))
    text = " ".join(read("pdftotext", str(file), "-").split())
    assert name in text
    assert ("29. mars 2026" if language == "nb" else "29 March 2026") in text
    assert ("28. mars 2027" if language == "nb" else "28 March 2027") in text
    assert "Pages:           1\n" in read("pdfinfo", str(file))
    read("pdftoppm", "-r", "150", "-png", str(file), str(tmp_path / "page"))
    assert certificate.check_url in read("zbarimg", "--quiet", "--nodbus", str(tmp_path / "page-1.png"))


def certificate_of(name: str) -> Certificate:
    return Certificate(
        organisation="Hørselshemmedes Landsforbund",
        name=name,
        type="Grunnkurs",
        issued_at=datetime(2026, 3, 28, 23, tzinfo=UTC),
        expires_at=None,
        time_zone="Europe/Oslo",
        check_url="https://register.example.org/check/5f0c2a9e-7d1b-4c55-9a35-0d3c5f1f6a01",
    )


def renamed(people: People, site: Site, name: str) -> Response:
    people.organisation.conn.execute(
        "update mentorcert.peer_mentors set full_name = %s where id = %s", (name, people.mentor_id)
    )
    return site.client(people.mentor).get(path_of(people))


NAMES = (
    "Máret-Ánne Šŋállá", "Ελένη Юлія", "Nguyễn Thị Ỹ", "محمد بن أحمد", "هەڵۆ ڕۆژ", "יוסף כהן", "王小明", "山田 カナ",
    "김철수 갂", "முருகன் செல்வம்", "श्री क्षितिज शर्मा", "क्\u200dष", "সুরেশ ঠাকুর", "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ", "સુરેશ", "సురేష్", "ಸುರೇಶ್",
    "സുരേഷ്", "ସୁରେଶ", "සුනිල් පෙරේරා", "สมชาย ใจดี", "ສົມຊາຍ", "សុខ សំណាង", "အောင်ဆန်း", "བསྟན་འཛིན", "አበበ ቢቂላ", "გიორგი", "Արամ",
    "ⵜⵉⴼⵉⵏⴰⵖ", "ᏣᎳᎩ", "ތާނަ", "ܣܘܪܝܝܐ", "ᠮᠣᠩᠭᠣᠯ", "ߒߞߏ", "𞤀𞤣𞤤𞤢𞤥", "ᓄᓇᕗᑦ", "ꦗꦮ", "Ola 王 Nordmann", "葛\U000e0100城",
)  # fmt: skip


# Debian's pdftotext turns Hebrew and Arabic around, but not yet these.
NOT_TURNED = ["ތާނަ", "ߒߞߏ", "𞤀𞤣𞤤𞤢𞤥"]


@in_turn("name", NAMES)
def test_names_of_every_living_script(
    site: Site, people: People, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    assert renamed(people, site, name).content.startswith(b"%PDF-")
    # fpdf2 warns of a letter that it has no glyph for; pages keep that from the log.
    with caplog.at_level("WARNING", logger="fpdf"):
        printing.write([certificate_of(name)], "nb")
    assert [record.message for record in caplog.records if record.name.startswith("fpdf")] == []


@needs_readers
def test_a_reader_of_the_file_gets_the_name_as_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "certificates.pdf"
    file.write_bytes(printing.write([certificate_of(name) for name in NAMES], "nb"))
    text = read("pdftotext", str(file), "-")
    # A left-to-right reader wraps what runs the other way in marks of direction.
    plain = re.sub("[\u202a-\u202e]", "", text)
    assert [name for name in NAMES if name not in plain] == NOT_TURNED


def test_a_font_that_lists_a_letter_draws_it() -> None:
    assert typefaces("갂") == Typefaces("NanumGothicCoding", ())
    assert typefaces("\u3164") is None, "the filler of Hangul has an empty glyph"


@in_turn("name", ["😀", "Kari 😀", "𓀀", "𠮷野"])
def test_no_letter_is_left_out(
    site: Site, people: People, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    answer = renamed(people, site, name)
    assert answer.status_code == 409
    assert "leaves none out" in answer.text
    assert name not in caplog.text


def test_who_gets_it(site: Site, people: People) -> None:
    for user in (people.mentor, people.coordinator, people.organisation.admin):
        assert site.client(user).get(path_of(people)).status_code == 200
    for user in (people.other_coordinator, people.stranger):
        assert site.client(user).get(path_of(people)).status_code == 404
    assert site.client().get(path_of(people)).headers["location"].startswith("/sign-in?next=")
    client = site.client(people.mentor)
    assert client.get(f"/me/certifications/{people.mentor_id}.pdf").status_code == 404
    assert client.get("/me/certifications/x.pdf").status_code == 404


def test_only_what_is_valid(conn: Connection, site: Site, people: People) -> None:
    let_end(conn, people.certification)
    answer = site.client(people.mentor).get(path_of(people))
    assert answer.status_code == 409
    assert "There is no certificate to print" in answer.text
    assert "badge-expired" in answer.text
    with people.organisation.as_admin():
        repository.suspend(conn, people.certification, "Ill")
    assert "badge-suspended" in site.client(people.mentor, "nb").get(path_of(people)).text
