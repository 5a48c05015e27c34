"""The reader's language: chosen on any page; a form that is shown again keeps what was typed."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Json

from mentorcert.organisations import form_drafts
from mentorcert.translations import Language
from mentorcert.web.context import CurrentMember
from mentorcert.web.csrf import SentForm
from mentorcert.web.kept_form import again_page
from mentorcert.web.security.session import cookies_of
from mentorcert.web.sign_in import local_path

router = APIRouter()


@router.post("/language")
def choose_language(
    request: Request, language: Annotated[Language, Form()], back: Annotated[str, Form(max_length=2000)] = "/"
) -> Response:
    """Remember the reader's language."""
    cookies_of(request)["language"] = language
    return RedirectResponse(local_path(back), 303)


@router.post("/language/form")
def choose_language_of_form(
    context: CurrentMember,
    language: Annotated[Language, Form()],
    path: Annotated[str, Form(max_length=200)],
    typed: Annotated[list[Json[tuple[str, str]]], Form()],
) -> Response:
    """Remember the reader's language, and what was sent to an address that shows its form again."""
    context.cookies["language"] = language
    path = local_path(path)
    draft_id = form_drafts.keep(context.conn, context.member()[1].id, path, typed)
    return context.redirect(f"/language/form?{urlencode({'path': path, 'draft': draft_id})}")


@router.get("/language/form")
def form_in_language(context: CurrentMember, path: str = "/", draft: UUID | None = None) -> Response:
    """Offer what was sent, to go on with it in the other language."""
    path = local_path(path)
    found = form_drafts.find(context.conn, draft, path) if draft else None
    user, organisation = context.member()
    if found is None or found.organisation_id != organisation.id:
        return context.redirect("/")
    form = SentForm(organisation.id, user.id, found.fields, switches=False)
    return again_page(context.request, path, form, in_language=True)
