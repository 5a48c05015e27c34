"""Every kind of bad row: where it is, what is wrong, and that nothing is written."""

import json
from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.errors import UnknownOrganisationError
from mentorcert.imports import importing
from mentorcert.imports.columns import HEADINGS
from tests.support.command import Mentorcert
from tests.support.mentor_file import content, import_rows, reasons, row, set_up, snapshot


@pytest.fixture(autouse=True)
def _organisation(conn: Connection) -> None:
    set_up(conn)


CERTIFIED = {"certification_type": "basic", "issued": "2026-01-01"}


BAD_CELLS: list[tuple[dict[str, str], str, str]] = [
    ({"external_id": " "}, "Likepersonnummer", "it is empty"),
    ({"name": ""}, "Navn", "it is empty"),
    ({"name": "Kari\x01"}, "Navn", "it contains a control character"),
    ({"name": "#N/A"}, "Navn", "it is an error value of the spreadsheet"),
    ({"email": "kari.example.org"}, "E-post", "it is not an e-mail address"),
    ({"email": "a@example.org, b@example.org"}, "E-post", "it is not an e-mail address"),
    ({"chapters": "OSL|Nowhere"}, "Lag", "the organisation has no chapter “Nowhere”"),
    # What COPY or an array would read as something else.
    *(
        ({"chapters": f"OSL|{word}"}, "Lag", f"the organisation has no chapter “{word}”")
        for word in (r"\N", "null", r"a\tb", 'a "b", {c}', "\\")
    ),
    ({"chapters": "vik"}, "Lag", "several chapters are called “vik”"),
    ({"consent": "maybe"}, "Samtykke til visning", "it is neither yes nor no"),
    (
        {"certification_type": "advanced"},
        "Sertifisering",
        "the organisation has no certification type “advanced”",
    ),
    (
        {"certification_type": "samtale"},
        "Sertifisering",
        "several certification types are called “samtale”",
    ),
    ({"certification_type": ""}, "Sertifisering", "it is empty, but the row has days of a certification"),
    ({"issued": ""}, "Utstedt", "it is empty"),
    ({"issued": "01.02.26"}, "Utstedt", "it is not a day"),
    ({"issued": "2026-02-29"}, "Utstedt", "the calendar has no such day"),
    ({"issued": "0206-01-01"}, "Utstedt", "it lies outside 1900 to 2199"),
    ({"issued": "2199-12-31"}, "Utstedt", "the day lies in the future"),
    ({"expires": "2025-12-31"}, "Gyldig til og med", "it lies before the day of issue"),
    ({"expires": "soon"}, "Gyldig til og med", "it is not a day"),
    ({"expires": "ubegrenset"}, "Gyldig til og med", "a certification of the type “basic” has an end"),
    (
        {"certification_type": "pledge", "expires": "2030-01-01"},
        "Gyldig til og med",
        "a certification of the type “pledge” has no end",
    ),
    ({"past_renewals": "2020"}, "Tidligere fornyelser", "“2020”: it is not a day"),
    (
        {"past_renewals": "2020-01-01.."},
        "Tidligere fornyelser",
        "“2020-01-01..”: nothing stands after ..",
    ),
    (
        {"past_renewals": "2020-01-02..2020-01-01"},
        "Tidligere fornyelser",
        "“2020-01-02..2020-01-01” ends before it begins",
    ),
    (
        {"past_renewals": "2020-01-02|02.01.2020"},
        "Tidligere fornyelser",
        "two periods begin on 2020-01-02",
    ),
    (
        {"past_renewals": "2026-01-01"},
        "Tidligere fornyelser",
        "the period that begins on 2026-01-01 does not lie before the day of issue",
    ),
]


