"""Errors are problem details, whatever is sent; nothing that is sent makes the server fail."""

import json
from collections.abc import Callable
from typing import Any, Final

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from mentorcert.db.connection import Connection, connect
from mentorcert.web.api import document
from tests.support.cases import in_turn
from tests.web.api.conftest import API, As, People
from tests.web.conftest import Site

JSON: Final = {"content-type": "application/json"}
HOSTILE: Final = (
    "\0", "a\0b", "\ud800", "\U0010ffff", "'", "\\", "%", "1e400", "null", "\u202e", "x" * 2001,
)  # fmt: skip
DAYS: Final[tuple[object, ...]] = (
    "0000-01-01", "0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31", "99999-01-01", "2026-02-30",
    "infinity", "2026-01-01T00:00:00Z", "1700000000", "٢٠٢٦-٠١-٠١", 1700000000, 10**400, True, [], {},
)  # fmt: skip
INSTANTS: Final = (
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-01-01T00:00:00", "2026-01-01", "now",
    "2026-01-01T00:00:00 01:00", "1700000000", "2026-01-01T25:00:00Z", "infinity", "\0",
)  # fmt: skip
IDS: Final = (
    "0",
    "%00",
    "not-an-id",
    "urn:uuid:00000000-0000-4000-8000-000000000001",
    "x" * 5000,
    "{}",
)


