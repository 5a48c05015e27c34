"""Logins at Supabase Auth for those who are invited: the only place that knows the service key."""

from pathlib import Path
from typing import Final, Self

import httpx2
from httpx2 import codes
from pydantic import SecretStr

from mentorcert.errors import AuthAdminError, LoginRefusedError, SettingError
from mentorcert.settings import Settings

_TIMEOUT_S: Final = 10.0
_LONGEST_KEY: Final = 10_000
# Bad request, and unprocessable: the address is not one for Auth.
_REFUSED: Final = frozenset({400, 422})
# Also where there is a login already: nobody hears which of the two it was.
_IS_THERE: Final = frozenset({"email_exists", "user_already_exists"})


class LoginMaker:
    """Sees to it that an address has a login, so that its owner can sign in by a code that is sent there."""

    def __init__(self, url: str, key: SecretStr) -> None:
        secret = key.get_secret_value()
        self._client = httpx2.Client(
            base_url=f"{url.rstrip('/')}/auth/v1",
            headers={"apikey": secret, "Authorization": f"Bearer {secret}"},
            timeout=_TIMEOUT_S,
        )

    def __enter__(self) -> Self:
        """Return the maker, whose connections end with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the connections."""
        self._client.close()

    def ensure(self, email: str) -> None:
        """Make a login for an address that has none.

        It is made without a password and its address as confirmed: nobody gets into it but by a mail to this very
        address. Raises LoginRefusedError for an address that Auth does not take, AuthAdminError for all else.
        """
        try:
            answer = self._client.post("/admin/users", json={"email": email, "email_confirm": True})
        except httpx2.HTTPError as error:
            raise AuthAdminError(
                f"Supabase Auth does not answer ({type(error).__name__}).", hint="Check SUPABASE_URL."
            ) from None
        if answer.is_success or _code_of(answer) in _IS_THERE:
            return
        if answer.status_code in _REFUSED:
            raise LoginRefusedError
        if answer.status_code in {codes.UNAUTHORIZED, codes.FORBIDDEN}:
            raise AuthAdminError(
                "Supabase Auth does not accept the service key.",
                hint="Check MENTORCERT_SERVICE_KEY_FILE, and that the key is of this project.",
            )
        raise AuthAdminError(f"Supabase Auth answers {answer.status_code}.", hint="It is tried again.")


def from_settings(settings: Settings) -> LoginMaker | None:
    """Return the maker, None without a service key; raises SettingError for a key that can't be used."""
    file = settings.service_key_file
    if file is None:
        return None
    if settings.supabase_url is None:
        raise SettingError("MENTORCERT_SERVICE_KEY_FILE is set, but not SUPABASE_URL.")
    return LoginMaker(settings.supabase_url, _key_in(file))


def _key_in(file: Path) -> SecretStr:
    try:
        with file.open(encoding="ascii") as opened:
            key = opened.read(_LONGEST_KEY).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(
            f"MENTORCERT_SERVICE_KEY_FILE cannot be read ({type(error).__name__}): {file}.",
            hint="The file holds the service key and nothing else, and only the worker's user may read it.",
        ) from None
    if not key or len(key.split()) != 1:
        raise SettingError(f"MENTORCERT_SERVICE_KEY_FILE holds no key: {file}.")
    return SecretStr(key)


def _code_of(answer: httpx2.Response) -> str | None:
    try:
        said = answer.json()
    except ValueError:
        return None
    return said.get("error_code") if isinstance(said, dict) else None
