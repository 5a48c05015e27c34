"""What stands on certificates: logo, signatory and the sentences of a type; and many printed at once."""

import re
import shutil
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from mentorcert.db.connection import Connection
from tests.support import processes
from tests.support.cases import in_turn
from tests.support.registry import Organisation, fetch, let_end, today
from tests.web.administrator.conftest import Browser
from tests.web.conftest import Site, carried, form_token, post

PAGE = "/admin/certificates"
needs_poppler = pytest.mark.skipif(
    shutil.which("pdfinfo") is None, reason="Debian's poppler-utils is missing"
)


def picture(kind: str, size: tuple[int, int] = (300, 100)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, (10, 90, 80)).save(written, kind)
    return written.getvalue()


def upload(admin: Browser, content: bytes | None, **sent: str) -> str:
    form = {"form": form_token(admin.client.get(PAGE).text), **sent}
    files = {"file": ("logo.png", content)} if content is not None else {"file": ("", b"")}
    answer = admin.client.post(PAGE, data=form, files=files)
    return answer.text if answer.status_code == 422 else str(answer.status_code)


def text_of(content: bytes, tmp_path: Path, *flags: str) -> str:
    file = tmp_path / "certificates.pdf"
    file.write_bytes(content)
    return " ".join(
        processes.run(*(flags or ("pdftotext",)), str(file), *([] if flags else ["-"])).stdout.split()
    )


@needs_poppler
def test_logo_signatory_and_sentence_stand_on_it_in_order(
    admin: Browser, conn: Connection, organisation: Organisation, tmp_path: Path
) -> None:
    held = organisation.certify(organisation.mentor("7"), last_day=today(conn, 100))
    assert upload(admin, picture("JPEG"), signatory="Kari Nord", signatory_title="Leader") == "303"
    assert admin.client.get("/admin/certificates/logo.png").content[:8] == b"\x89PNG\r\n\x1a\n"
    type_id: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    path = f"/admin/types/{type_id}/certificate"
    assert (
        admin.post(
            path,
            page=path,
            gives_certificate="true",
            certificate_nb="kan det",
            certificate_en="has learnt to listen",
        )
        == f"/admin/types/{type_id}"
    )
    answer = admin.client.get(f"/certifications/{held}/certificate.pdf")
    assert answer.headers["content-disposition"] == (
        "inline; filename=\"Person-7-basic.pdf\"; filename*=UTF-8''Person-7-basic.pdf"
    )
    structure = text_of(answer.content, tmp_path, "pdfinfo", "-struct-text")
    said = [
        'P (block) "Organisation demo"', 'H1 (block) "', 'H2 (block) "Person 7"', 'P (block) "has learnt to listen"',
        'P (block) "Kari Nord"', 'P (block) "Leader"', "Figure", "/check/",
    ]  # fmt: skip
    places = [structure.index(words) for words in said]
    assert places == sorted(places)
    assert upload(admin, None, signatory="Kari Nord", without_logo="true") == "303"
    assert admin.client.get("/admin/certificates/logo.png").status_code == 404
    assert admin.post(path, page=path, certificate_nb="", certificate_en="")
    assert admin.client.get(f"/certifications/{held}/certificate.pdf").status_code == 409


@in_turn(
    ("content", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is no picture in PNG or JPEG."),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 100, "This is no picture in PNG or JPEG."),
        (picture("GIF"), "This is no picture in PNG or JPEG."),
        (picture("PNG")[:100], "This is no picture in PNG or JPEG."),
        (picture("PNG", (5000, 4000)), "too many pixels"),
        (b"x" * 900_001, "The picture is too large."),
    ],
)
def test_what_is_no_logo(admin: Browser, content: bytes, said: str) -> None:
    answer = upload(admin, content, signatory="Kept Name")
    assert said in answer
    assert 'value="Kept Name"' in answer


def test_a_sentence_stands_in_both_languages(admin: Browser, conn: Connection) -> None:
    type_id: UUID = fetch(conn, "select id from mentorcert.certification_types where code = 'basic'")
    path = f"/admin/types/{type_id}/certificate"
    old = admin.client.get(path).text
    html = admin.post(path, 422, page=path, gives_certificate="true", certificate_nb="kan det")
    assert "Write the sentence in both languages, or in none." in html
    assert 'value="kan det"' in html
    assert admin.post(path, page=path, gives_certificate="true", certificate_nb="kan", certificate_en="can")
    stale = admin.client.post(path, data={**carried(old), "certificate_nb": "x", "certificate_en": "y"})
    assert stale.status_code == 409


@needs_poppler
def test_many_are_printed_at_once(
    site: Site, conn: Connection, organisation: Organisation, coordinator: UUID, tmp_path: Path
) -> None:
    mentors = [organisation.mentor(f"{number}") for number in range(4)]
    held = [organisation.certify(mentor, last_day=today(conn, 100)) for mentor in mentors]
    client, path = site.client(coordinator), "/certifications/certificates"
    answer = post(client, path, {"id": [str(id_) for id_ in held]}, page="/certifications")
    assert answer.headers["content-type"] == "application/pdf"
    assert "Pages: 4" in text_of(answer.content, tmp_path, "pdfinfo")
    let_end(conn, held[0])
    conn.execute("update mentorcert.peer_mentors set full_name = '😀' where id = %s", (mentors[1],))
    partly = post(client, path, {"id": [str(id_) for id_ in held]}, page="/certifications")
    assert partly.status_code == 409
    assert "2 of the chosen ones have no certificate:" in partly.text
    rest = re.findall(r'name="id" value="([^"]+)"', partly.text)
    assert sorted(rest) == sorted(map(str, held[2:]))
    assert "Pages: 2" in text_of(
        post(client, path, {"id": rest, "leave_out": "true"}, page="/certifications").content,
        tmp_path,
        "pdfinfo",
    )
    assert post(client, path, {"id": []}, page="/certifications").status_code == 303
    assert post(client, path, {"id": [str(coordinator)]}, page="/certifications").status_code == 404
    many = post(
        client, path, {"id": [str(UUID(int=number)) for number in range(101)]}, page="/certifications"
    )
    assert many.status_code == 422
    assert site.client(organisation.admin).get("/certifications/certificates").status_code in {404, 405, 422}
