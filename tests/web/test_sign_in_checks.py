"""What the doctor says of Supabase Auth."""

import pytest

from mentorcert.settings import Settings
from mentorcert.web.sign_in_checks import CONFIRMED, run_checks
from tests.web.auth_server import Answer, AuthServer

SETTINGS = "/auth/v1/settings"


@pytest.mark.parametrize(
    ("answer", "state", "found"),
    [
        (Answer(body={"mailer_autoconfirm": False, "disable_signup": True}), "ok", ""),
        (Answer(body={"mailer_autoconfirm": True, "disable_signup": True}), "wrong", "counts as confirmed"),
        (Answer(body={"disable_signup": True}), "wrong", "could not be checked"),
        (Answer(503, {}), "wrong", "could not be checked"),
        (Answer(body="<h1>Welcome</h1>", content_type="text/html"), "wrong", "could not be checked"),
    ],
)
def test_addresses_must_be_confirmed(supabase: AuthServer, answer: Answer, state: str, found: str) -> None:
    supabase.answers[SETTINGS] = [answer]
    environment = Settings.model_validate({"SUPABASE_URL": f"{supabase.url}/", "SUPABASE_KEY": "publishable"})
    (finding,) = run_checks(environment)
    assert (finding.check, finding.state) == (CONFIRMED, state)
    assert found in finding.found
    assert [asked.path for asked in supabase.asked] == [SETTINGS]


def test_nothing_is_asked_where_nothing_is_set() -> None:
    assert list(run_checks(Settings.model_validate({}))) == []
