"""Draws a certificate as a PDF of one page, with a QR code that leads to the public check."""

import logging
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import segno
from babel.dates import format_date
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos

from mentorcert.translations import Language, translations
from mentorcert.web.rendering.languages import locale_of
from mentorcert.web.rendering.templating import last_valid_day

# They warn of letters that a font lacks, and quote them: parts of names have no place in a log.
for _package in ("fpdf", "fontTools"):
    logging.getLogger(_package).setLevel(logging.ERROR)

_FONT: Final = "NotoSans"
_FACES: Final = (("", "Regular"), ("B", "Bold"))
_FONTS: Final = Path(__file__).parents[1] / "fonts"
_ACCENT: Final = (11, 93, 87)
_INK: Final = (28, 37, 36)
_MUTED: Final = (82, 96, 94)
_MARGIN_MM: Final = 25
_QR_MM: Final = 38
# A long name gets smaller letters, so that all of it stays on the page.
_SMALLEST_PT: Final = 8
_LINES: Final = 1.8


@dataclass(frozen=True, slots=True)
class Certificate:
    """The text of a certificate."""

    organisation: str
    name: str
    type: str
    issued_at: datetime
    expires_at: datetime | None
    time_zone: str
    check_url: str


def write(certificate: Certificate, language: Language) -> bytes:
    """Return the PDF (A4); letters beyond Latin, Greek and Cyrillic have no picture in its font."""
    gettext = translations(language).gettext
    pdf = FPDF(format="A4")
    pdf.set_margin(_MARGIN_MM)
    pdf.set_auto_page_break(auto=False)
    pdf.set_lang("nb-NO" if language == "nb" else "en-GB")
    pdf.set_title(f"{gettext('Certificate')}: {certificate.type}")
    pdf.set_author(certificate.organisation)
    pdf.set_creator("mentorcert")
    for style, face in _FACES:
        pdf.add_font(_FONT, style, _FONTS / f"{_FONT}-{face}.ttf")
    pdf.add_page()
    _draw_frame(pdf)

    def written(day: date) -> str:
        return format_date(day, format="long", locale=locale_of(language))

    def line(
        text: str, size: int, *, style: str = "", colour: tuple[int, int, int] = _INK, gap: int = 4
    ) -> None:
        pdf.set_font(_FONT, style, size)
        while size > _SMALLEST_PT and pdf.get_string_width(text) > _LINES * pdf.epw:
            size -= 1
            pdf.set_font_size(size)
        pdf.set_text_color(*colour)
        pdf.multi_cell(0, size * 0.45, text, align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(gap)

    pdf.set_y(50)
    line(certificate.organisation, 18, colour=_MUTED, gap=14)
    line(gettext("Certificate"), 34, style="B", colour=_ACCENT, gap=12)
    line(gettext("This certifies that"), 14, colour=_MUTED)
    line(certificate.name, 26, style="B", gap=8)
    line(gettext("is certified for"), 14, colour=_MUTED)
    line(certificate.type, 20, style="B", gap=12)
    issued_on = certificate.issued_at.astimezone(ZoneInfo(certificate.time_zone)).date()
    line(gettext("Issued: %(day)s") % {"day": written(issued_on)}, 14)
    if certificate.expires_at is None:
        line(gettext("Does not expire"), 14)
    else:
        last_day = last_valid_day(certificate.expires_at, certificate.time_zone)
        line(gettext("Last valid day: %(day)s") % {"day": written(last_day)}, 14)
    _draw_code(pdf, certificate.check_url)
    line(gettext("Check that it is valid:"), 11, colour=_MUTED, gap=1)
    line(certificate.check_url, 11, gap=0)
    return bytes(pdf.output())


def _draw_frame(pdf: FPDF) -> None:
    pdf.set_draw_color(*_ACCENT)
    pdf.set_line_width(1)
    pdf.rect(12, 12, pdf.w - 24, pdf.h - 24)


def _draw_code(pdf: FPDF, url: str) -> None:
    picture = BytesIO()
    segno.make(url, error="m", micro=False).save(picture, kind="png", scale=8, border=4)
    pdf.image(picture, x=(pdf.w - _QR_MM) / 2, y=pdf.h - 85, w=_QR_MM, h=_QR_MM, alt_text=url)
    pdf.set_y(pdf.h - 85 + _QR_MM + 2)
