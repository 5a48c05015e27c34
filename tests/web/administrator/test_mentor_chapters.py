"""A peer mentor leaves one chapter in the pages, at once or after a day."""

import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

from mentorcert.db.connection import Connection
from tests.support.registry import Organisation, fetch
from tests.web.administrator.conftest import Browser
from tests.web.conftest import Site

NEXT_JUNE = f"{datetime.now(UTC).year + 1}-06-30"


def test_a_chapter_ends_after_a_day_or_at_once(
    admin: Browser, site: Site, conn: Connection, organisation: Organisation, coordinator: UUID
) -> None:
    mentor = organisation.mentor("7")
    page = f"/mentors/{mentor}/chapters/{organisation.chapter}"
    html = admin.get(f"{page}/end")
    assert "Have no coordinator any more: 1" in html
    sent = dict(re.findall(r'name="(shown|version)" value="([0-9a-f]+)"', html))
    assert "The day has passed." in admin.post(f"{page}/end", 422, **sent, last_day="2020-01-01")
    admin.post(f"{page}/end", 409, last_day=NEXT_JUNE, version=sent["version"], shown="0" * 64)
    admin.post(f"{page}/end", **sent, last_day=NEXT_JUNE)
    assert f"(ends 30 June {NEXT_JUNE[:4]})" in admin.get(f"/mentors/{mentor}")
    seen = site.client(coordinator).get(f"/mentors/{mentor}").text
    assert f"(ends 30\xa0June\xa0{NEXT_JUNE[:4]})" in seen
    assert "/end" not in seen
    # Somebody else has been faster.
    admin.post(f"{page}/end", 409, **sent, last_day=NEXT_JUNE)
    version = int(sent["version"]) + 1
    admin.post(f"{page}/keep", version=version)
    assert "(ends" not in admin.get(f"/mentors/{mentor}")
    shown = re.findall(r'name="shown" value="([0-9a-f]{64})"', admin.get(f"{page}/end"))
    admin.post(f"{page}/end", shown=shown[0], version=version + 1)
    assert fetch(conn, "select chapter_ids from mentorcert.peer_mentors where id = %s", mentor) == []
    admin.get(f"{page}/end", 404)
    admin.get(f"/mentors/{mentor}/chapters/{uuid4()}/end", 404)
