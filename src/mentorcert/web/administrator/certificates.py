"""Certificates: logo and signatory of the organisation, and what those of a type say."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from pydantic import Field

from mentorcert.certifications import certificates
from mentorcert.certifications.certificates import Text, TypeText
from mentorcert.translatable import LazyText
from mentorcert.web.administrator.logos import LONGEST, LogoError, drawn_again
from mentorcert.web.context import CurrentAdministrator, RequestContext
from mentorcert.web.field_errors import Refusal, field_errors, too_long, unreadable
from mentorcert.web.file_field import FileAgain, SentFile, again
from mentorcert.web.form_versions import Difference, VersionedForm, merged, opened, retried

router = APIRouter()

_PAGE: Final = "/admin/certificates"
_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certificate_designs_signatory_characters": unreadable("signatory"),
    "certificate_designs_signatory_length": too_long("signatory"),
    "certificate_designs_signatory_valid": Refusal("signatory", LazyText("Write who signs.")),
    "certificate_designs_logo_length": too_long("logo"),
}
_TYPE_REFUSALS: Final[Mapping[str, Refusal]] = {
    "certification_types_certificate_characters": unreadable("certificate_nb"),
    "certification_types_certificate_length": too_long("certificate_nb"),
    "certification_types_certificate_valid": Refusal(
        "certificate_nb", LazyText("Write the sentence in both languages, or in none.")
    ),
}
_LABELS: Final[Mapping[str, LazyText]] = {
    "gives_certificate": LazyText("Gives a certificate"),
    "certificate_nb": LazyText("Norwegian sentence"),
    "certificate_en": LazyText("English sentence"),
}


@router.get(_PAGE)
def edit(context: CurrentAdministrator) -> Response:
    """Show the form of the design."""
    return _design_page(context)


@router.get("/admin/certificates/logo.png")
def logo(context: CurrentAdministrator) -> Response:
    """Show the logo."""
    design = certificates.design(context.conn)
    if design is None or design.logo is None:
        return Response(status_code=404)
    return Response(design.logo, media_type="image/png")


@router.post(_PAGE)
def save(
    context: CurrentAdministrator,
    *,
    signatory: Annotated[str, Form(max_length=1000)] = "",
    signatory_title: Annotated[str, Form(max_length=1000)] = "",
    without_logo: Annotated[bool, Form()] = False,
    file: SentFile = "",
    file_again: FileAgain = False,
) -> Response:
    """Write who signs, and take another logo."""
    picture = None
    errors: dict[str, str] = {}
    if not isinstance(file, str) and file.filename:
        try:
            picture = drawn_again(file.file.read(LONGEST + 1))
        except LogoError as error:
            errors["file"] = context._(error.text)
    elif file_again:
        errors["file"] = again(context)
    if not errors:
        with field_errors(context, _REFUSALS) as errors:
            certificates.set_design(
                context.conn,
                signatory=signatory,
                signatory_title=signatory_title,
                logo=picture,
                has_logo=not without_logo,
            )
    if errors:
        lost = {"file": again(context)} if picture else {}
        return _design_page(context, lost | errors, signatory, signatory_title, without_logo=without_logo)
    return context.redirect(_PAGE, notice=context._("Saved. New certificates have it at once."))


def _design_page(
    context: RequestContext,
    errors: Mapping[str, str] | None = None,
    signatory: str | None = None,
    signatory_title: str | None = None,
    *,
    without_logo: bool = False,
) -> Response:
    design = certificates.design(context.conn)
    return context.page(
        "administrator/certificates.html",
        status=422 if errors else 200,
        errors=errors or {},
        has_logo=design is not None and design.logo is not None,
        without_logo=without_logo,
        signatory=signatory if signatory is not None else (design.signatory or "" if design else ""),
        signatory_title=signatory_title
        if signatory_title is not None
        else (design.signatory_title or "" if design else ""),
    )


class TextForm(VersionedForm):
    """What certificates of a type say, as the form sends it."""

    gives_certificate: bool = False
    certificate_nb: str = Field("", max_length=1000)
    certificate_en: str = Field("", max_length=1000)

    def text(self) -> Text:
        """Return what is written."""
        return Text(
            self.gives_certificate, self.certificate_nb.strip() or None, self.certificate_en.strip() or None
        )


@router.get("/admin/types/{type_id}/certificate")
def edit_text(context: CurrentAdministrator, type_id: UUID) -> Response:
    """Show the form of a type's certificate."""
    type_ = certificates.type_text(context.conn, type_id)
    return _text_page(context, type_, opened(context, _form_of(type_), type_.version))


@router.post("/admin/types/{type_id}/certificate")
def save_text(context: CurrentAdministrator, type_id: UUID, form: Annotated[TextForm, Form()]) -> Response:
    """Write what certificates of a type say, unless somebody else changed it meanwhile."""
    return retried(lambda: _save_text(context, type_id, form))


def _save_text(context: RequestContext, type_id: UUID, form: TextForm) -> Response:
    type_ = certificates.type_text(context.conn, type_id)

    now = merged(context, form, _form_of(type_), type_.version, labels=_LABELS)
    if now is not None:
        return _text_page(context, type_, now.form, differences=now.differences)
    with field_errors(context, _TYPE_REFUSALS) as errors:
        saved = context.ahead(certificates.set_type_text, type_, form.text())
    if errors:
        return _text_page(context, type_, form, errors)
    saved.value  # noqa: B018 raises what was refused
    return context.redirect(
        f"/admin/types/{type_id}", notice=context._("Saved. New certificates have it at once.")
    )


def _form_of(type_: TypeText) -> TextForm:
    return TextForm(
        gives_certificate=type_.gives_certificate,
        certificate_nb=type_.certificate_nb or "",
        certificate_en=type_.certificate_en or "",
    )


def _text_page(
    context: RequestContext,
    type_: TypeText,
    form: TextForm,
    errors: Mapping[str, str] | None = None,
    differences: Sequence[Difference] = (),
) -> Response:
    return context.page(
        "administrator/type_certificate.html",
        status=409 if differences else 422 if errors else 200,
        type=type_,
        name=type_.name_en if context.language == "en" else type_.name_nb,
        form=form,
        errors=errors or {},
        differences=differences,
    )
