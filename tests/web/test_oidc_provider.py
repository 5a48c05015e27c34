"""Signing in by a certified OpenID Connect provider, over real HTTP: node-oidc-provider."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_urlsafe
from typing import Final
from urllib.parse import urljoin

import httpx2
import pytest
from pydantic import SecretStr

from mentorcert.db.connection import Connection
from mentorcert.web.configuration import Configuration, OidcProvider
from mentorcert.web.security import tokens
from tests.support.processes import DEADLINE_S, Child, start
from tests.support.registry import Organisation
from tests.web.conftest import form_token, hidden, opened
from tests.web.live import running, url_of

_ROOT: Final = Path(__file__).parents[2]
_IS_MISSING: Final = not (_ROOT / "node_modules/oidc-provider").exists() or shutil.which("node") is None
CLIENT: Final = "pages: of the house"
# RFC 6749 (2.3.1) has these encoded in the header of HTTP Basic, which decodes as something else otherwise.
SECRET: Final = f"a+b %41:/{token_urlsafe()}"

pytestmark = pytest.mark.skipif(
    _IS_MISSING and "CI" not in os.environ,
    reason="oidc-provider is not installed: it needs Node.js and `npm ci`",
)


@dataclass(frozen=True, slots=True)
class House:
    """The provider as a process, and the pages that are a client of it."""

    process: Child
    issuer: str
    pages: str

    def order(self, what: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        assert self.process.line() == "done\n"


@dataclass(frozen=True, slots=True)
class Browser:
    """Follows redirects and fills in the provider's forms; keeps cookies of both hosts apart by their names."""

    client: httpx2.Client
    house: House

    def go(self, url: str) -> httpx2.Response:
        """Open a page of ours or the provider's, up to the return to our pages, which is not followed."""
        answer = self.client.get(url)
        while answer.is_redirect and not self._is_return(answer):
            answer = self.client.get(urljoin(str(answer.url), answer.headers["location"]))
        return answer

    def agree(self, account: str) -> str:
        """Sign in at the provider as an account, and let it name the person; return the way back."""
        answer = self.go(f"{self.house.pages}/sign-in/oidc?next=/overview")
        for prompt in ("login", "consent"):
            if self._is_return(answer):
                break  # the provider remembers what was agreed to
            assert hidden(answer.text, "prompt") == prompt, answer.text
            answer = self.client.post(
                str(answer.url), data={"prompt": prompt, "login": account, "password": "any"}
            )
            if not self._is_return(answer):
                answer = self.go(urljoin(str(answer.url), answer.headers["location"]))
        return answer.headers["location"]

    def sign_in(self, account: str = "kari") -> httpx2.Response:
        return self.client.get(self.agree(account))

    def is_signed_in(self) -> bool:
        return self.client.get(f"{self.house.pages}/organisation").status_code != httpx2.codes.SEE_OTHER

    def _is_return(self, answer: httpx2.Response) -> bool:
        return answer.headers.get("location", "").startswith(self.house.pages)


@contextmanager
def _house(configuration: Configuration, secret: str = SECRET) -> Iterator[House]:
    """Run the provider, and the pages with this secret, until the end of the block."""
    listener = socket.create_server(("127.0.0.1", 0))
    pages = url_of(listener)
    client = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "redirect_uris": [f"{pages}/sign-in/oidc/return"],
        "post_logout_redirect_uris": [f"{pages}/sign-in"],
    }
    given = json.dumps({"client": client, "cookieKey": token_urlsafe()})
    program = Path(__file__).with_name("oidc_provider.mjs")
    with start("node", program, given, env=dict(os.environ), stdin=subprocess.PIPE) as process:
        issuer = process.line().strip()
        assert issuer, process.communicate()
        oidc = OidcProvider(issuer, CLIENT, SecretStr(secret), name="Our House")
        ours = replace(configuration, public_url=pages, oidc=oidc)
        with opened(replace(ours, auth=ours.oidc_sessions)) as site, running(site.app, listener):
            yield House(process, issuer, pages)


