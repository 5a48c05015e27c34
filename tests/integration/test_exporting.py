"""Export, and the round trip by way of the import."""

import csv
import io
import re
import unicodedata
from itertools import count
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mentorcert.db.connection import Connection
from mentorcert.errors import UnknownOrganisationError
from mentorcert.imports import cells, exporting, importing, tabular
from mentorcert.imports.cells import Language
from mentorcert.imports.columns import HEADINGS
from tests.support.command import Mentorcert
from tests.support.mentor_file import import_rows, row, set_up, snapshot

_numbers = count()
_DAMAGE = re.compile("^#|[?¿¾¯®†›√∏_]|[ÃÅÄÂ].|[├┼─]")
_BLANK = dict.fromkeys(map(ord, "\u115f\u1160\u2800\u3164\uffa0\ufffc\ufffd"))

# Whatever a name may hold, in its canonical form.
texts = (
    st.one_of(
        st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=30),
        st.text("=+-@'\"; ,|åØ中א", max_size=12),
        st.sampled_from(["=cmd|'/c calc'!A0", "'t Hooft", "''", "'=1", '"', "Kari; Prøve", "Ольга", "＝1"]),
    )
    .map(lambda text: unicodedata.normalize("NFC", " ".join(text.translate(_BLANK).split())))
    .filter(lambda text: text and not _DAMAGE.search(text))
)
numbers = st.one_of(
    st.text("=+-@'\"; ,|0019AaEeåØ/.", max_size=12),
    st.sampled_from(["00123", "1-2", "MAR1", "12E3", "12345678901234567890", "TRUE", "'00123", "des. 1"]),
).map(lambda text: " ".join(text.split())).filter(bool)  # fmt: skip
phones = st.text("0123456789 ()./-", max_size=20).map(lambda text: f"+4{' '.join(text.split())}12".strip())


def exported(conn: Connection, organisation: str, language: Language = "nb") -> bytes:
    return exporting.export(conn, organisation, language=language)


def imported(conn: Connection, folder: Path, data: bytes, organisation: str) -> importing.Report:
    file = folder / "exported"
    file.write_bytes(data)
    return importing.import_file(conn, file, organisation)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(
        st.tuples(numbers, texts, phones | st.none(), st.booleans()), min_size=1, max_size=4,
        unique_by=lambda person: person[0].lower(),
    ),
    language=st.sampled_from(["nb", "en"]),
)  # fmt: skip
def test_a_copy_exports_the_same_bytes(
    conn: Connection,
    tmp_path: Path,
    people: list[tuple[str, str, str | None, bool]],
    language: Language,
) -> None:
    number = next(_numbers)
    for slug in (f"from-{number}", f"to-{number}"):
        set_up(conn, slug)
    for person in people:
        conn.execute(
            """
            with mentor as (
              insert into mentorcert.peer_mentors (
                organisation_id, external_id, full_name, phone, listing_consent
              )
              select id, %s, %s, %s, %s from mentorcert.organisations where slug = %s
              returning id, organisation_id
            )
            insert into public.peer_mentor_certifications (
              organisation_id, peer_mentor_id, certification_type, issued_at, expires_at
            )
            select organisation_id, id, 'basic', '2025-03-30 Europe/Oslo', '2026-10-26 Europe/Oslo'
            from mentor
            """,
            (*person, f"from-{number}"),
        )
    data = exported(conn, f"from-{number}", language)
    problems = imported(conn, tmp_path, data, f"to-{number}").problems
    assert all(problem.is_warning for problem in problems)  # 25 October lies beyond the type's rule
    assert exported(conn, f"to-{number}", language) == data
    before = snapshot(conn)
    imported(conn, tmp_path, data, f"from-{number}")
    assert snapshot(conn) == before
    stored = """
        select external_id, full_name, phone, listing_consent
        from mentorcert.peer_mentors as mentor
        join mentorcert.organisations as organisation on organisation.id = mentor.organisation_id
        where organisation.slug = %s
    """
    assert set(conn.execute(stored, (f"to-{number}",))) == set(people)
    table = tabular.read(tmp_path / "exported")
    for record in table.records:
        assert not any(cell.startswith(tuple("=+-@\t\r\n＝＋－＠")) for cell in record.cells)


@given(text=texts)
def test_harmless_and_original_are_each_others_inverse(text: str) -> None:
    assert cells.original(cells.escape_formula(text)) == text


def test_what_a_person_wrote_with_an_apostrophe_stays() -> None:
    assert cells.original("'t Hooft") == "'t Hooft"
    assert cells.original("'+47 00 12 34 56") == "+47 00 12 34 56"


@pytest.fixture
def organisation(conn: Connection, tmp_path: Path) -> str:
    set_up(conn)
    past = {
        "certification_type": "basic",
        "issued": "2025-06-01",
        "past_renewals": "2023-06-01..2024-07-31 | 2024-06-01",
    }
    import_rows(
        conn, tmp_path,
        row("2", chapters="", email="", phone="+47 00 12 34 56", consent=""),
        row("10", chapters="V1|OSL", **past),
        row("10", chapters="V1|OSL", certification_type="pledge", issued="2020-01-01"),
    )  # fmt: skip
    return "demo"


