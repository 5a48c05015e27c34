"""The answers to the official JavaScript client, signing up and in by itself; `client.mjs` asks."""

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from mentorcert.access.rules import ids_within, reach
from tests.supabase import lite
from tests.supabase.answers import DENIED
from tests.supabase.lite import needs_lite
from tests.supabase.world import World
from tests.support import processes
from tests.support.registry import history

pytestmark = needs_lite


@pytest.fixture(scope="module")
def answers(world: World) -> dict[str, Any]:
    """What a coordinator's script prints."""
    questions = {
        "email": "coordinator@example.org",
        "password": lite.PASSWORD,
        "own": str(world.certifications["per_basic"]),
        "foreign": str(world.certifications["nils_basic"]),
    }
    done = processes.run(
        "node",
        Path(__file__).with_name("client.mjs"),
        env={
            "PATH": os.environ["PATH"],
            "LITE_URL": world.lite.url,
            "LITE_KEY": lite.PUBLISHABLE_KEY,
            "LITE_QUESTIONS": json.dumps(questions),
        },
    )
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def visible(world: World) -> set[str]:
    model = world.model()
    return {str(id_) for id_ in ids_within(reach(model, world.actor("coordinator")), model.certifications)}


def test_signs_up_in_and_out(world: World, answers: dict[str, Any]) -> None:
    assert answers["signUp"] == "js-coordinator@example.org"
    assert answers["userId"] == answers["refreshed"] == str(world.sessions["coordinator"].user_id)
    assert answers["wrongPassword"] == "invalid_credentials"
    assert answers["newcomer"]["data"] == [], "without a membership, whatever it calls itself"
    assert answers["signedOut"]["error"]["code"] == DENIED
    assert answers["copiedToken"]["error"]["code"] == "PT401"


def test_sees_what_is_within_reach(world: World, answers: dict[str, Any]) -> None:
    assert {row["id"] for row in answers["select"]["data"]} == visible(world)
    assert answers["count"]["count"] == len(visible(world))
    assert set(answers["csv"]["data"].split()[1:]) == visible(world)
    assert answers["embedding"]["data"] == {
        "peer_mentors": {
            "full_name": "per",
            "peer_mentor_chapters": [{"chapters": {"code": "other_local"}}],
        }
    }
    assert (answers["foreign"]["data"], answers["foreign"]["error"]) == (None, None)
    (first,) = answers["page"]["data"]
    assert first["id"] in visible(world)


def test_changes_what_is_within_reach(world: World, answers: dict[str, Any]) -> None:
    assert answers["renewed"]["data"]["status"] == "active"
    issued, renewed = answers["history"]["data"]
    assert (issued["kind"], renewed["kind"], renewed["note"]) == ("issued", "renewed", "Diploma seen")
    assert renewed["actor"] == {
        "role": "coordinator",
        "user_id": str(world.sessions["coordinator"].user_id),
    }
    assert answers["updatedForeign"]["data"] == []
    assert answers["renewedForeign"]["error"] == {
        "code": DENIED,
        "message": "no such certification or peer mentor, or no right to it",
        "hint": "Ask a coordinator of the chapter or the administrator of the organisation.",
        "details": None,
    }
    assert answers["deleted"]["error"]["code"] == DENIED
    assert len(history(world.conn, UUID(str(world.certifications["nils_basic"])))) == 1


def test_anon_reads_the_public_list_only(world: World, answers: dict[str, Any]) -> None:
    listed = {row["display_name"] for row in answers["anonList"]["data"]}
    assert listed == {"kari", "per", "liv", "ola", "both_of_north", "both_of_south", "nils"}
    assert answers["anon"]["data"] is None
    assert answers["anon"]["error"]["code"] == DENIED
