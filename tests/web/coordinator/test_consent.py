"""Consent by its own form: given and withdrawn, and never by an older form, file or row."""

from uuid import UUID

import psycopg
import pytest

from tests.support.registry import fetch, rows
from tests.web.conftest import post
from tests.web.coordinator.conftest import Scene


def acts(scene: Scene, mentor: UUID) -> list[tuple[bool, str, str | None]]:
    return rows(
        scene.organisation.conn,
        "select is_given, way, reason from mentorcert.listing_consents"
        " where peer_mentor_id = %s order by recorded_at",
        mentor,
    )


def is_listed(scene: Scene, mentor: UUID) -> bool:
    return bool(
        fetch(
            scene.organisation.conn,
            "select count(*) from public.listed_peer_mentors where peer_mentor_id = %s",
            mentor,
        )
    )


def test_withdrawn_and_given_again(scene: Scene) -> None:
    client, path = scene.client(), f"/mentors/{scene.kari}/consent"
    assert is_listed(scene, scene.kari)
    assert "The person withdraws the consent" in client.get(path).text
    withdrawal: dict[str, object] = {"given": "false", "seen": "1", "reason": "Called us"}
    assert post(client, path, withdrawal).status_code == 303
    assert not is_listed(scene, scene.kari)
    # A form that was open since before the withdrawal
    stale = post(client, path, {"given": "true", "seen": "1"})
    assert stale.status_code == 409
    assert "Called us" in stale.text
    assert not is_listed(scene, scene.kari)
    assert post(client, path, {"given": "true", "seen": "2"}).status_code == 303
    assert is_listed(scene, scene.kari)
    assert acts(scene, scene.kari) == [
        (True, "sql", None),
        (False, "form", "Called us"),
        (True, "form", None),
    ]


def test_the_form_of_the_person_leaves_the_consent_alone(scene: Scene) -> None:
    client = scene.client("admin")
    assert 'name="listing_consent"' not in client.get(f"/mentors/{scene.kari}/edit").text
    post(client, f"/mentors/{scene.kari}/consent", {"given": "false", "seen": "1"})
    stale: dict[str, object] = {
        "external_id": "7",
        "full_name": "Kari Nord",
        "phone": "12345678",
        "listing_consent": "true",
        "chapter": [str(scene.organisation.chapter)],
    }
    post(client, f"/mentors/{scene.kari}/edit", stale)
    assert not is_listed(scene, scene.kari)
    with pytest.raises(psycopg.Error) as refused:
        scene.organisation.conn.execute(
            "update mentorcert.peer_mentors set listing_consent = true where id = %s", (scene.kari,)
        )
    assert refused.value.sqlstate == "MC020"


def test_by_the_person(scene: Scene) -> None:
    client = scene.client("peer_mentor")
    assert "I do not want to be on the public list" in client.get("/me").text
    assert post(client, "/me/consent", {"given": "false"}).status_code == 303
    assert not is_listed(scene, scene.kari)
    assert "I agree to be on the public list" in client.get("/me").text
    assert post(client, "/me/consent", {"given": "true"}).status_code == 303
    assert [way for _, way, _ in acts(scene, scene.kari)] == ["sql", "mentor", "mentor"]


def test_out_of_reach(scene: Scene) -> None:
    for mentor in (scene.ola, scene.per):
        path = f"/mentors/{mentor}/consent"
        assert scene.client().get(path).status_code == 404
        assert post(scene.client(), path, {"given": "false", "seen": "1"}).status_code == 404
        assert len(acts(scene, mentor)) == 1
