"""Draws certificates as a PDF, a page each, which a screen reader reads in order, with a code that leads to the check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Final
from zoneinfo import ZoneInfo

import segno
from babel.dates import format_date
from fpdf.enums import Align, XPos, YPos

from mentorcert.translations import Language, translations
from mentorcert.web.rendering.languages import locale_of
from mentorcert.web.rendering.pdf import ACCENT, INK, MUTED, TaggedDocument
from mentorcert.web.rendering.templating import last_valid_day
from mentorcert.web.rendering.typefaces import typefaces

_MARGIN_MM: Final = 25
_LOGO_MM: Final = (60, 22)
_QR_MM: Final = 32
_QR_FROM_END_MM: Final = 62
# A long name gets smaller letters, so that all of it stays on the page.
_SMALLEST_PT: Final = 8
_LINES: Final = 1.8


@dataclass(frozen=True, slots=True)
class Design:
    """What stands on every certificate of an organisation; the logo is a PNG."""

    logo: bytes | None = None
    signatory: str | None = None
    signatory_title: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """The text of a certificate; without a sentence of its own it says that the person holds the type."""

    organisation: str
    name: str
    type: str
    issued_at: datetime
    expires_at: datetime | None
    time_zone: str
    check_url: str
    sentence: str | None = None
    design: Design = Design()

    def is_printable(self) -> bool:
        """Return whether the fonts have every letter: none is ever left out."""
        texts = (
            self.organisation,
            self.name,
            self.type,
            self.sentence,
            self.design.signatory,
            self.design.signatory_title,
        )
        return all(typefaces(text) for text in texts if text)


def write(certificates: Sequence[Certificate], language: Language) -> bytes:
    """Return the PDF (A4), whose certificates must be printable."""
    gettext = translations(language).gettext
    kinds = {certificate.type for certificate in certificates}
    pdf = TaggedDocument(f"{gettext('Certificate')}: {', '.join(sorted(kinds))}", language, margin=_MARGIN_MM)
    pdf.set_author(certificates[0].organisation)
    for certificate in certificates:
        _Page(pdf, certificate, language).draw()
    return bytes(pdf.output())


class _Page:
    """One certificate on a page of its own."""

    def __init__(self, pdf: TaggedDocument, certificate: Certificate, language: Language) -> None:
        self._pdf = pdf
        self._certificate = certificate
        self._language = language
        self._ = translations(language).gettext

    def draw(self) -> None:
        """Draw everything, in the order in which it is read."""
        pdf, certificate = self._pdf, self._certificate
        pdf.add_page()
        with pdf.decoration():
            pdf.set_draw_color(*ACCENT)
            pdf.set_line_width(1)
            pdf.rect(12, 12, pdf.w - 24, pdf.h - 24)
        if certificate.design.logo:
            self._draw_logo(certificate.design.logo)
        pdf.set_y(48)
        self._line(certificate.organisation, 18, colour=MUTED, gap=9)
        self._line(self._("Certificate"), 34, role="H1", style="B", colour=ACCENT, gap=9)
        self._line(self._("This certifies that"), 14, colour=MUTED)
        self._line(certificate.name, 26, role="H2", style="B", gap=5)
        if certificate.sentence:
            self._line(certificate.sentence, 16, gap=6)
            self._line(certificate.type, 14, style="B", gap=6)
        else:
            self._line(self._("holds"), 14, colour=MUTED)
            self._line(certificate.type, 20, style="B", gap=8)
        self._draw_days()
        self._draw_signatory()
        self._draw_code()

    def _line(
        self,
        text: str,
        size: int,
        *,
        role: str = "P",
        style: str = "",
        colour: tuple[int, int, int] = INK,
        gap: int = 4,
    ) -> None:
        pdf = self._pdf
        pdf.choose_font(text, style, size)
        while size > _SMALLEST_PT and pdf.get_string_width(text) > _LINES * pdf.epw:
            size -= 1
            pdf.set_font_size(size)
        pdf.set_text_color(*colour)
        with pdf.tagged(role, text=text):
            pdf.multi_cell(0, size * 0.45, text, align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(gap)

    def _draw_logo(self, logo: bytes) -> None:
        pdf, (width, height) = self._pdf, _LOGO_MM
        with pdf.decoration():
            # The name of the organisation stands below it.
            pdf.image(BytesIO(logo), x=(pdf.w - width) / 2, y=20, w=width, h=height, keep_aspect_ratio=True)

    def _draw_days(self) -> None:
        certificate = self._certificate
        issued_on = certificate.issued_at.astimezone(ZoneInfo(certificate.time_zone)).date()
        self._line(self._("Issued: %(day)s") % {"day": self._written(issued_on)}, 13, gap=2)
        if certificate.expires_at is None:
            self._line(self._("Does not expire"), 13)
        else:
            last_day = last_valid_day(certificate.expires_at, certificate.time_zone)
            self._line(self._("Last valid day: %(day)s") % {"day": self._written(last_day)}, 13)

    def _draw_signatory(self) -> None:
        pdf, design = self._pdf, self._certificate.design
        if design.signatory is None:
            return
        top = max(pdf.get_y() + 8, pdf.h - _QR_FROM_END_MM - 24)
        with pdf.decoration():
            pdf.set_draw_color(*MUTED)
            pdf.set_line_width(0.2)
            pdf.line(pdf.w / 2 - 40, top, pdf.w / 2 + 40, top)
        pdf.set_y(top + 1.5)
        self._line(design.signatory, 12, gap=0)
        if design.signatory_title:
            self._line(design.signatory_title, 10, colour=MUTED, gap=0)

    def _draw_code(self) -> None:
        pdf, url = self._pdf, self._certificate.check_url
        picture = BytesIO()
        segno.make(url, error="m", micro=False).save(picture, kind="png", scale=8, border=4)
        top = pdf.h - _QR_FROM_END_MM
        with pdf.tagged("Figure", alternative=self._("A code that leads to the page below")):
            pdf.image(picture, x=(pdf.w - _QR_MM) / 2, y=top, w=_QR_MM, h=_QR_MM)
        pdf.set_y(top + _QR_MM + 1)
        self._line(self._("Check that it is valid:"), 10, colour=MUTED, gap=0)
        self._line(url, 10, gap=0)

    def _written(self, day: date) -> str:
        return format_date(day, format="long", locale=locale_of(self._language))
