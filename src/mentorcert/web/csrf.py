"""CSRF protection: a form must come from these pages, in the browser to which they were sent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from fastapi import Request

from mentorcert.errors import CsrfError
from mentorcert.web.security.cookies import FORM_FIELD
from mentorcert.web.security.session import cookies_of

SWITCH_FIELD: Final = "switch_organisation"
# Stands in a form for the file that it had.
FILE_AGAIN_FIELD: Final = "file_again"
_OWN: Final = frozenset({FORM_FIELD, SWITCH_FIELD})
# What is sent there is no work of anybody, or holds a password.
NO_WORK: Final = ("/sign-in", "/sign-out", "/step-in", "/language", "/organisation")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form as sent, where and by whom it was opened, and whether to change over to that organisation."""

    organisation_id: UUID | None
    user_id: UUID | None
    fields: list[tuple[str, str]]
    switches: bool

    @property
    def has_file(self) -> bool:
        """Whether a file was with it, which must be chosen again."""
        return any(name == FILE_AGAIN_FIELD for name, _ in self.fields)


async def check_form(request: Request) -> AsyncIterator[None]:
    """Raise CsrfError for a change that another site makes the browser request.

    The API takes no cookies, so there is nothing to forge.
    """
    try:
        if request.method not in _SAFE_METHODS and not request.url.path.startswith("/api/"):
            await _check_form(request)
        yield
    finally:
        # With the files that came along.
        await request.close()


async def _check_form(request: Request) -> None:
    # What browsers say of themselves, and no script can change.
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise CsrfError(hint="Open the page itself and send the form from there.")
    sent = await request.form()
    found = sent.get(FORM_FIELD)
    token = found if isinstance(found, str) else ""
    cookies = cookies_of(request)
    # Also of a form that is refused here: it is offered again.
    origin = cookies.origin_of_form(token)
    typed = [
        (name, value) for name, value in sent.multi_items() if isinstance(value, str) and name not in _OWN
    ]
    if any(not isinstance(value, str) and value.filename for value in sent.values()):
        typed.append((FILE_AGAIN_FIELD, "true"))
    request.state.sent_form = SentForm(
        origin.organisation_id, origin.user_id, typed, switches=SWITCH_FIELD in sent
    )
    cookies.check_form(token)
    if cookies["kept"] and not request.url.path.startswith(NO_WORK):
        # It is sent again, or the person went on with something else.
        del cookies["kept"]