def test_bad_cells(conn: Connection, tmp_path: Path) -> None:
    certified = [{**CERTIFIED, **cells} for cells, _, _ in BAD_CELLS]
    bad = [row(**{"external_id": f"{number}", **cells}) for number, cells in enumerate(certified)]
    report = import_rows(conn, tmp_path, row("good"), *bad)
    assert reasons(report) == [
        (line, column, reason) for line, (_, column, reason) in enumerate(BAD_CELLS, start=3)
    ]
    keys = {names["nb"]: key for key, names in HEADINGS.items()}
    assert [problem.value for problem in report.problems] == [
        cells.get(keys[column], "2026-01-01") for cells, column, _ in BAD_CELLS
    ]
    assert all(problem.advice for problem in report.problems)
    assert report.counts is None
    assert snapshot(conn) == []


def test_all_problems_of_all_rows_are_reported_at_once(conn: Connection, tmp_path: Path) -> None:
    report = import_rows(
        conn,
        tmp_path,
        row("1", email="x", chapters="Nowhere", certification_type="advanced", issued="2199-01-01"),
        row("2", name="", **{**CERTIFIED, "issued": "x", "expires": "y"}),
    )
    assert [(line, column) for line, column, _ in reasons(report)] == [
        (2, "E-post"), (2, "Lag"), (2, "Sertifisering"), (2, "Utstedt"),
        (3, "Navn"), (3, "Utstedt"), (3, "Gyldig til og med"),
    ]  # fmt: skip


def test_rows_that_contradict_each_other(conn: Connection, tmp_path: Path) -> None:
    report = import_rows(
        conn,
        tmp_path,
        row("a1", **CERTIFIED),
        row("a1", name="Kari P.", email="", phone="113", chapters="BER", consent="nei"),
        row("A1"),
        row("b", certification_type="basic", issued="2025-01-01"),
        row("b", certification_type="Grunnkurs", issued="2026-01-01"),
    )
    assert reasons(report) == [
        (3, "Navn", "line 2 says something else about the same person"),
        (3, "E-post", "line 2 says something else about the same person"),
        (3, "Telefon", "line 2 says something else about the same person"),
        (3, "Lag", "line 2 says something else about the same person"),
        (3, "Samtykke til visning", "line 2 says something else about the same person"),
        (4, "Likepersonnummer", "it is read as “a1”, which differs in upper and lower case only"),
        (5, "Sertifisering", "line 6 says something else about the same certification"),
        (6, "Sertifisering", "line 5 says something else about the same certification"),
    ]


def test_an_external_id_that_the_registry_writes_in_another_case(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row("ab"))
    report = import_rows(conn, tmp_path, row("AB", phone="113"))
    assert reasons(report) == [
        (2, "Likepersonnummer", "it is read as “ab”, which differs in upper and lower case only")
    ]
    assert conn.execute("select external_id, phone from mentorcert.peer_mentors").fetchall() == [
        ("ab", "113")
    ]


def test_a_number_without_its_zeros_is_the_one_with_them(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row("'00123"), row("W 1"))
    report = import_rows(conn, tmp_path, row("123", phone="113"), row("w1", name="Ola Prøve", email=""))
    assert reasons(report) == [
        (
            2,
            "Likepersonnummer",
            "it is read as “00123”, the number of a person of the same name in the registry",
        ),
        (3, "Likepersonnummer", "it is new, but differs from “W 1” in zeros or spaces only"),
    ]
    people = conn.execute(
        "select external_id, full_name, phone from mentorcert.peer_mentors order by 1"
    ).fetchall()
    assert people == [
        ("00123", "Kari Prøve", "113"), ("W 1", "Kari Prøve", "00 12 34 56"),
        ("w1", "Ola Prøve", "00 12 34 56"),
    ]  # fmt: skip


def test_the_same_name_and_address_under_another_number(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row("1"))
    report = import_rows(
        conn, tmp_path, row("77", name="KARI PRØVE", email="Kari@Example.org"), row("78", email="a@b.no")
    )
    assert reasons(report) == [(2, "Navn", "it is new, but “1” has the same name and e-mail address")]


