"""The staging portal keeps our contract: signature, schema, the receiver's rule, both versions, over HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mentorcert.portal.contract import message, signature
from mentorcert_staging.options import DEMO_WEBHOOK_KEY, Options
from tests.portal.staging import MENTOR, OTHER_MENTOR, STATE, Staging, running, signed, state

OTHER_KEY = "whsec_YW5vdGhlci1kZW1vLWtleS1vZi10aGUtdGVzdHM="


@pytest.fixture
def staging() -> Iterator[Staging]:
    with running() as portal:
        yield portal


def test_a_newer_version_is_applied_and_an_older_or_equal_one_ignored(staging: Staging) -> None:
    answers = [staging.send(state(version)) for version in (3, 7, 5, 7, 8)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert [answer.json() for answer in answers] == [
        {"outcome": "applied", "mentor_version": 3, "mentor_epoch": 0},
        {"outcome": "applied", "mentor_version": 7, "mentor_epoch": 0},
        {"outcome": "already_newer", "mentor_version": 7, "mentor_epoch": 0},
        {"outcome": "already_newer", "mentor_version": 7, "mentor_epoch": 0},
        {"outcome": "applied", "mentor_version": 8, "mentor_epoch": 0},
    ]
    history = staging.client.get("/history").json()
    assert history["peer_mentors"] == {str(MENTOR): {"applied": [3, 7, 8], "refused": 2}}
    deliveries = [(one["mentor_version"], one["outcome"]) for one in history["deliveries"]]
    assert deliveries == [
        (3, "applied"), (7, "applied"), (5, "already_newer"), (7, "already_newer"), (8, "applied"),
    ]  # fmt: skip


def test_an_ignored_version_changes_nothing(staging: Staging) -> None:
    staging.send(state(7))
    staging.send(state(6, listed=False, status="expired"))
    (shown,) = staging.client.get("/list.json").json()["peer_mentors"]
    assert (shown["mentor_version"], shown["status"]) == (7, "certified")


def test_one_peer_mentor_s_version_says_nothing_of_another_s(staging: Staging) -> None:
    staging.send(state(9))
    staging.send(state(1, OTHER_MENTOR))
    assert (staging.applied(MENTOR), staging.applied(OTHER_MENTOR)) == ([9], [1])


@pytest.mark.usefixtures("version_2")
def test_both_versions_of_the_contract_say_the_same(staging: Staging) -> None:
    staging.send(STATE, version="v1")
    staging.send(state(7, OTHER_MENTOR), version="v2")
    first, second = staging.client.get("/state.json").json()["peer_mentors"]
    assert first | {"peer_mentor_id": str(OTHER_MENTOR)} == second


@pytest.mark.usefixtures("version_2")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_who_is_not_listed_leaves_the_list(staging: Staging, version: str) -> None:
    staging.send(state(1), version=version)
    assert len(staging.client.get("/list.json").json()["peer_mentors"]) == 1
    assert ">4711<" in staging.client.get("/").text
    staging.send(state(2, listed=False, listed_until=None, status="expired"), version=version)
    assert staging.client.get("/list.json").json()["peer_mentors"] == []
    assert "4711" not in staging.client.get("/").text
    (kept,) = staging.client.get("/state.json").json()["peer_mentors"]
    assert (kept["listed"], kept["status"]) == (False, "expired")


def test_the_list_honours_the_lease_without_any_message(staging: Staging) -> None:
    staging.send(state(1, listed_until=datetime(2026, 3, 2, tzinfo=UTC)))
    staging.send(state(1, OTHER_MENTOR, listed_until=None))
    (shown,) = staging.client.get("/list.json").json()["peer_mentors"]
    assert shown["peer_mentor_id"] == str(OTHER_MENTOR)


def test_the_page_quotes_what_it_shows(staging: Staging) -> None:
    staging.send(state(1, external_id="<script>"))
    page = staging.client.get("/").text
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_what_is_not_signed_right_is_refused_and_has_no_effect(staging: Staging) -> None:
    rendered = message.render(STATE, target=staging.url)
    key = signature.key(DEMO_WEBHOOK_KEY)
    right = signed(rendered)
    old = signature.headers(rendered.id, rendered.body, [key], datetime.now(UTC) - timedelta(minutes=6))
    wrong = [
        right | {"webhook-id": "another"},
        right | old,
        right | {"webhook-signature": "v1,AAAA"},
        right | signed(rendered, [OTHER_KEY]),
        {"content-type": message.CONTENT_TYPE},
    ]
    for headers in wrong:
        assert staging.client.post("/webhook", content=rendered.body, headers=headers).status_code == 401
    assert staging.client.post("/webhook", content=rendered.body + b" ", headers=right).status_code == 401
    assert staging.applied() == []
    assert staging.client.post("/webhook", content=rendered.body, headers=right).status_code == 200


def test_either_key_will_do_while_keys_rotate() -> None:
    with running(Options(webhook_secrets=(DEMO_WEBHOOK_KEY, OTHER_KEY))) as staging:
        for version, keys in enumerate([[OTHER_KEY], [DEMO_WEBHOOK_KEY], [OTHER_KEY, DEMO_WEBHOOK_KEY]], 1):
            assert staging.send(state(version), keys=keys).status_code == 200


def test_an_api_key_may_be_asked_for_as_well() -> None:
    with running(Options(api_key="demo-api-key")) as staging:
        rendered = message.render(STATE, target=staging.url)

        def status(query: str, header: str | None) -> int:
            headers = signed(rendered) | ({"x-api-key": header} if header else {})
            return staging.client.post(f"/webhook{query}", content=rendered.body, headers=headers).status_code

        assert [status("", None), status("", "wrong"), status("?code=%C3%A6", None)] == [401] * 3
        assert [status("", "demo-api-key"), status("?code=demo-api-key", None)] == [200] * 2
        assert staging.client.get("/state.json").status_code == 401
        assert staging.client.get("/state.json?code=demo-api-key").status_code == 200


def test_what_breaks_the_contract_is_refused_without_a_quotation(staging: Staging) -> None:
    key = signature.key(DEMO_WEBHOOK_KEY)

    def answer(body: bytes, media_type: str = message.CONTENT_TYPE) -> tuple[int, str]:
        headers = signature.headers("an-id", body, [key], datetime.now(UTC)) | {"content-type": media_type}
        got = staging.client.post("/webhook", content=body, headers=headers)
        return got.status_code, got.text

    good = message.render(STATE, target=staging.url).event
    assert answer(json.dumps(good).encode(), "application/json")[0] == 415
    assert answer(b"no json")[0] == answer(b"[" * 900_000)[0] == 400
    huge = good | {"data": good["data"] | {"mentor_version": 2**63}}
    assert answer(json.dumps(huge).encode())[0] == 422
    assert answer(json.dumps(good | {"type": good["type"].replace("v1", "v3")}).encode())[0] == 400
    for body in (b"[]", b"7", json.dumps({"type": good["type"]}).encode()):
        assert answer(body)[0] == 422
    status, text = answer(json.dumps(good | {"data": good["data"] | {"status": "Kari Nordmann"}}).encode())
    assert status == 422
    assert json.loads(text)["problems"] == ["/data/status: enum"]
    mismatched = good | {"dataschema": good["dataschema"].replace("v1", "v2")}
    assert answer(json.dumps(mismatched).encode())[0] == 422
    assert staging.applied() == []


def test_a_file_outlives_the_process(tmp_path: Path) -> None:
    for version in (1, 2):
        with running(database=tmp_path / "portal.db") as staging:
            staging.send(state(version))
    with running(database=tmp_path / "portal.db") as staging:
        assert staging.applied() == [1, 2]


def test_the_state_is_read_page_by_page(staging: Staging) -> None:
    for number in range(501):
        staging.send(state(1, type(MENTOR)(int=number + 1)))
    first = staging.client.get("/state.json").json()
    second = staging.client.get(first["next"]).json()
    assert (len(first["peer_mentors"]), len(second["peer_mentors"]), second["next"]) == (500, 1, None)
    assert len({one["peer_mentor_id"] for one in first["peer_mentors"] + second["peer_mentors"]}) == 501
