"""Which of the two languages a reader gets."""

import pytest
from fastapi import Request
from pydantic import SecretStr

from mentorcert.web.configuration import Auth, Configuration
from mentorcert.web.rendering.languages import language_of
from mentorcert.web.security.cookies import Cookies

CONFIGURATION = Configuration("", SecretStr("secret"), "http://pages.test", Auth("tests"))


def language(*, query: str = "", cookie: str = "", header: str = "") -> str:
    headers = {"cookie": f"mentorcert-language={cookie}", "accept-language": header}
    request = Request(
        {
            "type": "http",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    return language_of(request, Cookies(request, CONFIGURATION))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "nb"),
        ("en", "en"),
        ("en-US,en;q=0.9", "en"),
        ("nb-NO", "nb"),
        ("nn-NO,nn;q=0.9,en;q=0.8", "nb"),
        ("no", "nb"),
        ("de-DE,de;q=0.9,en;q=0.5", "en"),
        ("de, fr", "nb"),
        ("en;q=0.3, nb;q=0.7", "nb"),
        ("en; q=0.9, nb; q=0.1", "en"),
        ("nb ;q=0.1 , en", "en"),
        ("EN-gb", "en"),
        ("*", "nb"),
        ("en;q=often", "nb"),
        ("en;q=nan", "en"),
        ("../../etc/passwd", "nb"),
        ("x" * 10_000, "nb"),
        ("," * 10_000 + "en", "nb"),
        ("\u0000;q=1,en;q=0.1", "en"),
    ],
)
def test_what_the_browser_prefers(header: str, expected: str) -> None:
    assert language(header=header) == expected


def test_what_is_said_goes_before_what_is_preferred() -> None:
    assert language(query="language=en", cookie="nb", header="nb") == "en"
    assert language(cookie="en", header="nb") == "en"
    assert language(query="language=ru", cookie="en", header="nb") == "nb"
    assert language(cookie="../../x", header="en") == "en"