def test_cells_come_in_their_canonical_form(conn: Connection, tmp_path: Path) -> None:
    report = import_rows(
        conn,
        tmp_path,
        row(
            "\ufeff7\u00a0",
            name="Bjo\u0308rn\u2003Å\u00adsen",
            email="a@blåbær.no ",
            phone="\u200b22 33 44 55",
        ),
    )
    assert report.problems == ()
    assert conn.execute(
        "select external_id, full_name, email, phone from mentorcert.peer_mentors"
    ).fetchall() == [("7", "Björn Åsen", "a@blåbær.no", "22 33 44 55")]


def test_what_the_registry_would_refuse_is_said_at_the_cell(conn: Connection, tmp_path: Path) -> None:
    report = import_rows(
        conn, tmp_path,
        row("\u0410-1"), row("2" * 101), row("3", name="a" * 201),
        row("5", name="\u200b"),
        row("6", email="mailto:kari@example.org"), row("7", email="jørgen@example.org"),
        row("8", email="kari@example.org."),
        row("9", phone="ring meg"), row("10", phone="1" * 41),
    )  # fmt: skip
    assert reasons(report) == [
        (2, "Likepersonnummer", "it has signs that a number cannot have"),
        (3, "Likepersonnummer", "it is too long"),
        (4, "Navn", "it is too long"),
        (5, "Navn", "it is empty"),
        (6, "E-post", "it is not an e-mail address"),
        (7, "E-post", "it is not an e-mail address"),
        (8, "E-post", "it is not an e-mail address"),
        (9, "Telefon", "it is not a telephone number"),
        (10, "Telefon", "it is not a telephone number"),
    ]
    assert snapshot(conn) == []


def test_a_file_does_not_turn_the_registry_back(conn: Connection, tmp_path: Path) -> None:
    first = row(certification_type="basic", issued="2025-01-01")
    import_rows(conn, tmp_path, first)
    conn.execute(
        "update public.peer_mentor_certifications set issued_at = '2025-12-01 Europe/Oslo', "
        "expires_at = '2027-01-01 24:00 Europe/Oslo'"
    )
    before = snapshot(conn)
    assert reasons(import_rows(conn, tmp_path, first)) == [
        (2, "Utstedt", "the registry has a newer renewal, of 2025-12-01"),
    ]
    longer = row(certification_type="basic", issued="2025-06-01", expires="2027-06-30")
    assert reasons(import_rows(conn, tmp_path, longer)) == [
        (2, "Utstedt", "the registry has a newer renewal, of 2025-12-01"),
    ]
    shorter = row(certification_type="basic", issued="2026-01-01", expires="2026-12-31")
    assert reasons(import_rows(conn, tmp_path, shorter)) == [
        (2, "Gyldig til og med", "the registry has it valid to 2027-01-01"),
    ]
    assert snapshot(conn) == before


def test_a_file_does_not_undo_a_correction(conn: Connection, tmp_path: Path) -> None:
    first = row(certification_type="basic", issued="2025-12-01", expires="2026-12-31")
    import_rows(conn, tmp_path, first)
    conn.execute("update public.peer_mentor_certifications set expires_at = '2026-11-30 24:00 Europe/Oslo'")
    assert reasons(import_rows(conn, tmp_path, first)) == [
        (2, "Utstedt", "the registry said this before and was changed since"),
    ]


def test_a_suspension_outlasts_an_import_and_is_mentioned(conn: Connection, tmp_path: Path) -> None:
    import_rows(conn, tmp_path, row(certification_type="basic", issued="2025-01-01"))
    conn.execute("update public.peer_mentor_certifications set status = 'suspended'")
    report = import_rows(conn, tmp_path, row(certification_type="basic", issued="2026-01-01"))
    assert reasons(report) == [(2, "Sertifisering", "the certification is suspended and stays so")]
    assert report.problems[0].is_warning
    assert report.is_written
    found = conn.execute("select status, issued_at::date::text from public.peer_mentor_certifications")
    assert found.fetchall() == [("suspended", "2025-12-31")]


