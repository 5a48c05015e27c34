"""The own chapters: where the public reaches them, and which places they serve."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Query, Response
from pydantic import Field

from mentorcert.errors import MissingRightError
from mentorcert.organisations import chapter_contacts
from mentorcert.organisations.chapter_contacts import ChapterContact, Contact
from mentorcert.translatable import LazyText
from mentorcert.web.chapter_list import ChapterQuery, chapter_list
from mentorcert.web.context import CurrentCoordinator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_LIST: Final = "/chapters"
_PLACES: Final = LazyText("Write at most 100 places, each at most 100 characters long.")
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "chapters_contact_email_valid": Refusal(
        "contact_email", LazyText("Write an e-mail address such as chapter@example.org.")
    ),
    "chapters_contact_email_length": too_long("contact_email"),
    "chapters_contact_phone_valid": Refusal("contact_phone", LazyText("Write a telephone number.")),
    "chapters_contact_phone_length": too_long("contact_phone"),
    "chapters_website_valid": Refusal(
        "website", LazyText("Write the whole address, such as https://example.org/chapter.")
    ),
    "chapters_website_length": too_long("website"),
    "chapters_places_valid": Refusal("places", _PLACES),
    "chapters_places_length": Refusal("places", _PLACES),
}
_LABELS: Final[Mapping[str, LazyText]] = {
    "contact_email": LazyText("E-mail"),
    "contact_phone": LazyText("Phone"),
    "website": LazyText("Web page"),
    "places": LazyText("Postal places and codes"),
}


class ContactForm(VersionedForm):
    """A contact as its form sends it; a place on each line."""

    contact_email: str = Field("", max_length=1000)
    contact_phone: str = Field("", max_length=1000)
    website: str = Field("", max_length=1000)
    places: str = Field("", max_length=20_000)

    def contact(self) -> Contact:
        """Return what is written."""
        return Contact(
            self.contact_email, self.contact_phone, self.website, self.places.replace(",", "\n").splitlines()
        )


@router.get(_LIST)
def show(context: CurrentCoordinator, query: Annotated[ChapterQuery, Query()]) -> Response:
    """Show the chapters within reach, or what is searched for in them, and what is written of each."""
    every = chapter_contacts.within_reach(context.conn)
    # A county stands before what lies under it.
    every.sort(key=lambda one: one.above is not None)
    return context.page(
        "coordinator/chapters.html",
        query=query,
        chapters=chapter_list(every, query, lambda one: one.above or one.name, context._("Other chapters")),
    )


@router.get("/chapters/{chapter_id}")
def edit(context: CurrentCoordinator, chapter_id: UUID) -> Response:
    """Show the form of a chapter's contact."""
    chapter = _find(context, chapter_id)
    return _page(context, chapter, opened(context, _form_of(chapter), chapter.version))


@router.post("/chapters/{chapter_id}")
def change(context: CurrentCoordinator, chapter_id: UUID, form: Annotated[ContactForm, Form()]) -> Response:
    """Write a chapter's contact, unless somebody else did meanwhile."""
    return retried(lambda: _change(context, chapter_id, form))


def _change(context: RequestContext, chapter_id: UUID, form: ContactForm) -> Response:
    chapter = _find(context, chapter_id)

    now = merged(context, form, _form_of(chapter), chapter.version, labels=_LABELS)
    if now is not None:
        return _page(context, chapter, now.form, differences=now.differences)
    with field_errors(context, _REFUSALS) as errors:
        saved = context.ahead(chapter_contacts.save, chapter, form.contact())
    if errors:
        return _page(context, chapter, form, errors)
    saved.value  # noqa: B018 raises what was refused
    return context.redirect(_LIST, notice=context._("The contact of %(name)s is saved.", name=chapter.name))


def _find(context: RequestContext, chapter_id: UUID) -> ChapterContact:
    for chapter in chapter_contacts.within_reach(context.conn):
        if chapter.id == chapter_id:
            return chapter
    raise MissingRightError


def _form_of(chapter: ChapterContact) -> ContactForm:
    return ContactForm(
        contact_email=chapter.contact_email or "",
        contact_phone=chapter.contact_phone or "",
        website=chapter.website or "",
        places="\n".join(chapter.places),
    )


def _page(
    context: RequestContext,
    chapter: ChapterContact,
    form: ContactForm,
    errors: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    return context.page(
        "coordinator/chapter.html",
        status=409 if differences else 422 if errors else 200,
        chapter=chapter,
        form=form,
        errors=errors or {},
        differences=differences,
    )
