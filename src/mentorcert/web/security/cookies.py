"""What the pages keep in the browser: the session, the form's secret, the language, one message."""

import secrets
from typing import Final, Literal

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from mentorcert.errors import CsrfError
from mentorcert.web.configuration import Configuration

Name = Literal["access", "refresh", "form", "message", "challenge", "language", "organisation"]

_DAY_S: Final = 24 * 3600
_AGE_S: Final[dict[Name, int | None]] = {
    # None: until the browser ends. What was signed out of does not come back.
    "access": None,
    "refresh": None,
    "form": None,
    "message": 60,
    "challenge": 3600,
    "language": 365 * _DAY_S,
    "organisation": 365 * _DAY_S,
}
_FORM_AGE_S: Final = 12 * 3600
FORM_FIELD: Final = "form"


class Cookies:
    """The cookies of one request, and those to set with its answer."""

    def __init__(self, request: Request, configuration: Configuration) -> None:
        self._request = request
        self._is_secure = configuration.is_secure
        self._signer = URLSafeTimedSerializer(configuration.secret.get_secret_value())
        self._changes: dict[Name, str | None] = {}

    def __getitem__(self, name: Name) -> str | None:
        """Return a cookie as it will be after this request."""
        return self._changes[name] if name in self._changes else self._request.cookies.get(self._named(name))

    def __setitem__(self, name: Name, value: str) -> None:
        """Set a cookie with the answer."""
        self._changes[name] = value

    def __delitem__(self, name: Name) -> None:
        """Remove a cookie with the answer."""
        self._changes[name] = None

    def signed(self, name: Name) -> str | None:
        """Return what was signed by `sign`, None where it was not, or is too old."""
        try:
            value: str = self._signer.loads(self[name] or "", max_age=_AGE_S[name], salt=name)
        except BadSignature:
            return None
        return value

    def sign(self, name: Name, value: str) -> None:
        """Set a cookie that nobody else can make."""
        self[name] = str(self._signer.dumps(value, salt=name))

    def form_token(self) -> str:
        """Return what a form must send along; it belongs to this browser and this sign-in."""
        secret = self["form"]
        if not secret:
            secret = self.renew_form()
        return str(self._signer.dumps(secret, salt=FORM_FIELD))

    def renew_form(self) -> str:
        """Draw a new secret, so that no form of before a sign-in or sign-out is taken after it."""
        secret = secrets.token_urlsafe(16)
        self["form"] = secret
        return secret

    def check_form(self, token: str) -> None:
        """Raise ForgedFormError unless the form came from here, to this browser, within twelve hours."""
        try:
            secret = self._signer.loads(token, max_age=_FORM_AGE_S, salt=FORM_FIELD)
        except BadSignature:
            secret = None
        known = self["form"]
        if not known or not isinstance(secret, str) or not secrets.compare_digest(secret, known):
            raise CsrfError(hint="Go back, load the page again, and send the form once more.")

    def write(self, response: Response) -> None:
        """Set and remove on the answer what has changed."""
        for name, value in self._changes.items():
            response.set_cookie(
                self._named(name),
                value or "",
                max_age=0 if value is None else _AGE_S[name],
                secure=self._is_secure,
                httponly=True,
                samesite="lax",
            )

    def _named(self, name: Name) -> str:
        # A browser takes such a name only by TLS, from this very host, for all of it.
        return f"__Host-{name}" if self._is_secure else f"mentorcert-{name}"
