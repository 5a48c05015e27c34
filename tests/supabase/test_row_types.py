"""The row types of the package are those of the database, and read what the Data API returns."""

from typing import get_type_hints

import pytest
from psycopg import sql
from pydantic import BaseModel, ValidationError

from mentorcert.certifications import history_storage
from mentorcert.certifications.repository import Certification
from mentorcert.db import row_types
from mentorcert.db.connection import Connection
from tests.supabase import generated_types
from tests.supabase.cli import SupabaseCli, needs_supabase_cli, on_both_servers
from tests.support.registry import set_up
from tests.support.servers import on_embedded_18

_CLASSES = {
    (row.__doc__ or "").split("`")[1]: row
    for name, row in vars(row_types).items()
    if name.startswith(("Public", "Mentorcert")) and isinstance(row, type) and issubclass(row, BaseModel)
}


@needs_supabase_cli
@on_both_servers
def test_they_are_current(supabase_cli: SupabaseCli, database: str) -> None:
    generated = generated_types.generate(supabase_cli, database)
    assert generated_types.MODULE.read_text("utf-8") == generated, "run `make types`"


@on_embedded_18
def test_they_read_rows_as_the_data_api_returns_them(conn: Connection) -> None:
    organisation = set_up(conn)
    organisation.certify(organisation.mentor())
    history_storage.move_to_events(conn)
    for table, row in _CLASSES.items():
        query = sql.SQL("select to_json(r)::text from {} as r").format(sql.SQL(table))
        assert [row.model_validate_json(text) for (text,) in conn.execute(query)], table


def test_an_error_shows_no_personal_data() -> None:
    with pytest.raises(ValidationError) as caught:
        row_types.MentorcertPeerMentors.model_validate({"full_name": ["Kari Nordmann"]})
    assert "full_name" in str(caught.value)
    assert "Kari" not in str(caught.value)


def test_a_certification_is_the_same_here_and_there() -> None:
    row = row_types.PublicPeerMentorCertifications.model_fields
    here = {
        **get_type_hints(Certification),
        "status": str,
    }  # that it is one of three, the generator cannot see
    for computed in ("early_renewal_from", "refresher_until", "after_lapse", "is_outdated"):
        del here[computed]  # which a client asks for by name
    assert {name: row[name].annotation for name in here} == here
