"""A form that was sent when the session or the form itself had ended: it is kept, to be sent once more."""

import json
from typing import Final
from uuid import UUID

from fastapi import Request, Response

from mentorcert.web.context import address, csrf_field, render
from mentorcert.web.csrf import NO_WORK, SentForm
from mentorcert.web.security.cookies import Cookies
from mentorcert.web.security.session import cookies_of

# Browsers keep 4096 bytes of a cookie with its name and attributes. Text is compressed in it.
_LARGEST: Final = 3800


def keep(request: Request) -> bool:
    """Keep the form of a request in the browser of the one whose session has ended, if it is small enough."""
    form = work_of(request)
    if form is None or form.user_id is None:
        return False
    kept = [address(request), str(form.user_id), str(form.organisation_id or ""), form.fields]
    return cookies_of(request).sign_up_to("kept", json.dumps(kept), _LARGEST)


def session_ended(request: Request) -> Response | None:
    """Return a page that holds a form too large for a cookie until the person is signed in again."""
    form = work_of(request)
    return again_page(request, address(request), form, status=401) if form and form.user_id else None


def kept_in(cookies: Cookies, user_id: UUID | None) -> tuple[str, SentForm] | None:
    """Return what this user sent when the session had ended, and where to; nobody else's."""
    if user_id is None or not (text := cookies.signed("kept")):
        return None
    path, sender, organisation_id, fields = json.loads(text)
    if sender != str(user_id):
        return None
    organisation = UUID(organisation_id) if organisation_id else None
    return path, SentForm(organisation, user_id, fields, switches=False)


def expired_form(request: Request) -> Response | None:
    """Return the page that sends an expired form once more; None unless the browser says that it came from here."""
    form = work_of(request)
    if form is None or request.headers.get("sec-fetch-site") != "same-origin":
        return None
    return again_page(request, address(request), form, status=403)


def again_page(
    request: Request, path: str, form: SentForm, *, status: int = 200, in_language: bool = False
) -> Response:
    """Return a page whose only form sends this one once more."""
    bound = csrf_field(cookies_of(request), form.organisation_id, form.user_id)
    return render(
        request,
        "send_again.html",
        status=status,
        target=path,
        form=form,
        bound=bound,
        in_language=in_language,
    )


def work_of(request: Request) -> SentForm | None:
    """Return the form that a request sent; None where it is nobody's work."""
    form: SentForm | None = getattr(request.state, "sent_form", None)
    return None if request.url.path.startswith(NO_WORK) else form