def assert_problem(answer: Any, status: int) -> dict[str, Any]:
    """The answer is a problem as the document describes it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert (
        {"type", "title", "detail"}
        <= problem.keys()
        <= document()["components"]["schemas"]["Problem"]["properties"].keys()
    )
    return problem


def test_texts_that_no_registry_keeps(people: People, as_: As) -> None:
    client = as_("administrator")
    path = f"{API}/certifications/{people.certification}"
    for text in HOSTILE:
        for name, sent in {
            "renew": {"note": text},
            "suspend": {"reason": text},
            "reinstate": {"note": text},
            "revert": {"entry_id": text, "reason": text},
        }.items():
            answer = client.post(f"{path}/{name}", content=json.dumps(sent), headers=JSON)
            assert answer.status_code in {200, 422}, (name, text)
        sent = {"peer_mentor_id": str(people.mentor), "certification_type": text}
        assert_problem(client.post(f"{API}/certifications", content=json.dumps(sent), headers=JSON), 422)
        if text.isprintable():
            for asked in ({"certification_type": text}, {"search": text}, {"after": text}, {"size": text}):
                for topic in ("certifications", "peer-mentors", "public/demo"):
                    assert client.get(f"{API}/{topic}", params=asked).status_code in {200, 422}


def test_a_refused_field_is_named_but_not_quoted(people: People, as_: As) -> None:
    sent = {"note": "secret\0", "evidence": {"seen": "x", "seen_on": "0001-01-01"}, "secret": "secret"}
    answer = as_("administrator").post(f"{API}/certifications/{people.certification}/renew", json=sent)
    problem = assert_problem(answer, 422)
    assert {fault["field"] for fault in problem["errors"]} == {"note", "evidence.seen_on", "secret"}
    assert "secret\\u0000" not in answer.text
    assert all(fault["message"] for fault in problem["errors"])


def test_a_hundred_thousand_fields_are_not_all_named(people: People, as_: As) -> None:
    client = as_("administrator")
    sent = {f"field{number}": 1 for number in range(50_000)}
    answer = client.post(f"{API}/certifications/{people.certification}/renew", json=sent)
    assert len(assert_problem(answer, 422)["errors"]) == 20
    assert len(answer.content) < 5_000


@in_turn("day", DAYS)
def test_days_that_are_none(people: People, as_: As, day: object) -> None:
    path = f"{API}/certifications/{people.certification}/renew"
    client = as_("administrator")
    # Longer numbers than Python reads are no JSON to it.
    status = 400 if day == 10**400 and len(str(day)) > 4300 else 422
    for name in ("renewed_on", "last_valid_day"):
        problem = assert_problem(client.post(path, json={name: day}), status)
        assert [fault["field"] for fault in problem["errors"]] == [name]


@in_turn("instant", INSTANTS)
def test_instants_that_are_none(people: People, as_: As, instant: str) -> None:
    client, path = as_("administrator"), f"{API}/certifications"
    assert_problem(client.get(path, params={"expiring_before": instant}), 422)
    for asked in ({"at": instant}, {"at": "2026-01-01T00:00:00Z", "known_at": instant}):
        assert_problem(client.get(f"{path}/{people.certification}/as-of", params=asked), 422)


@in_turn("id_", IDS)
def test_ids_that_are_none(people: People, as_: As, id_: str) -> None:
    client = as_("administrator")
    for path in (f"certifications/{id_}", f"peer-mentors/{id_}", f"certifications/{id_}/history"):
        assert_problem(client.get(f"{API}/{path}"), 422)
    assert_problem(client.get(f"{API}/certifications", params={"chapter_id": id_}), 422)


@in_turn("size", ["0", "201", "-1", "1.5", "9" * 5000, "", "null", "1e2"])
def test_sizes_that_are_none(as_: As, size: str) -> None:
    for topic in ("certifications", "peer-mentors", "public/demo"):
        assert_problem(as_("administrator").get(f"{API}/{topic}", params={"size": size}), 422)


@in_turn(
    "place", ["x", "e30", "bnVsbA", "W10", "AAAA", "_____", "eyJpZCI6IDF9", "W1tbW1tbW1tbW1tbW1tbW1tb" * 80]
)
def test_places_that_no_page_named(people: People, as_: As, place: str) -> None:
    paths = (
        "certifications",
        "peer-mentors",
        "public/demo",
        f"certifications/{people.certification}/history",
    )
    for topic in paths:
        problem = assert_problem(as_("administrator").get(f"{API}/{topic}", params={"after": place}), 422)
        assert problem["type"] == "urn:mentorcert:problem:invalid-cursor"


def test_a_place_in_another_list_is_none(people: People, as_: As) -> None:
    client = as_("administrator")
    for kind in ("half", "pledge"):
        people.organisation.certify(people.mentor, kind)
    place = client.get(f"{API}/certifications", params={"size": 1}).json()["next"]
    assert place
    assert_problem(client.get(f"{API}/peer-mentors", params={"after": place}), 422)


def test_unknown_parameters_are_refused(as_: As) -> None:
    problem = assert_problem(as_("administrator").get(f"{API}/certifications?chapter=1"), 422)
    assert problem["errors"][0]["field"] == "chapter"


@in_turn(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"note": "\xc3"}', 400),
        (b"[" * 100_000, 400),
        (b'{"note":' * 50_000, 400),
        (b'{"note": ' + b"9" * 5000 + b"}", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"{}"', 422),
        (b'{"note": NaN}', 422),
        (b'{"note": "\\ud800"}', 422),
        (b'{"\\ud800": 1}', 422),
        (b'{"\\u0000": 1}', 422),
        (b" " * 1_100_000, 413),
    ],
)
def test_bodies_that_are_none(people: People, as_: As, body: bytes, status: int) -> None:
    path = f"{API}/certifications/{people.certification}/renew"
    assert_problem(as_("administrator").post(path, content=body, headers=JSON), status)


@in_turn(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/xml", "application/json; charset=utf-16", "application", "\"", "application/problem+json"],
)  # fmt: skip
def test_a_body_is_json(people: People, as_: As, content_type: str) -> None:
    path = f"{API}/certifications/{people.certification}/renew"
    assert_problem(
        as_("administrator").post(path, content=b"{}", headers={"content-type": content_type}), 415
    )


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_by_any_name(people: People, as_: As, content_type: str) -> None:
    path = f"{API}/certifications/{people.certification}/renew"
    answer = as_("administrator").post(path, content=b"{}", headers={"content-type": content_type})
    assert answer.status_code == 200


def test_paths_and_methods_that_do_not_exist(people: People, as_: As) -> None:
    client = as_("administrator")
    assert_problem(client.get(f"{API}/nowhere"), 404)
    assert_problem(client.get(f"{API}/certifications/"), 404)
    refused = client.put(f"{API}/certifications", json={})
    assert_problem(refused, 405)
    assert refused.headers["allow"] == "GET, HEAD, POST"
    refused = client.get(f"{API}/certifications/{people.certification}/renew")
    assert_problem(refused, 405)
    assert refused.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("endpoint", "topics"),
    [
        ("certifications", ["certifications"]),
        ("peer_mentors", ["peer-mentors"]),
        ("public_list", ["public/demo"]),
    ],
)
def test_a_switched_off_endpoint(
    conn: Connection, people: People, as_: As, endpoint: str, topics: list[str]
) -> None:
    conn.execute(
        "insert into mentorcert_private.disabled_endpoints values (%s, 'a leak, problem to colleagues')",
        (endpoint,),
    )
    for topic in topics:
        answer = as_("administrator").get(f"{API}/{topic}")
        problem = assert_problem(answer, 503)
        assert problem["code"] == "MC010"
        assert int(answer.headers["retry-after"]) > 0
        assert "leak" not in answer.text


def test_two_changes_that_wait_for_each_other(
    database: str, people: People, as_: As, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that PostgreSQL ends reads that the same may be sent again, in the API and on a page."""

    def collide(*_: object, **__: object) -> None:
        with connect(database) as conn:
            conn.execute("do $$ begin raise exception 'Kari' using errcode = '40P01'; end $$")

    monkeypatch.setattr("mentorcert.certifications.repository.renew", collide)
    client = as_("administrator")
    answer = client.post(f"{API}/certifications/{people.certification}/renew", json={})
    problem = assert_problem(answer, 503)
    assert (problem["code"], answer.headers["retry-after"]) == ("40P01", "1")
    assert "Kari" not in answer.text
    monkeypatch.setattr("mentorcert.certifications.repository.get", collide)
    page = site.client(people.organisation.admin).get(f"/certifications/{people.certification}")
    assert (page.status_code, page.headers["retry-after"]) == (503, "1")
    assert "Someone else changed this" in page.text
    assert "Go back and try again." in page.text


