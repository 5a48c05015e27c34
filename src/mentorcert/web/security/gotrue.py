"""Supabase Auth over HTTP: signs people in by password, code or link, and keeps them signed in."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from httpx2 import codes
from pydantic import BaseModel, ConfigDict, ValidationError

from mentorcert.errors import SignInRefusedError, SignInUnavailableError, TooManyAttemptsError
from mentorcert.web.configuration import Auth

_TIMEOUT_S: Final = 10.0


class _ProjectSettings(BaseModel):
    """What Auth publishes of its settings; `mailer_autoconfirm` stands for confirmations that are switched off."""

    mailer_autoconfirm: bool


class Tokens(BaseModel):
    """The tokens of a session at Supabase Auth."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    access_token: str
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """A link by mail works only in the browser that asked for it: it knows the verifier (PKCE, RFC 7636)."""

    verifier: str

    @property
    def digest(self) -> str:
        """The part that is sent with the request for a link."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    @classmethod
    def new(cls) -> "Challenge":
        """Draw a challenge."""
        return cls(secrets.token_urlsafe(48))


class GoTrue:
    """A client of one project's Auth; any number of threads may use it.

    Every method raises SignInRefusedError where what was given is wrong, TooManyAttemptsError, and
    SignInUnavailableError where there is no answer to go by.
    """

    def __init__(self, auth: Auth, transport: httpx2.BaseTransport | None = None) -> None:
        self._client = httpx2.Client(
            base_url=f"{auth.url}/auth/v1",
            headers={"apikey": auth.public_key},
            timeout=_TIMEOUT_S,
            transport=transport,
        )

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def sign_in(self, email: str, password: str) -> Tokens:
        """Sign in by password."""
        return self._tokens("/token?grant_type=password", {"email": email, "password": password})

    def send_code(self, email: str, challenge: Challenge, return_to: str) -> bool:
        """Mail a code and a link, if the address has a login; the answer is the same if it has none.

        False where a mail went out a moment ago, to this browser or another: its code is good.
        """
        try:
            self._post(
                "/otp",
                {
                    "email": email,
                    "create_user": False,
                    "code_challenge": challenge.digest,
                    "code_challenge_method": "s256",
                },
                params={"redirect_to": return_to},
            )
        except SignInRefusedError:
            return True
        except TooManyAttemptsError:
            # Refused to known addresses alone, and more often than once a minute: it must not show here.
            return False
        return True

    def enter_code(self, email: str, code: str) -> Tokens:
        """Sign in by the code of the mail."""
        return self._tokens("/verify", {"type": "email", "email": email, "token": code})

    def follow_link(self, code: str, challenge: Challenge) -> Tokens:
        """Sign in by the link of the mail."""
        return self._tokens(
            "/token?grant_type=pkce", {"auth_code": code, "code_verifier": challenge.verifier}
        )

    def refresh(self, refresh_token: str) -> Tokens:
        """Return new tokens for those that have expired."""
        return self._tokens("/token?grant_type=refresh_token", {"refresh_token": refresh_token})

    def sign_out(self, access_token: str) -> None:
        """End the session at Supabase; ours ends whether it answers or not."""
        try:
            self._post("/logout?scope=local", {}, headers={"Authorization": f"Bearer {access_token}"})
        except (SignInRefusedError, SignInUnavailableError, TooManyAttemptsError):
            return

    def confirms_addresses(self) -> bool:
        """Return whether an address counts only once its owner has answered a mail."""
        try:
            answer = self._client.get("/settings").raise_for_status()
            return not _ProjectSettings.model_validate_json(answer.content).mailer_autoconfirm
        except (httpx2.HTTPError, ValidationError):
            raise SignInUnavailableError(
                hint="See SUPABASE_URL and SUPABASE_KEY, and the project's status."
            ) from None

    def _tokens(self, path: str, body: dict[str, Any]) -> Tokens:
        try:
            return Tokens.model_validate_json(self._post(path, body).content)
        except ValidationError:
            raise SignInUnavailableError(hint="Try again in a minute.") from None

    def _post(self, path: str, body: dict[str, Any], **more: Any) -> httpx2.Response:
        try:
            answer = self._client.post(path, json=body, **more)
        except httpx2.HTTPError:
            raise SignInUnavailableError(hint="Try again in a minute.") from None
        if answer.status_code == codes.TOO_MANY_REQUESTS:
            raise TooManyAttemptsError(hint="Wait a few minutes.")
        if answer.is_client_error and answer.status_code != codes.UNAUTHORIZED and _is_json(answer):
            raise SignInRefusedError
        if not answer.is_success:
            # Also where our key is refused, or a proxy answers: the input may be right.
            raise SignInUnavailableError(hint="Try again in a minute.")
        return answer


def _is_json(answer: httpx2.Response) -> bool:
    return str(answer.headers.get("content-type")).startswith("application/json")
