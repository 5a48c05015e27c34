"""What Supabase's Python client lets each actor change, against the model of the access rules."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from postgrest import APIError, ReturnMethod
from supabase import Client

from mentorcert.access.model import (
    TABLES,
    Certification,
    CertificationType,
    Chapter,
    Membership,
    PeerMentor,
    PeerMentorChapter,
    Row,
)
from mentorcert.access.rules import UPDATE_COLUMNS, ids_within, may_insert, may_update, reach
from tests.supabase.answers import DENIED, asked, data, outcome
from tests.supabase.lite import needs_lite
from tests.supabase.world import ACTORS, World
from tests.support.registry import history, today

pytestmark = needs_lite

# An update of each table that a client may write, which leaves as much as possible as it is.
UPDATES: Final[dict[str, dict[str, Any]]] = {
    "organisations": {"name": "Renamed"},
    "chapters": {"name": "Renamed"},
    "certification_types": {"name_en": "Renamed"},
    "peer_mentors": {"phone": "+47 22 00 00 00"},
    "peer_mentor_chapters": {"ended_at": None},
    "memberships": {"ended_at": None},
    "peer_mentor_certifications": {"status": "active"},
}


def certification(world: World, of: str = "per") -> UUID:
    """Add a certification that no other test looks at, of somebody in the same chapters as the named one."""
    organisation = world.organisation_of(of)
    mentor = world.newcomer(of)
    return organisation.certify(mentor, "half", issued=today(world.conn, -30), last_day=today(world.conn, 30))


@pytest.mark.parametrize("actor", ACTORS)
def test_update_changes_what_the_rules_say(world: World, actor: str) -> None:
    assert set(UPDATES) == set(UPDATE_COLUMNS)
    client, model = world.client(actor), world.model()
    within = reach(model, world.actor(actor))
    for table, values in UPDATES.items():
        every = [row for row in model.rows(table) if not getattr(row, "ended", False)]
        request = asked(client, table).update(values).in_("id", [str(row.id) for row in every])
        changed = outcome(request)
        if actor == "anon":
            assert changed == DENIED, table
        else:
            assert {UUID(row["id"]) for row in changed} == ids_within(within, every, may_update), table
    for table in TABLES.keys() - UPDATES.keys():
        assert outcome(asked(client, table).update({"organisation_id": str(world.south.id)}).eq(
            "organisation_id", str(world.north.id)
        )) == DENIED, table  # fmt: skip


def additions(world: World, organisation_id: UUID) -> Iterator[tuple[str, dict[str, Any], Row]]:
    """A new row of each table that a client may add to, as the client writes it and as the model knows it.

    It is of the organisation that the caller acts in; where it refers to a peer mentor, of that one's.
    """
    code, id_ = uuid4().hex, uuid4()
    yield "chapters", {"code": code, "name": "New"}, Chapter(id_, organisation_id)
    named = {"code": code, "name_nb": "Ny", "name_en": "New", "validity_rule": "unlimited"}
    yield "certification_types", named, CertificationType(id_, organisation_id)
    yield "peer_mentors", {"external_id": code, "full_name": "New"}, PeerMentor(id_, organisation_id)
    world.conn.execute("insert into auth.users (id) values (%s)", (id_,))
    admitted = {"user_id": str(id_), "role": "peer_mentor"}
    yield "memberships", admitted, Membership(id_, organisation_id, id_, "peer_mentor")
    for name in ("kari", "liv", "nils"):
        mentor, of, chapter = world.newcomer(name), world.organisation_of(name), world.chapters["county"]
        link = {"peer_mentor_id": str(mentor), "chapter_id": str(chapter)}
        if of == world.north:
            yield "peer_mentor_chapters", link, PeerMentorChapter(id_, of.id, mentor, chapter)
        issued_at = of.midnight(today(world.conn, -10)).isoformat()
        certified = {"peer_mentor_id": str(mentor), "certification_type": "pledge", "issued_at": issued_at}
        yield "peer_mentor_certifications", certified, Certification(id_, of.id, mentor)


@pytest.mark.parametrize("actor", ACTORS)
def test_insert_adds_what_the_rules_say(world: World, actor: str) -> None:
    """Without asking for the new row back, which takes the right to see it as well."""
    client = world.client(actor)
    acting_in = reach(world.model(), world.actor(actor)).organisation_id
    for table, values, row in additions(world, acting_in or uuid4()):
        before = world.model()
        within = reach(before, world.actor(actor))
        answer = outcome(asked(client, table).insert(values, returning=ReturnMethod.minimal))
        added = [new.organisation_id for new in world.model().rows(table) if new not in before.rows(table)]
        if may_insert(within, row):
            assert (answer, added) == ([], [row.organisation_id]), table
        else:
            # Without an organisation to act in, the column that the database fills in stays empty; and to an
            # administrator a peer mentor of another organisation is one who does not exist.
            assert answer in (DENIED, "23502", "23503"), (table, answer)
            assert added == [], table


@pytest.mark.parametrize("actor", ACTORS)
def test_nobody_deletes(world: World, actor: str) -> None:
    before = world.model()
    for table in TABLES:
        key = "id" if table == "organisations" else "organisation_id"
        request = asked(world.client(actor), table).delete().neq(key, str(uuid4()))
        assert outcome(request) == DENIED, table
    after = world.model()
    assert all(before.rows(table) == after.rows(table) for table in TABLES)


def test_columns_that_are_not_granted_stay_closed(world: World) -> None:
    client = world.client("north_admin")
    held = str(world.certifications["liv_basic"])
    for table, values in (
        ("peer_mentor_certifications", {"renewal_history": []}),
        ("peer_mentor_certifications", {"organisation_id": str(world.south.id)}),
        ("peer_mentor_certifications", {"chapter_ids": []}),
        ("memberships", {"role": "org_admin"}),
        ("memberships", {"organisation_id": str(world.south.id)}),
    ):
        assert outcome(asked(client, table).update(values).neq("id", held)) == DENIED, values
    for values in ({"id": str(uuid4())}, {"organisation_id": str(world.south.id)}):
        row = {"code": uuid4().hex, "name": "New", **values}
        assert outcome(client.schema("mentorcert").table("chapters").insert(row)) == DENIED, values


CHANGES: Final[dict[str, dict[str, Any]]] = {
    "renew_certification": {"note": "Diploma seen"},
    "suspend_certification": {"reason": "Complaint"},
}


@pytest.mark.parametrize("function", CHANGES)
@pytest.mark.parametrize("actor", ACTORS)
def test_a_change_by_name_is_for_those_within_reach(world: World, actor: str, function: str) -> None:
    client = world.client(actor)
    for name in ("kari", "liv", "nils"):
        id_ = certification(world, name)
        within = reach(world.model(), world.actor(actor))
        allowed = ids_within(within, [c for c in within.world.certifications if c.id == id_], may_update)
        changed = outcome(client.rpc(function, {"certification_id": str(id_), **CHANGES[function]}))
        entries = history(world.conn, id_)
        if allowed:
            assert changed["id"] == str(id_)
            role = "org_admin" if within.administers else "coordinator"
            assert entries[-1]["actor"] == {"user_id": str(world.actor(actor).user_id), "role": role}
            assert entries[-1]["note"] == next(iter(CHANGES[function].values()))
            assert len(entries) == 2
        else:
            assert changed == DENIED, (name, changed)
            assert len(entries) == 1


def test_a_plain_update_leaves_the_same_entry_as_the_function(world: World) -> None:
    client = world.client("north_admin")
    id_ = certification(world)
    until = world.north.midnight(today(world.conn, 60)).isoformat()
    client.table("peer_mentor_certifications").update({"expires_at": until}).eq("id", str(id_)).execute()
    issued, extended = history(world.conn, id_)
    assert issued["kind"] == "issued"
    assert extended["kind"] == "extended"
    assert extended["actor"] == {"user_id": str(world.sessions["north_admin"].user_id), "role": "org_admin"}
    answer = data(client.rpc("certification_history", {"certification_id": str(id_)}))
    assert [entry["entry_id"] for entry in answer] == [issued["entry_id"], extended["entry_id"]]


def test_the_life_of_a_certification(world: World) -> None:
    """Register, renew, suspend, reinstate, take back, extend, take back; each by who may."""
    coordinator, administrator = world.client("coordinator"), world.client("north_admin")
    mentor = str(world.newcomer("kari"))
    day = today(world.conn)

    def call(client: Client, function: str, **parameters: Any) -> Any:
        return data(client.rpc(function, parameters))

    registered = call(
        coordinator, "register_certification", peer_mentor_id=mentor, certification_type="yearly",
        issued_on=str(today(world.conn, -400)),
    )  # fmt: skip
    one = {"certification_id": registered["id"]}
    assert registered["status"] == "expired"
    renewed = call(coordinator, "renew_certification", **one)
    assert renewed["status"] == "active"
    assert call(coordinator, "suspend_certification", **one, reason="Complaint")["status"] == "suspended"
    assert call(coordinator, "reinstate_certification", **one, note="Settled")["status"] == "active"
    entry = call(coordinator, "certification_history", **one)[-1]["entry_id"]
    back = call(coordinator, "revert_change", **one, entry_id=entry, reason="Too early")
    assert back["status"] == "suspended"

    beyond = str(day.replace(year=day.year + 20, month=1, day=1))
    extension = {"certification_type": "yearly", "last_valid_day": beyond, "reason": "Nobody could meet"}
    assert outcome(coordinator.rpc("extend_certifications", extension)) == DENIED
    batch = call(administrator, "extend_certifications", **extension)
    assert call(administrator, "revert_change", batch_id=batch, reason="They could") == 1
    answer = call(coordinator, "certification_history", **one)
    assert [entry["kind"] for entry in answer] == [
        "issued", "renewed", "suspended", "reinstated", "reverted", "extended", "reverted"
    ]  # fmt: skip
    assert {entry.get("batch_id") for entry in answer} == {None, batch}
    by = {entry["kind"]: entry["actor"].get("role") for entry in answer}
    assert by == dict.fromkeys(by, "coordinator") | dict.fromkeys(("extended", "reverted"), "org_admin")

    asked = {"certification": registered["id"]}
    assert call(coordinator, "certification_as_of", **asked, at=str(today(world.conn, -399))) is True
    assert call(coordinator, "certification_as_of", **asked, at=str(today(world.conn, -500))) is False
    # A caller who does not reach the certification learns nothing, not even that it was not valid.
    for client in (world.client("mentor"), world.client("south_admin")):
        assert call(client, "certification_history", **one) == []
        assert call(client, "certification_as_of", **asked, at=str(today(world.conn, -399))) is None


def test_evidence_names_who_saw_it(world: World) -> None:
    evidence = {"seen": "diploma", "seen_on": str(today(world.conn, -1))}
    arguments = {
        "peer_mentor_id": str(world.newcomer("kari")),
        "certification_type": "basic",
        "evidence": evidence,
    }
    registered: Any = world.client("coordinator").rpc("register_certification", arguments).execute().data
    seen = registered["renewal_history"][0]["evidence"]
    assert seen == {**evidence, "seen_by": str(world.sessions["coordinator"].user_id)}


def test_of_two_apps_that_read_the_same_the_second_is_refused(world: World) -> None:
    """PostgREST answers PT409 with HTTP 409; without a version a change is made as before."""
    client = world.client("north_admin")
    for table, values in UPDATES.items():
        if table == "peer_mentor_certifications":
            continue
        [read] = data(asked(client, table).select("id, version").limit(1))
        seen = {**values, "version": read["version"]}
        [changed] = data(asked(client, table).update(seen).eq("id", read["id"]))
        assert changed["version"] == read["version"] + 1, table
        with pytest.raises(APIError) as caught:
            asked(client, table).update(seen).eq("id", read["id"]).execute()
        assert caught.value.code == "PT409", table
        assert outcome(asked(client, table).update(values).eq("id", read["id"])) != "PT409", table
