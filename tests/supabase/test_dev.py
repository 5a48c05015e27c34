"""`mentorcert dev`, a process of its own, as the official JavaScript client and a browser find it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.supabase.dev import Json, running
from tests.supabase.lite import needs_lite
from tests.support import processes
from tests.support.processes import DEADLINE_S
from tests.web.conftest import carried

pytestmark = needs_lite


@pytest.fixture(scope="module")
def started(dev_home: Path) -> Iterator[Json]:
    with running(dev_home) as (_, printed):
        yield printed


@pytest.fixture(scope="module")
def answers(started: Json) -> Json:
    script = Path(__file__).with_name("dev.mjs")
    done = processes.run("node", script, env={"PATH": os.environ["PATH"], "STARTED": json.dumps(started)})
    answers: Json = json.loads(done.stdout)
    return answers


def test_each_login_signs_in_by_code(started: Json, answers: Json) -> None:
    assert {login["email"] for login in started["logins"]} == {
        f"{kind}@{slug}.example"
        for kind in ("administrator", "coordinator", "mentor")
        for slug in ("hom", "apen-samtale")
    }
    for login in started["logins"]:
        said = answers[login["email"]]
        assert (said["sent"], said["signedIn"]) == (None, None)
        assert said["wrong"] == "otp_expired"
        assert said["own"], login
        assert said["organisations"] == [{"slug": login["slug"]}]
        assert said["copied"] == "PT401", "signed out, so a copy of the token opens nothing"


def test_a_peer_mentor_sees_the_own_certifications_alone(started: Json, answers: Json) -> None:
    mentors = [login for login in started["logins"] if login["role"] == "peer_mentor"]
    for login in mentors:
        said = answers[login["email"]]
        assert [person["full_name"] for person in said["people"]] == [login["scope"]]
        assert {row["peer_mentor_id"] for row in said["own"]} == {said["people"][0]["id"]}


def test_a_coordinator_renews(started: Json, answers: Json) -> None:
    coordinators = [login for login in started["logins"] if login["role"] == "coordinator"]
    for login in coordinators:
        said = answers[login["email"]]
        before = next(row for row in said["own"] if row["id"] == said["asked"])
        # Both are ISO 8601, whose order is that of the days.
        assert said["after"]["last_valid_day"] > before["last_valid_day"]
        last = said["history"][-1]
        assert (last["kind"], last["note"], last["actor"]["user_id"]) == (
            "renewed",
            "Diploma seen",
            login["id"],
        )
        for refused in (said["tooLate"], said["again"]):
            assert refused["code"] == "MC003", "as PostgREST says it"
            assert refused["hint"].startswith("Look at the certification again")


def test_nobody_else_gets_in(started: Json, answers: Json) -> None:
    stranger = answers["stranger"]
    assert (stranger["sent"], stranger["signUp"]) == ("otp_disabled", "signup_disabled")
    assert len(stranger["list"]) == 1
    anybody = {"apikey": "", "authorization": "Bearer x"}
    for headers in ({}, {"apikey": "sb_publishable_another"}, anybody):
        url = f"{started['url']}/rest/v1/listed_peer_mentors"
        assert httpx2.get(url, headers=headers, timeout=DEADLINE_S).status_code == 401
    elsewhere = {"host": "evil.example"}
    params = {"email": started["logins"][0]["email"]}
    codes = httpx2.get(started["codes"], params=params, headers=elsewhere, timeout=DEADLINE_S)
    assert (codes.status_code, codes.text.count(params["email"])) == (403, 0)


def test_the_pages_are_at_the_same_port(started: Json) -> None:
    email = next(login["email"] for login in started["logins"] if login["role"] == "coordinator")
    with httpx2.Client(base_url=started["url"], follow_redirects=True, timeout=DEADLINE_S) as browser:
        form = carried(browser.get("/sign-in").text)
        browser.post("/sign-in/code", data={**form, "email": email})
        code = browser.get(started["codes"], params={"email": email}).json()["code"]
        entered = browser.post("/sign-in/code/enter", data={**form, "email": email, "code": code})
        assert (entered.status_code, entered.url.path) == (200, "/overview")
    with httpx2.Client(base_url=started["url"], follow_redirects=True, timeout=DEADLINE_S) as browser:
        form = carried(browser.get("/step-in").text)
        stepped = browser.post("/step-in", data={**form, "person": started["logins"][0]["id"]})
        assert stepped.status_code == 200
        assert stepped.url.path != "/sign-in"


def test_an_app_in_a_browser_may_ask(started: Json) -> None:
    """Flutter for the web is served at another port."""
    origin = {"Origin": "http://localhost:5000"}
    asked = {
        **origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "apikey,authorization,content-profile,content-type",
    }
    for path in ("/rest/v1/rpc/renew_certification", "/auth/v1/otp"):
        url = f"{started['url']}{path}"
        before = httpx2.options(url, headers=asked, timeout=DEADLINE_S)
        assert before.is_success
        assert "content-profile" in before.headers["access-control-allow-headers"]
        answer = httpx2.post(url, json={}, headers=origin, timeout=DEADLINE_S)
        for of in (before, answer):
            assert of.headers.get_list("access-control-allow-origin") == ["*"]
