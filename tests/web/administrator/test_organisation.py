"""The name of the organisation in the pages: changed where it shows, and never over somebody else's change."""

from mentorcert.db.connection import Connection
from tests.support.cases import in_turn
from tests.support.registry import fetch
from tests.web.administrator.conftest import Browser
from tests.web.conftest import Site, carried, cells

PAGE = "/admin/organisation"
NAME = "select name from mentorcert.organisations"


def test_a_new_name_shows_everywhere(admin: Browser, site: Site, conn: Connection) -> None:
    assert f'href="{PAGE}"' in admin.get("/admin")
    sent = carried(admin.get(PAGE)) | {"name": "  Hørselslaget\u200b "}
    assert admin.client.post(PAGE, data=sent).headers["location"] == PAGE
    assert fetch(conn, NAME) == "Hørselslaget"
    assert '<span class="organisation">Hørselslaget</span>' in admin.get(PAGE)
    assert "Hørselslaget" in site.client().get("/public/demo").text
    assert fetch(
        conn, "select after ->> 'name' from mentorcert.audit_log where table_name = 'organisations' and action = 'update'"
    ) == "Hørselslaget"  # fmt: skip


def test_somebody_was_faster(admin: Browser, conn: Connection) -> None:
    sent = carried(admin.get(PAGE)) | {"name": "Mine"}
    conn.execute("update mentorcert.organisations set name = 'Theirs'")
    refused = admin.client.post(PAGE, data=sent)
    assert refused.status_code == 409
    assert cells(refused.text)[-2:] == ["Theirs", "Mine"]
    assert fetch(conn, NAME) == "Theirs"
    again = carried(refused.text) | {"name": "Mine"}
    assert admin.client.post(PAGE, data=again).status_code == 303
    assert fetch(conn, NAME) == "Mine"


@in_turn(
    ("name", "said"),
    [
        (" \u200b", "Write the name."),
        ("A\ufffd", "This has a character that cannot be read."),
        ("x" * 201, "This is too long."),
    ],
)
def test_bad_names(admin: Browser, conn: Connection, name: str, said: str) -> None:
    before = fetch(conn, NAME)
    assert said in admin.post(PAGE, 422, page=PAGE, name=name)
    assert fetch(conn, NAME) == before
