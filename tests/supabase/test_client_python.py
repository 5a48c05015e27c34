"""What Supabase's Python client lets each actor see, against the model of the access rules."""

import csv
import io
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from postgrest import CountMethod

from mentorcert.access.model import TABLES
from mentorcert.access.rules import OPEN_TABLES, ids_within, reach
from tests.supabase.answers import DENIED, asked, data, ids, outcome
from tests.supabase.lite import needs_lite
from tests.supabase.world import ACTORS, World

pytestmark = needs_lite

KEYS: Final = {
    **dict.fromkeys(TABLES, "id"),
    "certification_renewal_events": "certification_id",
    "listed_peer_mentors": "peer_mentor_id",
}


def test_there_is_something_to_hide(world: World) -> None:
    model = world.model()
    for table in TABLES:
        organisations = {row.organisation_id for row in model.rows(table)}
        assert {world.north.id, world.south.id} <= organisations, table
    assert [row.id for row in model.listed_peer_mentors if row.listed_until <= model.as_of] == [
        world.mentors["eva"]
    ], "a lease that has run out, and no nightly run has seen it"


@pytest.mark.parametrize("actor", ACTORS)
def test_select_gives_what_the_rules_say(world: World, actor: str) -> None:
    client, model = world.client(actor), world.model()
    within = reach(model, world.actor(actor))
    for table, key in KEYS.items():
        if actor == "anon" and table not in OPEN_TABLES:
            assert outcome(asked(client, table).select("*")) == DENIED, table
            continue
        assert ids(asked(client, table).select(key), key) == ids_within(within, model.rows(table)), table


def test_a_peer_mentor_gets_only_the_own_certifications(world: World) -> None:
    """The promise stated directly, without the model."""
    seen = ids(world.client("mentor").table("peer_mentor_certifications").select("*"))
    assert seen == {world.certifications["kari_basic"], world.certifications["kari_pledge"]}


def test_a_person_in_two_organisations_acts_in_the_named_one(world: World) -> None:
    """The same: a peer mentor in north, the administrator in south, nobody where the token names neither."""

    def seen(actor: str) -> set[UUID]:
        return ids(world.client(actor).table("peer_mentor_certifications").select("id"))

    def held(*mentors: str) -> set[UUID]:
        return {world.certifications[f"{name}_{kind}"] for name in mentors for kind in ("basic", "pledge")}

    assert seen("both") == seen("both_elsewhere") == set()
    assert seen("both_in_north") == held("both_of_north")
    assert seen("both_in_south") & set(world.certifications.values()) == held("both_of_south", "nils")


@pytest.mark.parametrize("actor", [actor for actor in ACTORS if actor != "anon"])
def test_count_csv_and_pages_show_the_same_rows(world: World, actor: str) -> None:
    table = world.client(actor).table
    model = world.model()
    visible = ids_within(reach(model, world.actor(actor)), model.certifications)

    counted = table("peer_mentor_certifications").select("id", count=CountMethod.exact, head=True).execute()
    assert counted.count == len(visible)
    first = table("peer_mentor_certifications").select("id", count=CountMethod.exact).limit(1).execute()
    assert first.count == len(visible)
    assert len(first.data) == min(1, len(visible))

    text = data(table("peer_mentor_certifications").select("id,status").csv())
    text = text or ""  # a list where there is nothing
    assert {UUID(row["id"]) for row in csv.DictReader(io.StringIO(text))} == visible

    def ordered() -> Any:
        return table("peer_mentor_certifications").select("id,expires_at").order("expires_at").order("id")

    rows = [row for start in range(0, len(visible), 4) for row in data(ordered().range(start, start + 3))]
    assert {UUID(row["id"]) for row in rows} == visible
    assert len(rows) == len(visible)
    # Text as Lite writes it, all in UTC, sorts as time does; what does not expire comes last.
    assert rows == sorted(
        rows, key=lambda row: (row["expires_at"] is None, row["expires_at"] or "", row["id"])
    )


def pages(world: World, actor: str, **parameters: object) -> list[dict[str, Any]]:
    """What certifications_page gives, page after page, three at a time."""
    rows: list[dict[str, Any]] = []
    client = world.client(actor)
    after: dict[str, object] = {}
    while True:
        page = data(client.rpc("certifications_page", {"page_size": 3, **parameters, **after}))
        rows += page
        if len(page) < 3:
            return rows
        after = {"after_expires_at": page[-1]["expires_at"], "after_id": page[-1]["id"]}