def test_norwegian_and_english_files(conn: Connection, organisation: str) -> None:
    norwegian = csv.reader(io.StringIO(exported(conn, organisation).decode("utf-8-sig")), delimiter=";")
    person = ["10", "Kari Prøve", row("10")[2], "00 12 34 56", "OSL|V1", "ja"]
    assert list(norwegian) == [
        [names["nb"] for names in HEADINGS.values()],
        [*person, "basic", "01.06.2025", "01.06.2026", "01.06.2023..31.07.2024 | 01.06.2024..01.06.2025"],
        [*person, "pledge", "01.01.2020", "ubegrenset", ""],
        ["2", "Kari Prøve", "", "'+47 00 12 34 56", "", "nei", "", "", "", ""],
    ]
    english = list(csv.reader(io.StringIO(exported(conn, organisation, "en").decode(), newline="")))
    assert english[0][0] == "Peer mentor number"
    assert english[1][5:] == [
        "yes", "basic", "2025-06-01", "2026-06-01", "2023-06-01..2024-07-31 | 2024-06-01..2025-06-01",
    ]  # fmt: skip
    assert english[2][8] == "unlimited"


def test_what_was_taken_back_is_no_past_renewal(conn: Connection, organisation: str) -> None:
    def change(issued: str, expires: str) -> None:
        conn.execute(
            "update public.peer_mentor_certifications set issued_at = %s, expires_at = %s "
            "where certification_type = 'basic'",
            (f"{issued} Europe/Oslo", f"{expires} Europe/Oslo"),
        )

    change("2025-08-01", "2026-09-01")
    conn.execute(
        "select public.revert_change(id, (renewal_history #>> '{-1,entry_id}')::uuid, 'a slip') "
        "from public.peer_mentor_certifications where certification_type = 'basic'"
    )
    change("2025-06-01", "2026-08-10")
    change("2025-09-01", "2026-10-01")
    change("2025-09-01", "2026-12-01")
    line = exported(conn, organisation, "en").decode().split("\r\n")[1]
    assert line.endswith(
        ",basic,2025-09-01,2026-11-30,"
        "2023-06-01..2024-07-31 | 2024-06-01..2025-06-01 | 2025-06-01..2026-08-09"
    )


@pytest.mark.parametrize("language", ["nb", "en"])
def test_an_excel_file_comes_back_as_it_went(
    conn: Connection, organisation: str, tmp_path: Path, language: Language
) -> None:
    conn.execute("update mentorcert.peer_mentors set full_name = '=1+1' where external_id = '2'")
    conn.execute("update mentorcert.peer_mentors set full_name = '_x0041_' where external_id = '1'")
    data = exporting.export(conn, organisation, format_="xlsx", language=language)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0]
    assert sheet["H2"].is_date
    assert (sheet["B4"].value, sheet["B4"].data_type) == ("'=1+1", "s")
    before = snapshot(conn)
    assert imported(conn, tmp_path, data, organisation).problems == ()
    assert snapshot(conn) == before
    set_up(conn, "copy")
    imported(conn, tmp_path, data, "copy")
    assert exported(conn, "copy") == exported(conn, organisation)


@pytest.mark.parametrize("language", ["nb", "en"])
def test_codes_and_telephone_numbers_that_excel_would_change(
    conn: Connection, organisation: str, tmp_path: Path, language: Language
) -> None:
    conn.execute("update mentorcert.chapters set code = '0301' where code = 'OSL'")
    conn.execute("update mentorcert.chapters set code = '1-2', name = '\u2019t Hooft' where code = 'BER'")
    conn.execute("update mentorcert.peer_mentors set phone = '004722000000' where external_id = '2'")
    import_rows(conn, tmp_path, row("97", chapters="0301"), organisation=organisation)
    before = snapshot(conn)
    data = exporting.export(conn, organisation, language=language)
    separator = {"nb": ";", "en": ","}[language]
    read = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=separator))
    # Digits with a zero before them, or what looks like a day, Excel does not leave alone.
    altered = re.compile(r"0\d+|\d+-\d+")
    assert [cell for line in read for cell in (line[0], line[3], line[4]) if altered.fullmatch(cell)] == []
    assert any(line[3] == "'004722000000" for line in read)
    assert any(line[4] == "'0301" for line in read)
    assert imported(conn, tmp_path, data, organisation).problems == ()
    assert snapshot(conn) == before


def test_an_unknown_organisation(conn: Connection) -> None:
    with pytest.raises(UnknownOrganisationError):
        exported(conn, "nobody")


def test_the_command_writes_to_stdout_or_to_a_file(
    mentorcert: Mentorcert, organisation: str, tmp_path: Path
) -> None:
    file = tmp_path / "out" / "mentors.xlsx"
    arguments = ("export", "--organisation", organisation)
    printed = mentorcert(*arguments, "--language", "en")
    assert printed.stdout.startswith("Peer mentor number,Name,")
    missing = mentorcert(*arguments, "--output", file)
    assert missing.returncode == 2
    assert str(file.parent) in missing.stderr
    file.parent.mkdir()
    file.write_text("old")
    assert mentorcert(*arguments, "--format", "xlsx", "--output", file).returncode == 0
    assert file.read_bytes().startswith(b"PK")
    assert list(file.parent.iterdir()) == [file]
