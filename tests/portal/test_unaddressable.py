"""What a file names and the registry or the portal's key cannot: found when it is connected, in words."""

from pathlib import Path

import pytest

from mentorcert.db.connection import Connection
from mentorcert.errors import PortalConfigurationError
from mentorcert.portal.adapters.dataverse import UNADDRESSABLE
from mentorcert.portal.config import configuration
from mentorcert.portal.config.configuration import Configuration
from mentorcert.portal.sync import connecting
from tests.portal.test_configuration import DATAVERSE, INBOUND, RULE
from tests.support.registry import fetch, rows, set_up

TARGET = DATAVERSE.replace('key = "mentor"', 'key = "mentor"\nkey_holds = "external_id"')


def loaded(tmp_path: Path, text: str) -> Configuration:
    (tmp_path / "demo.toml").write_text(text)
    return configuration.load(tmp_path / "demo.toml")


def test_the_database_knows_the_same_characters_as_the_adapter(conn: Connection) -> None:
    refused = rows(
        conn,
        "select given.one from unnest(%s::text[]) as given (one) where mentorcert_portal.cannot_address(given.one)",
        [chr(code) for code in range(32, 127)],
    )
    assert {one for (one,) in refused} == UNADDRESSABLE


def test_numbers_that_the_key_cannot_hold_are_found_by_connect(conn: Connection, tmp_path: Path) -> None:
    organisation = set_up(conn)
    for number in ("1/2", "3", "4+5"):
        organisation.mentor(number)
    asked = connecting.connect(conn, loaded(tmp_path, TARGET), "test", probe=False)
    assert asked.unaddressable == ["1/2", "4+5"]
    by_id = connecting.connect(conn, loaded(tmp_path, DATAVERSE), "test", is_other_portal=True, probe=False)
    assert by_id.unaddressable == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TARGET + INBOUND + RULE.replace('"basic"', '"basis"'), "inbound.rules: one: demo has no certification type basis"),
        (TARGET + '[target.columns.certifications.nothing]\nstatus = "other"', "target.columns.certifications: demo has no"),
    ],
)  # fmt: skip
def test_a_certification_type_that_the_organisation_lacks_is_named(
    conn: Connection, tmp_path: Path, text: str, said: str
) -> None:
    set_up(conn)
    with pytest.raises(PortalConfigurationError) as refused:
        connecting.connect(conn, loaded(tmp_path, text), "test", probe=False)
    assert said in str(refused.value)
    assert fetch(conn, "select code from mentorcert.certification_types limit 1") in (
        refused.value.hint or ""
    )
    assert fetch(conn, "select count(*) from mentorcert_portal.connections") == 0