@pytest.fixture
def house(configuration: Configuration) -> Iterator[House]:
    """The provider and the pages, which fit."""
    with _house(configuration) as house:
        yield house


@pytest.fixture
def _keys_are_fetched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_FETCH_AGAIN_S", 0.0)


@contextmanager
def _browser(house: House) -> Iterator[Browser]:
    with httpx2.Client(timeout=DEADLINE_S, headers={"accept-language": "en"}) as client:
        yield Browser(client, house)


def test_there_and_back(house: House, organisation: Organisation, conn: Connection) -> None:
    """By PKCE, state and nonce; the address comes from the userinfo endpoint, as the standard has it."""
    conn.execute("update auth.users set email = 'kari@example.org' where id = %s", (organisation.admin,))
    with _browser(house) as browser, _browser(house) as another:
        back = browser.agree("kari")
        refused = another.client.get(back)
        assert (refused.status_code, another.is_signed_in()) == (422, False), "of another browser"
        answer = browser.client.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/overview")
        assert browser.go(f"{house.pages}/overview").status_code == 200
        assert browser.client.get(back).status_code == 422, "once"

        page = browser.go(f"{house.pages}/overview")
        left = browser.client.post(f"{house.pages}/sign-out", data={"form": form_token(page.text)})
        page = browser.go(urljoin(house.pages, left.headers["location"]))
        out = page.text.partition(f'href="{house.issuer}')[2].partition('"')[0].replace("&amp;", "&")
        form = browser.client.get(f"{house.issuer}{out}")
        assert form.status_code == 200, form.text
        done = browser.client.post(
            f"{house.issuer}/session/end/confirm", data={"xsrf": hidden(form.text, "xsrf"), "logout": "yes"}
        )
        assert done.headers["location"].startswith(f"{house.pages}/sign-in")
        again = browser.go(f"{house.pages}/sign-in/oidc")
        assert hidden(again.text, "prompt") == "login", "signed out at the provider too"


def test_address_that_nobody_verified(house: House, conn: Connection) -> None:
    with _browser(house) as browser:
        answer = browser.sign_in("anyone")
        assert (answer.status_code, "has been verified" in answer.text) == (422, True)
        assert not browser.is_signed_in()
    assert conn.execute("select count(*) from mentorcert_private.oidc_identities").fetchone() == (0,)


def test_wrong_secret(configuration: Configuration, caplog: pytest.LogCaptureFixture) -> None:
    """The reader is asked to wait, and the log which setting to compare, without what it holds."""
    with _house(configuration, "wrong") as house, _browser(house) as browser:
        answer = browser.sign_in()
        assert (answer.status_code, browser.is_signed_in()) == (503, False)
    assert (
        "invalid_client: compare MENTORCERT_OIDC_CLIENT_ID and MENTORCERT_OIDC_CLIENT_SECRET" in caplog.text
    )
    assert not any(word in caplog.text for word in (SECRET, "wrong", "kari"))


@pytest.mark.usefixtures("_keys_are_fetched_at_once")
def test_rotated_keys(house: House) -> None:
    """Those of another kind too; a token by keys that are no longer published opens nothing."""
    for algorithm in ("RS256", "ES256", "RS256"):
        house.order(f"sign_by {algorithm}")
        with _browser(house) as browser:
            assert (browser.sign_in().status_code, browser.is_signed_in()) == (303, True), algorithm


@pytest.mark.parametrize("seconds", [2 * 3600, -2 * 3600])
def test_clocks_that_differ(house: House, seconds: int) -> None:
    """A token that has expired, and one of tomorrow."""
    with _browser(house) as browser:
        back = browser.agree("kari")
        house.order(f"clock_behind {seconds}")
        answer = browser.client.get(back)
        assert (answer.status_code, "The clock" in answer.text) == (422, True)
        assert not browser.is_signed_in()
