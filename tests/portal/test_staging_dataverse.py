"""The staging portal's Web API does what Dataverse's does, as far as the registry uses it, over HTTP."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from tests.portal.staging import MENTOR, OTHER_MENTOR, TABLE, Api, running, state

FIRST = {"hlf_mentorversion": 1, "hlf_status": "certified", "hlf_listed": True}


@pytest.fixture
def api() -> Iterator[Api]:
    with running() as staging:
        yield Api(staging)


def test_an_upsert_makes_a_row_and_then_changes_it_alike(api: Api) -> None:
    made = api.call("PATCH", api.row(), FIRST)
    changed = api.call("PATCH", api.row(), {"hlf_mentorversion": 2, "hlf_listed": False})
    assert [made.status_code, changed.status_code] == [204, 204]
    assert made.content == b""
    assert made.headers["odata-entityid"] == changed.headers["odata-entityid"]
    row = api.call("GET", api.row()).json()
    assert (row["hlf_mentorversion"], row["hlf_status"], row["hlf_listed"]) == (2, "certified", False)
    assert row["hlf_mentorcertid"] == str(MENTOR)
    assert row == api.call("GET", made.headers["odata-entityid"]).json()
    assert api.staging.applied() == [1, 2]


def test_if_match_any_forbids_making_and_if_none_match_any_changing(api: Api) -> None:
    assert api.error("PATCH", api.row(), FIRST, if_match="*") == (404, "0x80060891")
    assert api.call("PATCH", api.row(), FIRST, if_none_match="*").status_code == 204
    assert api.error("PATCH", api.row(), FIRST, if_none_match="*") == (412, "0x80040237")
    assert api.call("PATCH", api.row(), FIRST, if_match="*").status_code == 204


def test_an_etag_holds_until_the_next_change(api: Api) -> None:
    assert api.error("PATCH", api.row(), FIRST, if_match='W/"1"') == (404, "0x80060891")
    api.call("PATCH", api.row(), FIRST)
    etag = api.call("GET", api.row()).json()["@odata.etag"]
    assert api.call("PATCH", api.row(), FIRST | {"hlf_mentorversion": 2}, if_match=etag).status_code == 204
    assert api.error("PATCH", api.row(), FIRST | {"hlf_mentorversion": 3}, if_match=etag) == (
        412,
        "0x80060882",
    )
    assert api.staging.applied() == [1, 2]
    fresh = api.call("GET", api.row())
    assert fresh.headers["etag"] == fresh.json()["@odata.etag"] != etag
    assert api.call("GET", api.row(), if_none_match=fresh.headers["etag"]).status_code == 304


def test_dataverse_knows_no_receiver_s_rule(api: Api) -> None:
    for version in (5, 3):
        api.call("PATCH", api.row(), FIRST | {"hlf_mentorversion": version})
    assert api.staging.applied() == [5, 3]


def test_the_answer_may_be_the_row(api: Api) -> None:
    prefer = {"prefer": "return=representation"}
    made = api.call("PATCH", f"{api.row()}?$select=hlf_listed", FIRST, **prefer)
    assert made.status_code == 201
    assert made.json().keys() == {"@odata.etag", "hlf_peermentorid", "hlf_listed"}
    assert api.call("PATCH", api.row(), FIRST, **prefer).status_code == 200


def test_a_row_may_be_made_without_the_key_and_removed(api: Api) -> None:
    made = api.call("POST", TABLE, {"hlf_externalid": "O'Hara"})
    again = api.call("POST", TABLE, {"hlf_externalid": "O'Hara"})
    assert made.headers["odata-entityid"] != again.headers["odata-entityid"]
    found = api.call("GET", f"{TABLE}(hlf_externalid='O''Hara')").json()
    assert found["hlf_peermentorid"] in made.headers["odata-entityid"]
    assert found["hlf_mentorcertid"] is None
    assert api.call("DELETE", made.headers["odata-entityid"]).status_code == 204
    assert api.error("DELETE", made.headers["odata-entityid"]) == (404, "0x80060891")
    assert api.staging.client.get("/history").json()["deliveries"] == []


def test_a_key_belongs_to_one_row(api: Api) -> None:
    api.call("PATCH", api.row(), FIRST)
    assert api.error("POST", TABLE, {"hlf_mentorcertid": str(MENTOR)}) == (412, "0x80040237")


def test_columns_of_certifications_are_free_and_are_kept(api: Api) -> None:
    api.call("PATCH", api.row(), FIRST | {"hlf_cert_hearing_status": "active"})
    api.call("PATCH", api.row(), FIRST | {"hlf_cert_vision_status": 3})
    row = api.call("GET", api.row()).json()
    assert (row["hlf_cert_hearing_status"], row["hlf_cert_vision_status"]) == ("active", 3)
    api.call("PATCH", api.row(OTHER_MENTOR), FIRST)
    chosen = f"{TABLE}?$select=hlf_cert_vision_status&$filter=hlf_mentorversion eq 1"
    shown = [one["hlf_cert_vision_status"] for one in api.call("GET", chosen).json()["value"]]
    assert shown == [3, None]
    (found,) = api.call("GET", f"{TABLE}?$filter=hlf_cert_vision_status eq 3").json()["value"]
    assert found["hlf_mentorcertid"] == str(MENTOR)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"fullname": "Kari"}, "0x80048d19"),
        ({"hlf_mentorversion": "7"}, "0x80048d19"),
        ({"hlf_mentorversion": True}, "0x80048d19"),
        ({"hlf_listed": 1}, "0x80048d19"),
        ({"hlf_mentorversion": 2**63}, "0x80048d19"),
        ([], "0x80048d19"),
    ],
)
def test_a_body_that_the_table_does_not_fit_is_refused(api: Api, body: Any, code: str) -> None:
    assert api.error("PATCH", api.row(), body) == (400, code)
    assert api.error("GET", api.row()) == (404, "0x80060891")


def test_a_request_that_is_not_understood_is_refused(api: Api) -> None:
    either = "$filter=hlf_listed eq true or hlf_listed eq false"
    for query in (
        "(hlf_status='x')", "(7)", "?$select=fullname", "?$filter=fullname eq 1", f"?{either}",
        "?$filter=contains(hlf_status,'c')", "?$filter=hlf_listed eq", "?$filter=hlf_listed eq x",
        "?$orderby=modifiedon", "?$skiptoken=AAAA", "?$skiptoken=æ", "?$top=x",
    ):  # fmt: skip
        path = f"{TABLE}{query}"
        status, code = api.error("GET", path)
        assert (status, code) == (400, "0x80060888"), path
    assert api.error("PATCH", TABLE, FIRST)[0] == 405


def test_a_list_comes_page_by_page(api: Api) -> None:
    wanted = {str(uuid4()) for _ in range(7)}
    for mentor in wanted:
        api.call("PATCH", api.row(mentor), FIRST)
    seen, sizes = set[str](), list[int]()
    url: str | None = f"{TABLE}?$select=hlf_mentorcertid"
    while url:
        page = api.call("GET", url, prefer="odata.maxpagesize=3").json()
        sizes.append(len(page["value"]))
        seen |= {row["hlf_mentorcertid"] for row in page["value"]}
        url = page.get("@odata.nextLink")
    assert (seen, sizes) == (wanted, [3, 3, 1])
    top = api.call("GET", f"{TABLE}?$top=3").json()
    assert (len(top["value"]), "@odata.nextLink" in top) == (3, False)


def test_a_full_last_page_has_no_next_one(api: Api) -> None:
    for mentor in (MENTOR, OTHER_MENTOR):
        api.call("PATCH", api.row(mentor), FIRST)
    assert "@odata.nextLink" not in api.call("GET", TABLE, prefer="odata.maxpagesize=2").json()


def test_a_filter_compares(api: Api) -> None:
    api.call("PATCH", api.row(MENTOR), FIRST | {"hlf_externalid": "a) and b"})
    api.call("PATCH", api.row(OTHER_MENTOR), {"hlf_mentorversion": 2, "hlf_listed": False})
    first, second = str(MENTOR), str(OTHER_MENTOR)
    modified = api.call("GET", api.row()).json()["modifiedon"]
    assert modified.endswith("Z")
    assert "." not in modified
    for condition, expected in {
        f"modifiedon ge {modified}": {first, second},
        "modifiedon lt 2020-01-01T00:00:00Z": set(),
        "modifiedon ge 2020-01-01T00:00:00.123Z": {first, second},
        f"modifiedon eq {modified} and hlf_mentorversion eq 1": {first},
        f"modifiedon ge {modified[:-1]}.001Z and hlf_mentorversion eq 1": set(),
        "hlf_listed eq true": {first},
        "hlf_listed ne true": {second},
        "hlf_mentorversion ge 2": {second},
        "hlf_mentorversion le 1": {first},
        "hlf_status eq null": {second},
        "hlf_externalid eq 'a) and b'": {first},
        "(hlf_listed eq true) and (modifiedon ge 2020-01-01T00:00:00Z)": {first},
        "(hlf_listed eq true and hlf_mentorversion eq 2)": set(),
    }.items():
        page = api.call("GET", f"{TABLE}?{urlencode({'$filter': condition})}").json()
        assert {row["hlf_mentorcertid"] for row in page["value"]} == expected, condition


def test_the_list_shows_what_the_web_api_wrote(api: Api) -> None:
    api.call("PATCH", api.row(MENTOR), FIRST)
    api.call("PATCH", api.row(OTHER_MENTOR), FIRST | {"hlf_listed": False})
    (shown,) = api.staging.client.get("/list.json").json()["peer_mentors"]
    assert shown["peer_mentor_id"] == str(MENTOR)


def test_the_webhook_and_the_web_api_show_the_same_row(api: Api) -> None:
    api.staging.send(state(7))
    row = api.call("GET", api.row()).json()
    assert (row["hlf_mentorversion"], row["hlf_externalid"], row["hlf_listed"]) == (7, "4711", True)
