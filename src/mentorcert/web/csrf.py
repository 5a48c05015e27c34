"""Forms come from these pages, and from the browser to which they were sent."""

from collections.abc import AsyncIterator
from typing import Final

from fastapi import Request

from mentorcert.errors import CsrfError
from mentorcert.web.security.cookies import FORM_FIELD
from mentorcert.web.security.session import cookies_of

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


async def check_form(request: Request) -> AsyncIterator[None]:
    """Raise ForgedFormError for a change that another site has the browser ask for (CSRF).

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
    token = (await request.form()).get(FORM_FIELD)
    cookies_of(request).check_form(token if isinstance(token, str) else "")