@pytest.mark.parametrize("actor", [actor for actor in ACTORS if actor != "anon"])
def test_keyset_pages_hold_every_visible_row_once(world: World, actor: str) -> None:
    model = world.model()
    visible = ids_within(reach(model, world.actor(actor)), model.certifications)
    listed = [UUID(row["id"]) for row in pages(world, actor)]
    assert len(listed) == len(visible)
    assert set(listed) == visible
    # A chapter that the actor does not reach is as good as one that does not exist.
    assert pages(world, actor, chapter_id=str(uuid4())) == []


def test_filters_cut_out_of_what_is_visible(world: World) -> None:
    table = world.client("coordinator").schema("mentorcert").table
    certified = world.certifications
    within = {certified[f"{name}_{kind}"] for name in ("kari", "per", "ola") for kind in ("basic", "pledge")}

    def those(request: Any) -> set[UUID]:
        return ids(request) & set(certified.values())

    def select() -> Any:
        return table("peer_mentor_certifications").select("id, peer_mentors!inner(external_id)")

    pledges = {id_ for name, id_ in certified.items() if name.endswith("_pledge")} & within
    assert those(select()) == within
    assert those(select().eq("certification_type", "pledge")) == pledges
    assert those(select().neq("certification_type", "pledge")) == within - pledges
    assert those(select().is_("expires_at", "null")) == pledges
    assert those(select().not_.is_("expires_at", "null")) == within - pledges
    assert those(select().gt("expires_at", "2001-01-01")) == within - pledges
    assert those(select().or_("certification_type.eq.pledge,expires_at.lt.2001-01-01")) == pledges
    assert those(select().ilike("certification_type", "PLED%")) == pledges
    assert those(select().eq("peer_mentors.external_id", "kari")) == {
        certified["kari_basic"],
        certified["kari_pledge"],
    }
    # By name, a row out of reach stays out of reach, of the same organisation and of another.
    for hidden in ("liv_basic", "nils_basic"):
        assert those(select().in_("id", [str(certified[hidden]), str(certified["per_basic"])])) == {
            certified["per_basic"]
        }
    for column, value in (
        ("peer_mentor_id", world.mentors["nils"]),
        ("organisation_id", world.south.id),
        ("peer_mentors.external_id", "liv"),
    ):
        assert those(select().eq(column, str(value))) == set()
    mentors = table("peer_mentors").select("id").contains("chapter_ids", [str(world.chapters["oslo"])])
    assert ids(mentors) & set(world.mentors.values()) == {world.mentors["per"]}


def test_embedding_stays_within_reach(world: World) -> None:
    client = world.client("coordinator")
    certified = str(world.certifications["per_basic"])
    # By the table between: PostgREST itself finds a way over a third table only in that one's primary key.
    mentor = "peer_mentors(full_name, peer_mentor_chapters(chapters(code)))"
    embedding = f"id, current_status, {mentor}, certification_types(code)"
    rows = data(
        client.schema("mentorcert").table("peer_mentor_certifications").select(embedding).eq("id", certified)
    )
    # Per is in Oslo as well; a coordinator sees only their own chapters.
    assert rows == [
        {
            "id": certified,
            "current_status": "active",
            "peer_mentors": {
                "full_name": "per",
                "peer_mentor_chapters": [{"chapters": {"code": "other_local"}}],
            },
            "certification_types": {"code": "basic"},
        }
    ]
    embedding = "code, peer_mentor_chapters(peer_mentors(full_name))"
    named = {
        row["code"]: {link["peer_mentors"]["full_name"] for link in row["peer_mentor_chapters"]}
        for row in data(client.schema("mentorcert").table("chapters").select(embedding))
    }
    assert named["local"] >= {"kari", "ola"}
    assert named["OSL"] == set(), "the chapter's name is open to the organisation, its people are not"
    organisations = data(client.schema("mentorcert").table("organisations").select("slug, memberships(role)"))
    assert organisations == [{"slug": "north", "memberships": [{"role": "coordinator"}]}]


def test_embedding_by_the_name_of_a_foreign_key(world: World) -> None:
    """Lite joins such an embedding by one column of ours, which have two; here is what PostgREST runs."""
    hinted = "id, certification_types!peer_mentor_certifications_certification_type_fkey(code)"
    client = world.client("mentor")
    assert (
        outcome(client.schema("mentorcert").table("peer_mentor_certifications").select(hinted)) == "21000"
    ), "Lite can do it now?"
    with world.acting("mentor") as conn:
        embedded = conn.execute(
            """
            select certification.id, type.code
            from public.peer_mentor_certifications as certification
            left join lateral (
              select code from mentorcert.certification_types as type
              where type.organisation_id = certification.organisation_id
                and type.code = certification.certification_type
            ) as type on true
            """
        ).fetchall()
    assert sorted(embedded) == sorted(
        (world.certifications[f"kari_{kind}"], kind) for kind in ("basic", "pledge")
    )
