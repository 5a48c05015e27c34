"""The form of a peer mentor's own details, for the person and for the coordinators of the chapters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Response
from pydantic import Field

from mentorcert.organisations import contacts
from mentorcert.organisations.peer_mentors import PeerMentor
from mentorcert.translatable import LazyText
from mentorcert.web.context import RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.fields import Line
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened

DETAIL_REFUSALS: Final[Mapping[str, Refusal]] = {
    "peer_mentors_display_name_characters": unreadable("display_name"),
    "peer_mentors_display_name_length": too_long("display_name"),
    "peer_mentors_email_valid": Refusal(
        "email", LazyText("Write one e-mail address, such as kari@example.org.")
    ),
    "peer_mentors_email_length": too_long("email"),
    "peer_mentors_phone_valid": Refusal("phone", LazyText("Write a telephone number in digits.")),
    "peer_mentors_phone_length": too_long("phone"),
    "peer_mentors_language_valid": Refusal("language", LazyText("Choose a language from the list.")),
}

_LABELS: Final[Mapping[str, LazyText]] = {
    "display_name": LazyText("Name on the public list"),
    "email": LazyText("E-mail"),
    "phone": LazyText("Phone"),
    "language": LazyText("Language of mails"),
}
LANGUAGES: Final[Mapping[str, LazyText]] = {"nb": LazyText("Norwegian"), "en": LazyText("English")}


class ContactForm(VersionedForm):
    """The details as the form sends them."""

    display_name: Line = None
    email: Line = None
    phone: Line = None
    language: str = Field("nb", max_length=10)


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Where the form stands: its address, where one goes from it, and what says that it is saved."""

    action: str
    back: str
    notice: str
    template: str

    def show(self, context: RequestContext, mentor: PeerMentor) -> Response:
        """Show the form with what is written now."""
        return self._page(context, mentor, opened(context, _form_of(mentor), mentor.version))

    def save(self, context: RequestContext, mentor: PeerMentor, form: ContactForm) -> Response:
        """Write what this person changed, unless somebody else changed something meanwhile."""
        if errors := form.faults(context):
            return self._page(context, mentor, form, errors)

        def write(name: str, value: Any) -> str:
            return str(context._(LANGUAGES.get(value, value))) if name == "language" else str(value)

        now = merged(context, form, _form_of(mentor), mentor.version, labels=_LABELS, write=write)
        if now is not None:
            return self._page(context, mentor, now.form, differences=now.differences)
        details = contacts.OwnDetails(form.display_name, form.email, form.phone, form.language)
        with field_errors(context, DETAIL_REFUSALS) as errors:
            contacts.change(context.conn, mentor.id, details, version=mentor.version)
        if errors:
            return self._page(context, mentor, form, errors)
        return context.redirect(self.back, notice=self.notice)

    def _page(
        self,
        context: RequestContext,
        mentor: PeerMentor,
        form: ContactForm,
        errors: Mapping[str, str] | None = None,
        differences: Sequence[Difference] = (),
    ) -> Response:
        return context.page(
            self.template,
            status=409 if differences else 422 if errors else 200,
            mentor=mentor,
            form=form,
            errors=errors or {},
            differences=differences,
            languages=[(code, context._(name)) for code, name in LANGUAGES.items()],
            action=self.action,
            back=self.back,
        )


def _form_of(mentor: PeerMentor) -> ContactForm:
    return ContactForm(
        display_name=mentor.display_name, email=mentor.email, phone=mentor.phone, language=mentor.language
    )
