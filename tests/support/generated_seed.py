"""`supabase/seed.sql`, the small example for the Supabase CLI; `make schema` writes it, `make check` compares it."""

import csv
import json
import tomllib
from pathlib import Path
from typing import Final

from mentorcert import package_files

_TEMPLATE: Final = Path(__file__).with_name("seed_template.sql")
_COLUMNS: Final = {
    "External ID": "number",
    "Name": "name",
    "E-mail": "email",
    "Phone": "phone",
    "Chapters": "chapters",
    "Consent to listing": "consent",
    "Certification type": "type",
    "Issued": "issued",
    "Valid through": "valid_through",
}


def seed() -> str:
    """Return the SQL that lays the small example."""
    folder = package_files.folder("examples") / "small"
    organisation = tomllib.loads((folder / "organisation.toml").read_text("utf-8"))
    with (folder / "mentors.csv").open(encoding="utf-8-sig", newline="") as file:
        people = [{name: row[column] for column, name in _COLUMNS.items()} for row in csv.DictReader(file)]
    lines = ",\n".join(json.dumps(person, ensure_ascii=False) for person in people)
    text = _TEMPLATE.read_text("utf-8")
    text = text.replace("__ORGANISATION__", json.dumps(organisation, ensure_ascii=False, indent=2))
    return text.replace("__PEOPLE__", f"[\n{lines}\n]")