def test_past_renewals_that_a_known_history_lacks_are_mentioned(conn: Connection, tmp_path: Path) -> None:
    def with_past(past: str) -> list[tuple[int, str, str]]:
        report = import_rows(conn, tmp_path, row(**CERTIFIED, past_renewals=past))
        assert report.is_written
        return reasons(report)

    assert with_past("2024-01-01 | 2025-01-01..2025-12-31") == []
    before = snapshot(conn)
    assert with_past("2024-01-01 | 2025-01-01") == []
    lacks = "the registry's history of this certification lacks what began on "
    assert with_past("2023-01-01 | 2024-01-01 | 2025-01-01..2026-01-31") == [
        (2, "Tidligere fornyelser", lacks + "2023-01-01, 2025-01-01"),
    ]
    assert snapshot(conn) == before


def test_torn_rows(conn: Connection, tmp_path: Path) -> None:
    file = tmp_path / "mentors.csv"
    whole = content(row("1"), row("2"), row("3", **CERTIFIED))
    file.write_bytes(
        whole.replace(b"2;Kari ", b"2;Kari\r\n")
        .replace(b"3;Kari ", b"3;Kari;")
        .replace(b"2026-01-01;;", b"2026-01-01")
    )
    report = importing.import_file(conn, file, "demo", skip_bad=True)
    assert reasons(report)[0] == (3, "E-post", "the row ends before this column")
    assert report.lines_left_out == (3, 4, 5)
    # Trailing empty cells may be missing; Excel leaves them out now and then.
    file.write_bytes(content(row("1", **CERTIFIED)).replace(b"2026-01-01;;", b"2026-01-01"))
    assert importing.import_file(conn, file, "demo").is_written
    file.write_bytes(content([*row("1", **CERTIFIED), "surplus"]))
    assert reasons(importing.import_file(conn, file, "demo")) == [
        (2, "(after Tidligere fornyelser)", "the row has more cells than the heading row"),
    ]


def test_an_unknown_organisation(conn: Connection, tmp_path: Path) -> None:
    with pytest.raises(UnknownOrganisationError, match="“nobody”"):
        import_rows(conn, tmp_path, row(), organisation="nobody")


def test_the_command_reports_and_says_by_its_exit_code_what_it_did(
    mentorcert: Mentorcert, tmp_path: Path
) -> None:
    file = tmp_path / "mentors.csv"
    file.write_bytes(content(row("0"), *(row(str(n), email=f"[bold]{n}") for n in range(1, 61))))

    def run(*options: str) -> tuple[int, str]:
        result = mentorcert("import", file, "--organisation", "demo", *options)
        assert result.stderr == ""
        return result.returncode, result.stdout

    code, shown = run()
    assert code == 2
    assert "[bold]50" in shown
    assert "[bold]51" not in shown
    assert "and 10 more" in shown
    assert "60 of 61 rows are bad; nothing was written" in shown
    code, printed = run("--json", "--dry-run")
    assert code == 2
    assert len(json.loads(printed)["problems"]) == 60
    code, shown = run("--skip-bad", "--dry-run")
    assert (code, "nothing was kept" in shown) == (1, True)
    assert list(tmp_path.iterdir()) == [file]
    code, shown = run("--skip-bad")
    assert code == 1
    assert f"60 rows were left out; they are saved in {file}.bad.csv" in shown
    refused = mentorcert("import", file, "--organisation", "demo", "--skip-bad")
    assert refused.returncode == 2
    assert "exists already" in refused.stderr
    file.write_bytes(content(row("0")))
    code, printed = run("--json")
    assert (code, json.loads(printed)["counts"]["mentors_added"]) == (0, 0)


@pytest.mark.parametrize("joint", ["", "\ufeff"])
def test_two_files_that_were_joined(conn: Connection, tmp_path: Path, joint: str) -> None:
    set_up(conn)
    file = tmp_path / "mentors.csv"
    file.write_bytes(f"Ekstern ID;Navn\r\n1;Kari\r\n{joint}External ID;Name\r\n2;Ola\r\n".encode())
    assert reasons(importing.import_file(conn, file, "demo")) == [
        (3, "Ekstern ID", "it names the columns again, as where two files were joined")
    ]
