"""What there is to do today, for whom within reach, and each with a way to do it."""

import re
from uuid import uuid4

from psycopg.types.json import Jsonb

from mentorcert.certifications import repository
from mentorcert.organisations import invitations
from tests.support.registry import join, today
from tests.web.conftest import post
from tests.web.coordinator.conftest import Scene


def matters(scene: Scene, who: str = "coordinator", language: str = "en") -> dict[str, tuple[str, list[str]]]:
    """Return each matter with its page and the names below it."""
    page = scene.client(who, language).get("/overview").text
    shown = page.partition('<ul class="to-do">')[2].partition("</ul>")[0]
    found = {}
    for item in shown.split("<li>")[1:]:
        (path, text), *names = re.findall(r'<a href="([^"]+)">([^<]+)</a>', item)
        found[text] = (path.replace("&amp;", "&"), [name for _, name in names])
        for address in (path, *(address for address, _ in names)):
            assert scene.client(who).get(address.replace("&amp;", "&")).status_code == 200
    return found


def test_only_what_is_in_reach(scene: Scene) -> None:
    ends, lacks = "certification ends within 30 days", "does not hold"
    own = matters(scene)
    (ending,) = [one for text, one in own.items() if ends in text]
    assert ending == ("/certifications?status=active&ends=30", ["Kari Nord"])
    assert not [text for text in own if lacks in text]
    every = matters(scene, "admin")
    assert sorted(every["2 certifications end within 30 days"][1]) == ["Kari Nord", "Ola Vest"]
    assert "Per Fremmed" not in str(every)
    assert "2 sertifiseringer utløper innen 30 dager" in matters(scene, "admin", "nb")


def test_who_lacks_what_the_public_list_requires(scene: Scene) -> None:
    scene.organisation.mentor("10")
    found = matters(scene)["1 peer mentor does not hold “basic”, which the public list requires"]
    assert found == ("/mentors?standing=not_held&type=basic", ["Person 10"])


def test_an_administrator_sees_each_change_at_once(scene: Scene) -> None:
    """What was counted for the overview is kept, by the process, for as long as nothing changes it or the rights."""
    client = scene.client("admin")
    lacks, suspended = "2 peer mentors do not hold “basic”", '<a href="/certifications?status=suspended">1<'
    page = client.get("/overview").text
    assert lacks not in page
    assert suspended not in page
    scene.organisation.mentor("10")
    with scene.organisation.as_admin():
        repository.suspend(scene.organisation.conn, scene.held, "Ill")
    for _ in range(2):
        page = client.get("/overview").text
        assert lacks in page
        assert suspended in page
    join(scene.organisation, uuid4(), "org_admin")
    scene.organisation.conn.execute(
        "update mentorcert.memberships set ended_at = now() where user_id = %s", (scene.organisation.admin,)
    )
    assert client.get("/overview").status_code == 303


def test_who_cannot_be_reminded_and_what_is_due(scene: Scene) -> None:
    conn = scene.organisation.conn
    conn.execute("update mentorcert.peer_mentors set email = null where id = %s", (scene.kari,))
    path = f"/mentors/{scene.kari}/notes"
    for day, text in ((-1, "Late"), (0, "Now"), (30, "Later")):
        typed = {"text": text, "due_on": today(conn, day).isoformat(), "responsible": str(scene.coordinator)}
        assert post(scene.client(), path, typed, page=path).status_code == 303
    found = matters(scene)
    unreached = "Reminders do not reach somebody whose certification ends soon"
    assert found[unreached] == ("/reminders?show=failing", ["Kari Nord"])
    assert found["2 follow-ups are due, 1 overdue"] == ("/follow-ups", ["Kari Nord"])


def test_what_only_an_administrator_does(scene: Scene) -> None:
    organisation = scene.organisation
    with organisation.as_admin():
        invitations.invite(organisation.conn, organisation.id, ["new@example.org"], "org_admin", None)
    organisation.conn.execute(
        "insert into mentorcert_private.tasks (organisation_id, requested_by, kind, state, file_name, error, finished_at)"
        " values (%s, %s, 'import', 'failed', 'people.csv', %s, now())",
        (organisation.id, organisation.admin, Jsonb({"type": "InvalidInputError", "message": "No heading."})),
    )
    found = matters(scene, "admin")
    assert found["Invitations that nobody has answered yet"] == ("/admin/invitations", ["new@example.org"])
    assert found["1 import has failed"] == ("/imports", ["people.csv"])
    assert {"Invitations that nobody has answered yet", "1 import has failed"}.isdisjoint(matters(scene))


def test_nothing_to_do_is_said(scene: Scene) -> None:
    conn = scene.organisation.conn
    conn.execute("update mentorcert.peer_mentors set email = 'kari@example.org' where id = %s", (scene.kari,))
    with scene.organisation.as_admin():
        repository.renew(conn, scene.held)
    assert matters(scene) == {}
    assert "There is nothing to do today" in scene.client().get("/overview").text
