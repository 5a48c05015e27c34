"""What a client reads when it may not: codes and hints, nothing of what is out of reach, and no way round."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2
import psycopg
import pytest
from postgrest import CountMethod
from psycopg import sql
from supabase import Client

from mentorcert.access.model import TABLES
from tests.supabase import lite
from tests.supabase.answers import DENIED, asked, data, refusal
from tests.supabase.lite import needs_lite
from tests.supabase.world import World
from tests.support.processes import DEADLINE_S
from tests.support.registry import join, today

pytestmark = needs_lite

# Function, its arguments beside the certification, and its result for a coordinator.
REFUSED: Final[tuple[tuple[str, dict[str, Any], str], ...]] = (
    ("reinstate_certification", {}, "MC001"),
    ("renew_certification", {"renewed_on": "2001-01-01"}, "MC003"),
    ("renew_certification", {"last_valid_day": "2198-12-31"}, "MC003"),
    ("suspend_certification", {"reason": " "}, "MC004"),
    ("revert_change", {"entry_id": str(UUID(int=1)), "reason": "Too early"}, "MC006"),
    ("renew_certification", {"note": "x" * 2001}, "MC008"),
)


@pytest.mark.parametrize(("function", "arguments", "code"), REFUSED)
def test_errors_carry_our_code_and_hint(
    world: World, function: str, arguments: dict[str, Any], code: str
) -> None:
    certification = world.north.certify(
        world.newcomer("per"), issued=today(world.conn, -10), last_day=today(world.conn, 30)
    )
    arguments = {"certification_id": str(certification), **arguments}
    problem = refusal(world.client("coordinator").rpc(function, arguments))
    call = sql.SQL("select public.{}({})").format(
        sql.Identifier(function),
        sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Literal(value))
            for name, value in arguments.items()
        ),
    )
    with pytest.raises(psycopg.Error) as error, world.acting("coordinator") as conn:
        conn.execute(call)
    diag = error.value.diag
    assert problem == {
        "code": code,
        "message": diag.message_primary,
        "hint": diag.message_hint,
        "details": None,
    }
    assert diag.message_hint


Attempt = Callable[[Client, str, str], Any]
ATTEMPTS: Final[dict[str, Attempt]] = {
    "renew": lambda client, certification, _: client.rpc(
        "renew_certification", {"certification_id": certification}
    ),
    "suspend": lambda client, certification, _: client.rpc(
        "suspend_certification", {"certification_id": certification, "reason": "Complaint"}
    ),
    "revert": lambda client, certification, _: client.rpc(
        "revert_change", {"certification_id": certification, "entry_id": certification, "reason": "Why"}
    ),
    "register": lambda client, _, mentor: client.rpc(
        "register_certification", {"peer_mentor_id": mentor, "certification_type": "pledge"}
    ),
    "insert": lambda client, _, mentor: client.table("peer_mentor_certifications").insert(
        {"peer_mentor_id": mentor, "certification_type": "half", "issued_at": "2020-01-01T00:00:00+01:00"}
    ),
    "put into a chapter": lambda client, _, mentor: client.schema("mentorcert").table("peer_mentor_chapters").insert(
        {"peer_mentor_id": mentor, "chapter_id": str(UUID(int=1))}
    ),
    "chapter above": lambda client, _, chapter: client.schema("mentorcert").table("chapters").insert(
        {"code": "below", "name": "Below", "parent_id": chapter}
    ),
    "single": lambda client, certification, _: client.table("peer_mentor_certifications")
    .select("*").eq("id", certification).single(),
}  # fmt: skip


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("actor", ["mentor", "coordinator", "south_admin", "stranger", "anon"])
def test_what_is_out_of_reach_is_as_good_as_nothing(world: World, actor: str, attempt: str) -> None:
    """The whole answer is the same for a hidden row and for an id that nobody has."""
    hidden = "kari" if actor == "south_admin" else "nils"
    client = world.client(actor)
    asked = ATTEMPTS[attempt]
    third = world.chapters["local" if actor == "south_admin" else "south_oslo"]
    real = refusal(
        asked(
            client,
            str(world.certifications[f"{hidden}_basic"]),
            str(third if attempt == "chapter above" else world.mentors[hidden]),
        )
    )
    certification, other = str(uuid4()), str(uuid4())
    invented = refusal(asked(client, certification, other))
    for given, answer in (
        ((str(world.certifications[f"{hidden}_basic"]), str(world.mentors[hidden]), str(third)), real),
        ((certification, other), invented),
    ):
        for id_ in given:
            answer |= {key: text.replace(id_, "ID") for key, text in answer.items() if isinstance(text, str)}
    assert real == invented
    assert real["code"] in (DENIED, "23502", "23503", "MC008", "PGRST116"), real
    assert hidden not in str(real)


def test_a_refusal_by_the_rules_has_its_hint(world: World) -> None:
    problem = refusal(
        world.client("mentor").rpc(
            "renew_certification", {"certification_id": str(world.certifications["kari_basic"])}
        )
    )
    assert problem["code"] == DENIED
    assert problem["message"] == "no such certification or peer mentor, or no right to it"
    assert problem["hint"] == "Ask a coordinator of the chapter or the administrator of the organisation."


def test_user_metadata_raises_nobody(world: World) -> None:
    """Anybody may write the own user_metadata; Supabase Auth copies it into the token."""
    wanted = {
        "organisation_id": str(world.north.id),
        "role": "org_admin",
        "app_metadata": {"organisation_id": str(world.north.id)},
    }
    session = world.lite.sign_up("climber@example.org", **wanted)
    headers = {"apikey": lite.PUBLISHABLE_KEY, "Authorization": f"Bearer {session.token}"}
    changed = world.http.put(
        f"{world.lite.url}/auth/v1/user", json={"data": wanted, "app_metadata": wanted}, headers=headers
    )
    assert changed.json()["user_metadata"].items() >= wanted.items()
    assert "organisation_id" not in changed.json()["app_metadata"]
    for token in (session, session.with_claims(user_metadata=wanted)):
        client = world.client("anon")
        client.postgrest.auth(token.token)
        assert data(client.rpc("get_user_organisation_id", {})) is None
        for table in TABLES.keys() - {"listed_peer_mentors"}:
            assert data(asked(client, table).select("*")) == [], table


def test_a_claim_of_app_metadata_needs_the_membership(world: World) -> None:
    session = world.sessions["south_admin"].with_claims(app_metadata={"organisation_id": str(world.north.id)})
    client = world.client("anon")
    client.postgrest.auth(session.token)
    assert data(client.rpc("get_user_organisation_id", {})) == str(world.south.id)
    organisations = data(client.schema("mentorcert").table("organisations").select("id"))
    assert organisations == [{"id": str(world.south.id)}]


def test_an_ended_membership_stops_the_next_request(world: World) -> None:
    session = world.lite.sign_up("leaving@example.org")
    membership = join(world.north, session.user_id, "org_admin")
    client = world.client("anon")
    client.postgrest.auth(session.token)
    certification = {"certification_id": str(world.certifications["liv_basic"])}

    def seen() -> Any:
        return (
            client.table("peer_mentor_certifications").select("id", count=CountMethod.exact).execute().count
        )

    assert seen() == len([c for c in world.model().certifications if c.organisation_id == world.north.id])
    world.client("north_admin").schema("mentorcert").table("memberships").update({"ended_at": "now()"}).eq(
        "id", str(membership)
    ).execute()
    assert seen() == 0
    assert refusal(client.rpc("renew_certification", certification))["code"] == DENIED
    # The login itself lives on: what ended is the membership.
    assert world.lite.sign_in("leaving@example.org").user_id == session.user_id


@pytest.mark.parametrize("actor", ["anon", "mentor", "north_admin"])
def test_no_other_schema_is_served(world: World, actor: str) -> None:
    client = world.client(actor)
    for schema, table in (
        ("mentorcert_private", "job_runs"),
        ("mentorcert_private", "access_log"),
        ("mentorcert_portal", "states"),
        ("auth", "users"),
    ):
        assert refusal(client.schema(schema).table(table).select("*"))["code"] == "PGRST106"
    for function in ("set_change_context", "expire_due_certifications", "coordinated_chapter_ids"):
        assert refusal(client.rpc(function, {}))["code"] == "PGRST202", function
        assert refusal(client.schema("mentorcert_private").rpc(function, {}))["code"] == "PGRST106", function


def test_a_key_and_a_token_must_be_genuine(world: World) -> None:
    url = f"{world.lite.url}/rest/v1/peer_mentors"

    def status(**headers: str) -> int:
        return httpx2.get(
            url, headers={"accept-profile": "mentorcert", **headers}, timeout=DEADLINE_S
        ).status_code

    token = world.sessions["north_admin"].token
    assert status(apikey=lite.PUBLISHABLE_KEY, authorization=f"Bearer {token}") == 200
    assert status() == 401, "Lite's own administration without a key is off"
    assert status(apikey="sb_publishable_another", authorization=f"Bearer {token}") == 401
    head, claims, _ = token.split(".")
    forged = f"{head}.{claims}.{world.sessions['mentor'].token.split('.')[2]}"
    assert status(apikey=lite.PUBLISHABLE_KEY, authorization=f"Bearer {forged}") == 401


def test_an_endpoint_that_is_switched_off_says_so(world: World) -> None:
    world.conn.execute(
        "insert into mentorcert_private.disabled_endpoints (endpoint, reason) values ('public_list', 'Test')"
    )
    try:
        problem = refusal(world.client("anon").table("listed_peer_mentors").select("*"))
    finally:
        world.conn.execute("delete from mentorcert_private.disabled_endpoints")
    assert problem["message"].endswith("public_list is switched off for now")
    assert data(world.client("anon").table("listed_peer_mentors").select("*"))
