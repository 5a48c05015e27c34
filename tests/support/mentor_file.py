"""An organisation to import into, and mentor files as tests write them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zlib import crc32

from mentorcert.db.connection import Connection
from mentorcert.imports import importing, tabular
from mentorcert.imports.columns import HEADINGS
from mentorcert.imports.importing import Report
from mentorcert.imports.tabular import Dialect
from mentorcert.organisations import organisation_file
from mentorcert.organisations.organisation_file import OrganisationFile

FOUNDATION = {
    "certification_types": [
        {
            "code": "basic",
            "name_nb": "Grunnkurs",
            "name_en": "Basic course",
            "validity_rule": "months",
            "validity_months": 12,
            "required_for_listing": True,
        },
        {
            "code": "yearly",
            "name_nb": "Årskurs",
            "name_en": "Yearly course",
            "validity_rule": "end_of_year",
            "validity_months": 12,
        },
        {"code": "pledge", "name_nb": "Løfte", "name_en": "Pledge", "validity_rule": "unlimited"},
        {"code": "talk-1", "name_nb": "Samtale", "name_en": "Talk one", "validity_rule": "unlimited"},
        {"code": "talk-2", "name_nb": "Samtale", "name_en": "Talk two", "validity_rule": "unlimited"},
    ],
    "chapters": [
        {"code": "OSL", "name": "Oslo"},
        {"code": "BER", "name": "Bergen, byen"},
        {"code": "V1", "name": "Vik", "parent": "OSL"},
        {"code": "V2", "name": "Vik", "parent": "BER"},
    ],
}
PERSON = {
    "name": "Kari Prøve",
    "email": "kari@example.org",
    "phone": "00 12 34 56",
    "chapters": "OSL",
    "consent": "ja",
}


def set_up(conn: Connection, slug: str = "demo") -> None:
    """Set up an organisation with the types and chapters of `FOUNDATION`."""
    organisation = {"slug": slug, "name": "Demoforeningen"}
    organisation_file.apply(
        conn, OrganisationFile.model_validate({"organisation": organisation, **FOUNDATION})
    )


def row(external_id: str = "1", **cells: str) -> list[str]:
    """Return a record with the cells of a good person, and those given by the names of the columns."""
    # Two persons of one name and one address would look like one.
    address = {} if external_id in ("1", " ") else {"email": f"kari.{_address_of(external_id)}@example.org"}
    values = {"external_id": external_id, **PERSON, **address, **cells}
    assert values.keys() <= {*HEADINGS}
    return [values.get(column, "") for column in HEADINGS]


def _address_of(external_id: str) -> int:
    return crc32(external_id.strip().lower().encode())


def content(*rows: list[str], dialect: Dialect = tabular.NORWEGIAN_EXCEL) -> bytes:
    """Return a CSV file with Norwegian headings."""
    return tabular.write_csv([[names["nb"] for names in HEADINGS.values()], *rows], dialect)


def import_rows(
    conn: Connection, folder: Path, *rows: list[str], organisation: str = "demo", **options: Any
) -> Report:
    """Import the rows, by way of a file in the folder."""
    file = folder / "mentors.csv"
    file.write_bytes(content(*rows))
    return importing.import_file(conn, file, organisation, **options)


def reasons(report: Report) -> list[tuple[int, str, str]]:
    """Return line, column and reason of each problem."""
    return [(problem.line, problem.column, problem.reason) for problem in report.problems]


def snapshot(conn: Connection) -> Iterable[object]:
    """Return everything that an import can write, time stamps and row versions included."""
    return conn.execute(
        """
        select 'mentor', mentor.xmin::text, to_jsonb(mentor) from mentorcert.peer_mentors as mentor
        union all
        select 'chapter', chapter.xmin::text, to_jsonb(chapter) from mentorcert.peer_mentor_chapters as chapter
        union all
        select 'certification', certification.xmin::text, to_jsonb(certification)
        from public.peer_mentor_certifications as certification
        order by 1, 3
        """
    ).fetchall()
