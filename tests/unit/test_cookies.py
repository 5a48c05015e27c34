"""What is kept in the browser, and what is believed of what comes back."""

import time
from dataclasses import replace

import pytest
from fastapi import Request, Response
from itsdangerous import TimestampSigner
from pydantic import SecretStr

from mentorcert.errors import CsrfError
from mentorcert.web.configuration import Auth, Configuration
from mentorcert.web.security.cookies import Cookies
from tests.support.forging import with_altered_signature

CONFIGURATION = Configuration("", SecretStr("a secret of the tests"), "http://pages.test", Auth("tests"))
OTHER = replace(CONFIGURATION, secret=SecretStr("another secret"))


def cookies(kept: str = "", configuration: Configuration = CONFIGURATION) -> Cookies:
    return Cookies(Request({"type": "http", "headers": [(b"cookie", kept.encode())]}), configuration)


def written(of: Cookies) -> str:
    """Return what a browser sends back."""
    answer = Response()
    of.write(answer)
    return "; ".join(said.partition(";")[0] for said in answer.headers.getlist("set-cookie"))


def test_what_changed_is_read_back() -> None:
    of = cookies("mentorcert-access=old; mentorcert-refresh=old")
    of["access"] = "new"
    del of["refresh"]
    assert (of["access"], of["refresh"], of["language"]) == ("new", None, None)
    assert written(of) == 'mentorcert-access=new; mentorcert-refresh=""'
    assert written(cookies("mentorcert-access=old")) == ""


def test_signed() -> None:
    first = cookies()
    first.sign("message", "Lagret: Åse; «x»")
    kept = written(first)
    assert cookies(kept).signed("message") == "Lagret: Åse; «x»"
    assert cookies(kept, OTHER).signed("message") is None
    assert cookies(kept.replace("message", "challenge")).signed("challenge") is None
    assert cookies(with_altered_signature(kept)).signed("message") is None
    for other in ("", "x", "a.b.c", "é", '"'):
        assert cookies(f"mentorcert-message={other}").signed("message") is None


def test_signed_is_good_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    first = cookies()
    first.sign("challenge", "verifier")
    kept = written(first)
    later = int(time.time()) + 3602
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: later)
    assert cookies(kept).signed("challenge") is None


def test_form_belongs_to_one_browser() -> None:
    first, second = cookies(), cookies()
    token = first.form_token()
    second.form_token()
    mine, others = written(first), written(second)
    cookies(mine).check_form(token)
    for kept, sent in (
        (mine, ""),
        (others, token),
        ("", token),
        ("mentorcert-form=", token),
        (mine, "x.y.z"),
    ):
        with pytest.raises(CsrfError):
            cookies(kept).check_form(sent)
    with pytest.raises(CsrfError):
        cookies(mine, OTHER).check_form(token)
    # Two pages of one browser, both good.
    again = cookies(mine)
    cookies(mine).check_form(again.form_token())
    assert written(again) == ""


def test_form_of_before_is_none_after() -> None:
    of = cookies()
    token = of.form_token()
    of.renew_form()
    with pytest.raises(CsrfError):
        of.check_form(token)


def test_names_and_attributes_under_tls() -> None:
    of = cookies(configuration=replace(CONFIGURATION, public_url="https://register.example.org"))
    of["language"] = "nb"
    del of["access"]
    answer = Response()
    of.write(answer)
    assert [said.lower() for said in answer.headers.getlist("set-cookie")] == [
        "__host-language=nb; httponly; max-age=31536000; path=/; samesite=lax; secure",
        '__host-access=""; httponly; max-age=0; path=/; samesite=lax; secure',
    ]