def test_who_waits_for_another_too_long_reads_so(database: str, people: People, as_: As, site: Site) -> None:
    with connect(database) as locker:
        locker.execute(
            "select from public.peer_mentor_certifications where id = %s for update", (people.certification,)
        )
        with connect(database, autocommit=True) as owner:
            owner.execute("alter role mentorcert_web set lock_timeout = '50ms'")
        try:
            site.app.state.services.pool.drain()
            answer = as_("administrator").post(f"{API}/certifications/{people.certification}/renew", json={})
            problem = assert_problem(answer, 503)
            assert (problem["code"], answer.headers["retry-after"]) == ("55P03", "1")
            assert "Try again" in problem["hint"]
        finally:
            with connect(database, autocommit=True) as owner:
                owner.execute("alter role mentorcert_web reset lock_timeout")


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (lambda: psycopg.OperationalError("no host"), 503),
        (lambda: PoolTimeout("none left"), 503),
        (lambda: psycopg.errors.QueryCanceled("too long"), 503),
        (lambda: RuntimeError("kari@example.org"), 500),
    ],
    ids=["unreachable", "crowded", "too long", "unforeseen"],
)
def test_what_is_the_servers_own_fault(
    people: People, as_: As, monkeypatch: pytest.MonkeyPatch, raised: Callable[[], Exception], status: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised()

    monkeypatch.setattr("mentorcert.certifications.repository.get", fail)
    answer = as_("administrator").get(f"{API}/certifications/{people.certification}")
    assert_problem(answer, status)
    assert "kari" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)
