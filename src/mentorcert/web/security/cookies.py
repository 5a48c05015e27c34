"""The cookies: the session, the secret of the forms, the language, one message, who has signed in here, what is shown again."""

import secrets
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from fastapi import Request, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer

from mentorcert.errors import CsrfError
from mentorcert.web.configuration import Configuration

Name = Literal[
    "access",
    "refresh",
    "form",
    "message",
    "challenge",
    "language",
    "organisation",
    "browser",
    "kept",
    "oidc",
    "batch",
    "feed",
    "address",
]

_DAY_S: Final = 24 * 3600
_AGE_S: Final[dict[Name, int | None]] = {
    # None: until the browser is closed.
    "access": None,
    "refresh": None,
    "form": None,
    "message": 60,
    "batch": 600,
    "feed": 600,
    "challenge": 3600,
    "address": 3600,
    "language": 365 * _DAY_S,
    "organisation": 365 * _DAY_S,
    "browser": 365 * _DAY_S,
    "kept": 3600,
    # No longer than the state is remembered as used.
    "oidc": 300,
}
_FORM_AGE_S: Final = 12 * 3600
FORM_FIELD: Final = "form"


@dataclass(frozen=True, slots=True)
class Origin:
    """The organisation in which a form was opened, and who opened it; None where it belongs to none."""

    organisation_id: UUID | None = None
    user_id: UUID | None = None


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
        """Return a value that `sign` set; None for any other, and for one that is too old."""
        try:
            value: str = self._signer.loads(self[name] or "", max_age=_AGE_S[name], salt=name)
        except BadSignature:
            return None
        return value

    def sign(self, name: Name, value: str) -> None:
        """Set a signed cookie."""
        self[name] = str(self._signer.dumps(value, salt=name))

    def sign_up_to(self, name: Name, value: str, size: int) -> bool:
        """Set a signed cookie, unless it gets larger than `size` bytes; return whether it is set."""
        is_small = len(signed := str(self._signer.dumps(value, salt=name))) <= size
        if is_small:
            self[name] = signed
        return is_small

    def form_token(self, organisation_id: UUID | None = None, user_id: UUID | None = None) -> str:
        """Return the token that a form must send: for this browser, this sign-in, an organisation and a user."""
        secret = self["form"]
        if not secret:
            secret = self.renew_form()
        return self.seal(f"{secret} {organisation_id or ''} {user_id or ''}", FORM_FIELD)

    def seal(self, value: object, purpose: str) -> str:
        """Return a value for a form to carry, signed; it can be read, not changed."""
        return str(self._signer.dumps(value, salt=purpose))

    def unseal(self, sealed: str, purpose: str) -> Any:
        """Return what `seal` was given for this purpose; None for anything else, and after twelve hours."""
        try:
            return self._signer.loads(sealed, max_age=_FORM_AGE_S, salt=purpose)
        except BadSignature:
            return None

    def renew_form(self) -> str:
        """Draw a new secret: forms from before a sign-in or sign-out are not accepted after it."""
        secret = secrets.token_urlsafe(16)
        self["form"] = secret
        return secret

    def check_form(self, token: str) -> None:
        """Raise CsrfError unless the form came from here, to this browser, within twelve hours."""
        secret, _, _ = str(self.unseal(token, FORM_FIELD) or "").partition(" ")
        known = self["form"]
        if not known or not secrets.compare_digest(secret, known):
            raise CsrfError(hint="Go back, load the page again, and send the form once more.")

    def origin_of_form(self, token: str) -> Origin:
        """Return where and by whom a form was opened, however long ago; nothing where it is none of ours."""
        try:
            _, *ids = str(self._signer.loads(token, salt=FORM_FIELD)).split(" ")
        except BadSignature:
            ids = []
        return Origin(*(UUID(id_) if id_ else None for id_ in ids))

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
        # Browsers accept this prefix only over TLS, from the host itself, for the whole host.
        return f"__Host-{name}" if self._is_secure else f"mentorcert-{name}"
